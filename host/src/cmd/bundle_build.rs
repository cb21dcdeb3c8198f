//! `sonde bundle build`

use std::path::PathBuf;

use protocol::layout::Slot;
use protocol::manifest::HardwareSet;
use protocol::semver::Version;
use serde::Serialize;
use sonde::bundle::build::{ReleaseTerms, assemble, read_image, write};
use sonde::bundle::last_day::Day;
use sonde::key::file::read_private;

use super::Failed;
use super::values::version;
use crate::passphrase;

/// Build and sign a release file from the images for both slots
///
/// Each ELF file must be linked for its slot. Gaps between segments are filled as erased flash.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  sonde bundle build --key release.key --version 1.1.0 --slot-a firmware-a \
--slot-b firmware-b --hardware 1,2 --out 1.1.0.sonde")]
pub(crate) struct Args {
    /// Private key that signs
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Take the key's passphrase from the first line of this file
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// Version of the release, three numbers up to 65535
    #[arg(long, value_name = "X.Y.Z", value_parser = version)]
    version: Version,
    /// ELF file linked for slot A
    #[arg(long, value_name = "ELF")]
    slot_a: PathBuf,
    /// ELF file linked for slot B
    #[arg(long, value_name = "ELF")]
    slot_b: PathBuf,
    /// Hardware revisions it runs on, 0-31
    #[arg(long, value_name = "REV", value_delimiter = ',', required = true,
        value_parser = clap::value_parser!(u8).range(0..=31))]
    hardware: Vec<u8>,
    /// Lowest version that may run once this one is confirmed; raise it only to shut out versions known to be bad
    #[arg(long, value_name = "X.Y.Z", value_parser = version, default_value = "0.0.0")]
    floor: Version,
    /// Oldest loader that can boot it
    #[arg(long, value_name = "X.Y.Z", value_parser = version, default_value = "0.0.0")]
    min_loader: Version,
    /// Day by which the next release will have been published, as in 2027-06-30: who still offers this one later is warned
    #[arg(long, value_name = "DAY")]
    last_day: Option<Day>,
    /// Release file to write; one of the same name is replaced
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// The release that was built.
#[derive(Serialize)]
pub(crate) struct Report {
    bundle: PathBuf,
    version: String,
    hardware: String,
    key_id: String,
    image_bytes: [usize; 2],
    bundle_bytes: usize,
}

impl super::Report for Report {}

impl std::fmt::Display for Report {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [a, b] = self.image_bytes;
        writeln!(formatter, "{}: {} bytes", self.bundle.display(), self.bundle_bytes)?;
        writeln!(
            formatter,
            "  version {} for hardware {}, signed by key {}",
            self.version, self.hardware, self.key_id
        )?;
        writeln!(formatter, "  slot A {a} bytes, slot B {b} bytes")
    }
}

/// Builds the release.
pub(crate) fn run(args: &Args) -> Result<Report, Failed> {
    let images = [read_image(&args.slot_a, Slot::A)?, read_image(&args.slot_b, Slot::B)?];
    let key = read_private(&args.key, || passphrase::existing(args.passphrase_file.as_deref()))?;
    let terms = ReleaseTerms {
        version: args.version,
        hardware: HardwareSet(args.hardware.iter().fold(0, |set, &revision| set | HardwareSet::only(revision).0)),
        security_floor: args.floor,
        minimum_loader: args.min_loader,
        last_day: args.last_day,
    };
    let bytes = assemble(&key, &terms, &images)?;
    write(&args.out, &bytes)?;
    Ok(Report {
        bundle: args.out.clone(),
        version: terms.version.to_string(),
        hardware: terms.hardware.to_string(),
        key_id: key.public().id().to_string(),
        image_bytes: [images[0].bytes.len(), images[1].bytes.len()],
        bundle_bytes: bytes.len(),
    })
}
