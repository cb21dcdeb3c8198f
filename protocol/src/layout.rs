//! The flash and RAM map of the unit (`design/architecture.md`, "The chip").
//!
//! Offsets count from the start of flash; only [`FLASH_BASE`] turns one into an address. Flash is aliased at address 0,
//! so range checks are made on offsets, never on addresses (`fault:A11`).

/// Where flash is mapped.
pub const FLASH_BASE: u32 = 0x0800_0000;
/// Flash of the STM32G474RE in dual-bank mode, bytes.
pub const FLASH_SIZE: u32 = 512 * 1024;
/// One bank, bytes. While one bank is erased or programmed the other keeps executing.
pub const BANK_SIZE: u32 = 256 * 1024;
/// Smallest erasable unit in dual-bank mode, bytes (RM0440 section 3.3.1).
pub const PAGE_SIZE: u32 = 2048;
/// Smallest programmable unit, bytes: a 64-bit double word with its ECC (RM0440 section 3.3.7).
pub const WORD_SIZE: u32 = 8;
/// What an erased byte reads as.
pub const ERASED: u8 = 0xFF;

/// The loader, from the start of flash, bytes; its last page holds the trust anchors.
pub const LOADER_SIZE: u32 = 64 * 1024;
/// Trust anchors: the public keys that images must be signed by ([`crate::anchors`]).
pub const ANCHORS_OFFSET: u32 = LOADER_SIZE - PAGE_SIZE;
/// One slot: a manifest page and the image behind it, bytes.
pub const SLOT_SIZE: u32 = 176 * 1024;
/// Where in its slot the image starts: behind the manifest page.
pub const IMAGE_IN_SLOT: u32 = PAGE_SIZE;
/// Where in its slot the marks of a transfer are: in the manifest page, one for the page itself and one for each page of the
/// image.
pub const MARKS_IN_SLOT: u32 = 1024;
/// Where in its slot the seals are: in the manifest page, behind the marks. They say that the image was written to its
/// end.
pub const SEALS_IN_SLOT: u32 = MARKS_IN_SLOT + (1 + IMAGE_PAGES) * WORD_SIZE;
/// Places for seals, one word each. One is written by a transfer and one when the image is confirmed; the others are for
/// those that power is lost in.
pub const SEAL_PLACES: u32 = 8;
/// Largest image, bytes.
pub const MAX_IMAGE: u32 = SLOT_SIZE - IMAGE_IN_SLOT;
/// Pages of a slot that hold image bytes.
pub const IMAGE_PAGES: u32 = MAX_IMAGE / PAGE_SIZE;
/// The two copies of the boot log, one page each, one per bank (`boot:B2`).
pub const BOOT_LOG_OFFSETS: [u32; 2] = [0x3_C000, 0x7_C000];
/// The two copies of the key set ([`crate::key_set`]), one page each, one per bank.
pub const KEY_SET_OFFSETS: [u32; 2] = [0x3_C800, 0x7_C800];
/// The two copies of the settings (`docs/settings.md`), one page each, one per bank.
pub const SETTINGS_OFFSETS: [u32; 2] = [0x3_D000, 0x7_D000];
/// The two copies of the calibration (`docs/settings.md`), one page each, one per bank.
pub const CALIBRATION_OFFSETS: [u32; 2] = [0x3_E000, 0x7_E000];
/// The event log ([`crate::event`]): a ring of pages at the start of bank 2.
pub const EVENT_LOG_OFFSET: u32 = BANK_SIZE;
/// Pages of the event log.
pub const EVENT_LOG_PAGES: u32 = 8;
/// Crash records ([`crate::crash`]), behind the event log.
pub const CRASH_OFFSET: u32 = EVENT_LOG_OFFSET + EVENT_LOG_PAGES * PAGE_SIZE;
/// Pages of crash records.
pub const CRASH_PAGES: u32 = 2;
/// Kept free behind them.
const STAGING_OFFSET: u32 = 0x4_8000;
/// Identity of the unit ([`crate::identity`]), one page.
pub const IDENTITY_OFFSET: u32 = 0x3_F800;

/// Start of the contiguous SRAM.
pub const RAM_BASE: u32 = 0x2000_0000;
/// SRAM1, SRAM2 and CCM SRAM, contiguous, bytes.
pub const RAM_SIZE: u32 = 128 * 1024;
/// Hand-over area at the end of RAM, bytes: survives a reset, no linker script may use it ([`crate::handover`]).
pub const HANDOVER_SIZE: u32 = 256;
/// Address of the hand-over area.
pub const HANDOVER_ADDRESS: u32 = RAM_BASE + RAM_SIZE - HANDOVER_SIZE;
/// Where the loader leaves its report in the hand-over area.
pub const REPORT_ADDRESS: u32 = HANDOVER_ADDRESS;
/// Where the firmware leaves its mark for the loader.
pub const MARK_ADDRESS: u32 = HANDOVER_ADDRESS + 128;

/// RAM that the firmware keeps over a reset, bytes: no linker script uses it, and neither the loader's data, from below, nor
/// its stack, from above, gets there.
pub const KEPT_SIZE: u32 = 4096;
/// Address of the kept RAM: above the firmware's data, below its stack.
pub const KEPT_ADDRESS: u32 = RAM_BASE + 64 * 1024 - KEPT_SIZE;

/// One of the two places an image can run from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "messages", derive(serde::Serialize, serde::Deserialize))]
pub enum Slot {
    /// In bank 1.
    A,
    /// In bank 2.
    B,
}

impl Slot {
    /// Both slots.
    pub const ALL: [Slot; 2] = [Slot::A, Slot::B];

    /// The slot that this one is not.
    #[must_use]
    pub const fn other(self) -> Slot {
        match self {
            Slot::A => Slot::B,
            Slot::B => Slot::A,
        }
    }

    /// Offset of the slot's manifest page.
    #[must_use]
    pub const fn offset(self) -> u32 {
        match self {
            Slot::A => 0x1_0000,
            Slot::B => 0x5_0000,
        }
    }

    /// Offset of the image: its vector table.
    #[must_use]
    pub const fn image_offset(self) -> u32 {
        self.offset() + IMAGE_IN_SLOT
    }

    /// Address the image is linked for.
    #[must_use]
    pub const fn image_address(self) -> u32 {
        FLASH_BASE + self.image_offset()
    }

    /// The slot's number in fixed layouts.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Slot::A => 0,
            Slot::B => 1,
        }
    }

    /// The slot with that number.
    #[must_use]
    pub const fn from_code(code: u8) -> Option<Slot> {
        match code {
            0 => Some(Slot::A),
            1 => Some(Slot::B),
            _ => None,
        }
    }
}

impl core::fmt::Display for Slot {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.write_str(match self {
            Slot::A => "A",
            Slot::B => "B",
        })
    }
}

const _: () = assert!(CRASH_OFFSET == 0x4_4000 && CRASH_OFFSET + CRASH_PAGES * PAGE_SIZE <= STAGING_OFFSET);
const _: () = assert!(STAGING_OFFSET < Slot::B.offset() && EVENT_LOG_OFFSET >= BANK_SIZE);
const _: () = assert!(SEALS_IN_SLOT + SEAL_PLACES * WORD_SIZE <= IMAGE_IN_SLOT);
const _: () = assert!(Slot::A.offset() == LOADER_SIZE);
const _: () = assert!(Slot::A.offset() + SLOT_SIZE == BOOT_LOG_OFFSETS[0]);
const _: () = assert!(Slot::B.offset() + SLOT_SIZE == BOOT_LOG_OFFSETS[1]);
const _: () = assert!(BOOT_LOG_OFFSETS[0] < BANK_SIZE && BOOT_LOG_OFFSETS[1] >= BANK_SIZE);
const _: () = assert!(BOOT_LOG_OFFSETS[0] + PAGE_SIZE == KEY_SET_OFFSETS[0]);
const _: () = assert!(BOOT_LOG_OFFSETS[1] + PAGE_SIZE == KEY_SET_OFFSETS[1]);
const _: () = assert!(KEY_SET_OFFSETS[0] + PAGE_SIZE <= SETTINGS_OFFSETS[0]);
const _: () = assert!(KEY_SET_OFFSETS[1] + PAGE_SIZE <= SETTINGS_OFFSETS[1]);
const _: () = assert!(SETTINGS_OFFSETS[0] + PAGE_SIZE <= CALIBRATION_OFFSETS[0]);
const _: () = assert!(SETTINGS_OFFSETS[1] + PAGE_SIZE <= CALIBRATION_OFFSETS[1]);
const _: () = assert!(CALIBRATION_OFFSETS[0] + PAGE_SIZE <= IDENTITY_OFFSET);
const _: () = assert!(CALIBRATION_OFFSETS[1] + PAGE_SIZE <= FLASH_SIZE);
const _: () = assert!(IDENTITY_OFFSET + PAGE_SIZE == BANK_SIZE);
// VTOR of a Cortex-M4 with 16 + 102 vectors needs an alignment of 512 bytes.
const _: () = assert!(Slot::A.image_offset().is_multiple_of(512) && Slot::B.image_offset().is_multiple_of(512));
