//! Exception return: checks, tail-chaining, the frame back into the registers (B1.5.8).

use crate::core::bus::Chip;
use crate::core::exceptions::{RETURN_CYCLES, TAIL_CHAIN_CYCLES};
use crate::core::flags::Flags;
use crate::core::float_state::{FRAME_OFFSET, fpccr};
use crate::core::nvic::exception;
use crate::core::scb::{ccr, cfsr, scr};
use crate::core::stop::Stop;
use crate::core::trap::Trap;
use crate::core::{Core, Sleep};

/// Bits of EXC_RETURN that are always one.
const ALWAYS_ONE: u32 = 0xFFFF_FFE0;
/// EXC_RETURN: clear when the frame holds FPU registers.
const BASIC: u32 = 1 << 4;
const STACKED_ALIGNED: u32 = 1 << 9;

/// Where an EXC_RETURN leads.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Target {
    Handler,
    ThreadOnMainStack,
    ThreadOnProcessStack,
}

impl<C: Chip> Core<C> {
    /// Leaves the running handler through the EXC_RETURN `value`.
    pub(in crate::core) fn leave(&mut self, value: u32) -> Result<(), Stop> {
        let number = self.exception_number;
        let nested = self.nvic.active_count();
        let was_active = self.nvic.is_active(number);
        let target = self.target_of(value, nested);
        self.nvic.set_active(number, false);
        if number != exception::NMI {
            self.masks.faultmask = false;
        }
        let Some(target) = target.filter(|_| was_active) else {
            return self.fault_on_return(exception::USAGE_FAULT, cfsr::INVPC, value);
        };
        if let Some(next) = self.nvic.best_pending()
            && self.nvic.group_priority(next) < self.execution_priority()
        {
            self.wait(TAIL_CHAIN_CYCLES);
            return self.start_handler(next, value);
        }
        match self.pop_frame(value, target) {
            Ok(()) => {}
            Err(Trap::DataBus) => return self.fault_on_return(exception::BUS_FAULT, cfsr::UNSTKERR, value),
            Err(Trap::NoCoprocessor) => return self.fault_on_return(exception::USAGE_FAULT, cfsr::NOCP, value),
            Err(Trap::InvalidReturn) => return self.fault_on_return(exception::USAGE_FAULT, cfsr::INVPC, value),
            Err(other) => return Err(self.stop_of(other, self.registers[15])),
        }
        self.wait(RETURN_CYCLES);
        self.exclusive = false;
        self.event_register = true;
        if target != Target::Handler && nested == 1 && self.system.sleep_control & scr::SLEEPONEXIT != 0 {
            self.sleep = Sleep::UntilInterrupt;
        }
        self.exceptions_changed();
        Ok(())
    }

    fn target_of(&self, value: u32, nested: u32) -> Option<Target> {
        if value & ALWAYS_ONE != ALWAYS_ONE {
            return None;
        }
        let thread_allowed = nested == 1 || self.system.configuration & ccr::NONBASETHRDENA != 0;
        match value & 0xF {
            0x1 => Some(Target::Handler),
            0x9 if thread_allowed => Some(Target::ThreadOnMainStack),
            0xD if thread_allowed => Some(Target::ThreadOnProcessStack),
            _ => None,
        }
    }

    /// A fault found while returning is tail-chained: the frame stays where it is.
    fn fault_on_return(&mut self, fault: u16, status: u32, value: u32) -> Result<(), Stop> {
        let number = self.escalate(fault, status)?;
        self.start_handler(number, value)
    }

    fn pop_frame(&mut self, value: u32, target: Target) -> Result<(), Trap> {
        self.select_stack(target == Target::ThreadOnProcessStack);
        let frame = self.registers[13];
        let extended = value & BASIC == 0;
        let mut words = [0; 8];
        for (address, word) in (frame..).step_by(4).zip(&mut words) {
            *word = self.read_word(address)?;
        }
        let status = words[7];
        let number = (status & 0x1FF) as u16;
        if (number == 0) == (target == Target::Handler) || !self.nvic.exists(number) {
            return Err(Trap::InvalidReturn);
        }
        if extended && self.float.context_control & fpccr::LSPACT != 0 {
            self.float.context_control &= !fpccr::LSPACT; // the registers were never touched
        } else if extended {
            self.check_float_enabled()?;
            self.load_float_frame(frame.wrapping_add(FRAME_OFFSET))?;
        }
        let aligning = extended || self.system.configuration & ccr::STKALIGN != 0;
        let extra = if aligning && status & STACKED_ALIGNED != 0 { 4 } else { 0 };
        let size = if extended { super::EXTENDED_FRAME } else { super::BASIC_FRAME };
        self.registers[..4].copy_from_slice(&words[..4]);
        self.registers[12] = words[4];
        self.registers[13] = frame.wrapping_add(size) | extra;
        self.registers[14] = words[5];
        self.registers[15] = words[6] & !1;
        self.float_active = extended;
        self.flags = Flags::from_bits(status);
        self.exception_number = number;
        self.thumb = status >> 24 & 1 != 0;
        self.it_state = ((status >> 25 & 3) | (status >> 10 & 0x3F) << 2) as u8;
        Ok(())
    }
}
