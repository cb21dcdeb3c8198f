//! Guests small enough to assemble by hand.

use super::super::{Board, BoardConfig};

/// A guest that does nothing, as fast as it can: `b .`
pub(super) const SPIN: [u16; 1] = [0xE7FE];

/// Writes registers in order, then sleeps or spins.
pub(super) struct Guest {
    writes: Vec<(u32, u32)>,
    end: [u16; 2],
}

impl Guest {
    pub(super) fn new() -> Self {
        // wfi; b .-2
        Self { writes: Vec::new(), end: [0xBF30, 0xE7FD] }
    }

    pub(super) fn writes(mut self, writes: &[(u32, u32)]) -> Self {
        self.writes.extend_from_slice(writes);
        self
    }

    pub(super) fn then_spin(mut self) -> Self {
        self.end = [0xE7FE, 0xE7FE];
        self
    }

    pub(super) fn board(&self) -> Board {
        // ldr r0, table; next: ldmia r0!, {r1, r2}; cmp r1, #0; beq end; str r2, [r1]; b next; end:
        let mut code = vec![0x4803, 0xC806, 0x2900, 0xD001, 0x600A, 0xE7FA, self.end[0], self.end[1]];
        let words = [0x0800_0214].into_iter().chain(self.writes.iter().flat_map(|&(at, value)| [at, value])).chain([0]);
        code.extend(words.flat_map(|word| [word as u16, (word >> 16) as u16]));
        board_with(&code)
    }
}

/// A board whose guest does these writes and then sleeps.
pub(super) fn script(writes: &[(u32, u32)]) -> Board {
    Guest::new().writes(writes).board()
}

/// Behind all vectors.
const CODE: usize = 0x200;
/// Every exception ends here: `b .`
const HANDLER: usize = 0x1F0;

/// A board whose reset vector is this code.
pub(super) fn board_with(code: &[u16]) -> Board {
    let word = |value: usize| (0x0800_0001 + value as u32).to_le_bytes();
    let mut flash = word(HANDLER).repeat(HANDLER / 4);
    flash[..4].copy_from_slice(&0x2001_0000u32.to_le_bytes());
    flash[4..8].copy_from_slice(&word(CODE));
    flash.extend_from_slice(&SPIN[0].to_le_bytes());
    flash.resize(CODE, 0);
    code.iter().for_each(|half| flash.extend_from_slice(&half.to_le_bytes()));
    Board::new(BoardConfig { flash, unique_id: *b"sonde board1" })
}
