//! A crash record: what the core was at when the firmware went wrong.
//!
//! Written by the fault handler to RAM that a reset leaves alone, moved to flash by the next start. 512 bytes:
//!
//! | offset | bytes | field |
//! |---|---|---|
//! | 0 | 4 | magic `SCRH` |
//! | 4 | 1 | kind, [`CrashKind`] |
//! | 5 | 1 | slot that ran |
//! | 6 | 2 | exception that was active: the low 9 bits of xPSR, 0 in thread mode |
//! | 8 | 4 | number of the record, from 1; 0 while it is in RAM |
//! | 12 | 4 | starts of the unit so far; 0 when not known yet |
//! | 16 | 4 | time since the start, milliseconds |
//! | 20 | 6 | version that ran |
//! | 26 | 2 | line of the panic |
//! | 28 | 20 | build id |
//! | 48 | 72 | r0-r12, sp, lr, pc, xPSR, EXC_RETURN |
//! | 120 | 16 | CFSR, HFSR, MMFAR, BFAR |
//! | 136 | 116 | text: end of the panic's file name, a colon and its message; zero-padded |
//! | 252 | 256 | stack, from sp on; what is not RAM is zero |
//! | 508 | 4 | CRC-32 |

use crate::checksum::crc32;
use crate::coded::coded;
use crate::fields::{Reader, Writer};
use crate::layout::Slot;
use crate::semver::Version;

/// Bytes of a crash record.
pub const CRASH_SIZE: usize = 512;
/// Bytes of text.
pub const CRASH_TEXT: usize = 116;
/// Words of the stack.
pub const CRASH_STACK: usize = 64;

const MAGIC: [u8; 4] = *b"SCRH";

coded! {
    /// What went wrong, as far as the chip tells.
    CrashKind {
        /// Rust panicked.
        Panic = 1, "panic";
        /// A hard fault of its own.
        HardFault = 2, "hard fault";
        /// The memory protection, or code from where there is none.
        MemManage = 3, "memory management fault";
        /// An access that nobody answered.
        BusFault = 4, "bus fault";
        /// An instruction that is none, or not allowed.
        UsageFault = 5, "usage fault";
        /// An interrupt that nobody serves.
        Unserved = 6, "interrupt that nobody serves";
        /// A non-maskable interrupt: flash of the running image, clock or RAM.
        Nmi = 7, "non-maskable interrupt";
    }
}

/// The registers of the core.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Registers {
    /// r0 to r12.
    pub general: [u32; 13],
    /// Stack pointer before the exception.
    pub sp: u32,
    /// Link register.
    pub lr: u32,
    /// Where it happened.
    pub pc: u32,
    /// Program status.
    pub xpsr: u32,
    /// How the exception would have returned; 0 for a panic.
    pub exc_return: u32,
}

/// What the fault registers of the core say (Armv7-M B3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FaultStatus {
    /// Configurable faults.
    pub cfsr: u32,
    /// Hard faults.
    pub hfsr: u32,
    /// Address of a memory management fault, when CFSR says so.
    pub mmfar: u32,
    /// Address of a bus fault, when CFSR says so.
    pub bfar: u32,
}

impl FaultStatus {
    /// What kind of fault this is: the configurable ones come as hard faults, and CFSR tells which.
    #[must_use]
    pub const fn kind(&self) -> CrashKind {
        match self.cfsr {
            cfsr if cfsr & 0xFFFF_0000 != 0 => CrashKind::UsageFault,
            cfsr if cfsr & 0xFF00 != 0 => CrashKind::BusFault,
            cfsr if cfsr & 0xFF != 0 => CrashKind::MemManage,
            _ => CrashKind::HardFault,
        }
    }
}

/// A crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CrashRecord {
    /// What went wrong.
    pub kind: CrashKind,
    /// Slot that ran.
    pub slot: Slot,
    /// Exception that was active, 0 in thread mode.
    pub exception: u16,
    /// Its number, from 1; 0 while it is in RAM.
    pub number: u32,
    /// Starts of the unit so far.
    pub boot: u32,
    /// Since that start, milliseconds.
    pub time_ms: u32,
    /// Version that ran.
    pub version: Version,
    /// Line of a panic.
    pub line: u16,
    /// Build that ran.
    pub build_id: [u8; 20],
    /// Registers.
    pub registers: Registers,
    /// Fault registers.
    pub status: FaultStatus,
    /// File and message of a panic; zero-padded.
    pub text: [u8; CRASH_TEXT],
    /// The stack, from `sp` on.
    pub stack: [u32; CRASH_STACK],
}

impl CrashRecord {
    /// Reads a record; `None` for anything that is not exactly one.
    #[must_use]
    pub fn parse(bytes: &[u8; CRASH_SIZE]) -> Option<Self> {
        let (body, checksum) = bytes.split_last_chunk::<4>()?;
        let mut reader = Reader::new(body);
        if reader.array() != MAGIC || crc32(body) != u32::from_le_bytes(*checksum) {
            return None;
        }
        let (kind, slot) = (CrashKind::from_code(reader.u8())?, Slot::from_code(reader.u8())?);
        let exception = reader.u16();
        let (number, boot, time_ms) = (reader.u32(), reader.u32(), reader.u32());
        let (version, line, build_id) = (Version::read(&mut reader), reader.u16(), reader.array());
        let general = core::array::from_fn(|_| reader.u32());
        let mut next = || reader.u32();
        let registers = Registers { general, sp: next(), lr: next(), pc: next(), xpsr: next(), exc_return: next() };
        let status = FaultStatus { cfsr: next(), hfsr: next(), mmfar: next(), bfar: next() };
        let text = reader.array();
        let stack = core::array::from_fn(|_| reader.u32());
        Some(Self {
            kind,
            slot,
            exception,
            number,
            boot,
            time_ms,
            version,
            line,
            build_id,
            registers,
            status,
            text,
            stack,
        })
    }

    /// The record's bytes.
    #[must_use]
    pub fn emit(&self) -> [u8; CRASH_SIZE] {
        let mut bytes = [0; CRASH_SIZE];
        let mut writer = Writer::new(&mut bytes);
        writer.array(&MAGIC).u8(self.kind.code()).u8(self.slot.code()).u16(self.exception);
        writer.u32(self.number).u32(self.boot).u32(self.time_ms);
        self.version.write(&mut writer);
        writer.u16(self.line).array(&self.build_id);
        let Registers { general, sp, lr, pc, xpsr, exc_return } = self.registers;
        let FaultStatus { cfsr, hfsr, mmfar, bfar } = self.status;
        let words = general.into_iter().chain([sp, lr, pc, xpsr, exc_return, cfsr, hfsr, mmfar, bfar]);
        for word in words {
            writer.u32(word);
        }
        writer.array(&self.text);
        for &word in &self.stack {
            writer.u32(word);
        }
        let (body, checksum) = bytes.split_last_chunk_mut::<4>().expect("a record is longer than its checksum");
        *checksum = crc32(body).to_le_bytes();
        bytes
    }

    /// The text, as far as it is one.
    #[must_use]
    pub fn text(&self) -> &str {
        let end = self.text.iter().position(|&byte| byte == 0).unwrap_or(CRASH_TEXT);
        let text = &self.text[..end];
        core::str::from_utf8(text).unwrap_or_else(|error| {
            // Cut in the middle of a character, or not text at all: what is good of it.
            core::str::from_utf8(&text[..error.valid_up_to()]).unwrap_or_default()
        })
    }

    /// Whether another one is the same mistake: what makes a crash loop write one record and not thousands.
    #[must_use]
    pub fn is_like(&self, other: &Self) -> bool {
        let place = |it: &Self| (it.kind, it.exception, it.registers.pc, it.line, it.build_id, it.text);
        place(self) == place(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn record() -> CrashRecord {
        let mut text = [0; CRASH_TEXT];
        text[..9].copy_from_slice(b"worker.rs");
        let general = core::array::from_fn(|number| number as u32);
        CrashRecord {
            kind: CrashKind::UsageFault,
            slot: Slot::B,
            exception: 69,
            number: 4,
            boot: 12,
            time_ms: 90_000,
            version: Version::new(1, 2, 3),
            line: 0,
            build_id: [7; 20],
            registers: Registers {
                general,
                sp: 0x2001_FE00,
                lr: 1,
                pc: 0x0801_2344,
                xpsr: 69,
                exc_return: 0xFFFF_FFF1,
            },
            status: FaultStatus { cfsr: 1 << 16, hfsr: 1 << 30, mmfar: 0, bfar: 0 },
            text,
            stack: core::array::from_fn(|word| word as u32 * 3),
        }
    }

    #[test]
    fn what_is_emitted_parses_back_and_every_flipped_bit_is_noticed() {
        let bytes = record().emit();
        assert_eq!(CrashRecord::parse(&bytes), Some(record()));
        assert_eq!(record().text(), "worker.rs");
        for bit in 0..CRASH_SIZE * 8 {
            let mut bytes = bytes;
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(CrashRecord::parse(&bytes), None, "bit {bit}");
        }
    }

    #[test]
    fn the_fields_are_where_the_table_says() {
        let bytes = record().emit();
        assert_eq!((&bytes[..4], bytes[4], bytes[5], bytes[6]), (&b"SCRH"[..], 5, 1, 69));
        assert_eq!(bytes[48..56], [0, 0, 0, 0, 1, 0, 0, 0]);
        assert_eq!(bytes[48 + 15 * 4..][..4], 0x0801_2344_u32.to_le_bytes(), "pc");
        assert_eq!(bytes[120..124], (1_u32 << 16).to_le_bytes(), "cfsr");
        assert_eq!(bytes[136..139], *b"wor");
        assert_eq!(bytes[256..260], 3_u32.to_le_bytes(), "second word of the stack");
    }

    #[test]
    fn the_kind_of_a_fault_is_told_from_cfsr() {
        for (cfsr, kind) in [
            (1 << 16, CrashKind::UsageFault),
            (1 << 9, CrashKind::BusFault),
            (1, CrashKind::MemManage),
            (0, CrashKind::HardFault),
        ] {
            assert_eq!(FaultStatus { cfsr, ..FaultStatus::default() }.kind(), kind);
        }
    }

    proptest! {
        #[test]
        fn any_text_is_told_as_far_as_it_is_one(bytes in proptest::collection::vec(any::<u8>(), CRASH_TEXT)) {
            let text = bytes.try_into().unwrap();
            let _ = CrashRecord { text, ..record() }.text();
        }
    }
}
