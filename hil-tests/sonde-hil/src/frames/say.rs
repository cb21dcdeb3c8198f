//! What a mad master says.

use protocol::modbus::rtu::Frame;
use protocol::modbus::{BROADCAST, MAX_FRAME};
use protocol::registers::{Access, REGISTERS, RegisterId, SYSTEM_RESET_KEY};
use virtual_board::unit::FIRST_UNIT_ID;

use crate::random::Random;

/// Most bytes of a random PDU.
const LONGEST: u64 = 253;

/// The next bytes on the line: a frame, most of a frame, or none.
pub(super) fn something(random: &mut Random, last: &[u8]) -> Vec<u8> {
    match random.below(20) {
        // What a master means to send.
        0..=9 => framed(address(random), &order(random)),
        10..=11 => framed(address(random), &read(random)),
        // A known function with anything behind it.
        12..=14 => {
            let function = [3, 4, 6, 8, 16, 17, 22, 23, 43][random.below(9) as usize];
            let mut pdu = vec![function];
            pdu.extend(anything(random, 30));
            framed(address(random), &pdu)
        }
        15 => framed(address(random), &anything(random, LONGEST)),
        // The same again, as a gateway repeats it.
        16 => last.to_vec(),
        17 => {
            let frame = framed(FIRST_UNIT_ID, &order(random));
            damaged(random, frame)
        }
        18 => {
            let frame = framed(FIRST_UNIT_ID, &order(random));
            let length = random.below(frame.len() as u64) as usize;
            frame[..length].to_vec()
        }
        _ => anything(random, LONGEST),
    }
}

/// How long the master is quiet then, milliseconds: mostly not at all, now and then long enough to count as gone.
pub(super) fn pause_ms(random: &mut Random) -> u64 {
    match random.below(1_000) {
        0..=899 => 0,
        900..=998 => random.below(30),
        _ => random.below(2_500),
    }
}

fn address(random: &mut Random) -> u8 {
    match random.below(10) {
        0 => BROADCAST,
        1 => random.below(256) as u8,
        _ => FIRST_UNIT_ID,
    }
}

/// A write to a register that can be written, with a value that means something.
fn order(random: &mut Random) -> Vec<u8> {
    let writable: Vec<_> = REGISTERS.iter().filter(|register| register.access == Access::ReadWrite).collect();
    let register = writable[random.below(writable.len() as u64) as usize];
    let [high, low] = register.address.to_be_bytes();
    let value = value(random, register.id);
    let [value_high, value_low] = value.to_be_bytes();
    match random.below(8) {
        0..=4 => vec![6, high, low, value_high, value_low],
        5 => {
            let count = 1 + random.below(4) as u8;
            let mut pdu = vec![16, high, low, 0, count, count * 2];
            (0..count).for_each(|_| pdu.extend((random.below(3) as u16).to_be_bytes()));
            pdu
        }
        6 => vec![22, high, low, 0xFF, 0xFE, 0, value_low & 1],
        _ => vec![23, 0, 0, 0, 3, high, low, 0, 1, 2, value_high, value_low],
    }
}

fn value(random: &mut Random, register: RegisterId) -> u16 {
    match (random.below(40), register) {
        (0, RegisterId::SystemReset) => SYSTEM_RESET_KEY,
        (1..=4, _) => random.below(0x1_0000) as u16,
        // A mad master that stops for good would be no test.
        (_, RegisterId::EmergencyStop) => u16::from(random.below(4) == 0),
        (_, RegisterId::GlobalEnable) => u16::from(random.below(4) != 0),
        (_, RegisterId::TestStartInhibit) => (random.below(16) & random.below(16) & random.below(16)) as u16,
        _ => random.below(2) as u16,
    }
}

fn read(random: &mut Random) -> Vec<u8> {
    let register = &REGISTERS[random.below(REGISTERS.len() as u64) as usize];
    let [high, low] = register.address.to_be_bytes();
    vec![3 + random.below(2) as u8, high, low, 0, random.below(20) as u8]
}

fn anything(random: &mut Random, longest: u64) -> Vec<u8> {
    (0..=random.below(longest)).map(|_| random.below(256) as u8).collect()
}

fn damaged(random: &mut Random, mut frame: Vec<u8>) -> Vec<u8> {
    let bit = random.below(frame.len() as u64 * 8) as usize;
    frame[bit / 8] ^= 1 << (bit % 8);
    frame
}

fn framed(address: u8, pdu: &[u8]) -> Vec<u8> {
    let mut frame = [0; MAX_FRAME];
    let length = Frame { address, pdu }.emit(&mut frame).expect("no PDU here is longer than a frame takes");
    frame[..length].to_vec()
}
