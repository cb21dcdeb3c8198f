//! `sonde update`

use std::path::PathBuf;

use sonde::bundle::Release;
use sonde::update::{Options, Report, update};

use super::connection::Connection;
use super::release_age::warn_of_age;
use super::trial_options::{ReleaseOptions, TrialOptions};
use super::{Answer, Failed};
use crate::progress::Progress;

/// Update a unit to a release and confirm it when it is well
///
/// Sends the pages that differ into the slot that does not run, activates the image, watches its trial and confirms it.
/// When the new version does not report itself, its self-test fails or its outputs are not as before, the unit is rolled
/// back; when it hangs, the unit falls back by itself. Both end with exit code 1 and the reason. An update that was cut
/// off is simply run again: what is in place is not sent again.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  sonde update rtu:///dev/ttyUSB0 1.1.0.sonde\n  \
sonde update rtu+tcp://10.0.0.7:4001 1.1.0.sonde --unit 3 --trust release.key.pub.pem\n  \
sonde update rtu+tcp://10.0.0.7:4001 1.1.0.sonde --no-confirm")]
pub(crate) struct Args {
    #[command(flatten)]
    connection: Connection,
    /// Release file
    bundle: PathBuf,
    /// Leave the new version on trial; a unit that restarts before `sonde confirm` counts an attempt
    #[arg(long)]
    no_confirm: bool,
    #[command(flatten)]
    release: ReleaseOptions,
    #[command(flatten)]
    trial: TrialOptions,
}

impl super::Report for Report {
    fn answer(&self) -> Answer {
        if self.outcome.is_good() { Answer::Yes } else { Answer::No }
    }
}

/// Updates the unit.
pub(crate) fn run(args: &Args) -> Result<Report, Failed> {
    // Before the bus: a file that is no release is found without touching a unit.
    let release = Release::read(&args.bundle)?;
    warn_of_age(&release);
    let options = Options {
        precheck: args.release.precheck(),
        trusted: args.release.trusted()?,
        then: if args.no_confirm { sonde::update::Then::LeaveOnTrial } else { sonde::update::Then::Confirm },
        limits: args.trial.limits(),
    };
    args.connection.run(async |bus, unit| {
        let mut progress = Progress::start();
        Ok(update(&bus, unit, &release, &options, &mut |step| progress.show(step)).await?)
    })
}
