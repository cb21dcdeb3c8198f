//! The application program status register, and sums that set it.

/// APSR: the condition flags, the sticky saturation flag, and GE of the parallel instructions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(super) struct Flags {
    pub(super) negative: bool,
    pub(super) zero: bool,
    pub(super) carry: bool,
    pub(super) overflow: bool,
    /// Q: stays until written.
    pub(super) saturated: bool,
    /// GE: one bit a byte lane.
    pub(super) greater_equal: u8,
}

/// For each of the 16 conditions the set of NZCV values (as bit numbers) that pass it.
const PASSES: [u16; 16] = passing();

const fn passing() -> [u16; 16] {
    let mut table = [0; 16];
    let mut nzcv = 0;
    while nzcv < 16 {
        let (n, z, c, v) = (nzcv & 8 != 0, nzcv & 4 != 0, nzcv & 2 != 0, nzcv & 1 != 0);
        let even = [z, c, n, v, c && !z, n == v, n == v && !z, true];
        let mut pair = 0;
        while pair < 8 {
            let passes = even[pair];
            table[pair * 2] |= (passes as u16) << nzcv;
            // Condition 15 is "always" too where it is decoded at all.
            table[pair * 2 + 1] |= ((!passes || pair == 7) as u16) << nzcv;
            pair += 1;
        }
        nzcv += 1;
    }
    table
}

impl Flags {
    /// The flags in their places of APSR.
    pub(super) fn to_bits(self) -> u32 {
        u32::from(self.nzcv()) << 28 | u32::from(self.saturated) << 27 | u32::from(self.greater_equal) << 16
    }

    /// The flags of an APSR or xPSR value.
    pub(super) fn from_bits(bits: u32) -> Self {
        Flags {
            negative: bits >> 31 & 1 != 0,
            zero: bits >> 30 & 1 != 0,
            carry: bits >> 29 & 1 != 0,
            overflow: bits >> 28 & 1 != 0,
            saturated: bits >> 27 & 1 != 0,
            greater_equal: (bits >> 16 & 15) as u8,
        }
    }

    #[inline(always)]
    fn nzcv(self) -> u8 {
        u8::from(self.negative) << 3 | u8::from(self.zero) << 2 | u8::from(self.carry) << 1 | u8::from(self.overflow)
    }

    /// Whether an instruction under `condition` runs.
    #[inline(always)]
    pub(super) fn pass(self, condition: u8) -> bool {
        PASSES[usize::from(condition & 15)] >> self.nzcv() & 1 != 0
    }

    /// N and Z of a result.
    #[inline(always)]
    pub(super) fn set_nz(&mut self, result: u32) {
        self.negative = (result as i32) < 0;
        self.zero = result == 0;
    }

    /// All four flags of the sum `a + b + carry`.
    #[inline(always)]
    pub(super) fn set_sum(&mut self, a: u32, b: u32, carry: bool) {
        let (partial, first) = a.overflowing_add(b);
        let (sum, second) = partial.overflowing_add(u32::from(carry));
        self.carry = first | second;
        self.overflow = (a ^ sum) & (b ^ sum) & 0x8000_0000 != 0;
        self.set_nz(sum);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn conditions_follow_table_a7_1() {
        let with = |bits: u32| Flags::from_bits(bits << 28);
        for nzcv in 0..16 {
            let (n, z, c, v) = (nzcv & 8 != 0, nzcv & 4 != 0, nzcv & 2 != 0, nzcv & 1 != 0);
            let expected =
                [z, !z, c, !c, n, !n, v, !v, c && !z, !c || z, n == v, n != v, !z && n == v, z || n != v, true, true];
            for (condition, expected) in expected.into_iter().enumerate() {
                assert_eq!(with(nzcv).pass(condition as u8), expected, "condition {condition}, nzcv {nzcv:04b}");
            }
        }
    }

    proptest! {
        #[test]
        fn sums_set_flags_as_wide_arithmetic_does(a: u32, b: u32, carry: bool) {
            let mut flags = Flags::default();
            flags.set_sum(a, b, carry);
            let unsigned = u64::from(a) + u64::from(b) + u64::from(carry);
            let signed = i64::from(a as i32) + i64::from(b as i32) + i64::from(carry);
            prop_assert_eq!(flags.carry, unsigned >> 32 != 0);
            prop_assert_eq!(flags.overflow, i64::from(unsigned as u32 as i32) != signed);
            prop_assert_eq!(flags.zero, unsigned as u32 == 0);
            prop_assert_eq!(flags.negative, unsigned as u32 >> 31 == 1);
        }

        #[test]
        fn bits_survive_the_round_trip(bits: u32) {
            prop_assert_eq!(Flags::from_bits(bits).to_bits(), bits & 0xF80F_0000);
        }
    }
}
