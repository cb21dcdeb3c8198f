//! The host's own floats are the model for rounding to nearest; directed rounding brackets the exact value.

use super::*;
use proptest::prelude::*;

const UP: u32 = 1 << 22;
const DOWN: u32 = 2 << 22;
const TO_ZERO: u32 = 3 << 22;

/// Singles of every kind, with exponents that often lie near each other.
fn single() -> impl Strategy<Value = u32> {
    prop_oneof![
        any::<u32>(),
        any::<u32>().prop_map(|bits| bits & 0x83FF_FFFF | 0x3C00_0000),
        any::<u32>().prop_map(|bits| bits & 0x807F_FFFF),
        prop::sample::select(vec![0, SIGN, INFINITY, INFINITY | SIGN, DEFAULT_NAN, 0x7F80_0001, 0x3F80_0000]),
    ]
}

fn same(ours: u32, host: f32) -> bool {
    ours == host.to_bits() || (is_nan(ours) && host.is_nan())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5000))]

    #[test]
    fn nearest_agrees_with_the_host(a in single(), b in single(), c in single()) {
        let (x, y, z) = (f32::from_bits(a), f32::from_bits(b), f32::from_bits(c));
        let with = || Arithmetic::new(0);
        prop_assert!(same(with().add(a, b), x + y));
        prop_assert!(same(with().subtract(a, b), x - y));
        prop_assert!(same(with().multiply(a, b), x * y));
        prop_assert!(same(with().divide(a, b), x / y));
        prop_assert!(same(with().square_root(a), x.sqrt()));
        prop_assert!(same(with().fused_multiply_add(c, a, b), x.mul_add(y, z)));
    }

    #[test]
    fn directed_roundings_bracket_the_nearest(a in single(), b in single()) {
        let product = |mode| f32::from_bits(Arithmetic::new(mode).multiply(a, b));
        let (nearest, up, down, zero) = (product(0), product(UP), product(DOWN), product(TO_ZERO));
        prop_assume!(!nearest.is_nan());
        prop_assert!(down <= nearest && nearest <= up);
        prop_assert!(zero.abs() <= nearest.abs());
        prop_assert_eq!(zero, if nearest.is_sign_negative() { up } else { down });
    }

    #[test]
    fn integers_convert_as_the_host_casts(value: u32, bits in single()) {
        let fixed = |unsigned| FixedPoint { bits: 32, fraction_bits: 0, unsigned };
        let mut with = Arithmetic::new(0);
        prop_assert_eq!(with.fixed_to_single(value, fixed(true), Rounding::Nearest), (value as f32).to_bits());
        prop_assert_eq!(with.fixed_to_single(value, fixed(false), Rounding::Nearest), (value as i32 as f32).to_bits());
        let single = f32::from_bits(bits);
        prop_assert_eq!(with.single_to_fixed(bits, fixed(true), Rounding::Zero), single as u32);
        prop_assert_eq!(with.single_to_fixed(bits, fixed(false), Rounding::Zero), single as i32 as u32);
    }

    #[test]
    fn halves_survive_the_way_through_a_single(half in 0..0x1_0000u32) {
        let mut with = Arithmetic::new(0);
        let single = with.half_to_single(half);
        let back = with.single_to_half(single);
        let nan = half & 0x7FFF > 0x7C00;
        prop_assert_eq!(back, if nan { half | 0x200 } else { half });
    }

    #[test]
    fn comparisons_agree_with_the_host(a in single(), b in single()) {
        let flags = Arithmetic::new(0).compare(a, b, true);
        let expected = match f32::from_bits(a).partial_cmp(&f32::from_bits(b)) {
            Some(std::cmp::Ordering::Less) => 0b1000,
            Some(std::cmp::Ordering::Equal) => 0b0110,
            Some(std::cmp::Ordering::Greater) => 0b0010,
            None => 0b0011,
        };
        prop_assert_eq!(flags, expected);
    }
}

#[test]
fn flags_tell_what_happened() {
    let raised = |mode: u32, operation: fn(&mut Arithmetic) -> u32| {
        let mut with = Arithmetic::new(mode);
        let result = operation(&mut with);
        (result, with.status & !mode)
    };
    let one = 1.0_f32.to_bits();
    let third = (1.0_f32 / 3.0).to_bits();
    assert_eq!(raised(0, |with| with.divide(1.0_f32.to_bits(), 3.0_f32.to_bits())), (third, fpscr::IXC));
    assert_eq!(raised(0, |with| with.divide(1.0_f32.to_bits(), 0)), (INFINITY, fpscr::DZC));
    assert_eq!(raised(0, |with| with.divide(0, 0)), (DEFAULT_NAN, fpscr::IOC));
    assert_eq!(raised(0, |with| with.multiply(0x7F7F_FFFF, 0x7F7F_FFFF)), (INFINITY, fpscr::OFC | fpscr::IXC));
    assert_eq!(raised(TO_ZERO, |with| with.multiply(0x7F7F_FFFF, 0x4000_0000)), (0x7F7F_FFFF, fpscr::OFC | fpscr::IXC));
    assert_eq!(raised(0, |with| with.multiply(0x0080_0001, 0x3F00_0001)).1, fpscr::UFC | fpscr::IXC);
    assert_eq!(raised(fpscr::FZ, |with| with.multiply(0x0080_0001, 0x3F00_0000)), (0, fpscr::UFC));
    assert_eq!(raised(fpscr::FZ, |with| with.add(1, 1.0_f32.to_bits())), (one, fpscr::IDC));
    assert_eq!(raised(fpscr::DN, |with| with.add(0xFFC1_2345, 0)), (DEFAULT_NAN, 0));
    assert_eq!(raised(0, |with| with.add(0xFF81_2345, 0x7FC0_0001)), (0xFFC1_2345, fpscr::IOC));
}
