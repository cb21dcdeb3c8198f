//! Rate and format of a character on the line.

use crate::time::VirtualTime;

/// Parity bit of a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parity {
    /// None.
    None,
    /// Even.
    Even,
    /// Odd.
    Odd,
}

/// Stop bits of a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopBits {
    /// One.
    One,
    /// Two.
    Two,
}

/// How the master port sends and listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineSettings {
    /// Bits a second, not zero.
    pub baud: u32,
    /// Parity bit.
    pub parity: Parity,
    /// Stop bits.
    pub stop_bits: StopBits,
}

impl Default for LineSettings {
    /// 115200 8N1, as the plants use it.
    fn default() -> Self {
        Self { baud: 115_200, parity: Parity::None, stop_bits: StopBits::One }
    }
}

impl LineSettings {
    /// Bits of a character on the line: start, eight data, parity, stop.
    #[must_use]
    pub fn bits_per_character(&self) -> u32 {
        let parity = u32::from(self.parity != Parity::None);
        let stop = if self.stop_bits == StopBits::Two { 2 } else { 1 };
        1 + 8 + parity + stop
    }

    /// Length of a character: 86.805 us at 115200 8N1.
    #[must_use]
    pub fn character_time(&self) -> VirtualTime {
        VirtualTime::of_periods(u64::from(self.bits_per_character()), u64::from(self.baud))
    }
}

/// Whether a receiver makes sense of a sender's characters: lengths that differ by no more than 3 %, which is what is
/// left of half a bit in ten when both clocks are off by 1 %.
pub(super) fn understands(receiver: VirtualTime, sender: VirtualTime) -> bool {
    let difference = receiver.0.abs_diff(sender.0);
    difference.saturating_mul(100) <= sender.0.saturating_mul(3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_of_8n1_has_ten_bits_and_one_of_8e1_or_8n2_eleven() {
        let plain = LineSettings::default();
        assert_eq!(plain.bits_per_character(), 10);
        assert_eq!(plain.character_time(), VirtualTime(86_805_555));
        assert_eq!(LineSettings { parity: Parity::Even, ..plain }.bits_per_character(), 11);
        assert_eq!(LineSettings { stop_bits: StopBits::Two, ..plain }.bits_per_character(), 11);
        let slow = LineSettings { baud: 9600, parity: Parity::Odd, ..plain };
        assert_eq!(slow.character_time(), VirtualTime(1_145_833_333));
    }

    #[test]
    fn neighbouring_rates_and_formats_are_told_apart() {
        let plain = LineSettings::default().character_time();
        let even = LineSettings { parity: Parity::Even, ..LineSettings::default() }.character_time();
        assert!(understands(plain, plain + VirtualTime::from_micros(1)));
        assert!(!understands(plain, even));
        assert!(!understands(plain, LineSettings { baud: 57_600, ..LineSettings::default() }.character_time()));
    }
}
