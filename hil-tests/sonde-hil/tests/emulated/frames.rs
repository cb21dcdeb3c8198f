//! What a line does to frames, and what is no frame (`bus:M1`, `fault:B5`).

use protocol::modbus::MAX_FRAME;
use protocol::modbus::rtu::Frame;
use protocol::registers::{MAP_VERSION, RegisterId};
use virtual_board::time::VirtualTime;

use crate::flash::UnitFlash;
use crate::rig::{Rig, UNIT, exception, framed};
use crate::test::tests;

tests![
    a_bad_crc_is_met_with_silence_and_counted,
    what_other_units_say_and_are_told_is_met_with_silence,
    a_frame_may_have_gaps_as_adapters_make_them,
    a_long_frame_is_taken_whenever_it_begins,
    a_request_behind_garbage_is_answered,
    frames_of_256_bytes_are_answered_and_longer_ones_are_not,
    two_requests_without_a_pause_leave_the_unit_in_step,
    random_frames_neither_stop_the_machine_nor_turn_an_output_on,
];

/// Reads the map's version.
const READ: [u8; 5] = [3, 0x05, 0x00, 0, 1];
const VERSION: [u8; 4] = [3, 2, MAP_VERSION.to_be_bytes()[0], MAP_VERSION.to_be_bytes()[1]];

fn answers(rig: &mut Rig) {
    assert_eq!(rig.ask(&READ).as_deref(), Some(&VERSION[..]));
}

fn a_bad_crc_is_met_with_silence_and_counted() {
    let mut rig = Rig::running(UnitFlash::new());
    let errors = rig.number(RegisterId::CommErrors);
    for byte in 0..8 {
        let mut frame = framed(UNIT, &READ);
        frame[byte] ^= 1;
        assert_eq!(rig.ask_frame(&frame), None, "byte {byte}");
        answers(&mut rig);
    }
    assert_eq!(rig.number(RegisterId::CommErrors), errors + 8);
}

fn what_other_units_say_and_are_told_is_met_with_silence() {
    let mut rig = Rig::running(UnitFlash::new());
    let errors = rig.number(RegisterId::CommErrors);
    for other in [1, UNIT + 1, 247, 255] {
        assert_eq!(rig.ask_frame(&framed(other, &READ)), None);
        // The other unit's answer, just after its request.
        assert_eq!(rig.ask_frame(&framed(other, &VERSION)), None);
        assert_eq!(rig.ask_frame(&framed(other, &[0x83, 2])), None);
        assert_eq!(rig.ask_frame(&framed(other, &[&[3, 250][..], &[0x55; 250]].concat())), None);
        answers(&mut rig);
    }
    assert_eq!(rig.number(RegisterId::CommErrors), errors);
}

fn a_frame_may_have_gaps_as_adapters_make_them() {
    let mut rig = Rig::running(UnitFlash::new());
    let frame = framed(UNIT, &READ);
    for gap_us in [200, 750, 1_700, 4_000] {
        for cut in 1..frame.len() {
            rig.say(&frame[..cut]);
            rig.wait(VirtualTime::from_micros(gap_us));
            rig.say(&frame[cut..]);
            assert_eq!(rig.take_answer().as_deref(), Some(&VERSION[..]), "{gap_us} us after {cut} bytes");
        }
    }
    // A frame that is given up in the middle costs nobody but its master anything.
    rig.say(&frame[..5]);
    rig.wait_ms(10);
    answers(&mut rig);
}

fn a_long_frame_is_taken_whenever_it_begins() {
    let mut rig = Rig::running(UnitFlash::new());
    let write = [&[16, 0, 0x11, 0, 123, 246][..], &[0; 246]].concat();
    // The bus task looks around by itself every 100 ms, also in the middle of a frame.
    for idle_ms in (0..=110).step_by(5) {
        rig.wait_ms(idle_ms);
        assert_eq!(rig.ask(&write), exception(16, 2), "after {idle_ms} ms");
    }
    assert_eq!(rig.number(RegisterId::CommErrors), 0);
}

fn a_request_behind_garbage_is_answered() {
    let mut rig = Rig::running(UnitFlash::new());
    let frame = framed(UNIT, &READ);
    for garbage in [&[0][..], &[0xFF; 3], &[UNIT, 3], &[UNIT, 16, 0, 0, 0, 1, 2], &[UNIT; 40], &[0x55; 300]] {
        rig.say(garbage);
        rig.wait_ms(6);
        assert_eq!(rig.ask_frame(&frame).as_deref(), Some(&VERSION[..]), "a pause behind {garbage:02x?}");
    }
    // Without a pause the unit may need the silence behind the request to find it.
    for garbage in [&[0][..], &[0xFF; 3], &[0x80, 0x00]] {
        let bytes = [garbage, &frame].concat();
        assert_eq!(rig.ask_frame(&bytes).as_deref(), Some(&VERSION[..]), "right behind {garbage:02x?}");
    }
}

fn frames_of_256_bytes_are_answered_and_longer_ones_are_not() {
    let mut rig = Rig::running(UnitFlash::new());
    let longest = |code| [&[code][..], &[0; MAX_FRAME - 4]].concat();
    assert_eq!(framed(UNIT, &longest(65)).len(), MAX_FRAME);
    assert_eq!(rig.ask(&longest(65)), exception(65, 1), "a function that nobody serves");
    assert_eq!(rig.ask(&longest(8)), exception(8, 3), "an echo that no answer holds");
    let echo = [&[8, 0, 0][..], &[0x5A; 248]].concat();
    assert_eq!(rig.ask(&echo).as_ref(), Some(&echo), "the longest one");
    let write = [&[16, 0, 0x11, 0, 123, 246][..], &[0; 246]].concat();
    assert_eq!(rig.ask(&write), exception(16, 2), "it leaves the map");
    for length in [MAX_FRAME + 1, 300, 600, 1500] {
        let bytes: Vec<u8> = framed(UNIT, &READ).into_iter().cycle().take(length).map(|byte| byte ^ 0x11).collect();
        assert_eq!(rig.ask_frame(&bytes), None, "{length} bytes");
        rig.wait_ms(6);
        answers(&mut rig);
    }
}

fn two_requests_without_a_pause_leave_the_unit_in_step() {
    let mut rig = Rig::running(UnitFlash::new());
    let frame = framed(UNIT, &READ);
    // Whatever it makes of them: the answer to the first may collide with nothing here, the rest is heard or lost.
    rig.say(&[&frame[..], &frame].concat());
    let heard = rig.listen();
    let good = framed(UNIT, &VERSION);
    assert!(heard.chunks(good.len()).all(|frame| frame == good), "{heard:02x?}");
    rig.wait_ms(6);
    answers(&mut rig);
}

fn random_frames_neither_stop_the_machine_nor_turn_an_output_on() {
    /// Enough for every kind several times; the seed is fixed.
    const FRAMES: u64 = 400;
    let mut rig = Rig::running(UnitFlash::new());
    let (resets, before) = (rig.board().resets().len(), rig.flash_but_events());
    let mut random = Random(0x5EED_2026);
    for number in 0..FRAMES {
        let bytes = random.frame();
        rig.say(&bytes);
        let heard = rig.listen();
        assert!(heard.is_empty() || Frame::parse(&heard).is_some(), "frame {number} {bytes:02x?}: {heard:02x?}");
        if number % 16 == 0 {
            rig.wait_ms(6);
            answers(&mut rig);
        }
    }
    rig.wait_ms(1_500);
    answers(&mut rig);
    assert_eq!(rig.board().resets().len(), resets);
    assert!(rig.flash_but_events() == before);
}

/// A sequence of numbers that look random (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % limit
    }

    fn byte(&mut self) -> u8 {
        self.below(256) as u8
    }

    fn bytes(&mut self, longest: usize) -> Vec<u8> {
        let length = self.below(longest) + 1;
        (0..length).map(|_| self.byte()).collect()
    }

    /// Noise; a good frame of nonsense; a served function with nonsense for data; a good request with one bit turned.
    fn frame(&mut self) -> Vec<u8> {
        const SERVED: [u8; 9] = [3, 4, 6, 8, 16, 17, 22, 23, 43];
        match self.below(8) {
            0 => self.bytes(40),
            1 => self.bytes(280),
            2 => framed(UNIT, &self.bytes(60)),
            3 => framed(0, &self.bytes(20)),
            4 => {
                let mut frame = framed(UNIT, &READ);
                let bit = self.below(frame.len() * 8);
                frame[bit / 8] ^= 1 << (bit % 8);
                frame
            }
            _ => {
                let mut pdu = vec![SERVED[self.below(SERVED.len())]];
                // Often near a place where something is.
                pdu.extend([[0, 5, 0xF0, 0xF1, 0xF2, 0xF3, 0xFF][self.below(7)], self.byte() & 0x5F, 0]);
                pdu.extend(self.bytes(24));
                framed(UNIT, &pdu)
            }
        }
    }
}
