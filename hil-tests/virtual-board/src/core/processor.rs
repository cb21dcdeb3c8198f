//! The core's own state as a value: everything that the next instructions depend on beside memory, chip and interrupts.

use super::Core;
use super::bus::Chip;
use super::flags::Flags;
use super::float_state::FloatUnit;
use super::nvic::Masks;
use super::scb::SystemControl;

/// Registers, flags, masks and system control. Two cores that agree in it, in the memory that they read, and that nothing
/// interrupts, do the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Processor {
    registers: [u32; 16],
    flags: Flags,
    it_state: u8,
    other_stack_pointer: u32,
    on_process_stack: bool,
    unprivileged_thread: bool,
    float_active: bool,
    thumb: bool,
    exception_number: u16,
    masks: Masks,
    exclusive: bool,
    event_register: bool,
    float: FloatUnit,
    system: SystemControl,
}

impl Processor {
    /// r0-r12, the active SP, LR, and the address of the next instruction.
    #[must_use]
    pub fn registers(&self) -> [u32; 16] {
        self.registers
    }
}

impl<C: Chip> Core<C> {
    /// The state between two instructions.
    #[must_use]
    pub fn processor(&self) -> Processor {
        Processor {
            registers: self.registers,
            flags: self.flags,
            it_state: self.it_state,
            other_stack_pointer: self.other_stack_pointer,
            on_process_stack: self.on_process_stack,
            unprivileged_thread: self.unprivileged_thread,
            float_active: self.float_active,
            thumb: self.thumb,
            exception_number: self.exception_number,
            masks: self.masks,
            exclusive: self.exclusive,
            event_register: self.event_register,
            float: self.float.clone(),
            system: self.system.clone(),
        }
    }

    /// Is where `instructions` instructions lead that ended in `processor`, a cycle each. Their stores are the caller's to
    /// make, with [`Core::ram_mut`]; chip and interrupts must not have had a part in them.
    pub fn leap(&mut self, processor: &Processor, instructions: u64) {
        let Processor {
            registers,
            flags,
            it_state,
            other_stack_pointer,
            on_process_stack,
            unprivileged_thread,
            float_active,
            thumb,
            exception_number,
            masks,
            exclusive,
            event_register,
            float,
            system,
        } = processor.clone();
        self.registers = registers;
        self.flags = flags;
        self.it_state = it_state;
        self.other_stack_pointer = other_stack_pointer;
        self.on_process_stack = on_process_stack;
        self.unprivileged_thread = unprivileged_thread;
        self.float_active = float_active;
        self.thumb = thumb;
        self.exception_number = exception_number;
        self.masks = masks;
        self.exclusive = exclusive;
        self.event_register = event_register;
        self.float = float;
        self.system = system;
        self.signals.cycles += instructions;
        self.instructions += instructions;
        self.stopped_at_checkpoint = None;
        self.ask_attention();
    }
}
