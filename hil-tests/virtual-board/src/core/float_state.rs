//! The FPU's registers, and saving them only when they are needed (B1.5.7, B3.2.21).

use super::Core;
use super::bus::Chip;
use super::nvic::exception;
use super::scb::shcsr;
use super::trap::Trap;

/// FPCCR bits.
pub(super) mod fpccr {
    pub(in crate::core) const LSPACT: u32 = 1;
    pub(in crate::core) const USER: u32 = 1 << 1;
    pub(in crate::core) const THREAD: u32 = 1 << 3;
    pub(in crate::core) const HFRDY: u32 = 1 << 4;
    pub(in crate::core) const BFRDY: u32 = 1 << 6;
    pub(in crate::core) const LSPEN: u32 = 1 << 30;
    pub(in crate::core) const ASPEN: u32 = 1 << 31;
    pub(in crate::core) const WRITABLE: u32 = 0xC000_017B;
}

/// The bits of FPSCR that FPDSCR gives a new context: AHP, DN, FZ, RMode.
pub(super) const DEFAULT_STATUS_BITS: u32 = 0x07C0_0000;

/// Bytes of the FPU part of an exception frame begin after the eight core registers.
pub(super) const FRAME_OFFSET: u32 = 0x20;

/// Registers of the FPU.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct FloatUnit {
    pub(super) registers: [u32; 32],
    /// FPSCR
    pub(super) status: u32,
    /// FPCCR
    pub(super) context_control: u32,
    /// FPCAR
    pub(super) context_address: u32,
    /// FPDSCR
    pub(super) default_status: u32,
}

impl Default for FloatUnit {
    fn default() -> Self {
        FloatUnit {
            registers: [0; 32],
            status: 0,
            context_control: fpccr::ASPEN | fpccr::LSPEN,
            context_address: 0,
            default_status: 0,
        }
    }
}

impl<C: Chip> Core<C> {
    /// What every floating point instruction does first (`ExecuteFPCheck`).
    #[inline(always)]
    pub(super) fn prepare_float(&mut self) -> Result<(), Trap> {
        self.check_float_enabled()?;
        if self.float.context_control & fpccr::LSPACT != 0 {
            self.save_lazy_float()?;
        }
        if !self.float_active && self.float.context_control & fpccr::ASPEN != 0 {
            self.float.status = self.float.status & !DEFAULT_STATUS_BITS | self.float.default_status;
            self.float_active = true;
        }
        Ok(())
    }

    /// CPACR says who may use the FPU.
    pub(super) fn check_float_enabled(&self) -> Result<(), Trap> {
        match self.system.coprocessor_access >> 20 & 3 {
            3 => Ok(()),
            1 if self.is_privileged() => Ok(()),
            _ => Err(Trap::NoCoprocessor),
        }
    }

    /// Writes the state that an exception entry only reserved room for.
    #[cold]
    fn save_lazy_float(&mut self) -> Result<(), Trap> {
        let frame = self.float.context_address;
        self.float.context_control &= !fpccr::LSPACT;
        self.store_float_frame(frame).map_err(|trap| match trap {
            Trap::DataBus => Trap::LazyStacking,
            other => other,
        })
    }

    /// S0-S15 and FPSCR at `address`.
    pub(super) fn store_float_frame(&mut self, address: u32) -> Result<(), Trap> {
        for number in 0..16 {
            self.write_word(address.wrapping_add(4 * number), self.float.registers[number as usize])?;
        }
        self.write_word(address.wrapping_add(64), self.float.status)
    }

    /// S0-S15 and FPSCR from `address`.
    pub(super) fn load_float_frame(&mut self, address: u32) -> Result<(), Trap> {
        for number in 0..16 {
            self.float.registers[number as usize] = self.read_word(address.wrapping_add(4 * number))?;
        }
        self.float.status = self.read_word(address.wrapping_add(64))?;
        Ok(())
    }

    /// Remembers where and for whom the registers must be saved later (`UpdateFPCCR`).
    pub(super) fn reserve_float_frame(&mut self, frame: u32, execution_priority: i16) {
        let flag = |set: bool, bit: u32| if set { bit } else { 0 };
        let bus_fault_ready = self.system.handler_enables & shcsr::BUS_FAULT_ENABLE != 0
            && self.nvic.group_priority(exception::BUS_FAULT) < execution_priority;
        self.float.context_address = frame.wrapping_add(FRAME_OFFSET) & !7;
        self.float.context_control = self.float.context_control & (fpccr::ASPEN | fpccr::LSPEN)
            | fpccr::LSPACT
            | flag(!self.is_privileged(), fpccr::USER)
            | flag(self.exception_number == 0, fpccr::THREAD)
            | flag(execution_priority > -1, fpccr::HFRDY)
            | flag(bus_fault_ready, fpccr::BFRDY);
    }
}
