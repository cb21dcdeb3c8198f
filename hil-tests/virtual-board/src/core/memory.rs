//! Data accesses: SRAM and clean flash at once, everything else by asking the System Control Space or the chip.

use super::bus::{Chip, Effect, Refused, Width};
use super::scb::ccr;
use super::trap::Trap;
use super::{Core, FLASH_START, RAM_START};

/// The Private Peripheral Bus of the core itself; what lies above belongs to the chip again (DBGMCU).
const PRIVATE_START: u32 = 0xE000_0000;
const PRIVATE_END: u32 = 0xE004_0000;
/// Device and system memory, where an unaligned access is unpredictable; this core faults.
const PERIPHERALS: core::ops::Range<u32> = 0x4000_0000..0x6000_0000;

impl<C: Chip> Core<C> {
    /// Loads a word that may lie anywhere.
    #[inline(always)]
    pub(super) fn read_word(&mut self, address: u32) -> Result<u32, Trap> {
        let offset = address.wrapping_sub(RAM_START) as usize;
        if address & 3 == 0 {
            if let Some(bytes) = self.ram.get(offset..offset + 4) {
                return Ok(u32::from_le_bytes(bytes.try_into().expect("four bytes were cut out")));
            }
            if let Some(bytes) = self.flash_bytes::<4>(address) {
                return Ok(u32::from_le_bytes(bytes));
            }
        }
        self.read_slowly(address, Width::Word)
    }

    /// Loads a halfword.
    #[inline(always)]
    pub(super) fn read_half(&mut self, address: u32) -> Result<u32, Trap> {
        let offset = address.wrapping_sub(RAM_START) as usize;
        if address & 1 == 0 {
            if let Some(bytes) = self.ram.get(offset..offset + 2) {
                return Ok(u32::from(u16::from_le_bytes(bytes.try_into().expect("two bytes were cut out"))));
            }
            if let Some(bytes) = self.flash_bytes::<2>(address) {
                return Ok(u32::from(u16::from_le_bytes(bytes)));
            }
        }
        self.read_slowly(address, Width::Half)
    }

    /// Loads a byte.
    #[inline(always)]
    pub(super) fn read_byte(&mut self, address: u32) -> Result<u32, Trap> {
        if let Some(&byte) = self.ram.get(address.wrapping_sub(RAM_START) as usize) {
            return Ok(u32::from(byte));
        }
        if let Some([byte]) = self.flash_bytes::<1>(address) {
            return Ok(u32::from(byte));
        }
        self.read_slowly(address, Width::Byte)
    }

    /// Stores a word.
    #[inline(always)]
    pub(super) fn write_word(&mut self, address: u32, value: u32) -> Result<(), Trap> {
        let offset = address.wrapping_sub(RAM_START) as usize;
        if address & 3 == 0
            && let Some(bytes) = self.ram.get_mut(offset..offset + 4)
        {
            bytes.copy_from_slice(&value.to_le_bytes());
            return Ok(());
        }
        self.write_slowly(address, Width::Word, value)
    }

    /// Stores the low half of `value`.
    #[inline(always)]
    pub(super) fn write_half(&mut self, address: u32, value: u32) -> Result<(), Trap> {
        let offset = address.wrapping_sub(RAM_START) as usize;
        if address & 1 == 0
            && let Some(bytes) = self.ram.get_mut(offset..offset + 2)
        {
            bytes.copy_from_slice(&(value as u16).to_le_bytes());
            return Ok(());
        }
        self.write_slowly(address, Width::Half, value & 0xFFFF)
    }

    /// Stores the low byte of `value`.
    #[inline(always)]
    pub(super) fn write_byte(&mut self, address: u32, value: u32) -> Result<(), Trap> {
        if let Some(byte) = self.ram.get_mut(address.wrapping_sub(RAM_START) as usize) {
            *byte = value as u8;
            return Ok(());
        }
        self.write_slowly(address, Width::Byte, value & 0xFF)
    }

    /// Loads a word that must be aligned (multiple, dual, exclusive and FPU transfers).
    #[inline(always)]
    pub(super) fn read_aligned(&mut self, address: u32) -> Result<u32, Trap> {
        if address & 3 != 0 {
            return Err(Trap::Unaligned);
        }
        self.read_word(address)
    }

    /// Stores a word that must be aligned.
    #[inline(always)]
    pub(super) fn write_aligned(&mut self, address: u32, value: u32) -> Result<(), Trap> {
        if address & 3 != 0 {
            return Err(Trap::Unaligned);
        }
        self.write_word(address, value)
    }

    /// Bytes of flash, or of its alias at 0, while no word of it would fault.
    #[inline(always)]
    fn flash_bytes<const N: usize>(&self, address: u32) -> Option<[u8; N]> {
        let offset = (address & !FLASH_START) as usize;
        let bytes = self.chip.flash().get(offset..offset + N)?;
        if !self.chip.flash_is_clean() {
            return None;
        }
        Some(bytes.try_into().expect("N bytes were cut out"))
    }

    #[cold]
    #[inline(never)]
    fn read_slowly(&mut self, address: u32, width: Width) -> Result<u32, Trap> {
        let bytes = bytes_of(width);
        if address & (bytes - 1) != 0 {
            self.check_unaligned(address)?;
            let mut value = 0;
            for step in 0..bytes {
                value |= self.read_byte(address.wrapping_add(step))? << (8 * step);
            }
            return Ok(value);
        }
        if let Some(value) = self.read_recorded(address, width) {
            return Ok(value);
        }
        if (PRIVATE_START..PRIVATE_END).contains(&address) {
            self.check_private_access(address)?;
            return self.read_private(address, width);
        }
        self.signals.pc = self.registers[15];
        let result = self.chip.read(self.without_alias(address), width, &mut self.signals);
        self.after_chip_access();
        result.map_err(|refused| self.refuse(address, refused))
    }

    #[cold]
    #[inline(never)]
    fn write_slowly(&mut self, address: u32, width: Width, value: u32) -> Result<(), Trap> {
        let bytes = bytes_of(width);
        if address & (bytes - 1) != 0 {
            self.check_unaligned(address)?;
            for step in 0..bytes {
                self.write_byte(address.wrapping_add(step), value >> (8 * step))?;
            }
            return Ok(());
        }
        if self.write_recorded(address, width, value).is_some() {
            return Ok(());
        }
        if (PRIVATE_START..PRIVATE_END).contains(&address) {
            self.check_private_access(address)?;
            return self.write_private(address, width, value);
        }
        self.signals.pc = self.registers[15];
        let result = self.chip.write(self.without_alias(address), width, value, &mut self.signals);
        // A write may move the chip's next deadline.
        self.chip_is_due = true;
        self.ask_attention();
        self.after_chip_access();
        match result {
            Ok(Effect::None) => Ok(()),
            Ok(Effect::FlashChanged { offset, length }) => {
                self.flash_changed(offset, length);
                Ok(())
            }
            Ok(Effect::PowerLost) => Err(Trap::PowerLost),
            Ok(Effect::Reset) => Err(Trap::ChipReset),
            Err(refused) => Err(self.refuse(address, refused)),
        }
    }

    /// The chip sees flash at its own address only, never through the alias at 0.
    fn without_alias(&self, address: u32) -> u32 {
        if (address as usize) < self.chip.flash().len() { address + FLASH_START } else { address }
    }

    /// Acts on the signals that the chip changed: only these need the scheduler, so that polling stays fast.
    fn after_chip_access(&mut self) {
        if self.signals.irq.take_changed() {
            self.lines_changed = true;
            self.ask_attention();
        }
        if self.signals.nmi || self.signals.reset || self.signals.pause || self.signals.stall > 0 {
            self.ask_attention();
        }
    }

    fn refuse(&mut self, address: u32, refused: Refused) -> Trap {
        match refused {
            Refused::BusFault => self.data_bus_fault(address),
            Refused::Unmodelled(what) => self.not_modelled(what),
        }
    }

    /// A bus fault of a data access at `address`.
    pub(super) fn data_bus_fault(&mut self, address: u32) -> Trap {
        self.fault_address = address;
        Trap::DataBus
    }

    /// The machine stops with these words.
    #[cold]
    pub(super) fn not_modelled(&mut self, what: String) -> Trap {
        self.unmodelled = what;
        Trap::Unmodelled
    }

    fn check_unaligned(&self, address: u32) -> Result<(), Trap> {
        let trapped = self.system.configuration & ccr::UNALIGN_TRP != 0;
        if trapped || PERIPHERALS.contains(&address) || address >= PRIVATE_START {
            return Err(Trap::Unaligned);
        }
        Ok(())
    }

    /// Unprivileged code gets a bus fault from the private bus, but for STIR when CCR.USERSETMPEND says so.
    fn check_private_access(&mut self, address: u32) -> Result<(), Trap> {
        let triggers = address == super::scs::STIR && self.system.configuration & ccr::USERSETMPEND != 0;
        if self.is_privileged() || triggers {
            return Ok(());
        }
        Err(self.data_bus_fault(address))
    }
}

fn bytes_of(width: Width) -> u32 {
    match width {
        Width::Byte => 1,
        Width::Half => 2,
        Width::Word => 4,
    }
}
