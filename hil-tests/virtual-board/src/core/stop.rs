//! Why [`Core::run_until`](super::Core::run_until) came back.

/// Why the core stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// The asked cycle is reached (possibly passed by a stall or an exception entry).
    Deadline,
    /// A system reset is due; the core has not reset itself: call [`Core::reset`](super::Core::reset).
    Reset(ResetSource),
    /// The chip lost power in the middle of a write (`fault:P1`).
    PowerLost,
    /// The next instruction is at the address given to [`Core::set_breakpoint`](super::Core::set_breakpoint).
    Breakpoint,
    /// The next instruction is at an address given to [`Core::set_checkpoints`](super::Core::set_checkpoints).
    Checkpoint,
    /// A `BKPT` instruction is next; nothing ran it.
    Bkpt,
    /// A fault at a priority that no fault handler can preempt: silicon locks up until reset.
    Lockup {
        /// Address of the instruction that could not be completed.
        pc: u32,
    },
    /// The guest leaned on something that nobody modelled.
    Unmodelled {
        /// Address of the instruction.
        pc: u32,
        /// What it did, in words.
        what: String,
    },
    /// No such instruction in Armv7E-M with a single precision FPU, or none that this core knows.
    UnknownInstruction {
        /// Address of the instruction.
        pc: u32,
        /// The halfword, or `first << 16 | second` for a 32-bit instruction.
        opcode: u32,
    },
}

/// Who asked for the system reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResetSource {
    /// The guest wrote `AIRCR.SYSRESETREQ`.
    SysResetReq,
    /// The chip: [`Effect::Reset`](super::bus::Effect::Reset) or [`Signals::reset`](super::bus::Signals::reset).
    Chip,
}
