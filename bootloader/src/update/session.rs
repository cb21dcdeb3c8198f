//! The mailbox: one client at a time, each of its requests executed once (`boot:U3`).
//!
//! Every request may arrive twice, and a late answer may belong to an earlier one: so a request carries a session that
//! its client chose and a sequence number. The next number is a new request; the last one again gets the last reply
//! again; anything else is out of sequence. `Hello` opens a session at any number, also while another one is open: its
//! client may have gone away.
//!
//! What takes time is left for the worker and answered `Pending` meanwhile (`bus:M6`). The response window always holds the
//! reply to the request that came last.

use protocol::mailbox::{ENVELOPE_SIZE, Envelope, MAX_REPLY, RESPONSE_REGISTERS};
use protocol::message::{Answer, Refusal, Reply, Request};
use protocol::modbus::exception::Exception;

/// Open session, and the reply that can be read.
#[derive(Debug)]
pub struct Session {
    /// The envelope of the last request that was executed or is being executed; `None` before the first.
    last: Option<Envelope>,
    /// Its request is with the worker, or waits for it.
    todo: Todo,
    /// The reply to the last request that was executed, kept to be given again.
    kept: Window,
    /// What the response window shows.
    shown: Window,
}

/// Where the last request is.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "no allocator to box with; there is one of it")]
enum Todo {
    /// Answered.
    Nothing,
    /// Waiting for the worker.
    Waiting(Request),
    /// The worker is at it.
    InWork,
}

/// A request that the worker has taken, to be answered under this envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket(Envelope);

/// What to do about a request that has arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// Execute it.
    New,
    /// Show the reply to it once more.
    Again,
    /// Another client's session is open; 0 when none is. The session stays where it is, as for all that follow.
    OtherSession { open: u16 },
    /// Neither the last number nor the next one.
    OutOfSequence { expected: u16, found: u16 },
    /// The one before it is not answered yet.
    Busy,
}

/// Judges a request that arrives under `envelope`. `last` is the one that was executed last, and `is_busy` whether it is
/// still being executed.
pub(crate) fn arrival(last: Option<Envelope>, is_busy: bool, envelope: Envelope, is_hello: bool) -> Arrival {
    match last {
        Some(last) if last == envelope => Arrival::Again,
        _ if is_hello => Arrival::New,
        // The protocol has no word for "no session"; what the client has to do is the same: say hello.
        None => Arrival::OtherSession { open: 0 },
        Some(last) if last.session != envelope.session => Arrival::OtherSession { open: last.session },
        Some(last) => match last.sequence.wrapping_add(1) {
            expected if envelope.sequence != expected => Arrival::OutOfSequence { expected, found: envelope.sequence },
            _ if is_busy => Arrival::Busy,
            _ => Arrival::New,
        },
    }
}

impl Session {
    /// Nobody has said hello; the response window reads zeros.
    #[must_use]
    pub const fn new() -> Self {
        Self { last: None, todo: Todo::Nothing, kept: Window::EMPTY, shown: Window::EMPTY }
    }

    /// Copies the start of the response window; zeros behind the reply.
    pub fn read_response(&self, out: &mut [u8]) {
        for (index, place) in out.iter_mut().enumerate() {
            *place = self.shown.bytes.get(index).copied().unwrap_or(0);
        }
    }

    /// Sequence number of the last request that was executed; 0 before the first.
    #[must_use]
    pub fn sequence(&self) -> u16 {
        self.last.map_or(0, |last| last.sequence)
    }

    /// The request that waits for the worker, if any.
    pub fn take_work(&mut self) -> Option<(Ticket, Request)> {
        let envelope = self.last?;
        match core::mem::replace(&mut self.todo, Todo::Nothing) {
            Todo::Waiting(request) => {
                self.todo = Todo::InWork;
                Some((Ticket(envelope), request))
            }
            other => {
                self.todo = other;
                None
            }
        }
    }

    /// The worker's reply. Dropped when another client has opened a session meanwhile.
    pub fn finish_work(&mut self, ticket: Ticket, reply: &Reply) {
        if self.last == Some(ticket.0) && matches!(self.todo, Todo::InWork) {
            self.todo = Todo::Nothing;
            self.keep(ticket.0, reply);
        }
    }

    /// Shows the reply to a request that was executed, and keeps it.
    fn keep(&mut self, envelope: Envelope, reply: &Reply) {
        self.kept.set(envelope, reply);
        self.shown = self.kept;
    }
}

impl Default for Session {
    fn default() -> Self {
        Self::new()
    }
}

/// A request to be executed: give it back to [`Session::start`].
#[derive(Debug)]
#[must_use = "the client waits for its answer"]
pub struct New {
    envelope: Envelope,
    /// What is asked; `None` when nobody knows.
    request: Option<Request>,
}

impl New {
    /// What is asked; `None` when this unit does not know it.
    #[must_use]
    pub fn request(&self) -> Option<&Request> {
        self.request.as_ref()
    }
}

impl Session {
    /// Takes what was written to the request window; a request that is to be executed.
    ///
    /// # Errors
    /// Exception 3 for anything that is not one message: it has no envelope to be answered under.
    pub fn take(&mut self, window: &[u8]) -> Result<Option<New>, Exception> {
        let (envelope, payload) = Envelope::parse(window).map_err(|_| Exception::IllegalDataValue)?;
        let request = Request::parse(payload).ok();
        let is_busy = !matches!(self.todo, Todo::Nothing);
        let refusal = match arrival(self.last, is_busy, envelope, request == Some(Request::Hello)) {
            Arrival::New => return Ok(Some(New { envelope, request })),
            Arrival::Again => {
                self.shown = self.kept;
                return Ok(None);
            }
            Arrival::OtherSession { open } => Refusal::OtherSession { open },
            Arrival::OutOfSequence { expected, found } => Refusal::OutOfSequence { expected, found },
            Arrival::Busy => Refusal::Busy,
        };
        self.shown.set(envelope, &Reply::Refused(refusal));
        Ok(None)
    }

    /// Executes a request: `answer` is given at once, without one it is left for the worker.
    pub fn start(&mut self, new: New, answer: Option<Answer>) {
        let New { envelope, request } = new;
        self.last = Some(envelope);
        self.todo = Todo::Nothing;
        let reply = match (request, answer) {
            (None, _) => Reply::Refused(Refusal::NotUnderstood),
            (Some(_), Some(answer)) => Reply::Done(answer),
            (Some(slow), None) => {
                self.todo = Todo::Waiting(slow);
                Reply::Pending
            }
        };
        self.keep(envelope, &reply);
    }
}

/// Contents of the response window.
#[derive(Debug, Clone, Copy)]
struct Window {
    bytes: [u8; RESPONSE_REGISTERS as usize * 2],
}

impl Window {
    const EMPTY: Self = Self { bytes: [0; RESPONSE_REGISTERS as usize * 2] };

    fn set(&mut self, envelope: Envelope, reply: &Reply) {
        let mut payload = [0; MAX_REPLY];
        self.bytes.fill(0);
        let message =
            reply.emit(&mut payload).expect("every reply fits the window: the protocol's tests hold it to that");
        envelope.emit(message, &mut self.bytes).expect("the window is made for the longest reply");
    }
}

const _: () = assert!(MAX_REPLY + ENVELOPE_SIZE == RESPONSE_REGISTERS as usize * 2);
