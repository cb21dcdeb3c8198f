//! Random instructions that are neither UNPREDICTABLE nor jumpy: what both machines must agree on.

/// `xorshift64*`: the same sequence on every machine.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(crate) fn word(&mut self) -> u32 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32) as u32
    }

    /// A number in `0..limit`.
    pub(crate) fn below(&mut self, limit: u32) -> u16 {
        (self.word() % limit) as u16
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[usize::from(self.below(from.len() as u32))]
    }

    pub(crate) fn flip(&mut self) -> u16 {
        self.below(2)
    }

    /// A register that blocks may change: r0-r9, r12, lr. r10 and r11 point into memory, r13 at the dump.
    pub(crate) fn register(&mut self) -> u16 {
        self.pick(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 14])
    }

    fn low(&mut self) -> u16 {
        self.below(8)
    }

    /// A word as arithmetic likes it: often near a border.
    pub(crate) fn interesting_word(&mut self) -> u32 {
        match self.below(6) {
            0 => self.pick(&[0, 1, 2, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 0x8000, 0x7FFF, 0x7F80_80FF, 0xFF]),
            1 => self.word() & 0xFF,
            2 => (self.word() as i32 >> 20) as u32,
            _ => self.word(),
        }
    }

    /// The bits of a single: ordinary numbers, and every kind of odd one.
    pub(crate) fn interesting_single(&mut self) -> u32 {
        match self.below(8) {
            0 => self.pick(&[
                0,
                0x8000_0000,
                0x7F80_0000,
                0xFF80_0000,
                0x7FC0_0000,
                0x7F80_0001,
                0xFFC1_2345,
                0xFFA5_0000,
            ]),
            1 => self.word() & 0x807F_FFFF,
            2 => {
                self.pick(&[0x3F80_0000, 0xBF80_0000, 0x7F7F_FFFF, 0xFF7F_FFFF, 0x0080_0000, 0x4F00_0000, 0x4F80_0000])
            }
            3 => ((self.word() as i16) as f32 / 16.0).to_bits(),
            4 => (self.word() as i32 as f32).to_bits(),
            // Exponents near each other, so that sums and products stay in range.
            5 | 6 => self.word() & 0x81FF_FFFF | 0x3E00_0000,
            _ => self.word(),
        }
    }
}

/// Which instructions a block is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Data,
    Dsp,
    Float,
    Memory,
    Flow,
}

pub(crate) const KINDS: [Kind; 5] = [Kind::Data, Kind::Dsp, Kind::Float, Kind::Memory, Kind::Flow];

/// A few instructions of one kind.
pub(crate) fn instructions(random: &mut Random, kind: Kind) -> Vec<u16> {
    match kind {
        Kind::Data => data(random),
        Kind::Dsp => dsp(random),
        Kind::Float => float(random),
        Kind::Memory => memory(random),
        Kind::Flow => flow(random),
    }
}

fn data(random: &mut Random) -> Vec<u16> {
    match random.below(8) {
        0 | 1 => vec![random.below(0x4400)],
        2 => vec![high_registers(random)],
        3 => vec![narrow_miscellaneous(random)],
        4 => modified_immediate(random),
        5 => plain_immediate(random),
        6 => shifted_register(random),
        _ => register_form(random),
    }
}

fn high_registers(random: &mut Random) -> u16 {
    let operation = random.below(3);
    let (d, m) = (random.register(), random.register());
    // CMP of two low registers has its own encoding.
    let d = if operation == 1 && d < 8 && m < 8 { 12 } else { d };
    0x4400 | operation << 8 | (d & 8) << 4 | m << 3 | d & 7
}

fn narrow_miscellaneous(random: &mut Random) -> u16 {
    let operands = random.below(64);
    random.pick(&[0xB200, 0xB240, 0xB280, 0xB2C0, 0xBA00, 0xBA40, 0xBAC0]) | operands
}

fn modified_immediate(random: &mut Random) -> Vec<u16> {
    let operation = random.pick(&[0, 1, 2, 3, 4, 8, 10, 11, 13, 14]);
    let mut n = random.register();
    let mut d = random.register();
    let mut s = random.flip();
    if matches!(operation, 2 | 3) && random.flip() == 0 {
        n = 15;
    }
    if matches!(operation, 0 | 4 | 8 | 13) && random.below(3) == 0 {
        (d, s) = (15, 1);
    }
    // A replicated byte of zero is unpredictable.
    let byte = random.below(255) + 1;
    vec![0xF000 | random.flip() << 10 | operation << 5 | s << 4 | n, random.below(8) << 12 | d << 8 | byte]
}

fn plain_immediate(random: &mut Random) -> Vec<u16> {
    let (d, n) = (random.register(), random.register());
    let immediate = random.below(8) << 12 | random.below(256);
    let i = random.flip() << 10;
    match random.below(7) {
        0 => vec![0xF200 | i | n, immediate | d << 8],
        1 => vec![0xF2A0 | i | n, immediate | d << 8],
        2 => vec![0xF240 | i | random.below(16), immediate | d << 8],
        3 => vec![0xF2C0 | i | random.below(16), immediate | d << 8],
        4 => {
            let low = random.below(32);
            let width = random.below(32 - u32::from(low));
            let opcode = random.pick(&[0xF340, 0xF3C0]);
            vec![opcode | n, (low >> 2) << 12 | d << 8 | (low & 3) << 6 | width]
        }
        _ => {
            let low = random.below(32);
            let top = low + random.below(32 - u32::from(low));
            let source = if random.flip() == 0 { 15 } else { n };
            vec![0xF360 | source, (low >> 2) << 12 | d << 8 | (low & 3) << 6 | top]
        }
    }
}

fn shifted_register(random: &mut Random) -> Vec<u16> {
    let operation = random.pick(&[0, 1, 2, 3, 4, 8, 10, 11, 13, 14]);
    let (mut n, mut d, m) = (random.register(), random.register(), random.register());
    let mut s = random.flip();
    if matches!(operation, 2 | 3) && random.flip() == 0 {
        n = 15;
    }
    if matches!(operation, 0 | 4 | 8 | 13) && random.below(3) == 0 {
        (d, s) = (15, 1);
    }
    vec![0xEA00 | operation << 5 | s << 4 | n, random.below(8) << 12 | d << 8 | random.below(16) << 4 | m]
}

fn register_form(random: &mut Random) -> Vec<u16> {
    let (d, n, m) = (random.register(), random.register(), random.register());
    match random.below(3) {
        0 => vec![0xFA00 | random.below(8) << 4 | n, 0xF000 | d << 8 | m],
        1 => {
            let n = if random.flip() == 0 { 15 } else { n };
            vec![0xFA00 | random.below(6) << 4 | n, 0xF080 | d << 8 | random.below(4) << 4 | m]
        }
        _ => {
            let (first, second) = random.pick(&[
                (0xFA90, 0xF080),
                (0xFA90, 0xF090),
                (0xFA90, 0xF0A0),
                (0xFA90, 0xF0B0),
                (0xFAB0, 0xF080),
            ]);
            vec![first | m, second | d << 8 | m]
        }
    }
}

fn dsp(random: &mut Random) -> Vec<u16> {
    let (d, n, m, a) = (random.register(), random.register(), random.register(), random.register());
    let (x, y) = (random.flip(), random.flip());
    let with_accumulator = if random.flip() == 0 { 15 } else { a };
    match random.below(12) {
        0 => vec![
            0xFA80 | random.pick(&[0, 1, 2, 4, 5, 6]) << 4 | n,
            0xF000 | d << 8 | random.pick(&[0, 1, 2, 4, 5, 6]) << 4 | m,
        ],
        1 => vec![0xFA80 | n, 0xF080 | d << 8 | random.below(4) << 4 | m],
        2 => vec![0xFAA0 | n, 0xF080 | d << 8 | m], // SEL
        3 => vec![0xFB00 | n, with_accumulator << 12 | d << 8 | m],
        4 => vec![0xFB00 | n, a << 12 | d << 8 | 0x10 | m],
        5 => vec![0xFB10 | n, with_accumulator << 12 | d << 8 | x << 5 | y << 4 | m],
        6 => vec![random.pick(&[0xFB20, 0xFB30, 0xFB40, 0xFB50]) | n, with_accumulator << 12 | d << 8 | x << 4 | m],
        7 => vec![0xFB60 | n, a << 12 | d << 8 | x << 4 | m], // SMMLS
        8 => vec![0xFB70 | n, with_accumulator << 12 | d << 8 | m],
        9 => vec![random.pick(&[0xFB90, 0xFBB0]) | n, 0xF0F0 | d << 8 | m],
        10 => {
            // Two different registers for the halves of a long result.
            let low = if a == d { (d + 1) & 7 } else { a };
            let (first, second) = random.pick(&[
                (0xFB80, 0x00),
                (0xFBA0, 0x00),
                (0xFBC0, 0x00),
                (0xFBC0, 0x80),
                (0xFBC0, 0x90),
                (0xFBC0, 0xA0),
                (0xFBC0, 0xB0),
                (0xFBC0, 0xC0),
                (0xFBC0, 0xD0),
                (0xFBD0, 0xC0),
                (0xFBD0, 0xD0),
                (0xFBE0, 0x00),
                (0xFBE0, 0x60),
            ]);
            vec![first | n, low << 12 | d << 8 | second | m]
        }
        _ => saturate(random, d, n),
    }
}

fn saturate(random: &mut Random, d: u16, n: u16) -> Vec<u16> {
    let amount = random.below(32);
    let opcode = random.pick(&[0xF300, 0xF380]);
    match random.below(3) {
        0 => vec![opcode | n, (amount >> 2) << 12 | d << 8 | (amount & 3) << 6 | random.below(32)],
        1 => vec![opcode | 0x20 | n, d << 8 | random.below(16)],
        _ => {
            let amount = amount.max(1);
            vec![opcode | 0x20 | n, (amount >> 2) << 12 | d << 8 | (amount & 3) << 6 | random.below(32)]
        }
    }
}

fn float(random: &mut Random) -> Vec<u16> {
    let (d, n, m) = (random.below(32), random.below(32), random.below(32));
    let operands = |first: u16, second: u16| {
        vec![first | (d & 1) << 6 | n >> 1, 0x0A00 | second | (d >> 1) << 12 | (n & 1) << 7 | (m & 1) << 5 | m >> 1]
    };
    let one =
        |first: u16, second: u16| vec![first | (d & 1) << 6, 0x0A00 | second | (d >> 1) << 12 | (m & 1) << 5 | m >> 1];
    let op = random.flip() << 6;
    match random.below(11) {
        0 => operands(0xEE00, op),
        1 => operands(0xEE10, op),
        2 => operands(0xEE20, op),
        3 => operands(0xEE30, op),
        4 => operands(0xEE80, 0),
        5 => operands(0xEE90, op),
        6 => operands(0xEEA0, op),
        7 => one(0xEEB0 | random.pick(&[0, 1]), 0x40 | random.flip() << 7),
        8 => float_compare(random, &one),
        9 => float_convert(random, d, &one),
        _ => float_move(random, d, n),
    }
}

fn float_compare(random: &mut Random, one: &impl Fn(u16, u16) -> Vec<u16>) -> Vec<u16> {
    let top = random.flip() << 7;
    let mut code = one(0xEEB4, 0x40 | top);
    if random.below(3) == 0 {
        code = vec![code[0] | 1, code[1] & !0x2F];
    }
    code.extend([0xEEF1, 0xFA10]); // vmrs APSR_nzcv, fpscr
    code
}

fn float_convert(random: &mut Random, d: u16, one: &impl Fn(u16, u16) -> Vec<u16>) -> Vec<u16> {
    let top = random.flip() << 7;
    match random.below(4) {
        0 => one(0xEEB8, 0x40 | top),
        1 => one(0xEEBC | random.flip(), 0x40 | top),
        2 => one(0xEEB2 | random.flip(), 0x40 | top),
        _ => {
            // 16 or 32 less the fraction bits, in five bits.
            let encoded = random.below(if top == 0 { 17 } else { 32 });
            let direction = random.pick(&[0xEEBA, 0xEEBB, 0xEEBE, 0xEEBF]);
            vec![direction | (d & 1) << 6, 0x0A40 | (d >> 1) << 12 | top | (encoded & 1) << 5 | encoded >> 1]
        }
    }
}

fn float_move(random: &mut Random, d: u16, n: u16) -> Vec<u16> {
    let core = random.register();
    let single = |opcode: u16| vec![opcode | n >> 1, 0x0A10 | core << 12 | (n & 1) << 7];
    match random.below(5) {
        0 => single(0xEE00),
        1 => single(0xEE10),
        2 => vec![0xEEB0 | (d & 1) << 6 | random.below(16), 0x0A00 | (d >> 1) << 12 | random.below(16)],
        3 => vec![0xEE00 | random.flip() << 5 | random.flip() << 4 | random.below(16), 0x0B10 | core << 12],
        _ => {
            let second = if core == 0 { 1 } else { core - 1 };
            let second = if second == 13 { 12 } else { second };
            let second = if second == 11 { 9 } else { second };
            let (to_core, lower) = (random.flip() << 4, n.min(30));
            if random.flip() == 0 {
                vec![0xEC40 | to_core | second, 0x0A10 | core << 12 | (lower & 1) << 5 | lower >> 1]
            } else {
                vec![0xEC40 | to_core | second, 0x0B10 | core << 12 | lower >> 1]
            }
        }
    }
}

/// r11 points into the middle of 4 KB that blocks own; r10 is made of it before each access that moves its base.
fn memory(random: &mut Random) -> Vec<u16> {
    let t = random.register();
    let offset = random.below(128);
    let sizes: [u16; 5] = [0xF800, 0xF820, 0xF840, 0xF900, 0xF920];
    let load = random.flip() << 4;
    let size = if load == 0 { random.pick(&sizes[..3]) } else { random.pick(&sizes) };
    match random.below(9) {
        0 => vec![size | 0x80 | load | 11, t << 12 | random.below(512)],
        1 => vec![size | load | 11, t << 12 | 0x0C00 | offset],
        2 => {
            // Pre- or post-indexed on r10.
            let form = random.pick(&[0x0900, 0x0B00, 0x0D00, 0x0F00]);
            vec![0x46DA, size | load | 10, t << 12 | form | offset]
        }
        3 => {
            // A small index in r9: and.w r9, t, #0x3f
            let t = if t == 9 { 8 } else { t };
            vec![0xF000 | t, 0x093F, size | load | 11, t << 12 | random.below(4) << 4 | 9]
        }
        4 => {
            let first = random.register();
            let second = if first == 14 { 12 } else { 14 };
            let form = random.pick(&[0xE940, 0xE9C0]);
            vec![form | load | 11, first << 12 | second << 8 | random.below(32)]
        }
        5 => multiple(random, load),
        6 => float_transfer(random, load),
        7 => exclusive(random),
        _ => vec![size | load | 11, t << 12 | 0x0E00 | offset], // unprivileged
    }
}

fn multiple(random: &mut Random, load: u16) -> Vec<u16> {
    let list = (random.below(0x0400) | 3) & 0x03FF;
    let form = random.pick(&[0xE8A0, 0xE880, 0xE920, 0xE900]);
    vec![0x46DA, form | load | 10, list]
}

fn float_transfer(random: &mut Random, load: u16) -> Vec<u16> {
    let d = random.below(30);
    match random.below(3) {
        0 => {
            vec![random.pick(&[0xED00, 0xED80]) | (d & 1) << 6 | load | 11, 0x0A00 | (d >> 1) << 12 | random.below(64)]
        }
        1 => vec![random.pick(&[0xED00, 0xED80]) | load | 11, 0x0B00 | (d >> 1) << 12 | random.below(64)],
        _ => {
            let words = 1 + random.below(32 - u32::from(d));
            let form = random.pick(&[0xEC80, 0xECA0, 0xED20]);
            vec![0x46DA, form | (d & 1) << 6 | load | 10, 0x0A00 | (d >> 1) << 12 | words]
        }
    }
}

fn exclusive(random: &mut Random) -> Vec<u16> {
    let offset = random.below(32);
    let mut code = vec![0xE850 | 11, 0x0F00 | offset]; // ldrex r0, [r11, #offset]
    if random.below(3) == 0 {
        code.extend([0xF3BF, 0x8F2F]); // clrex
    }
    code.extend([0xE840 | 11, 0x1200 | offset]); // strex r2, r1, [r11, #offset]
    code
}

/// IT blocks, forward branches, table branches over data instructions.
fn flow(random: &mut Random) -> Vec<u16> {
    let condition = random.below(14);
    match random.below(5) {
        0 | 1 => it_block(random, condition),
        2 => {
            let skipped = data(random);
            [vec![0xD000 | condition << 8 | (skipped.len() as u16 + 1 - 2) & 0xFF], skipped].concat()
        }
        3 => {
            let skipped = [data(random), data(random)].concat();
            let operation = random.pick(&[0xB100, 0xB900]);
            [vec![operation | (skipped.len() as u16 - 1) << 3 | random.low()], skipped].concat()
        }
        _ => {
            // A wide conditional branch.
            let skipped = [data(random), dsp(random)].concat();
            [vec![0xF000 | condition << 6, 0x8000 | skipped.len() as u16], skipped].concat()
        }
    }
}

fn it_block(random: &mut Random, condition: u16) -> Vec<u16> {
    let count = 1 + random.below(4);
    let pattern = random.below(16);
    let mut code = vec![0xBF00 | condition << 4 | mask_of(count, pattern, condition)];
    for _ in 0..count {
        code.extend(match random.below(3) {
            0 => vec![random.below(0x4400)],
            1 => dsp(random),
            _ => data(random),
        });
    }
    code
}

/// The mask of an IT block of `count` instructions; bit n of `pattern` says whether instruction n + 1 is an "else".
fn mask_of(count: u16, pattern: u16, condition: u16) -> u16 {
    let mut mask = 1 << (4 - count);
    for step in 1..count {
        let bit = (condition & 1) ^ (pattern >> step & 1);
        mask |= bit << (4 - step);
    }
    mask
}
