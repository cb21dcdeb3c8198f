//! Messages of the update session: postcard, append-only ([`crate::version`]).
//!
//! A request is answered by `Pending` (poll the response window, `bus:M6`), by `Done` with the answer of its own kind, or
//! by `Refused` with the reason; a refusal has changed nothing.

mod answer;
mod events;
mod key_report;
mod refusal;
mod request;
mod values;

pub use crate::recovery::{RecoveryReason, SlotTrouble};
pub use answer::{
    Activating, Answer, Began, Confirmed, Hello, PageMap, Recovery, SelfCheck, SelfTest, SlotContent, SlotReport,
    Staged, Staging, Transfer, UnitStatus,
};
pub use events::{CrashPart, EventHead, Events, MAX_CRASH_PART, MAX_EVENT_RECORDS};
pub use key_report::{KeyReport, KeySetInstalled, KeySetPart, KeySetReport, KeyState, MAX_KEY_REPORTS};
pub use refusal::Refusal;
pub use request::{ChannelPolicy, GiveUp, MAX_KEY_SET_PART, Request};
pub use values::{MAX_CHANGES, MAX_TOLD_VALUES, TellValues, ToldValue};

use crate::mailbox::{MAX_REPLY, MAX_REQUEST};

/// Most page hashes in one answer.
pub const MAX_PAGE_HASHES: usize = 28;

/// What comes back for a request.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[expect(clippy::large_enum_variant, reason = "no allocator to box with; one message is alive at a time")]
pub enum Reply {
    /// The unit is at work on it: read the response window again.
    Pending,
    /// It is done.
    Done(Answer),
    /// It is refused; nothing has changed.
    Refused(Refusal),
}

/// Why bytes are not a message, or a message not bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageError {
    /// The bytes are not exactly one message of this version.
    Malformed,
    /// The message is longer than the window.
    TooLong,
}

impl Request {
    /// Reads a request.
    ///
    /// # Errors
    /// [`MessageError::Malformed`] for anything that is not exactly one, trailing bytes and overlong numbers included
    /// (`fault:A12`).
    pub fn parse(bytes: &[u8]) -> Result<Self, MessageError> {
        let message: Self = parse(bytes)?;
        let mut again = [0; MAX_REQUEST];
        exact(message.emit(&mut again)?, bytes).map(|()| message)
    }

    /// The request's bytes.
    ///
    /// # Errors
    /// [`MessageError::TooLong`] when the buffer is too small.
    pub fn emit<'a>(&self, buffer: &'a mut [u8]) -> Result<&'a [u8], MessageError> {
        emit(self, buffer)
    }
}

impl Reply {
    /// Reads a reply.
    ///
    /// # Errors
    /// [`MessageError::Malformed`] for anything that is not exactly one.
    pub fn parse(bytes: &[u8]) -> Result<Self, MessageError> {
        let message: Self = parse(bytes)?;
        let mut again = [0; MAX_REPLY];
        exact(message.emit(&mut again)?, bytes).map(|()| message)
    }

    /// The reply's bytes.
    ///
    /// # Errors
    /// [`MessageError::TooLong`] when the buffer is too small.
    pub fn emit<'a>(&self, buffer: &'a mut [u8]) -> Result<&'a [u8], MessageError> {
        emit(self, buffer)
    }
}

fn parse<'a, T: serde::Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, MessageError> {
    match postcard::take_from_bytes(bytes) {
        Ok((message, [])) => Ok(message),
        _ => Err(MessageError::Malformed),
    }
}

fn emit<'a, T: serde::Serialize>(message: &T, buffer: &'a mut [u8]) -> Result<&'a [u8], MessageError> {
    postcard::to_slice(message, buffer).map(|used| &*used).map_err(|_| MessageError::TooLong)
}

/// postcard reads some numbers in more than one form; one message has one form here.
fn exact(again: &[u8], bytes: &[u8]) -> Result<(), MessageError> {
    if again == bytes { Ok(()) } else { Err(MessageError::Malformed) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn trailing_bytes_are_refused() {
        // fault:A12
        assert_eq!(Request::parse(&[0]), Ok(Request::Hello));
        assert_eq!(Request::parse(&[0, 0]), Err(MessageError::Malformed));
        assert_eq!(Request::parse(&[]), Err(MessageError::Malformed));
    }

    #[test]
    fn an_overlong_number_is_refused() {
        // fault:A12: 0x80 0x00 is an overlong 0.
        assert_eq!(Request::parse(&[0x80, 0x00]), Err(MessageError::Malformed));
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered_and_accepted_ones_are_exact(bytes in proptest::collection::vec(any::<u8>(), 0..250)) {
            let mut buffer = [0; 250];
            if let Ok(request) = Request::parse(&bytes) {
                prop_assert_eq!(request.emit(&mut buffer).unwrap(), &bytes[..]);
            }
            if let Ok(reply) = Reply::parse(&bytes) {
                prop_assert_eq!(reply.emit(&mut buffer).unwrap(), &bytes[..]);
            }
        }
    }
}
