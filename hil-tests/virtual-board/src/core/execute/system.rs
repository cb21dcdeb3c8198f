//! Instructions that speak to the machine: special registers, sleeping, calls, and the ones that are none.

use crate::core::bus::Chip;
use crate::core::instruction::{Instruction, Operation};
use crate::core::trap::Trap;
use crate::core::{Core, Sleep};

impl<C: Chip> Core<C> {
    pub(super) fn execute_system(&mut self, x: &Instruction) -> Result<(), Trap> {
        match x.operation {
            Operation::SupervisorCall => return Err(Trap::SupervisorCall),
            Operation::Breakpoint => return self.breakpoint_instruction(),
            Operation::ChangeProcessorState => self.change_processor_state(x.immediate),
            Operation::MoveFromSpecial => match self.read_special(x.immediate) {
                Some(value) => self.set_rd(x, value),
                None => return Err(self.not_modelled(format!("MRS of special register {}", x.immediate))),
            },
            Operation::MoveToSpecial => {
                if self.write_special(x.immediate, x.variant, self.rn(x)).is_none() {
                    return Err(self.not_modelled(format!("MSR of special register {}", x.immediate)));
                }
            }
            Operation::WaitForInterrupt => self.fall_asleep(Sleep::UntilInterrupt),
            Operation::WaitForEvent => self.fall_asleep(Sleep::UntilEvent),
            Operation::SendEvent => self.event_register = true,
            Operation::PermanentlyUndefined => return Err(Trap::Undefined),
            Operation::CoprocessorAbsent => return Err(Trap::NoCoprocessor),
            _ => {
                self.unknown_opcode = x.immediate;
                return Err(Trap::UnknownInstruction);
            }
        }
        Ok(())
    }

    /// `BKPT` stops the machine in front of itself.
    fn breakpoint_instruction(&mut self) -> Result<(), Trap> {
        Err(Trap::Breakpoint)
    }

    /// Whether the sleep lasts is decided before the next instruction.
    fn fall_asleep(&mut self, sleep: Sleep) {
        self.sleep = sleep;
        self.exceptions_changed();
    }
}
