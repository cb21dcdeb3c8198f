//! How fast the core runs: a loop with the mix of instructions that hashing and curve arithmetic are made of.

use std::time::{Duration, Instant};

use super::plain::PlainChip;
use super::{Core, FLASH_START, RAM_START, Stop};

/// What a run of the benchmark took.
#[derive(Debug, Clone, Copy)]
pub struct Measurement {
    /// Instructions executed.
    pub instructions: u64,
    /// Wall time.
    pub wall: Duration,
}

impl Measurement {
    /// Millions of instructions a second of wall time.
    #[must_use]
    pub fn mips(&self) -> f64 {
        self.instructions as f64 / self.wall.as_secs_f64() / 1e6
    }
}

/// Where the loop lies in flash, after a vector table of its own.
const PROGRAM: u32 = 0x200;

/// The loop: rotated exclusive-ors and sums over a block in SRAM, a 64-bit multiply-accumulate, a call, a loop branch.
const LOOP: [u16; 43] = [
    0xF04F, 0x5000, // mov.w r0, #0x20000000
    0xF44F, 0x6C80, // mov.w r12, #1024
    0x2101, 0x2202, 0x2303, // movs r1..r3
    // again:
    0x6804, // ldr r4, [r0]
    0xEA84, 0x14B1, // eor.w r4, r4, r1, ror #6
    0xEA84, 0x24F2, // eor.w r4, r4, r2, ror #11
    0x1864, // adds r4, r4, r1
    0x6845, // ldr r5, [r0, #4]
    0xEA22, 0x0603, // bic.w r6, r2, r3
    0xEA01, 0x0702, // and.w r7, r1, r2
    0x407E, // eors r6, r7
    0x19AD, // adds r5, r5, r6
    0x4165, // adcs r5, r4
    0xFBE4, 0x1205, // umlal r1, r2, r4, r5
    0xF8C0, 0x4010, // str.w r4, [r0, #16]
    0x6045, // str r5, [r0, #4]
    0x7846, // ldrb r6, [r0, #1]
    0xB2F6, // uxtb r6, r6
    0x199B, // adds r3, r3, r6
    0xF000, 0xF806, // bl leaf
    0xF1BC, 0x0C01, // subs.w r12, r12, #1
    0xD1E4, // bne again
    0xF44F, 0x6C80, // mov.w r12, #1024
    0xE7E1, // b again
    // leaf:
    0xB530, // push {r4, r5, lr}
    0x4614, // mov r4, r2
    0x2C00, // cmp r4, #0
    0xBF08, // it eq
    0x3101, // addeq r1, #1
    0xBD30, // pop {r4, r5, pc}
];

fn program() -> Vec<u8> {
    let mut flash = vec![0; 0x1000];
    let words = [RAM_START + 0x8000, (FLASH_START + PROGRAM) | 1];
    for (place, word) in flash.chunks_exact_mut(4).zip(words) {
        place.copy_from_slice(&word.to_le_bytes());
    }
    for (place, half) in flash[PROGRAM as usize..].chunks_exact_mut(2).zip(LOOP) {
        place.copy_from_slice(&half.to_le_bytes());
    }
    flash
}

/// Runs `instructions` instructions of the loop.
#[must_use]
pub fn measure(instructions: u64) -> Measurement {
    let mut core = Core::new(PlainChip::new(program()), 0x1_0000);
    core.reset();
    let start = Instant::now();
    let stop = core.run_until(instructions);
    let wall = start.elapsed();
    assert_eq!(stop, Stop::Deadline, "the benchmark's loop never ends by itself");
    Measurement { instructions: core.instructions(), wall }
}
