//! What a test of frozen bytes says: this message has these bytes, and nothing else has.

use sonde_protocol::boot_record::ImageRef;
use sonde_protocol::digest::ImageTag;
use sonde_protocol::layout::Slot;
use sonde_protocol::message::{Answer, Refusal, Reply, Request};
use sonde_protocol::semver::Version;

pub(crate) fn request_is(request: &Request, bytes: &[u8]) {
    let mut buffer = [0; 250];
    assert_eq!(request.emit(&mut buffer), Ok(bytes), "{request:?}");
    assert_eq!(Request::parse(bytes).as_ref(), Ok(request));
}

pub(crate) fn reply_is(reply: &Reply, bytes: &[u8]) {
    let mut buffer = [0; 250];
    assert_eq!(reply.emit(&mut buffer), Ok(bytes), "{reply:?}");
    assert_eq!(Reply::parse(bytes).as_ref(), Ok(reply));
}

pub(crate) fn answer_is(answer: Answer, bytes: &[u8]) {
    let mut whole = vec![1]; // Reply::Done
    whole.extend(bytes);
    reply_is(&Reply::Done(answer), &whole);
}

pub(crate) fn refusal_is(refusal: Refusal, bytes: &[u8]) {
    let mut whole = vec![2]; // Reply::Refused
    whole.extend(bytes);
    reply_is(&Reply::Refused(refusal), &whole);
}

/// Slot B, version 1.2.300, tag 01..08.
pub(crate) fn image() -> ImageRef {
    ImageRef { slot: Slot::B, version: Version::new(1, 2, 300), tag: ImageTag([1, 2, 3, 4, 5, 6, 7, 8]) }
}

/// Its bytes.
pub(crate) const IMAGE: [u8; 13] = [
    1, // slot B
    1, // major
    2, // minor
    0xAC, 0x02, // patch 300, varint
    1, 2, 3, 4, 5, 6, 7, 8, // tag
];
