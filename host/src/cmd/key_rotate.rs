//! `sonde key rotate`

use std::path::PathBuf;

use protocol::anchors::Stage;
use protocol::key_set::{FloorReset, ReleaseKey, Units};
use protocol::manifest::PRODUCT;
use protocol::semver::Version;
use sonde::key::file::read_public;
use sonde::key::pair::Release;
use sonde::key_set::change::{Change, next};
use sonde::key_set::file::KeySetFile;

use super::Failed;
use super::floor_reset::{self, Confirm};
use super::key_set_view::View;
use super::values::{release_key, version};

/// Make the next key set: release keys added or taken out
///
/// Nothing is signed and nothing is sent: root holders sign the new file with `sonde key sign`, and `sonde key install`
/// brings it to a unit. Numbers rise by one; a unit takes only a higher one, so start from the newest set you have.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  sonde key rotate --first --add 2027.key.pub.pem --out 1.keys\n  \
sonde key rotate --from 1.keys --add 2028.key.pub.pem --expires-at-floor 9.0.0 --out 2.keys\n  \
sonde key rotate --from 2.keys --drop 8b1f0c55aa0e7d21 --out 3.keys\n  \
sonde key rotate --from 3.keys --reset-floor 1.4.0 --unit-serial MS-000017 --out 4.keys")]
pub(crate) struct Args {
    #[command(flatten)]
    base: Base,
    /// Public release key (PEM) to add, or to restate with another expiry; may be given more than once
    #[arg(long, value_name = "PUB")]
    add: Vec<PathBuf>,
    /// The added keys are believed only while a unit's floor is below this version
    #[arg(long, value_name = "X.Y.Z", value_parser = version, requires = "add")]
    expires_at_floor: Option<Version>,
    /// The added keys are believed only by loaders and firmware built for development
    #[arg(long, requires = "add")]
    development: bool,
    /// Key to take out of the set, by id or public key file; believed no more unless a unit's anchors name it
    #[arg(long, value_name = "KEY")]
    drop: Vec<String>,
    /// Revoked key to list no more; believed again if a unit's anchors name it
    #[arg(long, value_name = "KEY")]
    forget: Vec<String>,
    /// DANGER: lower the floor of a unit to this version when it takes the set
    #[arg(long, value_name = "X.Y.Z", value_parser = version, requires = "unit_serial")]
    reset_floor: Option<Version>,
    /// The unit whose floor is lowered, by serial number, or any
    #[arg(long, value_name = "SERIAL|any", value_parser = floor_reset::units, requires = "reset_floor")]
    unit_serial: Option<Units>,
    #[command(flatten)]
    confirm: Confirm,
}

/// Which set comes before, and where the new one goes.
#[derive(clap::Args, Debug)]
#[command(group(clap::ArgGroup::new("base").required(true).args(["from", "first"])))]
pub(crate) struct Base {
    /// The newest key set file
    #[arg(long, value_name = "SET")]
    from: Option<PathBuf>,
    /// There is none yet: make number 1
    #[arg(long)]
    first: bool,
    /// Number of the new set, when the next one will not do
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    number: Option<u16>,
    /// File to write; never overwritten
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

impl Base {
    /// Makes the next set and writes it.
    pub(crate) fn make(&self, change: Change) -> Result<View, Failed> {
        let previous = self.from.as_deref().map(KeySetFile::read).transpose()?;
        let change = Change { number: self.number, ..change };
        let set = next(previous.as_ref().map(|file| &file.set), PRODUCT, &change)?;
        let file = KeySetFile::unsigned(set);
        file.write_new(&self.out)?;
        Ok(View::new(&self.out, &file, None))
    }
}

/// Makes the set.
pub(crate) fn run(args: &Args) -> Result<View, Failed> {
    let stage = if args.development { Stage::Development } else { Stage::Production };
    let added = |path: &PathBuf| {
        let public_key = read_public::<Release>(path)?.bytes();
        Ok::<_, Failed>(ReleaseKey { public_key, stage, expires_at_floor: args.expires_at_floor })
    };
    let floor_reset = args.reset_floor.zip(args.unit_serial).map(|(to, units)| FloorReset { to, units });
    let change = Change {
        add: args.add.iter().map(added).collect::<Result<_, _>>()?,
        drop: args.drop.iter().map(|key| release_key(key)).collect::<Result<_, _>>()?,
        forget: args.forget.iter().map(|key| release_key(key)).collect::<Result<_, _>>()?,
        floor_reset,
        ..Change::default()
    };
    if let Some(reset) = floor_reset {
        args.confirm.meant(reset)?;
    }
    args.base.make(change)
}
