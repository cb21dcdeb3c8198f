//! The registers of the private peripheral bus: SysTick, NVIC, SCB, FPU control, DWT cycle counter, debug identification.
//!
//! What is not listed here stops the machine with its address.

use super::bus::{Chip, Width};
use super::nvic::{Set, exception};
use super::scb::{ccr, scr, shcsr};
use super::trap::Trap;
use super::{Core, float_state};

const DWT_CTRL: u32 = 0xE000_1000;
const DWT_CYCCNT: u32 = 0xE000_1004;
/// Lock access of the DWT: on the Cortex-M4 writes are accepted and do nothing.
const DWT_LAR: u32 = 0xE000_1FB0;
const ICTR: u32 = 0xE000_E004;
const ACTLR: u32 = 0xE000_E008;
const SYST_CSR: u32 = 0xE000_E010;
const SYST_RVR: u32 = 0xE000_E014;
const SYST_CVR: u32 = 0xE000_E018;
const IPR_START: u32 = 0xE000_E400;
const IPR_END: u32 = 0xE000_E4F0;
const CPUID: u32 = 0xE000_ED00;
const ICSR: u32 = 0xE000_ED04;
const VTOR: u32 = 0xE000_ED08;
const AIRCR: u32 = 0xE000_ED0C;
const SCR: u32 = 0xE000_ED10;
const CCR: u32 = 0xE000_ED14;
const SHPR_START: u32 = 0xE000_ED18;
const SHPR_END: u32 = 0xE000_ED24;
const SHCSR: u32 = 0xE000_ED24;
const CFSR: u32 = 0xE000_ED28;
const HFSR: u32 = 0xE000_ED2C;
const DFSR: u32 = 0xE000_ED30;
const MMFAR: u32 = 0xE000_ED34;
const BFAR: u32 = 0xE000_ED38;
const AFSR: u32 = 0xE000_ED3C;
const CPACR: u32 = 0xE000_ED88;
const MPU_TYPE: u32 = 0xE000_ED90;
const DHCSR: u32 = 0xE000_EDF0;
const DEMCR: u32 = 0xE000_EDFC;
/// Software trigger interrupt register.
pub(super) const STIR: u32 = 0xE000_EF00;
const FPCCR: u32 = 0xE000_EF34;
const FPCAR: u32 = 0xE000_EF38;
const FPDSCR: u32 = 0xE000_EF3C;
const MVFR0: u32 = 0xE000_EF40;
const MVFR1: u32 = 0xE000_EF44;
const MVFR2: u32 = 0xE000_EF48;

/// Cortex-M4 r0p1.
const CPUID_VALUE: u32 = 0x410F_C241;
/// 32 * (3 + 1) lines at most.
const ICTR_VALUE: u32 = 3;
const AIRCR_KEY: u32 = 0x05FA;
/// Four comparators, which are there on silicon and not modelled here.
const DWT_CTRL_FIXED: u32 = 4 << 28;
const DEMCR_TRCENA: u32 = 1 << 24;
/// DHCSR of a core without a debugger: registers can be transferred, nothing is halted.
const DHCSR_VALUE: u32 = 1 << 16;
/// CP10 and CP11.
const CPACR_FPU: u32 = 0xF << 20;

/// SHCSR: exception, bit of its active flag, bit of its pending flag.
const HANDLER_BITS: [(u16, u32, Option<u32>); 6] = [
    (exception::MEM_MANAGE, 0, Some(13)),
    (exception::BUS_FAULT, 1, Some(14)),
    (exception::USAGE_FAULT, 3, Some(12)),
    (exception::SVCALL, 7, Some(15)),
    (exception::PEND_SV, 10, None),
    (exception::SYS_TICK, 11, None),
];

impl<C: Chip> Core<C> {
    /// Reads a register; narrow reads get their part of the word.
    pub(super) fn read_private(&mut self, address: u32, width: Width) -> Result<u32, Trap> {
        let word = self.read_private_word(address & !3)?;
        let part = word >> (8 * (address & 3));
        Ok(match width {
            Width::Byte => part & 0xFF,
            Width::Half => part & 0xFFFF,
            Width::Word => part,
        })
    }

    fn read_private_word(&mut self, address: u32) -> Result<u32, Trap> {
        let now = self.signals.cycles;
        Ok(match address {
            DWT_CTRL => DWT_CTRL_FIXED | u32::from(self.cycle_counter_enabled),
            DWT_CYCCNT => self.cycle_counter.read(now),
            ICTR => ICTR_VALUE,
            ACTLR => self.system.auxiliary_control,
            SYST_CSR => self.systick.read_control(),
            SYST_RVR => self.systick.reload(),
            SYST_CVR => self.systick.current(now),
            0xE000_E100..=0xE000_E10C | 0xE000_E180..=0xE000_E18C => self.nvic.word(Set::Enabled, word_index(address)),
            0xE000_E200..=0xE000_E20C | 0xE000_E280..=0xE000_E28C => self.nvic.word(Set::Pending, word_index(address)),
            0xE000_E300..=0xE000_E30C => self.nvic.word(Set::Active, word_index(address)),
            IPR_START..IPR_END => self.priorities(16 + (address - IPR_START) as usize),
            SHPR_START..SHPR_END => self.priorities(4 + (address - SHPR_START) as usize),
            CPUID => CPUID_VALUE,
            ICSR => self.interrupt_control_state(),
            VTOR => self.system.vector_table,
            AIRCR => 0xFA05_0000 | u32::from(self.nvic.priority_group()) << 8,
            SCR => self.system.sleep_control,
            CCR => self.system.configuration,
            SHCSR => self.handler_state(),
            CFSR => self.system.fault_status,
            HFSR => self.system.hard_fault_status,
            MMFAR => self.system.memory_fault_address,
            BFAR => self.system.bus_fault_address,
            DFSR | AFSR | MPU_TYPE | MVFR2 => 0,
            CPACR => self.system.coprocessor_access,
            DHCSR => DHCSR_VALUE,
            DEMCR => u32::from(self.system.trace_enabled) << 24,
            FPCCR => self.float.context_control,
            FPCAR => self.float.context_address,
            FPDSCR => self.float.default_status,
            MVFR0 => 0x1011_0021,
            MVFR1 => 0x1100_0011,
            _ => return Err(self.not_modelled(format!("read of the core register at 0x{address:08X}"))),
        })
    }

    /// Writes a register; only priorities and CFSR may be written in parts.
    pub(super) fn write_private(&mut self, address: u32, width: Width, value: u32) -> Result<(), Trap> {
        self.exceptions_changed();
        let bytes = match width {
            Width::Byte => 1,
            Width::Half => 2,
            Width::Word => 4,
        };
        match address {
            IPR_START..IPR_END => self.set_priorities(16 + (address - IPR_START) as usize, bytes, value),
            SHPR_START..SHPR_END => self.set_priorities(4 + (address - SHPR_START) as usize, bytes, value),
            // Write one to clear.
            CFSR..HFSR => self.system.fault_status &= !(value << (8 * (address & 3))),
            _ if bytes == 4 => return self.write_private_word(address, value),
            _ => {
                let what = format!("{bytes}-byte write of 0x{value:X} to the core register at 0x{address:08X}");
                return Err(self.not_modelled(what));
            }
        }
        Ok(())
    }

    fn write_private_word(&mut self, address: u32, value: u32) -> Result<(), Trap> {
        let now = self.signals.cycles;
        match address {
            DWT_CTRL if value & !(DWT_CTRL_FIXED | 1) == 0 => self.enable_cycle_counter(value & 1 != 0),
            DWT_CYCCNT => self.cycle_counter.write(value, now),
            DWT_LAR | DFSR | AFSR => {}
            ACTLR => self.system.auxiliary_control = value & 0x307,
            SYST_CSR..=SYST_CVR => self.write_systick(address, value),
            0xE000_E100..=0xE000_E10C => self.nvic.enable_word(word_index(address), value, true),
            0xE000_E180..=0xE000_E18C => self.nvic.enable_word(word_index(address), value, false),
            0xE000_E200..=0xE000_E20C => self.pend_interrupts(word_index(address), value),
            0xE000_E280..=0xE000_E28C => self.nvic.pend_word(word_index(address), value, false),
            STIR => self.pend(16 + (value & 0x1FF) as u16),
            ICSR => self.write_interrupt_control(value),
            VTOR => self.system.vector_table = value & !0x7F,
            AIRCR => return self.write_application_interrupt_control(value),
            SCR => self.system.sleep_control = value & (scr::SLEEPONEXIT | scr::SLEEPDEEP | scr::SEVONPEND),
            CCR if value & ccr::BFHFNMIGN == 0 => self.system.configuration = value & 0x21B,
            SHCSR => self.write_handler_state(value),
            HFSR => self.system.hard_fault_status &= !value,
            MMFAR => self.system.memory_fault_address = value,
            BFAR => self.system.bus_fault_address = value,
            CPACR => self.system.coprocessor_access = value & CPACR_FPU,
            DEMCR if value & !DEMCR_TRCENA == 0 => self.enable_trace(value & DEMCR_TRCENA != 0),
            FPCCR => self.float.context_control = value & float_state::fpccr::WRITABLE,
            FPCAR => self.float.context_address = value & !7,
            FPDSCR => self.float.default_status = value & float_state::DEFAULT_STATUS_BITS,
            _ => {
                let what = format!("write of 0x{value:08X} to the core register at 0x{address:08X}");
                return Err(self.not_modelled(what));
            }
        }
        Ok(())
    }

    /// The next deadline can only come nearer here; one that went away costs a look around.
    fn write_systick(&mut self, address: u32, value: u32) {
        let now = self.signals.cycles;
        match address {
            SYST_CSR => self.systick.write_control(value, now),
            SYST_RVR => self.systick.write_reload(value, now),
            _ => self.systick.clear_current(now),
        }
        self.deadline = self.deadline.min(self.systick.deadline());
    }

    fn priorities(&self, first: usize) -> u32 {
        u32::from_le_bytes(std::array::from_fn(|step| self.nvic.priority_byte(first + step)))
    }

    fn set_priorities(&mut self, first: usize, bytes: usize, value: u32) {
        for (step, byte) in value.to_le_bytes().into_iter().enumerate().take(bytes) {
            self.nvic.set_priority_byte(first + step, byte);
        }
    }

    fn pend_interrupts(&mut self, word: u32, bits: u32) {
        let fresh = bits & !self.nvic.word(Set::Pending, word);
        self.nvic.pend_word(word, bits, true);
        if fresh != 0 {
            self.note_new_pending();
        }
    }

    fn interrupt_control_state(&self) -> u32 {
        let flag = |set: bool, position: u32| u32::from(set) << position;
        let next = self.nvic.best_pending();
        u32::from(self.exception_number)
            // RETTOBASE: nothing active but the running exception.
            | flag(self.nvic.active_count() <= 1, 11)
            | u32::from(next.unwrap_or(0)) << 12
            | flag(self.nvic.interrupt_pending(), 22)
            | flag(self.nvic.is_pending(exception::SYS_TICK), 26)
            | flag(self.nvic.is_pending(exception::PEND_SV), 28)
            | flag(self.nvic.is_pending(exception::NMI), 31)
    }

    fn write_interrupt_control(&mut self, value: u32) {
        let set = |position: u32| value >> position & 1 != 0;
        for (position, number) in [(26, exception::SYS_TICK), (28, exception::PEND_SV), (31, exception::NMI)] {
            if set(position) {
                self.pend(number);
            }
        }
        for (position, number) in [(25, exception::SYS_TICK), (27, exception::PEND_SV)] {
            if set(position) && !set(position + 1) {
                self.nvic.clear_pending(number);
            }
        }
    }

    fn write_application_interrupt_control(&mut self, value: u32) -> Result<(), Trap> {
        if value >> 16 != AIRCR_KEY {
            return Ok(()); // silicon ignores a write without the key
        }
        self.nvic.set_priority_group((value >> 8 & 7) as u8);
        match value & 7 {
            0 => Ok(()),
            4 => Err(Trap::SysResetReq),
            bits => {
                Err(self.not_modelled(format!("AIRCR bits 0x{bits:X} (VECTRESET, VECTCLRACTIVE are for debuggers)")))
            }
        }
    }

    fn handler_state(&self) -> u32 {
        HANDLER_BITS.iter().fold(self.system.handler_enables, |all, &(number, active, pending)| {
            let pended = pending.map_or(0, |bit| u32::from(self.nvic.is_pending(number)) << bit);
            all | u32::from(self.nvic.is_active(number)) << active | pended
        })
    }

    fn write_handler_state(&mut self, value: u32) {
        self.system.handler_enables = value & shcsr::ENABLES;
        for (number, active, pending) in HANDLER_BITS {
            self.nvic.set_active(number, value >> active & 1 != 0);
            match pending {
                Some(bit) if value >> bit & 1 != 0 => self.pend(number),
                Some(_) => self.nvic.clear_pending(number),
                None => {}
            }
        }
    }

    fn enable_cycle_counter(&mut self, enabled: bool) {
        self.cycle_counter_enabled = enabled;
        self.cycle_counter.enable(enabled && self.system.trace_enabled, self.signals.cycles);
    }

    fn enable_trace(&mut self, enabled: bool) {
        self.system.trace_enabled = enabled;
        self.cycle_counter.enable(enabled && self.cycle_counter_enabled, self.signals.cycles);
    }
}

/// Which of the words of an NVIC register array `address` is.
fn word_index(address: u32) -> u32 {
    address >> 2 & 3
}
