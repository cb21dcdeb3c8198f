//! Options that `update` and `rollback` share.

use std::path::PathBuf;
use std::time::Duration;

use sonde::key::PublicKey;
use sonde::key::file::read_public;
use sonde::update::{Precheck, TrialLimits};

use super::Failed;

/// How a release is judged on this side.
#[derive(clap::Args, Debug)]
pub(crate) struct ReleaseOptions {
    /// Also check the signature here: public key (PEM) that must have signed the bundle; may be given more than once
    #[arg(long, value_name = "PUB")]
    trust: Vec<PathBuf>,
    /// Leave it to the unit whether hardware, floor and loader fit: sends the manifest whatever it says
    #[arg(long)]
    no_precheck: bool,
}

impl ReleaseOptions {
    pub(crate) fn precheck(&self) -> Precheck {
        if self.no_precheck { Precheck::UnitOnly } else { Precheck::Here }
    }

    pub(crate) fn trusted(&self) -> Result<Vec<PublicKey>, Failed> {
        Ok(self.trust.iter().map(|path| read_public(path)).collect::<Result<Vec<_>, _>>()?)
    }
}

/// How long a trial may take.
#[derive(clap::Args, Debug)]
pub(crate) struct TrialOptions {
    /// How long the unit may take to come back well after the restart, or to fall back by itself, seconds
    #[arg(long, value_name = "S", default_value_t = 15, value_parser = clap::value_parser!(u64).range(1..=600))]
    trial_timeout: u64,
    /// How long the new version must run before it is called good, milliseconds; more than the watchdog's 1000
    #[arg(long, value_name = "MS", default_value_t = 1500, value_parser = clap::value_parser!(u64).range(0..=600_000))]
    soak: u64,
}

impl TrialOptions {
    pub(crate) fn limits(&self) -> TrialLimits {
        TrialLimits { deadline: Duration::from_secs(self.trial_timeout), soak: Duration::from_millis(self.soak) }
    }
}
