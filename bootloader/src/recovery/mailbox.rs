//! The mailbox of a unit in recovery: one client at a time, each of its requests executed once, by the rules of
//! [`crate::update::session`], on bytes instead of messages.

use protocol::mailbox::{Envelope, MAX_REQUEST, RESPONSE_REGISTERS};
use protocol::modbus::exception::Exception;

use super::reply::{Plain, Reply};
use crate::update::session::{Arrival, arrival};

/// [`protocol::message::Request::Hello`] on the wire.
pub(super) const HELLO: u8 = 0;

/// Who asks, what for, and the last reply.
#[derive(Debug)]
pub(super) struct Mailbox {
    /// The last request that was executed or is being executed.
    last: Option<Envelope>,
    todo: Todo,
    request: Work,
    /// The reply to the last request, kept to be given again.
    kept: Reply,
    /// What the response window shows, and to whom.
    shown: (Envelope, Reply),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Todo {
    Nothing,
    Waiting,
    InWork,
}

/// A request for the worker.
#[derive(Debug, Clone, Copy)]
pub(super) struct Work {
    envelope: Envelope,
    bytes: [u8; MAX_REQUEST],
    length: usize,
}

impl Work {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

const NOBODY: Envelope = Envelope { session: 0, sequence: 0 };

impl Mailbox {
    /// Nobody has said hello. Made, not copied: a constant of this size would lie in flash.
    pub(super) fn new() -> Self {
        Self {
            last: None,
            todo: Todo::Nothing,
            request: Work { envelope: NOBODY, bytes: [0; MAX_REQUEST], length: 0 },
            kept: Reply::new(),
            shown: (NOBODY, Reply::new()),
        }
    }

    /// Sequence number of the last request that was executed; 0 before the first.
    pub(super) fn sequence(&self) -> u16 {
        self.last.map_or(0, |last| last.sequence)
    }

    /// Copies the start of the response window; zeros behind the reply, and before the first request.
    pub(super) fn read(&self, out: &mut [u8]) {
        let mut window = [0; RESPONSE_REGISTERS as usize * 2];
        if self.last.is_some() || self.shown.0 != NOBODY {
            // Made for the longest reply.
            let _fits = self.shown.0.emit(self.shown.1.bytes(), &mut window);
        }
        for (place, byte) in out.iter_mut().zip(window) {
            *place = byte;
        }
    }

    /// Takes what was written to the request window.
    ///
    /// # Errors
    /// Exception 3 for anything that is not one message.
    pub(super) fn take(&mut self, window: &[u8]) -> Result<(), Exception> {
        let (envelope, payload) = Envelope::parse(window).map_err(|_| Exception::IllegalDataValue)?;
        let arrival = arrival(self.last, self.todo != Todo::Nothing, envelope, payload == [HELLO]);
        let (to, shown) = &mut self.shown;
        *to = envelope;
        let _refused = match arrival {
            Arrival::New => return self.start(envelope, payload),
            Arrival::Again => {
                *shown = self.kept;
                return Ok(());
            }
            Arrival::OtherSession { open } => shown.other_session(open),
            Arrival::OutOfSequence { expected, found } => shown.out_of_sequence(expected, found),
            Arrival::Busy => shown.refuse(Plain::Busy),
        };
        Ok(())
    }

    fn start(&mut self, envelope: Envelope, payload: &[u8]) -> Result<(), Exception> {
        let Some(place) = self.request.bytes.get_mut(..payload.len()) else { return Err(Exception::IllegalDataValue) };
        place.copy_from_slice(payload);
        (self.request.envelope, self.request.length) = (envelope, payload.len());
        (self.last, self.todo) = (Some(envelope), Todo::Waiting);
        self.show(Reply::new());
        Ok(())
    }

    /// The request that waits, if any.
    pub(super) fn take_work(&mut self) -> Option<Work> {
        if self.todo != Todo::Waiting {
            return None;
        }
        self.todo = Todo::InWork;
        Some(self.request)
    }

    /// The worker's reply. Dropped when another client has opened a session meanwhile.
    pub(super) fn finish(&mut self, work: &Work, reply: &Reply) {
        if self.last == Some(work.envelope) && self.todo == Todo::InWork {
            self.todo = Todo::Nothing;
            if self.shown.0 == work.envelope { self.show(*reply) } else { self.kept = *reply }
        }
    }

    fn show(&mut self, reply: Reply) {
        self.kept = reply;
        self.shown.1 = reply;
    }
}
