//! `sonde key root new`

use sonde::key::file::write_new;
use sonde::key::root::RootKey;

use super::Failed;
use super::key_new::{NewKey, Report};

/// Make a root key pair, which signs key sets and nothing else
///
/// Files, passphrase and mode are those of `sonde key new`; the files say that this is a root key. Every root holder makes
/// an own one and hands out the public half only. Keep it off machines that build releases.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  sonde key root new --out root-anna.key")]
pub(crate) struct Args {
    #[command(flatten)]
    new: NewKey,
}

/// Makes the key pair.
pub(crate) fn run(args: &Args) -> Result<Report, Failed> {
    let key = RootKey::generate();
    args.new.write("root", key.public().id(), |path, protection| write_new(path, &key, protection))
}
