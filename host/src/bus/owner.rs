//! The one task that owns a line (`bus:M4`): sends, waits, repeats, and trusts no answer after a timeout before a fresh
//! nonce came back.
//!
//! A call is finished even when its caller went away: half a frame is never left on the line.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use protocol::modbus::MAX_FRAME;
use protocol::modbus::exception::{EXCEPTION_FLAG, Exception};
use protocol::modbus::rtu::Frame;
use rand_core::{OsRng, RngCore as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};
use tracing::{debug, trace};

use super::call::Call;
use super::error::BusError;
use super::framer::{Answer, Framer, Line};
use super::open::{LineTiming, OpenError, Opener, Stream};
use super::wire::Counters;
use super::{Patience, UnitId};
use crate::endpoint::LocalEcho;

/// Longest pause inside a frame: an FTDI adapter hands bytes over every 16 ms (`facts/bus.md` section 3).
const PAUSE: Duration = Duration::from_millis(20);
/// How long a line that went away is waited for (`bus:M9`).
const REOPEN_WITHIN: Duration = Duration::from_secs(5);
/// Between two tries to open it again.
const REOPEN_EVERY: Duration = Duration::from_millis(100);

/// One call on its way through the owner.
pub(super) struct Job {
    pub(super) unit: UnitId,
    pub(super) call: Call,
    pub(super) patience: Patience,
    pub(super) reply: oneshot::Sender<Result<Vec<u8>, BusError>>,
}

/// The state of the line.
pub(super) struct Owner {
    pub(super) opener: Box<dyn Opener>,
    pub(super) stream: Option<Box<dyn Stream>>,
    pub(super) timing: LineTiming,
    pub(super) counters: Arc<Counters>,
    pub(super) framer: Framer,
    /// Units whose late answer may still be on its way.
    pub(super) suspects: BTreeSet<u8>,
    pub(super) last_byte: Instant,
}

/// How one attempt ended without an answer.
enum Miss {
    /// Nothing, or only something else, within the time.
    Silence(Option<BusError>),
    /// The line is gone.
    Gone(String),
    /// No further attempt will help.
    Final(BusError),
}

impl From<io::Error> for Miss {
    fn from(error: io::Error) -> Self {
        // Any error of the line ends it; EIO, ENXIO, ENODEV and a reset are the usual ones (`bus:M9`).
        Self::Gone(error.to_string())
    }
}

impl Owner {
    /// Serves calls until the last handle is dropped.
    pub(super) async fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        while let Some(job) = jobs.recv().await {
            if job.reply.is_closed() {
                continue; // the caller went away before its turn came
            }
            let result = self.serve(job.unit, &job.call, job.patience).await;
            // The caller may have gone meanwhile; the line is in order either way.
            let _ = job.reply.send(result);
        }
    }

    async fn serve(&mut self, unit: UnitId, call: &Call, patience: Patience) -> Result<Vec<u8>, BusError> {
        let mut odd = None;
        let mut gone = None;
        for attempt in 1..=patience.attempts {
            if attempt > 1 {
                self.counters.retry();
                debug!(%unit, attempt, "repeating");
            }
            if self.stream.is_none() {
                self.reopen(gone.take().unwrap_or_else(|| "closed".to_owned())).await?;
            }
            match self.attempt(unit, call, patience.timeout).await {
                Ok(data) => return Ok(data),
                Err(Miss::Final(error)) => return Err(error),
                Err(Miss::Silence(seen)) => {
                    self.counters.timeout();
                    odd = odd.or(seen);
                }
                Err(Miss::Gone(reason)) => {
                    debug!(reason, "the line went away");
                    self.stream = None;
                    gone = Some(reason);
                }
            }
            self.suspects.insert(unit.get());
        }
        if let Some(reason) = gone {
            return Err(BusError::Gone { endpoint: self.opener.name(), reason });
        }
        Err(odd.unwrap_or(BusError::NoAnswer { unit, waited: patience.timeout, attempts: patience.attempts }))
    }

    async fn attempt(&mut self, unit: UnitId, call: &Call, patience: Duration) -> Result<Vec<u8>, Miss> {
        if self.drop_strays().await? {
            self.suspects.insert(unit.get());
        }
        if self.suspects.contains(&unit.get()) {
            self.drain(unit, patience).await?;
        }
        self.exchange(unit, call, patience).await
    }

    /// Sends a fresh nonce and drops everything until it comes back: answers come in order, so no earlier one is left.
    async fn drain(&mut self, unit: UnitId, patience: Duration) -> Result<(), Miss> {
        let nonce = (OsRng.next_u32() >> 16) as u16;
        debug!(%unit, nonce, "draining late answers");
        match self.exchange(unit, &Call::Echo { nonce }, patience).await {
            // A unit without FC8 says so, and its exception stands in the queue just as the nonce would.
            Ok(_) | Err(Miss::Final(BusError::Exception { .. })) => {}
            // What the unit itself still had to say is what is being drained.
            Err(Miss::Silence(Some(BusError::OtherAnswer { .. }))) => return Err(Miss::Silence(None)),
            Err(miss) => return Err(miss),
        }
        self.suspects.remove(&unit.get());
        Ok(())
    }

    async fn exchange(&mut self, unit: UnitId, call: &Call, patience: Duration) -> Result<Vec<u8>, Miss> {
        let mut buffer = [0; MAX_FRAME];
        let pdu = call.emit();
        let length = Frame { address: unit.get(), pdu: &pdu }
            .emit(&mut buffer)
            .expect("a checked call fits a frame: see `Call::check`");
        let request = &buffer[..length];
        self.send(request, patience).await?;
        // The request is still leaving while the kernel already has it.
        let deadline = self.last_byte + self.timing.character * length as u32 + patience;
        if self.timing.echo == LocalEcho::Skip {
            self.skip_echo(request, deadline).await?;
        }
        self.answer(unit, call, deadline).await
    }

    async fn send(&mut self, request: &[u8], patience: Duration) -> Result<(), Miss> {
        if !self.timing.silence.is_zero() {
            sleep_until(self.last_byte + self.timing.silence).await;
        }
        trace!("sent {request:02x?}");
        let stream = self.stream.as_mut().ok_or_else(closed)?;
        let leaving = self.timing.character * request.len() as u32 + patience;
        match timeout(leaving, stream.write_all(request)).await {
            Ok(written) => written?,
            // Part of a frame may be out: only a fresh line is in order again.
            Err(_) => return Err(Miss::Gone("it takes no more bytes".to_owned())),
        }
        self.counters.sent(request.len());
        self.last_byte = Instant::now();
        Ok(())
    }

    async fn skip_echo(&mut self, request: &[u8], deadline: Instant) -> Result<(), Miss> {
        loop {
            match self.framer.skip_echo(request) {
                Some(_) => return Ok(()),
                None if Instant::now() >= deadline => return Err(Miss::Silence(None)),
                None => self.receive(deadline).await?,
            };
        }
    }

    /// Waits for the answer to `call`; whatever else comes is remembered but does not end the wait.
    async fn answer(&mut self, unit: UnitId, call: &Call, deadline: Instant) -> Result<Vec<u8>, Miss> {
        let asked = call.function().code();
        let mut odd = None;
        let mut line = Line::Talking;
        loop {
            while let Some(Answer { address, pdu }) = self.framer.next(line) {
                trace!("received from {address}: {pdu:02x?}");
                if address != unit.get() {
                    if !self.suspects.contains(&address) {
                        odd.get_or_insert(BusError::OtherUnit { asked: unit, answered: address });
                    }
                    continue;
                }
                if let Some(data) = call.accept(&pdu) {
                    return Ok(data);
                }
                if let [function, code] = pdu[..]
                    && function == asked | EXCEPTION_FLAG
                {
                    let exception = Exception::from_code(code);
                    return Err(Miss::Final(BusError::Exception { unit, function: asked, exception }));
                }
                let answered = pdu.first().copied().unwrap_or_default();
                odd.get_or_insert(BusError::OtherAnswer { unit, asked, answered });
            }
            if Instant::now() >= deadline {
                return Err(Miss::Silence(odd));
            }
            line = self.receive(deadline).await?;
        }
    }

    /// Waits for more bytes, at most until `deadline`, and for a pause in the middle of something.
    async fn receive(&mut self, deadline: Instant) -> Result<Line, Miss> {
        let stream = self.stream.as_mut().ok_or_else(closed)?;
        let mut buffer = [0; 512];
        let until = if self.framer.is_empty() { deadline } else { deadline.min(Instant::now() + PAUSE) };
        let Ok(read) = timeout_at(until, stream.read(&mut buffer)).await else { return Ok(Line::Silent) };
        let count = read?;
        if count == 0 {
            return Err(Miss::Gone("end of stream".to_owned()));
        }
        self.counters.received(count);
        self.last_byte = Instant::now();
        self.framer.push(&buffer[..count]);
        Ok(Line::Talking)
    }

    /// Takes what arrived while nobody asked; tells whether there was anything.
    async fn drop_strays(&mut self) -> Result<bool, Miss> {
        let mut strays = !self.framer.is_empty();
        let stream = self.stream.as_mut().ok_or_else(closed)?;
        let mut buffer = [0; 512];
        while let Ok(read) = timeout(Duration::ZERO, stream.read(&mut buffer)).await {
            match read? {
                0 => return Err(Miss::Gone("end of stream".to_owned())),
                count => self.counters.received(count),
            }
            self.last_byte = Instant::now();
            strays = true;
        }
        self.framer.clear();
        Ok(strays)
    }

    async fn reopen(&mut self, reason: String) -> Result<(), BusError> {
        let deadline = Instant::now() + REOPEN_WITHIN;
        loop {
            match self.opener.open().await {
                Ok(stream) => {
                    debug!("the line is back");
                    self.stream = Some(stream);
                    self.framer.clear();
                    return Ok(());
                }
                Err(OpenError::Closed) => return Err(BusError::Gone { endpoint: self.opener.name(), reason }),
                Err(error) if Instant::now() >= deadline => {
                    debug!(%error, "gave up");
                    let reason = format!("{reason}, not back within {} s", REOPEN_WITHIN.as_secs());
                    return Err(BusError::Gone { endpoint: self.opener.name(), reason });
                }
                Err(_) => sleep(REOPEN_EVERY).await,
            }
        }
    }
}

fn closed() -> Miss {
    Miss::Gone("closed".to_owned())
}
