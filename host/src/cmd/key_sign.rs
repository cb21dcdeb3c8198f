//! `sonde key sign`

use std::path::PathBuf;

use sonde::key::file::read_private;
use sonde::key_set::file::KeySetFile;

use super::Failed;
use super::floor_reset::Confirm;
use super::key_set_view::{RootOptions, View};
use crate::passphrase;

/// Sign a key set as a root holder, or bring together signatures made at different places
///
/// Look at what it says first: `sonde key list SET`. Holders sign one after the other, each the file of the one before, or
/// each a copy of the same file; then --collect brings the signatures together. The order does not matter.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  sonde key sign 3.keys --with anna.key --out 3-anna.keys\n  \
sonde key sign 3-anna.keys --with ben.key --out 3-signed.keys\n  \
sonde key sign 3-anna.keys --collect 3-ben.keys --out 3-signed.keys --anchors anchors.bin")]
#[command(group(clap::ArgGroup::new("what").required(true).multiple(true).args(["with", "collect"])))]
pub(crate) struct Args {
    /// Key set file
    file: PathBuf,
    /// Private root key that signs
    #[arg(long, value_name = "ROOT")]
    with: Option<PathBuf>,
    /// Take the key's passphrase from the first line of this file
    #[arg(long, value_name = "FILE", requires = "with")]
    passphrase_file: Option<PathBuf>,
    /// Copy of the same set whose signatures are taken over; may be given more than once
    #[arg(long, value_name = "SET")]
    collect: Vec<PathBuf>,
    /// File to write; never overwritten
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    roots: RootOptions,
    #[command(flatten)]
    confirm: Confirm,
}

/// Signs.
pub(crate) fn run(args: &Args) -> Result<View, Failed> {
    let mut file = KeySetFile::read(&args.file)?;
    let roots = args.roots.roots()?;
    for path in &args.collect {
        file = file.collecting(&KeySetFile::read(path)?)?;
    }
    if let Some(path) = &args.with {
        // Each holder answers for it, not only the one who made the file.
        if let Some(reset) = file.set.floor_reset() {
            args.confirm.meant(reset)?;
        }
        let key = read_private(path, || passphrase::existing(args.passphrase_file.as_deref()))?;
        file = file.signed_by(&key)?;
    }
    file.write_new(&args.out)?;
    Ok(View::new(&args.out, &file, roots.as_ref()))
}
