//! One decoded instruction: an operation and its operands, ready to execute.

/// What an instruction does; the operands it uses are named where it is executed (`execute.rs`).
///
/// `Immediate`, `Register` and `Shifted` name the second operand. The float group comes last, see [`Operation::is_float`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
#[repr(u8)]
pub(crate) enum Operation {
    /// Nothing decoded here yet.
    NotDecoded,
    /// Stops before whatever is there.
    Checkpoint,
    /// No instruction that this core knows; `immediate` is the opcode.
    Unknown,
    /// `UDF`: an encoding that stays undefined for ever.
    PermanentlyUndefined,
    /// A coprocessor that is not there.
    CoprocessorAbsent,
    Nop,

    AndImmediate,
    BicImmediate,
    OrrImmediate,
    OrnImmediate,
    EorImmediate,
    MovImmediate,
    MvnImmediate,
    TstImmediate,
    TeqImmediate,
    AddImmediate,
    AdcImmediate,
    SbcImmediate,
    SubImmediate,
    RsbImmediate,
    CmpImmediate,
    CmnImmediate,

    AndRegister,
    BicRegister,
    OrrRegister,
    EorRegister,
    MovRegister,
    MvnRegister,
    TstRegister,
    AddRegister,
    AdcRegister,
    SbcRegister,
    SubRegister,
    CmpRegister,
    CmnRegister,

    AndShifted,
    BicShifted,
    OrrShifted,
    OrnShifted,
    EorShifted,
    MvnShifted,
    TstShifted,
    TeqShifted,
    AddShifted,
    AdcShifted,
    SbcShifted,
    SubShifted,
    RsbShifted,
    CmpShifted,
    CmnShifted,

    LslImmediate,
    LsrImmediate,
    AsrImmediate,
    RorImmediate,
    Rrx,
    LslRegister,
    LsrRegister,
    AsrRegister,
    RorRegister,

    /// `MOVT`
    MoveTop,
    /// `ADR`: the aligned PC plus `immediate`.
    AddressOf,
    AddHigh,
    MovHigh,
    CmpHigh,
    /// `ADD`/`SUB` of a 32-bit encoding into SP: the sum with its two low bits cleared. `variant` 1 subtracts; `ra` 1: the second operand is shifted.
    StackArithmetic,

    Mul,
    Mla,
    Mls,
    Umull,
    Umlal,
    Umaal,
    Smull,
    Smlal,
    SignedDivide,
    UnsignedDivide,
    /// `SMULxy`, `SMLAxy`
    MultiplyHalves,
    /// `SMULWy`, `SMLAWy`
    MultiplyWordByHalf,
    /// `SMMUL`, `SMMLA`
    MultiplyTop,
    /// `SMMLS`
    MultiplyTopSubtract,
    /// `SMLALxy`
    MultiplyHalvesLong,
    /// `SMUAD`, `SMUSD`, `SMLAD`, `SMLSD`
    MultiplyDual,
    /// `SMLALD`, `SMLSLD`
    MultiplyDualLong,
    /// `USAD8`, `USADA8`
    SumOfAbsoluteDifferences,

    UnsignedExtract,
    SignedExtract,
    BitInsert,
    BitClear,
    SignedSaturate,
    UnsignedSaturate,
    SignedSaturateHalves,
    UnsignedSaturateHalves,
    SignExtendByte,
    SignExtendHalf,
    ZeroExtendByte,
    ZeroExtendHalf,
    /// The general form: rotated, or two bytes at once, or added to `rn`.
    Extend,
    ReverseBytes,
    ReverseBytesOfHalves,
    ReverseBytesOfSignedHalf,
    ReverseBits,
    CountLeadingZeros,
    PackHalves,
    /// `QADD`, `QDADD`, `QSUB`, `QDSUB`
    SaturatingAdd,
    /// `SADD8` and its family
    Parallel,
    SelectBytes,

    LoadWordImmediate,
    LoadByteImmediate,
    LoadHalfImmediate,
    LoadSignedByteImmediate,
    LoadSignedHalfImmediate,
    StoreWordImmediate,
    StoreByteImmediate,
    StoreHalfImmediate,
    LoadWordRegister,
    LoadByteRegister,
    LoadHalfRegister,
    LoadSignedByteRegister,
    LoadSignedHalfRegister,
    StoreWordRegister,
    StoreByteRegister,
    StoreHalfRegister,
    /// Pre- or post-indexed with write-back; `ra` is a [`Transfer`].
    LoadIndexed,
    StoreIndexed,
    LoadWordLiteral,
    /// Narrower than a word; `ra` is a [`Transfer`].
    LoadLiteral,
    LoadUnprivileged,
    StoreUnprivileged,
    LoadDual,
    StoreDual,
    LoadMultiple,
    StoreMultiple,
    LoadExclusive,
    StoreExclusive,
    ClearExclusive,
    TableBranchByte,
    TableBranchHalf,

    Branch,
    BranchConditional,
    BranchLink,
    BranchExchange,
    BranchLinkExchange,
    CompareBranchZero,
    CompareBranchNotZero,
    IfThen,

    SupervisorCall,
    Breakpoint,
    ChangeProcessorState,
    MoveFromSpecial,
    MoveToSpecial,
    WaitForInterrupt,
    WaitForEvent,
    SendEvent,

    FloatLoad,
    FloatStore,
    FloatLoadDouble,
    FloatStoreDouble,
    FloatLoadMultiple,
    FloatStoreMultiple,
    FloatToCore,
    FloatFromCore,
    FloatPairToCore,
    FloatPairFromCore,
    FloatStatusToCore,
    FloatStatusFromCore,
    FloatAdd,
    FloatSubtract,
    FloatMultiply,
    FloatNegatedMultiply,
    FloatDivide,
    FloatMultiplyAdd,
    FloatMultiplySubtract,
    FloatNegatedMultiplyAdd,
    FloatNegatedMultiplySubtract,
    FusedMultiplyAdd,
    FusedMultiplySubtract,
    FusedNegatedMultiplyAdd,
    FusedNegatedMultiplySubtract,
    FloatImmediate,
    FloatCopy,
    FloatAbsolute,
    FloatNegate,
    FloatSquareRoot,
    FloatCompare,
    FloatCompareZero,
    FloatFromInteger,
    FloatToInteger,
    FloatFromFixed,
    FloatToFixed,
    HalfToFloat,
    FloatToHalf,
}

impl Operation {
    /// Whether the operation belongs to the floating point extension.
    pub(crate) fn is_float(self) -> bool {
        self >= Operation::FloatLoad
    }
}

/// Width and sign of a load or store in the rarer addressing forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Transfer {
    Word,
    Byte,
    Half,
    SignedByte,
    SignedHalf,
}

impl Transfer {
    /// The transfer kept in an operand byte.
    pub(crate) fn from_operand(operand: u8) -> Self {
        match operand {
            0 => Transfer::Word,
            1 => Transfer::Byte,
            2 => Transfer::Half,
            3 => Transfer::SignedByte,
            _ => Transfer::SignedHalf,
        }
    }
}

/// Whether an instruction changes the condition flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum SetFlags {
    Never,
    Always,
    /// 16-bit encodings: only outside an IT block.
    OutsideItBlock,
}

/// Shift applied to a register operand.
pub(crate) mod shift {
    pub(crate) const LSL: u8 = 0;
    pub(crate) const LSR: u8 = 1;
    pub(crate) const ASR: u8 = 2;
    /// With an amount of 0: `RRX`.
    pub(crate) const ROR: u8 = 3;
}

/// Carry that an immediate operand of a logical instruction leaves behind (in `variant`).
pub(crate) mod immediate_carry {
    pub(crate) const UNCHANGED: u8 = 0;
    pub(crate) const CLEAR: u8 = 1;
    pub(crate) const SET: u8 = 2;
}

/// A decoded instruction. Twelve bytes: one is kept for every halfword of flash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Instruction {
    pub(crate) operation: Operation,
    /// Destination, or the register that is stored.
    pub(crate) rd: u8,
    /// First operand or base.
    pub(crate) rn: u8,
    /// Second operand or index.
    pub(crate) rm: u8,
    /// Third operand, low half of a long result, second register of a pair.
    pub(crate) ra: u8,
    pub(crate) set_flags: SetFlags,
    /// Bytes: 2 or 4.
    pub(crate) length: u8,
    /// What the operation alone does not say: a shift kind, a condition, an addressing form.
    pub(crate) variant: u8,
    pub(crate) immediate: u32,
}

const _: () = assert!(size_of::<Instruction>() == 12);

impl Instruction {
    /// The entry of a halfword that nothing was decoded for.
    pub(crate) const NOT_DECODED: Instruction = Instruction::new(Operation::NotDecoded);

    /// A 16-bit instruction with all operands zero.
    pub(crate) const fn new(operation: Operation) -> Self {
        Instruction {
            operation,
            rd: 0,
            rn: 0,
            rm: 0,
            ra: 0,
            set_flags: SetFlags::Never,
            length: 2,
            variant: 0,
            immediate: 0,
        }
    }

    /// An encoding nobody knows.
    pub(crate) const fn unknown(opcode: u32) -> Self {
        Instruction { immediate: opcode, ..Instruction::new(Operation::Unknown) }
    }
}
