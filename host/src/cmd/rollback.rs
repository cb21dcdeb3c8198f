//! `sonde rollback`

use std::path::PathBuf;

use sonde::bundle::Release;
use sonde::update::{Options, Precheck, Report, Then, roll_back, update};

use super::Failed;
use super::connection::Connection;
use super::trial_options::{ReleaseOptions, TrialOptions};
use crate::progress::Progress;

/// Go back to the version in the unit's other slot, or to that of a bundle
///
/// Without --to nothing is sent: the unit restarts into its other slot. With --to the bundle is staged as in an update.
/// Versions below the unit's floor are refused either way.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  sonde rollback rtu:///dev/ttyUSB0\n  \
sonde rollback rtu+tcp://10.0.0.7:4001 --to 1.0.0.sonde")]
pub(crate) struct Args {
    #[command(flatten)]
    connection: Connection,
    /// Release file to go back to
    #[arg(long, value_name = "BUNDLE")]
    to: Option<PathBuf>,
    #[command(flatten)]
    release: ReleaseOptions,
    #[command(flatten)]
    trial: TrialOptions,
}

/// Rolls the unit back.
pub(crate) fn run(args: &Args) -> Result<Report, Failed> {
    let limits = args.trial.limits();
    let Some(path) = &args.to else {
        let options = Options { precheck: Precheck::UnitOnly, trusted: Vec::new(), then: Then::Confirm, limits };
        return args.connection.run(async |bus, unit| {
            let mut progress = Progress::start();
            Ok(roll_back(&bus, unit, &options, &mut |step| progress.show(step)).await?)
        });
    };
    let release = Release::read(path)?;
    let trusted = args.release.trusted()?;
    let options = Options { precheck: args.release.precheck(), trusted, then: Then::Confirm, limits };
    args.connection.run(async |bus, unit| {
        let mut progress = Progress::start();
        Ok(update(&bus, unit, &release, &options, &mut |step| progress.show(step)).await?)
    })
}
