//! `sonde key revoke`

use sonde::key_set::change::Change;

use super::Failed;
use super::key_rotate::Base;
use super::key_set_view::View;
use super::values::release_key;

/// Make the next key set, in which release keys are revoked
///
/// An image signed by a revoked key does not boot, wherever the key came from, and a unit refuses a set that would shut out
/// the image it runs. So update units to a release by another key first. As with `sonde key rotate`, nothing is signed and
/// nothing is sent yet.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  sonde key revoke 8b1f0c55aa0e7d21 --from 2.keys --out 3.keys\n  \
sonde key revoke 2026.key.pub.pem --first --out 1.keys")]
pub(crate) struct Args {
    /// Keys to revoke, by id (16 hexadecimal digits) or public key file
    #[arg(value_name = "KEY", required = true)]
    keys: Vec<String>,
    #[command(flatten)]
    base: Base,
}

/// Makes the set.
pub(crate) fn run(args: &Args) -> Result<View, Failed> {
    let revoke = args.keys.iter().map(|key| release_key(key)).collect::<Result<_, _>>()?;
    args.base.make(Change { revoke, ..Change::default() })
}
