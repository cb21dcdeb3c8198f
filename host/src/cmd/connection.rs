//! Options of every command on a unit: which one, by which way, how patiently.

use std::future::Future;
use std::time::Duration;

use sonde::bus::{Bus, Patience, UnitId};
use sonde::endpoint::Endpoint;
use sonde::failure::{Class, Failure};

use super::Failed;

/// Attempts of each request.
const ATTEMPTS: u32 = 3;

/// Where a unit is.
#[derive(clap::Args, Debug)]
pub(crate) struct Connection {
    /// The bus: rtu:///dev/ttyUSB0?baud=115200&parity=none or rtu+tcp://host:port
    #[arg(value_name = "URL")]
    endpoint: Endpoint,
    #[command(flatten)]
    line: Line,
}

/// Which unit on a bus, and how patiently.
#[derive(clap::Args, Debug)]
pub(crate) struct Line {
    /// The unit's id on its bus
    #[arg(long, value_name = "N", default_value_t = UnitId::DEFAULT.get(),
        value_parser = clap::value_parser!(u8).range(1..=247))]
    unit: u8,
    /// How long each of three attempts waits for an answer, milliseconds
    #[arg(long, value_name = "MS", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..=60_000))]
    timeout: u64,
}

/// The runtime cannot be started.
#[derive(Debug, thiserror::Error)]
#[error("cannot start: {0}; is the system out of memory or file handles?")]
struct StartError(std::io::Error);

impl Failure for StartError {
    fn class(&self) -> Class {
        Class::Bus
    }

    fn kind(&self) -> &'static str {
        "start"
    }
}

impl Connection {
    /// The way to the bus.
    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Opens the bus and runs something on the unit.
    pub(crate) fn run<R, F: Future<Output = Result<R, Failed>>>(
        &self,
        work: impl FnOnce(Bus, UnitId) -> F,
    ) -> Result<R, Failed> {
        self.line.run(&self.endpoint, work)
    }
}

impl Line {
    /// Opens the bus at `endpoint` and runs something on the unit.
    pub(crate) fn run<R, F: Future<Output = Result<R, Failed>>>(
        &self,
        endpoint: &Endpoint,
        work: impl FnOnce(Bus, UnitId) -> F,
    ) -> Result<R, Failed> {
        let unit = UnitId::new(self.unit).expect("the command line takes 1 to 247 only");
        let patience = Patience { timeout: Duration::from_millis(self.timeout), attempts: ATTEMPTS };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(StartError)?;
        runtime.block_on(async {
            let bus = Bus::open(endpoint, patience).await?;
            work(bus, unit).await
        })
    }
}
