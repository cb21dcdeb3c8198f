//! RTU frames: address, PDU, CRC-16 low byte first; and how long a frame is going to be.
//!
//! USB adapters and device servers split and merge frames, so silence alone does not delimit them: both ends go by
//! length and CRC, and keep silence as the way out for codes whose length nobody knows (`facts/bus.md` section 1).

use super::MAX_FRAME;
use super::exception::EXCEPTION_FLAG;
use crate::checksum::crc16_modbus;

/// Address and CRC around a PDU, bytes.
pub const OVERHEAD: usize = 3;
/// Shortest frame: address, function code, CRC.
pub const MIN_FRAME: usize = 4;

/// How long the frame at the start of some bytes is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameLength {
    /// Not known before at least this many bytes are there.
    Needs(usize),
    /// This many bytes, CRC included.
    Exactly(usize),
    /// Only silence will tell.
    Unknown,
}

/// Length of the request frame that begins with these bytes.
#[must_use]
pub fn request_length(bytes: &[u8]) -> FrameLength {
    let Some(&function) = bytes.get(1) else { return FrameLength::Needs(2) };
    match function {
        1..=6 | 8 => FrameLength::Exactly(8),
        7 | 11 | 12 | 17 => FrameLength::Exactly(4),
        15 | 16 => counted(bytes, 6, 9),
        20 | 21 => counted(bytes, 2, 5),
        22 => FrameLength::Exactly(10),
        23 => counted(bytes, 10, 13),
        43 if bytes.get(2) == Some(&14) => FrameLength::Exactly(7),
        43 if bytes.len() < 3 => FrameLength::Needs(3),
        _ => FrameLength::Unknown,
    }
}

/// Length of the answer frame that begins with these bytes.
#[must_use]
pub fn answer_length(bytes: &[u8]) -> FrameLength {
    let Some(&function) = bytes.get(1) else { return FrameLength::Needs(2) };
    if function & EXCEPTION_FLAG != 0 {
        return FrameLength::Exactly(5);
    }
    match function {
        1..=4 | 12 | 17 | 20 | 21 | 23 => counted(bytes, 2, 5),
        5 | 6 | 8 | 11 | 15 | 16 => FrameLength::Exactly(8),
        7 => FrameLength::Exactly(5),
        22 => FrameLength::Exactly(10),
        43 => identification_length(bytes),
        _ => FrameLength::Unknown,
    }
}

/// `fixed` bytes plus what the byte at `at` counts.
fn counted(bytes: &[u8], at: usize, fixed: usize) -> FrameLength {
    match bytes.get(at) {
        Some(&count) => within(fixed + usize::from(count)),
        None => FrameLength::Needs(at + 1),
    }
}

/// Answer to 43/14: a list of objects, each with its own length.
fn identification_length(bytes: &[u8]) -> FrameLength {
    match bytes.get(2) {
        None => return FrameLength::Needs(3),
        Some(14) => {}
        Some(_) => return FrameLength::Unknown,
    }
    let Some(&objects) = bytes.get(7) else { return FrameLength::Needs(8) };
    let mut end = 8;
    for _ in 0..objects {
        // Number and length of an object, and the CRC: a frame without room for them never ends.
        if end + 4 > MAX_FRAME {
            return FrameLength::Unknown;
        }
        let Some(&length) = bytes.get(end + 1) else { return FrameLength::Needs(end + 2) };
        end += 2 + usize::from(length);
    }
    within(end + 2)
}

fn within(length: usize) -> FrameLength {
    if length <= MAX_FRAME { FrameLength::Exactly(length) } else { FrameLength::Unknown }
}

/// Whether the bytes are exactly one frame: its length may be, and its CRC fits.
#[must_use]
#[inline(never)]
pub fn is_frame(bytes: &[u8]) -> bool {
    // With its CRC behind it the CRC of anything is zero.
    (MIN_FRAME..=MAX_FRAME).contains(&bytes.len()) && crc16_modbus(bytes) == 0
}

/// A frame whose CRC fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The unit it is for, or from.
    pub address: u8,
    /// Function code and data.
    pub pdu: &'a [u8],
}

impl<'a> Frame<'a> {
    /// Checks length and CRC of exactly one frame; `None` when either is wrong.
    #[must_use]
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        match bytes {
            [address, pdu @ .., _, _] if is_frame(bytes) => Some(Self { address: *address, pdu }),
            _ => None,
        }
    }

    /// Writes the frame; returns its length, `None` when it does not fit a frame.
    pub fn emit(&self, out: &mut [u8; MAX_FRAME]) -> Option<usize> {
        let length = self.pdu.len() + OVERHEAD;
        if !(MIN_FRAME..=MAX_FRAME).contains(&length) {
            return None;
        }
        out[0] = self.address;
        out[1..length - 2].copy_from_slice(self.pdu);
        let crc = crc16_modbus(&out[..length - 2]);
        out[length - 2..length].copy_from_slice(&crc.to_le_bytes());
        Some(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Grows `frame` byte by byte; its length must become known, and only as itself.
    fn settles(frame: &[u8], length: fn(&[u8]) -> FrameLength) {
        for end in 0..=frame.len() {
            match length(&frame[..end]) {
                FrameLength::Needs(more) => assert!(more > end && more <= frame.len(), "{end} of {frame:02x?}"),
                FrameLength::Exactly(exact) => assert_eq!(exact, frame.len(), "{end} of {frame:02x?}"),
                FrameLength::Unknown => panic!("unknown after {end} of {frame:02x?}"),
            }
        }
        assert_eq!(length(frame), FrameLength::Exactly(frame.len()));
    }

    fn framed(pdu: &[u8]) -> Vec<u8> {
        let mut out = [0; MAX_FRAME];
        let length = Frame { address: 2, pdu }.emit(&mut out).expect("the example fits");
        out[..length].to_vec()
    }

    #[test]
    fn every_served_request_is_delimited_by_its_length() {
        let mut write = vec![16, 0xF2, 0, 0, 123, 246];
        write.extend([0; 246]);
        let mut read_write = vec![23, 0xF1, 0, 0, 16, 0xF0, 0, 0, 3, 6];
        read_write.extend([0; 6]);
        for pdu in [
            &[3, 0, 0, 0, 1][..],
            &[4, 0, 0, 0, 1],
            &[6, 0, 0x10, 0, 1],
            &[8, 0, 0, 0x12, 0x34],
            &write,
            &[17],
            &[22, 0, 4, 0, 0xF2, 0, 0x25],
            &read_write,
            &[43, 14, 1, 0],
        ] {
            settles(&framed(pdu), request_length);
        }
    }

    #[test]
    fn every_answer_is_delimited_by_its_length() {
        let identification = [43, 14, 1, 1, 0, 0, 2, 0, 3, b'a', b'b', b'c', 1, 1, b'd'];
        for pdu in [
            &[3, 2, 0, 1][..],
            &[6, 0, 0x10, 0, 1],
            &[8, 0, 0, 0x12, 0x34],
            &[16, 0xF2, 0, 0, 123],
            &[17, 3, 1, 0xFF, 7],
            &[22, 0, 4, 0, 0xF2, 0, 0x25],
            &[23, 4, 0, 1, 0, 2],
            &[0x83, 2],
            &[0xC1, 1],
            &identification,
        ] {
            settles(&framed(pdu), answer_length);
        }
    }

    #[test]
    fn an_answer_with_more_objects_than_fit_a_frame_is_not_waited_for() {
        // Found by the fuzz target `framing`: it was said to need 257 bytes and more, which no buffer holds.
        for first in 243..=u8::MAX {
            let answer = [2, 43, 14, 1, 1, 0, 0, 2, 0, first];
            assert_eq!(answer_length(&answer), FrameLength::Unknown, "{first}");
        }
        assert_eq!(answer_length(&[2, 43, 14, 1, 1, 0, 0, 2, 0, 242]), FrameLength::Needs(254));
    }

    #[test]
    fn a_known_frame_has_the_known_crc() {
        // Modbus over serial line V1.02, appendix B: CRC of 02 07 is 41 12 on the wire.
        assert_eq!(framed(&[7]), [2, 7, 0x41, 0x12]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Frame::parse(&bytes);
            for length in [request_length(&bytes), answer_length(&bytes)] {
                match length {
                    FrameLength::Needs(more) => prop_assert!(more > bytes.len()),
                    FrameLength::Exactly(exact) => prop_assert!((MIN_FRAME..=MAX_FRAME).contains(&exact)),
                    FrameLength::Unknown => {}
                }
            }
        }

        #[test]
        fn what_is_emitted_parses_back(address: u8, pdu in proptest::collection::vec(any::<u8>(), 1..=253)) {
            let mut out = [0; MAX_FRAME];
            let length = Frame { address, pdu: &pdu }.emit(&mut out).expect("at most 253 bytes fit");
            prop_assert_eq!(Frame::parse(&out[..length]), Some(Frame { address, pdu: &pdu[..] }));
        }
    }
}
