//! Why an instruction did not simply complete.

/// What interrupted the flow of instructions. One byte, so that results stay cheap; details are kept in the core.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Trap {
    /// A data access was refused; the address is in `fault_address`.
    DataBus,
    /// Saving the lazy FPU registers was refused.
    LazyStacking,
    /// An instruction fetch was refused.
    InstructionBus,
    /// A fetch from an address that never holds code.
    ExecuteNever,
    /// `UDF`
    Undefined,
    /// Execution with EPSR.T clear.
    InvalidState,
    /// An EXC_RETURN that does not fit what is active.
    InvalidReturn,
    /// The FPU is off, or another coprocessor was addressed.
    NoCoprocessor,
    /// An access that must be aligned and is not.
    Unaligned,
    /// Division by zero with CCR.DIV_0_TRP.
    DivideByZero,
    /// `SVC`; the instruction is complete.
    SupervisorCall,
    /// `BKPT`
    Breakpoint,
    /// A place that somebody set; nothing of the instruction was done.
    Checkpoint,
    /// A branch to an EXC_RETURN value, which is in `return_value`; the instruction is complete.
    ExceptionReturn,
    /// No such instruction: its opcode is in `unknown_opcode`.
    UnknownInstruction,
    /// Nobody modelled it: what, is in `unmodelled`.
    Unmodelled,
    /// Power went away inside a write.
    PowerLost,
    /// AIRCR.SYSRESETREQ; the instruction is complete.
    SysResetReq,
    /// The chip resets itself; the instruction is complete.
    ChipReset,
}

impl Trap {
    /// Whether the instruction did its work before this came.
    pub(super) fn is_after_completion(self) -> bool {
        matches!(self, Trap::SupervisorCall | Trap::ExceptionReturn | Trap::SysResetReq | Trap::ChipReset)
    }
}
