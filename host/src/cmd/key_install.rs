//! `sonde key install`

use std::path::PathBuf;

use protocol::message::GiveUp;
use sonde::endpoint::Endpoint;
use sonde::key_set::file::KeySetFile;
use sonde::key_set::install::{Act, Options, Report, install};
use sonde::update::Precheck;

use super::Failed;
use super::connection::Line;

/// Bring a signed key set to a unit
///
/// The unit checks the signatures of its root keys and believes the new set from then on. It refuses one that shuts out
/// the image it runs: update it to a release by a key that stays believed first. A unit that has the set already says so;
/// that is no error, and mends a damaged copy.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  sonde key install 3-signed.keys --to rtu:///dev/ttyUSB0 --unit 3 --plan\n  \
sonde key install 3-signed.keys --to rtu+tcp://10.0.0.7:4001 --unit 3")]
pub(crate) struct Args {
    /// Key set file
    file: PathBuf,
    /// The bus: rtu:///dev/ttyUSB0?baud=115200&parity=none or rtu+tcp://host:port
    #[arg(long, value_name = "URL")]
    to: Endpoint,
    #[command(flatten)]
    line: Line,
    /// Only show what would change; nothing is sent
    #[arg(long)]
    plan: bool,
    /// DANGER: take the set even if the image that runs does not boot any more; the unit keeps it that this was chosen
    #[arg(long)]
    give_up_running_image: bool,
    /// Leave it to the unit whether product, number and signatures fit
    #[arg(long)]
    no_precheck: bool,
}

impl super::Report for Report {}

/// Installs.
pub(crate) fn run(args: &Args) -> Result<Report, Failed> {
    // Before the bus: a file that is no key set is found without touching a unit.
    let file = KeySetFile::read(&args.file)?;
    let options = Options {
        give_up: if args.give_up_running_image { GiveUp::RunningImage } else { GiveUp::Nothing },
        precheck: if args.no_precheck { Precheck::UnitOnly } else { Precheck::Here },
        act: if args.plan { Act::Plan } else { Act::Install },
    };
    args.line.run(&args.to, async |bus, unit| {
        let mut warn = |warning: &str| {
            if options.act == Act::Install {
                tracing::warn!("{warning}");
            }
        };
        Ok(install(&bus, unit, &file, &options, &mut warn).await?)
    })
}
