//! Random blocks: state in, a few instructions, state out; compared register by register.

use super::image::{Image, STACK_TOP};
use super::random::{Kind, Random, instructions};
use virtual_board::core::RAM_START;

/// Blocks in one image: their dumps fill most of the SRAM.
const BLOCKS: usize = 560;
/// Groups of instructions in a block.
const GROUPS: usize = 6;
/// Words that a block dumps: S0-S31, APSR, FPSCR, r0-r12, lr.
pub(crate) const DUMP_WORDS: usize = 32 + 2 + 14;
/// The middle of the memory that blocks load and store.
const SCRATCH: u32 = RAM_START + 0x800;

/// An image of random blocks, and what each block runs.
pub(crate) struct Blocks {
    pub(crate) image: Image,
    pub(crate) code: Vec<Vec<u16>>,
    pub(crate) initial: Vec<Vec<u32>>,
}

/// Names of the dumped words, lowest address first.
pub(crate) fn dump_names() -> Vec<String> {
    let floats = (0..32).map(|number| format!("s{number}"));
    let core = (0..13).map(|number| format!("r{number}"));
    floats.chain(["apsr".into(), "fpscr".into()]).chain(core).chain(["lr".into()]).collect()
}

/// Address of the dump of block `number`.
pub(crate) fn dump_address(number: usize) -> u32 {
    STACK_TOP - ((number + 1) * DUMP_WORDS * 4) as u32
}

pub(crate) fn build(kind: Kind, seed: u64) -> Blocks {
    let mut random = Random::new(seed);
    let mut blocks = Blocks { image: Image::new(), code: Vec::new(), initial: Vec::new() };
    for _ in 0..BLOCKS {
        let groups = (0..GROUPS).map(|_| instructions(&mut random, kind));
        let code = groups.collect::<Vec<_>>().concat();
        let state = initial_state(&mut random, kind);
        emit(&mut blocks.image, &state, &code);
        blocks.code.push(code);
        blocks.initial.push(state);
    }
    blocks.image.end();
    blocks
}

/// S0-S31, FPSCR, APSR, r0-r12, lr.
fn initial_state(random: &mut Random, kind: Kind) -> Vec<u32> {
    let mut state: Vec<u32> = (0..32).map(|_| random.interesting_single()).collect();
    let modes = if random.flip() == 0 { 0 } else { random.word() & 0x07C0_0000 };
    state.push(modes | random.word() & 0xF000_0000);
    state.push(random.word() & 0xF80F_0000);
    state.extend((0..14).map(|_| random.interesting_word()));
    if kind == Kind::Memory {
        state[34 + 10] = SCRATCH;
        state[34 + 11] = SCRATCH;
    }
    state
}

fn emit(image: &mut Image, state: &[u32], code: &[u16]) {
    image.align();
    image.code(&[0xF000, 0xB800 | (state.len() * 2) as u16]); // b.w over the data
    let data = image.here();
    image.words(state);
    image.load_constant(0, data);
    image.code(&[0xECB0, 0x0A20]); // vldmia r0!, {s0-s31}
    image.code(&[0x6801, 0xEEE1, 0x1A10]); // ldr r1, [r0]; vmsr fpscr, r1
    image.code(&[0x6841, 0xF381, 0x8C00]); // ldr r1, [r0, #4]; msr apsr_nzcvqg, r1
    image.code(&[0xF100, 0x0008, 0xE890, 0x5FFF]); // add.w r0, r0, #8; ldmia.w r0, {r0-r12, lr}
    image.code(code);
    image.code(&[0xE92D, 0x5FFF]); // push {r0-r12, lr}
    image.code(&[0xF3EF, 0x8000, 0xEEF1, 0x1A10, 0xB403]); // mrs r0, apsr; vmrs r1, fpscr; push {r0, r1}
    image.code(&[0xED2D, 0x0A20]); // vpush {s0-s31}
}
