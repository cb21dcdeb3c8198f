//! `sonde key list`

use std::fmt::{self, Display, Formatter};
use std::path::PathBuf;

use serde::Serialize;
use sonde::endpoint::Endpoint;
use sonde::key_set::file::KeySetFile;
use sonde::key_set::unit::{UnitKeys, ask};
use sonde::session::Session;

use super::Failed;
use super::connection::Line;
use super::key_set_view::{RootOptions, View};

/// List the keys of a key set file, or of a unit
///
/// Of a file: its keys, who has signed it, and with --anchors or --root whether that is enough. Of a unit: what each key is
/// worth to it, how the two copies of its key set are, and whether the set was accepted with loss.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  sonde key list 3.keys --anchors anchors.bin\n  \
sonde key list --to rtu:///dev/ttyUSB0 --unit 3")]
#[command(group(clap::ArgGroup::new("whose").required(true).args(["file", "to"])))]
pub(crate) struct Args {
    /// Key set file
    file: Option<PathBuf>,
    /// Ask a unit on this bus: rtu:///dev/ttyUSB0?baud=115200&parity=none or rtu+tcp://host:port
    #[arg(long, value_name = "URL", conflicts_with_all = ["anchors", "root"])]
    to: Option<Endpoint>,
    #[command(flatten)]
    line: Line,
    #[command(flatten)]
    roots: RootOptions,
}

/// The keys of a file or of a unit.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum Report {
    File(View),
    Unit(UnitKeys),
}

impl super::Report for Report {}

impl Display for Report {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(view) => view.fmt(formatter),
            Self::Unit(keys) => keys.fmt(formatter),
        }
    }
}

/// Lists.
pub(crate) fn run(args: &Args) -> Result<Report, Failed> {
    if let Some(path) = &args.file {
        let roots = args.roots.roots()?;
        return Ok(Report::File(View::new(path, &KeySetFile::read(path)?, roots.as_ref())));
    }
    let endpoint = args.to.as_ref().expect("the command line takes a file or an endpoint");
    args.line.run(endpoint, async |bus, unit| {
        let (mut session, who) = Session::meet(&bus, unit).await?;
        let report = ask(&mut session, &who).await?;
        Ok(Report::Unit(UnitKeys::new(unit, &who, &report)))
    })
}
