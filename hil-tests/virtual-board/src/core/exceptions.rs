//! Taking exceptions: what is due, entry with its frame, faults and their escalation (B1.5.6, B1.5.14).

mod leave;

use super::bus::Chip;
use super::float_state::{FRAME_OFFSET, fpccr};
use super::nvic::exception;
use super::scb::{ccr, cfsr, hfsr, scr, shcsr};
use super::stop::Stop;
use super::trap::Trap;
use super::{Core, Sleep};

/// Cycles of an exception entry and of a return with full frames (Cortex-M4 TRM, 12 each), and of a tail-chain.
const ENTRY_CYCLES: u64 = 12;
const RETURN_CYCLES: u64 = 12;
const TAIL_CHAIN_CYCLES: u64 = 6;

/// Bytes of a frame without and with the FPU registers.
const BASIC_FRAME: u32 = 0x20;
const EXTENDED_FRAME: u32 = 0x68;

/// The frame was aligned to eight bytes by four extra ones (stacked xPSR).
const STACKED_ALIGNED: u32 = 1 << 9;

impl<C: Chip> Core<C> {
    /// Makes an exception pending.
    pub(super) fn pend(&mut self, number: u16) {
        let fresh = self.nvic.exists(number) && !self.nvic.is_pending(number);
        self.nvic.set_pending(number);
        if fresh {
            self.note_new_pending();
        }
        self.exceptions_changed();
    }

    /// SEVONPEND: a newly pending exception is an event, enabled or not.
    pub(super) fn note_new_pending(&mut self) {
        if self.system.sleep_control & scr::SEVONPEND != 0 {
            self.event_register = true;
        }
    }

    /// Pending, priorities or masks changed: look again before the next instruction.
    pub(super) fn exceptions_changed(&mut self) {
        self.recheck = true;
        self.record_outside();
        self.ask_attention();
    }

    /// Takes the exception that is due, or wakes a sleeper that something else woke.
    pub(super) fn service_exceptions(&mut self) -> Result<(), Stop> {
        self.recheck = false;
        if let Some(number) = self.nvic.best_pending() {
            let priority = self.nvic.group_priority(number);
            if priority < self.execution_priority() {
                self.sleep = Sleep::Awake;
                return self.enter(number);
            }
            let unmasked = super::nvic::Masks { primask: false, ..self.masks };
            if self.sleep == Sleep::UntilInterrupt && priority < self.nvic.execution_priority(unmasked) {
                self.sleep = Sleep::Awake;
            }
        }
        if self.sleep == Sleep::UntilEvent && self.event_register {
            self.event_register = false;
            self.sleep = Sleep::Awake;
        }
        Ok(())
    }

    /// Priority that the core runs at now.
    pub(super) fn execution_priority(&self) -> i16 {
        self.nvic.execution_priority(self.masks)
    }

    /// Pushes a frame and starts the handler of `number`; a fault while pushing may go first.
    pub(super) fn enter(&mut self, number: u16) -> Result<(), Stop> {
        let link = self.link_value();
        let number = match self.push_frame() {
            Ok(()) => number,
            Err(trap) => self.stacking_fault(number, trap)?,
        };
        self.wait(ENTRY_CYCLES);
        self.start_handler(number, link)
    }

    /// EXC_RETURN for the mode that is left now.
    fn link_value(&self) -> u32 {
        let mode = match (self.exception_number, self.on_process_stack) {
            (0, true) => 0xFFFF_FFFD,
            (0, false) => 0xFFFF_FFF9,
            _ => 0xFFFF_FFF1,
        };
        if self.float_active { mode & !0x10 } else { mode }
    }

    fn push_frame(&mut self) -> Result<(), Trap> {
        let extended = self.float_active;
        let aligning = extended || self.system.configuration & ccr::STKALIGN != 0;
        let stack_pointer = self.registers[13];
        let size = if extended { EXTENDED_FRAME } else { BASIC_FRAME };
        let misaligned = aligning && stack_pointer & 4 != 0;
        let frame = stack_pointer.wrapping_sub(size) & if aligning { !4 } else { !0 };
        let priority = self.execution_priority();
        self.registers[13] = frame;
        let status = self.xpsr() & !STACKED_ALIGNED | if misaligned { STACKED_ALIGNED } else { 0 };
        let [r0, r1, r2, r3] = [0, 1, 2, 3].map(|number| self.registers[number]);
        let words = [r0, r1, r2, r3, self.registers[12], self.registers[14], self.registers[15], status];
        for (address, word) in (frame..).step_by(4).zip(words) {
            self.write_word(address, word)?;
        }
        if extended && self.float.context_control & fpccr::LSPEN != 0 {
            self.reserve_float_frame(frame, priority);
        } else if extended {
            self.check_float_enabled()?;
            self.store_float_frame(frame.wrapping_add(FRAME_OFFSET))?;
        }
        Ok(())
    }

    /// Who goes first when the frame of `number` could not be pushed; the other stays pending.
    fn stacking_fault(&mut self, number: u16, trap: Trap) -> Result<u16, Stop> {
        let (fault, status) = match trap {
            Trap::NoCoprocessor => (exception::USAGE_FAULT, cfsr::NOCP),
            Trap::DataBus => (exception::BUS_FAULT, cfsr::STKERR),
            other => return Err(self.stop_of(other, self.registers[15])),
        };
        if self.nvic.priority(number) <= -1 {
            self.system.fault_status |= status;
            return Err(Stop::Lockup { pc: self.registers[15] });
        }
        let derived = self.escalate(fault, status)?;
        let (first, second) = if self.nvic.priority(derived) < self.nvic.priority(number) {
            (derived, number)
        } else {
            (number, derived)
        };
        self.nvic.set_pending(second);
        Ok(first)
    }

    /// Starts the handler of `number` with `link` in LR (`ExceptionTaken`); the frame is on a stack already.
    pub(super) fn start_handler(&mut self, number: u16, link: u32) -> Result<(), Stop> {
        self.select_stack(false);
        let (number, vector) = match self.read_word(self.vector_address(number)) {
            Ok(vector) => (number, vector),
            Err(_) if self.nvic.priority(number) <= -1 => return Err(Stop::Lockup { pc: self.registers[15] }),
            Err(_) => {
                self.system.hard_fault_status |= hfsr::VECTTBL;
                let vector = self.read_word(self.vector_address(exception::HARD_FAULT));
                (exception::HARD_FAULT, vector.map_err(|_| Stop::Lockup { pc: self.registers[15] })?)
            }
        };
        self.nvic.activate(number);
        self.exception_number = number;
        self.registers[14] = link;
        self.registers[15] = vector & !1;
        self.thumb = vector & 1 != 0;
        self.it_state = 0;
        self.float_active = false;
        self.exclusive = false;
        self.event_register = true;
        self.exceptions_changed();
        Ok(())
    }

    fn vector_address(&self, number: u16) -> u32 {
        self.system.vector_table.wrapping_add(4 * u32::from(number))
    }

    /// Records a fault, and says which exception it becomes: its own, or HardFault when that is off or not urgent enough.
    pub(super) fn escalate(&mut self, fault: u16, status: u32) -> Result<u16, Stop> {
        self.system.fault_status |= status;
        let enable = match fault {
            exception::MEM_MANAGE => shcsr::MEM_MANAGE_ENABLE,
            exception::BUS_FAULT => shcsr::BUS_FAULT_ENABLE,
            _ => shcsr::USAGE_FAULT_ENABLE,
        };
        if self.system.handler_enables & enable != 0 && self.nvic.group_priority(fault) < self.execution_priority() {
            return Ok(fault);
        }
        self.force_hard_fault()
    }

    fn force_hard_fault(&mut self) -> Result<u16, Stop> {
        if self.execution_priority() <= -1 {
            return Err(Stop::Lockup { pc: self.registers[15] });
        }
        self.system.hard_fault_status |= hfsr::FORCED;
        Ok(exception::HARD_FAULT)
    }

    /// `SVC`: synchronous, so it escalates when it cannot be taken at once.
    pub(super) fn call_supervisor(&mut self) -> Result<(), Stop> {
        let number = if self.nvic.group_priority(exception::SVCALL) < self.execution_priority() {
            exception::SVCALL
        } else {
            self.force_hard_fault()?
        };
        self.enter(number)
    }

    /// Turns what interrupted the instruction at `pc` into an exception, or into a stop.
    pub(super) fn take_fault(&mut self, trap: Trap, pc: u32) -> Result<(), Stop> {
        self.registers[15] = pc;
        let (fault, status) = match trap {
            Trap::DataBus => {
                self.system.bus_fault_address = self.fault_address;
                (exception::BUS_FAULT, cfsr::PRECISERR | cfsr::BFARVALID)
            }
            Trap::LazyStacking => (exception::BUS_FAULT, cfsr::LSPERR),
            Trap::InstructionBus => (exception::BUS_FAULT, cfsr::IBUSERR),
            Trap::ExecuteNever => (exception::MEM_MANAGE, cfsr::IACCVIOL),
            Trap::Undefined => (exception::USAGE_FAULT, cfsr::UNDEFINSTR),
            Trap::InvalidState => (exception::USAGE_FAULT, cfsr::INVSTATE),
            Trap::InvalidReturn => (exception::USAGE_FAULT, cfsr::INVPC),
            Trap::NoCoprocessor => (exception::USAGE_FAULT, cfsr::NOCP),
            Trap::Unaligned => (exception::USAGE_FAULT, cfsr::UNALIGNED),
            Trap::DivideByZero => (exception::USAGE_FAULT, cfsr::DIVBYZERO),
            other => return Err(self.stop_of(other, pc)),
        };
        let number = self.escalate(fault, status)?;
        self.enter(number)
    }
}
