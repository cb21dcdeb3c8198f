use crate::modbus::MAX_FRAME;
use proptest::prelude::*;

use super::*;

const UNIT: u8 = 2;

fn framed(address: u8, pdu: &[u8]) -> Vec<u8> {
    let mut out = [0; MAX_FRAME];
    let length = Frame { address, pdu }.emit(&mut out).expect("the example fits");
    out[..length].to_vec()
}

/// A line: bytes with pauses between, and what was heard.
struct Line {
    receiver: Receiver,
    now_us: u64,
    requests: Vec<(u8, Vec<u8>)>,
    garbage: usize,
}

impl Line {
    fn new() -> Self {
        Self { receiver: Receiver::new(UNIT), now_us: 1_000_000, requests: Vec::new(), garbage: 0 }
    }

    /// Bytes at 115200 baud.
    fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        for &byte in bytes {
            self.now_us += 87;
            let heard = self.receiver.push(byte, self.now_us);
            note(&mut self.requests, &mut self.garbage, heard);
        }
        self
    }

    /// Bytes that somebody takes from the port now.
    fn read_together(&mut self, bytes: &[u8]) -> &mut Self {
        for (&byte, at_us) in bytes.iter().zip(arrivals(self.now_us, bytes.len())) {
            let heard = self.receiver.push(byte, at_us);
            note(&mut self.requests, &mut self.garbage, heard);
        }
        self
    }

    fn pause(&mut self, us: u64) -> &mut Self {
        self.now_us += us;
        let heard = self.receiver.silence(self.now_us);
        note(&mut self.requests, &mut self.garbage, heard);
        self
    }

    fn silence(&mut self) -> &mut Self {
        self.pause(SILENCE_US)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "takes what the receiver gives")]
fn note(requests: &mut Vec<(u8, Vec<u8>)>, garbage: &mut usize, heard: Option<Heard<'_>>) {
    match heard {
        Some(Heard::Request(frame)) => requests.push((frame.address, frame.pdu.to_vec())),
        Some(Heard::Garbage) => *garbage += 1,
        None => {}
    }
}

const READ: [u8; 5] = [3, 0, 0, 0, 1];

#[test]
fn a_long_frame_that_is_read_in_the_middle_and_at_its_end_is_one_frame() {
    let mut write = vec![16, 0xF2, 0, 0, 123, 246];
    write.extend([0x5A; 246]);
    let frame = framed(UNIT, &write);
    for cut in 1..frame.len() {
        let mut line = Line::new();
        let (head, tail) = frame.split_at(cut);
        line.read_together(head).now_us += tail.len() as u64 * 87;
        line.read_together(tail);
        assert_eq!((line.requests, line.garbage), (vec![(UNIT, write.clone())], 0), "read after {cut} bytes");
    }
}

#[test]
fn a_request_is_heard_with_its_last_byte() {
    let mut line = Line::new();
    line.bytes(&framed(UNIT, &READ));
    assert_eq!((line.requests.as_slice(), line.garbage), (&[(UNIT, READ.to_vec())][..], 0));
    assert_eq!(line.receiver.silence_at(), None);
}

#[test]
fn gaps_inside_a_frame_do_not_break_it() {
    // Device servers and USB adapters: facts/bus.md section 2.
    let mut line = Line::new();
    let frame = framed(UNIT, &READ);
    line.bytes(&frame[..3]).pause(4_000).bytes(&frame[3..7]).pause(2_000).bytes(&frame[7..]);
    assert_eq!(line.requests, [(UNIT, READ.to_vec())]);
}

#[test]
fn the_largest_legal_frame_is_taken() {
    let mut write = vec![16, 0xF2, 0, 0, 123, 246];
    write.extend([0x5A; 246]);
    let mut largest_read_write = vec![23, 0, 0, 0, 1, 0xF0, 0, 0, 121, 242];
    largest_read_write.extend([0x5A; 242]);
    // No function has it, but the specification allows it: a PDU of 253 bytes, known by the silence behind it.
    let longest = vec![65; 253];
    let mut line = Line::new();
    for pdu in [&write, &largest_read_write, &longest] {
        line.bytes(&framed(UNIT, pdu)).silence();
    }
    assert_eq!(line.requests.len(), 3);
    assert_eq!(line.requests[2].1, longest);
    assert_eq!(line.garbage, 0);
}

#[test]
fn other_units_and_their_answers_are_passed_over() {
    let mut line = Line::new();
    let mut long_answer = vec![3, 250];
    long_answer.extend([0x11; 250]);
    for pdu in [&READ[..], &long_answer, &[3, 2, 0, 7], &[0x83, 2], &[6, 0, 1, 0, 1], &[17], &[17, 3, 1, 0xFF, 7]] {
        line.bytes(&framed(9, pdu)).pause(2_000);
    }
    line.bytes(&framed(UNIT, &READ));
    assert_eq!((line.requests.as_slice(), line.garbage), (&[(UNIT, READ.to_vec())][..], 0));
}

#[test]
fn a_broadcast_is_heard() {
    let mut line = Line::new();
    line.bytes(&framed(BROADCAST, &[6, 0, 0x11, 0, 1]));
    assert_eq!(line.requests, [(BROADCAST, vec![6, 0, 0x11, 0, 1])]);
}

#[test]
fn a_wrong_crc_is_garbage_and_the_next_request_is_heard() {
    let mut line = Line::new();
    let mut wrong = framed(UNIT, &READ);
    *wrong.last_mut().unwrap() ^= 1;
    line.bytes(&wrong).pause(2_000).bytes(&framed(UNIT, &READ)).silence();
    assert_eq!((line.requests.len(), line.garbage), (1, 1));
}

#[test]
fn a_request_right_behind_noise_is_heard_after_silence() {
    // fault:B4
    for noise in [&[0xFF][..], &[0x00], &[0x02, 0x03], &[0x02, 0x10, 0x00, 0x00, 0x00, 0x7B, 0xF6], &[0x7E; 40]] {
        let mut line = Line::new();
        line.bytes(noise).bytes(&framed(UNIT, &READ)).silence();
        assert_eq!(line.requests, [(UNIT, READ.to_vec())], "{noise:02x?}");
    }
}

#[test]
fn noise_without_end_is_dropped_and_survived() {
    // fault:B5
    let mut line = Line::new();
    line.bytes(&[0x55; 3000]).pause(2_000).bytes(&framed(UNIT, &READ)).silence();
    assert_eq!(line.requests, [(UNIT, READ.to_vec())]);
    assert!(line.garbage > 5);
}

#[test]
fn a_frame_that_never_ends_is_given_up() {
    let mut line = Line::new();
    line.bytes(&framed(UNIT, &READ)[..6]).silence();
    assert_eq!((line.requests.len(), line.garbage), (0, 1));
    line.bytes(&framed(UNIT, &READ));
    assert_eq!(line.requests.len(), 1);
}

#[test]
fn a_function_of_unknown_length_ends_with_silence() {
    let mut line = Line::new();
    line.bytes(&framed(UNIT, &[65, 1, 2, 3]));
    assert!(line.requests.is_empty());
    line.silence();
    assert_eq!(line.requests, [(UNIT, vec![65, 1, 2, 3])]);
    // Another unit's is no garbage either.
    line.bytes(&framed(9, &[65, 1, 2, 3])).pause(2_000).bytes(&framed(UNIT, &READ));
    assert_eq!((line.requests.len(), line.garbage), (2, 0));
}

proptest! {
    #[test]
    fn any_bytes_at_any_times_are_survived_and_the_next_request_is_heard(
        bursts in proptest::collection::vec((proptest::collection::vec(any::<u8>(), 0..300), 0_u64..8_000), 0..6),
    ) {
        let mut line = Line::new();
        for (bytes, pause) in &bursts {
            line.bytes(bytes).pause(*pause);
        }
        line.silence();
        let before = line.requests.len();
        line.bytes(&framed(UNIT, &READ));
        prop_assert_eq!(&line.requests[before..], &[(UNIT, READ.to_vec())]);
    }

    #[test]
    fn any_request_to_us_is_heard_exactly_once_whatever_the_fragments(
        pdu in proptest::collection::vec(any::<u8>(), 1..=253), cuts in proptest::collection::vec(0_u64..4_900, 0..20),
    ) {
        let frame = framed(UNIT, &pdu);
        let mut line = Line::new();
        let piece = frame.len().div_ceil(cuts.len() + 1);
        for (bytes, pause) in frame.chunks(piece).zip(cuts.iter().copied().chain([0])) {
            line.bytes(bytes);
            // A function of unknown length is known by silence only, so it must come without pauses.
            if request_length(&frame) == FrameLength::Exactly(frame.len()) {
                line.pause(pause);
            }
        }
        line.silence();
        // What reads as another unit's answer, or as a shorter frame with a good CRC, is not this test's.
        let ambiguous = (4..=frame.len()).any(|end| answer_length(&frame[..end]) == FrameLength::Exactly(end)
            && Frame::parse(&frame[..end]).is_some());
        prop_assume!(!ambiguous);
        prop_assert_eq!(&line.requests, &[(UNIT, pdu)]);
    }
}

/// A request for `address` of 247 bytes that ends in a zero byte: read as an answer it is 246 bytes long, and its CRC is
/// good without that byte too.
fn ends_in_zero(address: u8) -> Vec<u8> {
    let candidate = |number: u16| {
        let mut write = vec![23, 0xF1, 0, 0, 16, 0xF0, 0, 0, 117, 234];
        write.extend([0x5A; 232]);
        write.extend(number.to_le_bytes());
        framed(address, &write)
    };
    let frame = (0..=u16::MAX).map(candidate).find(|frame| frame.last() == Some(&0)).expect("one in 256 does");
    assert_eq!(answer_length(&frame), FrameLength::Exactly(frame.len() - 1));
    frame
}

#[test]
fn a_request_whose_last_byte_is_zero_is_not_taken_for_a_shorter_answer() {
    let frame = ends_in_zero(UNIT);
    let mut line = Line::new();
    line.bytes(&frame).pause(FRAME_GAP_US).bytes(&framed(UNIT, &READ));
    let heard: Vec<_> = line.requests.iter().map(|(_, pdu)| pdu.len()).collect();
    assert_eq!((heard, line.garbage), (vec![frame.len() - 3, READ.len()], 0));
}

#[test]
fn a_frame_that_could_have_one_more_byte_is_over_after_a_pause_and_with_any_other_byte() {
    let frame = ends_in_zero(9);
    let answer = &frame[..frame.len() - 1];
    for pause_us in [0, FRAME_GAP_US, SILENCE_US] {
        let mut line = Line::new();
        line.bytes(answer).pause(pause_us).bytes(&framed(UNIT, &READ)).silence();
        assert_eq!((line.requests.as_slice(), line.garbage), (&[(UNIT, READ.to_vec())][..], 0), "{pause_us}");
    }
}

#[test]
fn an_answer_of_another_unit_whose_last_byte_is_zero_leaves_nothing_behind() {
    // FC3, two registers: 9 bytes, of which 8 are a request of FC3 as well.
    let answer = (0..=u16::MAX)
        .map(|value| {
            let [high, low] = value.to_be_bytes();
            framed(9, &[3, 4, high, low, 1, 2])
        })
        .find(|frame| frame.last() == Some(&0))
        .expect("one in 256 does");
    let mut line = Line::new();
    line.bytes(&answer).pause(FRAME_GAP_US).bytes(&framed(UNIT, &READ));
    assert_eq!((line.requests.as_slice(), line.garbage), (&[(UNIT, READ.to_vec())][..], 0));
}
