//! What the firmware knows over a reset: RAM that nothing clears ([`protocol::layout::KEPT_ADDRESS`]).
//!
//! 64 bytes, twice: each writing goes to the older one, so a reset in the middle of it leaves the other.
//!
//! | offset | bytes | field |
//! |---|---|---|
//! | 0 | 4 | magic `SKPT` |
//! | 4 | 4 | one more for each writing |
//! | 8 | 4 | starts of the unit so far; 0 while nobody knows |
//! | 12 | 1 | records that may still be written ([`crate::events::budget`]) |
//! | 13 | 1 | the task that did not report when the watchdog was last not fed, from 1; 0 for none |
//! | 14 | 1 | START outputs that are on |
//! | 15 | 1 | 1 while an emergency stop is in force |
//! | 16 | 1 | what it turned off |
//! | 17 | 3 | zero |
//! | 20 | 40 | each channel: state, amplitude, fault, zero, change (2), zero (4) |
//! | 60 | 4 | CRC-32 |

use protocol::channel::{ChannelFault, ChannelState};
use protocol::checksum::crc32;

use crate::shutdown::{Last, Snapshot};

/// Bytes of one copy.
pub const SIZE: usize = 64;

const MAGIC: [u8; 4] = *b"SKPT";
const CHANNELS: usize = 20;
const CHANNEL: usize = 10;

const _: () = assert!(CHANNELS + 4 * CHANNEL + 4 == SIZE);

/// What is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// Starts of the unit so far; 0 while nobody knows.
    pub boot: u32,
    /// Records that may still be written.
    pub budget: u8,
    /// The task that did not report, from 1; 0 for none.
    pub late: u8,
    /// The channels.
    pub channels: Snapshot,
}

impl Kept {
    /// The newer of two copies that is whole.
    #[must_use]
    pub fn newer(copies: &[[u8; SIZE]; 2]) -> Option<(u32, Self)> {
        let [first, second] = copies.each_ref().map(Self::parse);
        match (first, second) {
            (Some(first), Some(second)) if second.0.wrapping_sub(first.0).cast_signed() > 0 => Some(second),
            (Some(first), _) => Some(first),
            (None, second) => second,
        }
    }

    /// Reads a copy and its number; `None` for anything that is not exactly one: after power came, RAM holds anything.
    #[must_use]
    pub fn parse(bytes: &[u8; SIZE]) -> Option<(u32, Self)> {
        let (body, checksum) = bytes.split_last_chunk::<4>()?;
        if !body.starts_with(&MAGIC) || crc32(body) != u32::from_le_bytes(*checksum) {
            return None;
        }
        let word = |at: usize| Some(u32::from_le_bytes(*body.get(at..)?.first_chunk()?));
        let mut channels = [Snapshot::OFF.channels[0]; 4];
        for (last, bytes) in channels.iter_mut().zip(body[CHANNELS..].chunks_exact(CHANNEL)) {
            *last = Last {
                state: ChannelState::from_code(bytes[0].into())?,
                percent: bytes[1],
                fault: ChannelFault::from_code(bytes[2].into()),
                changed_s: u16::from_le_bytes([bytes[4], bytes[5]]),
            };
        }
        let emergency_stop = (body[15] != 0).then_some(body[16]);
        let channels = Snapshot { active: body[14], emergency_stop, channels };
        Some((word(4)?, Self { boot: word(8)?, budget: body[12], late: body[13], channels }))
    }

    /// The bytes of the copy with that number.
    #[must_use]
    pub fn emit(&self, number: u32) -> [u8; SIZE] {
        let mut bytes = [0; SIZE];
        bytes[..4].copy_from_slice(&MAGIC);
        bytes[4..8].copy_from_slice(&number.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.boot.to_le_bytes());
        let Snapshot { active, emergency_stop, channels } = self.channels;
        let stop = [emergency_stop.is_some().into(), emergency_stop.unwrap_or(0)];
        bytes[12..17].copy_from_slice(&[self.budget, self.late, active, stop[0], stop[1]]);
        for (last, place) in channels.iter().zip(bytes[CHANNELS..].chunks_exact_mut(CHANNEL)) {
            let fault = last.fault.map_or(0, |fault| fault.code() as u8);
            let [low, high] = last.changed_s.to_le_bytes();
            place[..6].copy_from_slice(&[last.state.code() as u8, last.percent, fault, 0, low, high]);
        }
        let (body, checksum) = bytes.split_last_chunk_mut::<4>().expect("a copy is longer than its checksum");
        *checksum = crc32(body).to_le_bytes();
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn kept(boot: u32) -> Kept {
        let mut channels = Snapshot { active: 0b101, emergency_stop: Some(2), ..Snapshot::OFF };
        channels.channels[3] =
            Last { state: ChannelState::Fault, percent: 80, fault: Some(ChannelFault::Power), changed_s: 0x1234 };
        Kept { boot, budget: 9, late: 2, channels }
    }

    #[test]
    fn what_is_emitted_parses_back_and_every_flipped_bit_is_noticed() {
        let bytes = kept(7).emit(3);
        assert_eq!(Kept::parse(&bytes), Some((3, kept(7))));
        for bit in 0..SIZE * 8 {
            let mut bytes = bytes;
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Kept::parse(&bytes), None, "bit {bit}");
        }
    }

    #[test]
    fn the_newer_whole_copy_counts_also_when_the_numbers_go_round() {
        let copy = |number| kept(number).emit(number);
        assert_eq!(Kept::newer(&[copy(4), copy(5)]), Some((5, kept(5))));
        assert_eq!(Kept::newer(&[copy(6), copy(5)]), Some((6, kept(6))));
        assert_eq!(Kept::newer(&[copy(u32::MAX), copy(0)]), Some((0, kept(0))));
        assert_eq!(Kept::newer(&[[0; SIZE], copy(5)]), Some((5, kept(5))));
        assert_eq!(Kept::newer(&[copy(6), [0xA5; SIZE]]), Some((6, kept(6))));
        assert_eq!(Kept::newer(&[[0; SIZE]; 2]), None);
    }

    proptest! {
        #[test]
        fn any_ram_is_answered(bytes in proptest::collection::vec(any::<u8>(), SIZE)) {
            prop_assert_eq!(Kept::parse(bytes.first_chunk().unwrap()), None);
        }
    }
}
