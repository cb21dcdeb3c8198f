//! `sonde key root anchors`

use std::path::PathBuf;

use protocol::anchors::{ANCHORS_SIZE, Role, Stage};
use protocol::digest::KeyId;
use protocol::layout::{ANCHORS_OFFSET, FLASH_BASE};
use serde::Serialize;
use sonde::key::anchors::{Believed, write_new};
use sonde::key::file::read_public;

use super::Failed;

/// Make the anchors page: the keys that a unit believes from the factory on
///
/// The page is written into a unit once, over SWD, together with the loader, at the address that is shown. It holds up to
/// four keys in all. The threshold is how many of the root keys have to sign a key set: with 1 of 1 one lost or stolen key
/// is the end, 2 of 3 survives either. A unit without root keys takes no key set, ever.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  sonde key root anchors anna.key.pub.pem ben.key.pub.pem carl.key.pub.pem \
--threshold 2 --release release.key.pub.pem --out anchors.bin")]
pub(crate) struct Args {
    /// Public root keys (PEM)
    #[arg(value_name = "ROOT.pub", required = true)]
    roots: Vec<PathBuf>,
    /// How many of them have to sign a key set
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u8).range(1..))]
    threshold: u8,
    /// Public release key (PEM) that is believed from the start; may be given more than once
    #[arg(long, value_name = "PUB")]
    release: Vec<PathBuf>,
    /// The same, but believed only by loaders built for development; may be given more than once
    #[arg(long, value_name = "PUB")]
    development: Vec<PathBuf>,
    /// File to write; never overwritten
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// The page that was made.
#[derive(Serialize)]
pub(crate) struct Report {
    anchors: PathBuf,
    address: String,
    bytes: usize,
    threshold: u8,
    keys: Vec<Key>,
}

#[derive(Serialize)]
struct Key {
    key_id: String,
    role: &'static str,
    stage: &'static str,
}

impl super::Report for Report {}

impl std::fmt::Display for Report {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { anchors, address, bytes, threshold, keys } = self;
        writeln!(formatter, "{}: {bytes} bytes, for flash address {address}", anchors.display())?;
        for Key { key_id, role, stage } in keys {
            writeln!(formatter, "  {role:<8} {key_id}  {stage}")?;
        }
        let roots = keys.iter().filter(|key| key.role == "root").count();
        writeln!(formatter, "  {threshold} of {roots} root keys have to sign a key set")
    }
}

/// Makes the page.
pub(crate) fn run(args: &Args) -> Result<Report, Failed> {
    let release = |paths: &[PathBuf]| paths.iter().map(|path| read_public(path)).collect::<Result<Vec<_>, _>>();
    let believed = Believed {
        roots: args.roots.iter().map(|path| read_public(path)).collect::<Result<_, _>>()?,
        threshold: args.threshold,
        release: release(&args.release)?,
        development: release(&args.development)?,
    };
    let anchors = believed.anchors()?;
    write_new(&args.out, &anchors)?;
    let keys = anchors.iter().map(|anchor| Key {
        key_id: KeyId::of(&anchor.public_key).to_string(),
        role: match anchor.role {
            Role::Root => "root",
            Role::Release => "release",
        },
        stage: match anchor.stage {
            Stage::Production => "production",
            Stage::Development => "development",
        },
    });
    Ok(Report {
        anchors: args.out.clone(),
        address: format!("{:#010x}", FLASH_BASE + ANCHORS_OFFSET),
        bytes: ANCHORS_SIZE,
        threshold: args.threshold,
        keys: keys.collect(),
    })
}
