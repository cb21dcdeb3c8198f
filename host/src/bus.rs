//! A bus: one line, one owner task, any number of callers (`bus:M4`, `bus:M5`).
//!
//! Knows Modbus, not sonde: mailboxes are [`crate::session`]'s business. Does not broadcast.

mod call;
mod error;
mod framer;
pub mod open;
mod owner;
mod wire;

use std::collections::BTreeSet;
use std::fmt::{self, Display, Formatter};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use self::call::{Call, OutOfRange};
pub use self::error::BusError;
use self::framer::Framer;
use self::open::{EndpointOpener, LineTiming, OpenError, Opener, Opening, Stream};
use self::owner::{Job, Owner};
use self::wire::Counters;
pub use self::wire::Wire;
use crate::endpoint::Endpoint;

/// Calls that may wait for their turn; a caller beyond that waits to be let in.
const QUEUE: usize = 16;

/// Address of one unit, 1-247.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UnitId(u8);

impl UnitId {
    /// What a unit has until it is given another.
    pub const DEFAULT: Self = Self(protocol::identity::DEFAULT_UNIT_ID);

    /// A unit id; `None` for 0, which is everybody, and for the reserved ones above 247.
    #[must_use]
    pub const fn new(id: u8) -> Option<Self> {
        if id >= 1 && id <= 247 { Some(Self(id)) } else { None }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl Display for UnitId {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// How long and how often an answer is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// For each attempt, from the end of the request.
    pub timeout: Duration,
    /// Attempts, at least 1.
    pub attempts: u32,
}

impl Default for Patience {
    /// One second, three times: on real lines 0.5 s still loses answers (`facts/bus.md` section 6).
    fn default() -> Self {
        Self { timeout: Duration::from_secs(1), attempts: 3 }
    }
}

/// A handle on a bus; clones share the line. The line is closed when the last one is dropped.
#[derive(Debug, Clone)]
pub struct Bus {
    jobs: mpsc::Sender<Job>,
    counters: Arc<Counters>,
    patience: Patience,
}

impl Bus {
    /// Opens an endpoint. Needs a tokio runtime, on which the owner task lives.
    ///
    /// # Errors
    /// [`OpenError`], at once: only a line that was open before is waited for.
    pub async fn open(endpoint: &Endpoint, patience: Patience) -> Result<Self, OpenError> {
        let opener = EndpointOpener::new(endpoint.clone());
        Self::open_with(Box::new(opener), LineTiming::of(endpoint), patience).await
    }

    /// Opens a line in a way of your own.
    ///
    /// # Errors
    /// What the opener says.
    pub async fn open_with(
        mut opener: Box<dyn Opener>,
        timing: LineTiming,
        patience: Patience,
    ) -> Result<Self, OpenError> {
        let stream = opener.open().await?;
        Ok(Self::start(stream, opener, timing, patience))
    }

    /// Uses a stream that is already open and cannot be opened again.
    #[must_use]
    pub fn over(stream: impl Stream + 'static, patience: Patience) -> Self {
        Self::start(Box::new(stream), Box::new(Never), LineTiming::REMOTE, patience)
    }

    fn start(stream: Box<dyn Stream>, opener: Box<dyn Opener>, timing: LineTiming, patience: Patience) -> Self {
        let counters = Arc::new(Counters::default());
        let owner = Owner {
            opener,
            stream: Some(stream),
            timing,
            counters: Arc::clone(&counters),
            framer: Framer::default(),
            suspects: BTreeSet::new(),
            last_byte: Instant::now(),
        };
        let (jobs, queue) = mpsc::channel(QUEUE);
        tokio::spawn(owner.run(queue));
        Self { jobs, counters, patience }
    }

    /// The same bus, with another patience for the calls made through this handle.
    #[must_use]
    pub fn with_patience(&self, patience: Patience) -> Self {
        Self { patience, ..self.clone() }
    }

    /// How long and how often this handle waits.
    #[must_use]
    pub fn patience(&self) -> Patience {
        self.patience
    }

    /// What went over the line so far.
    #[must_use]
    pub fn wire(&self) -> Wire {
        self.counters.read()
    }

    /// FC3: reads 1-125 holding registers.
    ///
    /// # Errors
    /// [`BusError`].
    pub async fn read_holding(&self, unit: UnitId, address: u16, quantity: u16) -> Result<Vec<u16>, BusError> {
        let bytes = self.read_window(unit, address, quantity).await?;
        Ok(bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect())
    }

    /// FC3, as the bytes of the registers.
    ///
    /// # Errors
    /// [`BusError`].
    pub async fn read_window(&self, unit: UnitId, address: u16, quantity: u16) -> Result<Vec<u8>, BusError> {
        self.call(unit, Call::ReadHolding { address, quantity }).await
    }

    /// FC6: writes one register. Repeated when the answer is lost, so the unit may see it twice.
    ///
    /// # Errors
    /// [`BusError`].
    pub async fn write_single(&self, unit: UnitId, address: u16, value: u16) -> Result<(), BusError> {
        self.call(unit, Call::WriteSingle { address, value }).await.map(drop)
    }

    /// FC16: writes 1-123 registers, given as their bytes. Repeated when the answer is lost.
    ///
    /// # Errors
    /// [`BusError`].
    pub async fn write_window(&self, unit: UnitId, address: u16, values: &[u8]) -> Result<(), BusError> {
        self.call(unit, Call::WriteMultiple { address, values: values.to_vec() }).await.map(drop)
    }

    /// FC23: writes 1-121 registers, then reads 1-125, in one transaction.
    ///
    /// # Errors
    /// [`BusError`].
    pub async fn exchange_windows(
        &self,
        unit: UnitId,
        (write, values): (u16, &[u8]),
        (read, quantity): (u16, u16),
    ) -> Result<Vec<u8>, BusError> {
        self.call(unit, Call::ReadWrite { read, quantity, write, values: values.to_vec() }).await
    }

    /// FC8/0: the unit sends the nonce back.
    ///
    /// # Errors
    /// [`BusError`].
    pub async fn echo(&self, unit: UnitId, nonce: u16) -> Result<(), BusError> {
        self.call(unit, Call::Echo { nonce }).await.map(drop)
    }

    /// FC17: what the unit says it is, raw.
    ///
    /// # Errors
    /// [`BusError`].
    pub async fn server_id(&self, unit: UnitId) -> Result<Vec<u8>, BusError> {
        self.call(unit, Call::ServerId).await
    }

    /// FC43/14: vendor, product and revision, as (object id, text). Objects that do not fit one answer are left out.
    ///
    /// # Errors
    /// [`BusError`].
    pub async fn identification(&self, unit: UnitId) -> Result<Vec<(u8, String)>, BusError> {
        let data = self.call(unit, Call::Identification { from: 0 }).await?;
        let mut rest = data.get(5..).unwrap_or_default();
        let mut objects = Vec::new();
        while let [id, length, tail @ ..] = rest {
            let Some((text, tail)) = tail.split_at_checked(usize::from(*length)) else { break };
            objects.push((*id, String::from_utf8_lossy(text).into_owned()));
            rest = tail;
        }
        Ok(objects)
    }

    async fn call(&self, unit: UnitId, call: Call) -> Result<Vec<u8>, BusError> {
        call.check().map_err(|OutOfRange { what, found, most }| BusError::OutOfRange { what, found, most })?;
        let (reply, answer) = oneshot::channel();
        let job = Job { unit, call, patience: self.patience, reply };
        self.jobs.send(job).await.map_err(|_| BusError::Closed)?;
        answer.await.map_err(|_| BusError::Closed)?
    }
}

/// For a stream that there is only one of.
struct Never;

impl Opener for Never {
    fn open(&mut self) -> Opening<'_> {
        Box::pin(async { Err(OpenError::Closed) })
    }

    fn name(&self) -> String {
        "the line".to_owned()
    }
}

#[cfg(test)]
mod tests;
