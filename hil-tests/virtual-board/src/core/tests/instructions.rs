//! Arithmetic with values worked out by hand. The bulk comparison is `tests/qemu_oracle`.

use super::support::machine;
use crate::core::Stop;

const N: u32 = 1 << 31;
const Z: u32 = 1 << 30;
const C: u32 = 1 << 29;
const V: u32 = 1 << 28;
const Q: u32 = 1 << 27;

/// One instruction: r0-r3 and APSR before, r0, r3 and APSR after.
struct Case {
    name: &'static str,
    code: &'static [u16],
    before: ([u32; 4], u32),
    after: (u32, u32, u32),
}

const fn case(
    name: &'static str,
    code: &'static [u16],
    registers: [u32; 4],
    flags: u32,
    r0: u32,
    flags_after: u32,
) -> Case {
    Case { name, code, before: (registers, flags), after: (r0, registers[3], flags_after) }
}

fn check(cases: &[Case]) {
    for Case { name, code, before: (registers, flags), after } in cases {
        let mut core = machine(code);
        for (number, &value) in registers.iter().enumerate() {
            core.set_register(number, value);
        }
        core.set_xpsr(flags | 1 << 24);
        assert_eq!(core.run_until(1), Stop::Deadline, "{name}");
        let seen = (core.registers()[0], core.registers()[3], core.xpsr() & 0xF80F_0000);
        assert_eq!(seen, *after, "{name}: {seen:08X?} instead of {after:08X?}");
    }
}

#[test]
fn sums_and_logic() {
    check(&[
        case("adds r0, r1, r2", &[0x1888], [0, 0x7FFF_FFFF, 1, 0], 0, 0x8000_0000, N | V),
        case("sbcs.w r0, r1, r2", &[0xEB71, 0x0002], [0; 4], 0, 0xFFFF_FFFF, N),
        case("sbcs.w r0, r1, r2 with carry", &[0xEB71, 0x0002], [0; 4], C, 0, Z | C),
        case("rsbs r0, r1, #0", &[0x4248], [5, 0, 0, 0], V, 0, Z | C),
        case("lsrs.w r0, r1, #32", &[0xEA5F, 0x0011], [5, 0x8000_0000, 0, 0], 0, 0, Z | C),
        case("rrxs r0, r1", &[0xEA5F, 0x0031], [0, 2, 0, 0], C, 0x8000_0001, N),
        case("mvns.w r0, r1, ror #4", &[0xEA7F, 0x1031], [0, 0xF, 0, 0], 0, 0x0FFF_FFFF, C),
        case("bfi r0, r1, #4, #8", &[0xF361, 0x100B], [0xFFFF_FFFF, 0, 0, 0], 0, 0xFFFF_F00F, 0),
        case("sbfx r0, r1, #4, #8", &[0xF341, 0x1007], [0, 0xF80, 0, 0], 0, 0xFFFF_FFF8, 0),
        case("clz r0, r1", &[0xFAB1, 0xF081], [0, 0x1_0000, 0, 0], 0, 15, 0),
        case("rbit r0, r1", &[0xFA91, 0xF0A1], [0, 1, 0, 0], 0, 0x8000_0000, 0),
        case("movt r0, #0x1234", &[0xF2C1, 0x2034], [0xFFFF, 0, 0, 0], 0, 0x1234_FFFF, 0),
    ]);
}

#[test]
fn saturation_sets_q_and_keeps_it() {
    check(&[
        case("qadd r0, r1, r2", &[0xFA82, 0xF081], [0, 0x7FFF_FFFF, 1, 0], 0, 0x7FFF_FFFF, Q),
        case("qadd r0, r1, r2 in range", &[0xFA82, 0xF081], [0, 3, 4, 0], Q, 7, Q),
        case("qdsub r0, r1, r2", &[0xFA82, 0xF0B1], [0, 0, 0x4000_0000, 0], 0, 0x8000_0001, Q),
        case("ssat r0, #8, r1", &[0xF301, 0x0007], [0, -129_i32 as u32, 0, 0], 0, 0xFFFF_FF80, Q),
        case("usat16 r0, #8, r1", &[0xF3A1, 0x0008], [0, 0xFFFF_0123, 0, 0], 0, 0xFF, Q),
        case("smlad r0, r1, r2, r3", &[0xFB21, 0x3002], [0, 0x8000_8000, 0x8000_8000, 0], 0, 0x8000_0000, Q),
        case("smlawt r0, r1, r2, r3", &[0xFB31, 0x3012], [0, 0x1_0000, 0x7FFF_0000, 0x7FFF_FFFF], 0, 0x8000_7FFE, Q),
    ]);
}

#[test]
fn several_lanes_at_once() {
    const GE_1011: u32 = 0b1011 << 16;
    const GE_0011: u32 = 0b0011 << 16;
    check(&[
        case("sadd8 r0, r1, r2", &[0xFA81, 0xF002], [0, 0x7F80_FF01, 0x0180_0102, 0], 0, 0x8000_0003, GE_1011),
        case("usub16 r0, r1, r2", &[0xFAD1, 0xF042], [0, 0x0005_1234, 0x0006_0034, 0], 0, 0xFFFF_1200, GE_0011),
        case("shasx r0, r1, r2", &[0xFAA1, 0xF022], [0, 0x0004_0010, 0x0020_0002, 0], 0, 0x0003_FFF8, 0),
        case("uqsax r0, r1, r2", &[0xFAE1, 0xF052], [0, 0x0001_FFFF, 0x0001_0002, 0], 0, 0x0000_FFFF, 0),
        case("sel r0, r1, r2", &[0xFAA1, 0xF082], [0, 0x1111_1111, 0x2222_2222, 0], GE_1011, 0x1122_1111, GE_1011),
        case("usada8 r0, r1, r2, r3", &[0xFB71, 0x3002], [0, 0x0102_0304, 0x0403_0201, 10], 0, 18, 0),
        case("pkhtb r0, r1, r2, asr #8", &[0xEAC1, 0x2022], [0, 0xAAAA_0000, 0xF123_4567, 0], 0, 0xAAAA_2345, 0),
        case("sxtab16 r0, r1, r2, ror #8", &[0xFA21, 0xF092], [0, 0x0001_0002, 0x80FF_7F00, 0], 0, 0xFF81_0081, 0),
    ]);
}

#[test]
fn long_products() {
    const ONES: u32 = u32::MAX;
    check(&[
        Case { name: "umaal r0, r3, r1, r2", code: &[0xFBE1, 0x0362], before: ([ONES; 4], 0), after: (ONES, ONES, 0) },
        Case {
            name: "smlsldx r0, r3, r1, r2",
            code: &[0xFBD1, 0x03D2],
            before: ([0, 0x0002_0003, 0x0005_0007, 0], 0),
            after: (1, 0, 0),
        },
        case("smmlsr r0, r1, r2, r3", &[0xFB61, 0x3012], [0, 0x4000_0000, 4, 5], 0, 4, 0),
    ]);
}

#[test]
fn unknown_encodings_stop_the_machine_and_say_so() {
    // vseleq.f32 s0, s0, s0 and vrintz.f32 s0, s0 are Armv8; vadd.f64 needs a double precision FPU.
    for (code, opcode) in [
        (&[0xFE00, 0x0A00][..], 0xFE00_0A00),
        (&[0xEEB6, 0x0AC0], 0xEEB6_0AC0),
        (&[0xEE30, 0x0B00], 0xEE30_0B00),
        (&[0xB6E0], 0xB6E0),
    ] {
        let mut core = machine(code);
        let pc = core.registers()[15];
        assert_eq!(core.run_until(10), Stop::UnknownInstruction { pc, opcode });
        assert_eq!(core.registers()[15], pc, "nothing ran");
    }
}
