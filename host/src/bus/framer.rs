//! Finds answer frames in a stream of bytes, however it is cut into pieces.
//!
//! Goes by length and CRC. Silence is the way out for codes whose length nobody knows, and for noise in front of a frame.

use protocol::modbus::MAX_FRAME;
use protocol::modbus::rtu::{Frame, FrameLength, MIN_FRAME, answer_length};

/// A frame with its own bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) address: u8,
    pub(crate) pdu: Vec<u8>,
}

/// Whether the line has been quiet since the last byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Line {
    /// More may be on its way.
    Talking,
    /// Nothing came for longer than a pause inside a frame.
    Silent,
}

/// Bytes received and not yet understood.
#[derive(Debug, Default)]
pub(crate) struct Framer {
    bytes: Vec<u8>,
    dropped: u64,
}

impl Framer {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Forgets everything received so far.
    pub(crate) fn clear(&mut self) {
        self.drop_front(self.bytes.len());
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Bytes that belonged to no frame, since the start.
    #[cfg(test)]
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Takes `echo` off the front. `None` when its bytes are not all there yet, `Some(false)` when something else is.
    pub(crate) fn skip_echo(&mut self, echo: &[u8]) -> Option<bool> {
        let common = self.bytes.len().min(echo.len());
        if self.bytes[..common] != echo[..common] {
            return Some(false);
        }
        if common < echo.len() {
            return None;
        }
        self.bytes.drain(..common);
        Some(true)
    }

    /// The next frame, if there is a whole one.
    pub(crate) fn next(&mut self, line: Line) -> Option<Answer> {
        while self.bytes.len() >= MIN_FRAME {
            match answer_length(&self.bytes) {
                FrameLength::Exactly(length) if self.bytes.len() < length => return self.after_noise(line),
                FrameLength::Needs(_) => return self.after_noise(line),
                FrameLength::Exactly(length) => match Frame::parse(&self.bytes[..length]) {
                    Some(frame) => {
                        let answer = Answer { address: frame.address, pdu: frame.pdu.to_vec() };
                        self.bytes.drain(..length);
                        return Some(answer);
                    }
                    None => self.drop_front(1),
                },
                // Longer than any frame: what is in front is none.
                FrameLength::Unknown if self.bytes.len() > MAX_FRAME => self.drop_front(1),
                FrameLength::Unknown => return self.after_noise(line),
            }
        }
        None
    }

    /// When the line is silent, the frame in front is never going to be whole: perhaps noise hides one behind it.
    fn after_noise(&mut self, line: Line) -> Option<Answer> {
        if line == Line::Talking {
            return None;
        }
        for start in 0..self.bytes.len() {
            let rest = &self.bytes[start..];
            let length = match answer_length(rest) {
                FrameLength::Exactly(length) if length <= rest.len() => length,
                FrameLength::Unknown => rest.len(),
                FrameLength::Exactly(_) | FrameLength::Needs(_) => continue,
            };
            if let Some(frame) = Frame::parse(&rest[..length]) {
                let answer = Answer { address: frame.address, pdu: frame.pdu.to_vec() };
                self.drop_front(start);
                self.bytes.drain(..length);
                return Some(answer);
            }
        }
        None
    }

    fn drop_front(&mut self, count: usize) {
        self.bytes.drain(..count);
        self.dropped += count as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frame(address: u8, pdu: &[u8]) -> Vec<u8> {
        let mut out = [0; MAX_FRAME];
        let length = Frame { address, pdu }.emit(&mut out).expect("the example fits");
        out[..length].to_vec()
    }

    fn registers(count: u8) -> Vec<u8> {
        let mut pdu = vec![3, count * 2];
        pdu.extend((0..count * 2).map(|byte| byte.wrapping_mul(37)));
        pdu
    }

    #[test]
    fn a_frame_cut_at_every_border_is_found_whole() {
        let pdu = registers(60);
        let bytes = frame(2, &pdu);
        for cut in 0..bytes.len() {
            let mut framer = Framer::default();
            framer.push(&bytes[..cut]);
            assert_eq!(framer.next(Line::Talking), None, "cut at {cut}");
            assert_eq!(framer.next(Line::Silent), None, "cut at {cut}");
            framer.push(&bytes[cut..]);
            assert_eq!(framer.next(Line::Talking), Some(Answer { address: 2, pdu: pdu.clone() }), "cut at {cut}");
        }
    }

    #[test]
    fn frames_that_arrive_together_come_out_one_by_one() {
        let mut framer = Framer::default();
        framer.push(&[frame(2, &[6, 0, 1, 0, 2]), frame(3, &[0x83, 2]), frame(2, &registers(1))].concat());
        let next = |framer: &mut Framer| framer.next(Line::Talking).map(|answer| (answer.address, answer.pdu[0]));
        assert_eq!([next(&mut framer), next(&mut framer)], [Some((2, 6)), Some((3, 0x83))]);
        assert_eq!([next(&mut framer), next(&mut framer)], [Some((2, 3)), None]);
        assert_eq!(framer.dropped(), 0);
    }

    #[test]
    fn a_frame_of_unknown_length_is_taken_when_the_line_falls_silent() {
        let mut framer = Framer::default();
        framer.push(&frame(2, &[0x41, 9, 8, 7]));
        assert_eq!(framer.next(Line::Talking), None);
        assert_eq!(framer.next(Line::Silent), Some(Answer { address: 2, pdu: vec![0x41, 9, 8, 7] }));
    }

    #[test]
    fn noise_in_front_that_looks_like_a_long_frame_hides_nothing_for_good() {
        let mut framer = Framer::default();
        framer.push(&[2, 3, 250]); // the head of a frame that never comes
        framer.push(&frame(2, &registers(4)));
        assert_eq!(framer.next(Line::Talking), None);
        assert_eq!(framer.next(Line::Silent), Some(Answer { address: 2, pdu: registers(4) }));
        assert_eq!(framer.dropped(), 3);
    }

    #[test]
    fn the_echo_of_a_request_is_skipped_once() {
        let request = frame(2, &[6, 0, 1, 0, 2]);
        let mut framer = Framer::default();
        framer.push(&request[..3]);
        assert_eq!(framer.skip_echo(&request), None);
        framer.push(&request[3..]);
        framer.push(&request); // the answer to FC6 is the request again
        assert_eq!(framer.skip_echo(&request), Some(true));
        assert!(framer.next(Line::Talking).is_some());
    }

    proptest! {
        #[test]
        fn any_bytes_in_any_pieces_are_answered(pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..80), 0..12)) {
            let mut framer = Framer::default();
            for piece in pieces {
                framer.push(&piece);
                while framer.next(Line::Talking).is_some() {}
                while framer.next(Line::Silent).is_some() {}
            }
        }

        #[test]
        fn a_frame_behind_noise_is_found_after_silence(
            noise in proptest::collection::vec(any::<u8>(), 0..30), count in 1_u8..=125,
        ) {
            let wanted = Answer { address: 2, pdu: registers(count) };
            let line = [&noise[..], &frame(2, &wanted.pdu)].concat();
            // One time in 65,536 noise has a good CRC by chance, and then it is a frame to whoever hears it.
            let by_chance = |start: usize| match answer_length(&line[start..]) {
                FrameLength::Exactly(length) if length <= line.len() - start => {
                    Frame::parse(&line[start..start + length]).is_some()
                }
                FrameLength::Unknown => Frame::parse(&line[start..]).is_some(),
                FrameLength::Exactly(_) | FrameLength::Needs(_) => false,
            };
            prop_assume!(!(0..noise.len()).any(by_chance));
            let mut framer = Framer::default();
            framer.push(&line);
            let mut found = Vec::new();
            while let Some(answer) = framer.next(Line::Silent) {
                found.push(answer);
            }
            prop_assert!(found.contains(&wanted), "{found:?}");
        }

        #[test]
        fn any_fragmentation_yields_the_same_frames(cuts in proptest::collection::vec(1_usize..40, 1..40)) {
            let stream = [frame(2, &registers(125)), frame(2, &[16, 0xF2, 0, 0, 123]), frame(2, &[0x90, 6])].concat();
            let mut framer = Framer::default();
            let mut found = Vec::new();
            let mut rest = &stream[..];
            for cut in cuts.iter().cycle() {
                let (now, later) = rest.split_at((*cut).min(rest.len()));
                framer.push(now);
                while let Some(answer) = framer.next(Line::Talking) {
                    found.push(answer.pdu[0]);
                }
                rest = later;
                if rest.is_empty() { break; }
            }
            prop_assert_eq!(found, vec![3, 16, 0x90]);
        }
    }
}
