//! An Armv7E-M core with FPv4-SP, NVIC, SysTick and the System Control Block, as in the STM32G474.
//!
//! One cycle an instruction, 12 for an exception entry or return, 6 for a tail-chain: deterministic, not cycle exact.
//! Not there: the MPU, bit-banding, debug monitor, trace, and imprecise bus faults (every refused store faults precisely).

pub mod bench;
pub mod bus;
mod checkpoint;
mod decode;
mod exceptions;
mod execute;
mod flags;
mod float_state;
mod instruction;
mod memory;
mod nvic;
pub mod plain;
mod processor;
mod recording;
mod run;
mod scb;
mod scs;
mod single;
mod special;
mod stop;
mod systick;
mod trap;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use bus::{Chip, Signals};
use flags::Flags;
use float_state::FloatUnit;
use instruction::Instruction;
use nvic::{Masks, Nvic};
pub use processor::Processor;
use recording::Recorder;
pub use recording::{Access, AccessKind, Recording, Step};
use scb::{CycleCounter, SystemControl};
pub use stop::{ResetSource, Stop};
use systick::SysTick;

/// Start of the SRAM.
pub const RAM_START: u32 = 0x2000_0000;
/// Where flash is mapped; it is aliased at 0.
pub const FLASH_START: u32 = 0x0800_0000;

/// The core, its SRAM, and the chip around it.
#[derive(Clone)]
pub struct Core<C: Chip> {
    /// Everything that is not core: flash and peripherals.
    pub chip: C,
    /// The wires between chip and core, and the cycle counter. After a change from outside call [`Core::poke`].
    pub signals: Signals,

    /// r13 is the stack pointer in use, r15 the address of the next instruction.
    registers: [u32; 16],
    flags: Flags,
    /// ITSTATE; 0 outside an IT block.
    it_state: u8,
    /// Nothing stops a burst of instructions before this cycle.
    pause_at: u64,
    ram: Vec<u8>,
    /// One entry a halfword of flash. Shared by clones until one of them decodes something new.
    decoded: Arc<[Instruction]>,

    /// The stack pointer not in use.
    other_stack_pointer: u32,
    on_process_stack: bool,
    /// CONTROL.nPRIV
    unprivileged_thread: bool,
    /// CONTROL.FPCA
    float_active: bool,
    /// EPSR.T
    thumb: bool,
    /// IPSR: 0 in thread mode.
    exception_number: u16,
    masks: Masks,
    /// The local exclusive monitor.
    exclusive: bool,
    float: FloatUnit,

    nvic: Nvic,
    systick: SysTick,
    system: SystemControl,
    cycle_counter: CycleCounter,
    cycle_counter_enabled: bool,

    sleep: Sleep,
    event_register: bool,
    /// The next cycle at which SysTick or the chip has something to do.
    deadline: u64,
    /// The chip must be asked for its deadline again.
    chip_is_due: bool,
    lines_changed: bool,
    /// Pending, priorities or masks changed.
    recheck: bool,
    /// Cycles that passed without instructions.
    waited: u64,
    instructions: u64,

    breakpoint: Option<u32>,
    stopped_at_breakpoint: bool,
    stopped_at_checkpoint: Option<u32>,
    recorder: Option<Box<Recorder>>,
    /// Details of the last trap.
    fault_address: u32,
    return_value: u32,
    unknown_opcode: u32,
    unmodelled: String,
}

/// Whether the core sleeps, and what wakes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sleep {
    Awake,
    /// `WFI`
    UntilInterrupt,
    /// `WFE`
    UntilEvent,
}

impl<C: Chip> Core<C> {
    /// A powered core held before reset: call [`Core::reset`] to start it. SRAM is all zero.
    #[must_use]
    pub fn new(chip: C, ram_bytes: usize) -> Self {
        let decoded = vec![Instruction::NOT_DECODED; chip.flash().len() / 2].into();
        Self {
            chip,
            signals: Signals::default(),
            registers: [0; 16],
            flags: Flags::default(),
            it_state: 0,
            pause_at: 0,
            ram: vec![0; ram_bytes],
            decoded,
            other_stack_pointer: 0,
            on_process_stack: false,
            unprivileged_thread: false,
            float_active: false,
            thumb: true,
            exception_number: 0,
            masks: Masks::default(),
            exclusive: false,
            float: FloatUnit::default(),
            nvic: Nvic::default(),
            systick: SysTick::default(),
            system: SystemControl::default(),
            cycle_counter: CycleCounter::default(),
            cycle_counter_enabled: false,
            sleep: Sleep::Awake,
            event_register: false,
            deadline: 0,
            chip_is_due: true,
            lines_changed: true,
            recheck: true,
            waited: 0,
            instructions: 0,
            breakpoint: None,
            stopped_at_breakpoint: false,
            stopped_at_checkpoint: None,
            recorder: None,
            fault_address: 0,
            return_value: 0,
            unknown_opcode: 0,
            unmodelled: String::new(),
        }
    }

    /// System reset: core and peripherals to their reset values, SP and PC from the vector table at 0. SRAM stays, and so
    /// do cycles and instructions. A vector that flash cannot be read for leaves PC at 0xFFFFFFFE: the first fetch faults.
    pub fn reset(&mut self) {
        self.reset_core();
        self.signals = Signals { cycles: self.signals.cycles, ..Signals::default() };
        self.chip.reset();
        self.flash_changed(0, self.decoded.len() * 2);
        self.registers[13] = self.read_word(0).unwrap_or(0) & !3;
        let vector = self.read_word(4).unwrap_or(u32::MAX);
        self.registers[15] = vector & !1;
        self.thumb = vector & 1 != 0;
    }

    fn reset_core(&mut self) {
        self.registers = [0; 16];
        self.registers[14] = u32::MAX;
        self.flags = Flags::default();
        self.it_state = 0;
        self.other_stack_pointer = 0;
        self.on_process_stack = false;
        self.unprivileged_thread = false;
        self.float_active = false;
        self.exception_number = 0;
        self.masks = Masks::default();
        self.exclusive = false;
        self.float = FloatUnit::default();
        self.nvic = Nvic::default();
        self.systick = SysTick::default();
        self.system = SystemControl::default();
        self.cycle_counter = CycleCounter::default();
        self.cycle_counter_enabled = false;
        self.sleep = Sleep::Awake;
        self.event_register = false;
        self.poke();
    }

    /// Core cycles since power-on, time asleep included.
    #[must_use]
    pub fn cycles(&self) -> u64 {
        self.signals.cycles
    }

    /// Instructions executed since power-on.
    #[must_use]
    pub fn instructions(&self) -> u64 {
        self.instructions
    }

    /// Whether the core is in `WFI` or `WFE` with nothing to wake it yet.
    #[must_use]
    pub fn is_asleep(&self) -> bool {
        self.sleep != Sleep::Awake
    }

    /// The cycle of the next deadline of SysTick or chip (`u64::MAX`: none); meaningful while asleep.
    #[must_use]
    pub fn next_event(&self) -> u64 {
        self.deadline
    }

    /// The chip's state changed from outside (byte received, pin moved): ask it again before going on.
    pub fn poke(&mut self) {
        self.chip_is_due = true;
        self.lines_changed = true;
        self.recheck = true;
        self.ask_attention();
    }

    /// Flash changed other than by a write of the guest: forget what was decoded there. [`Core::reset`] does it for all.
    pub fn flash_changed(&mut self, offset: usize, length: usize) {
        // An instruction that begins one halfword earlier may reach into the range.
        let end = (offset + length).div_ceil(2).min(self.decoded.len());
        let start = (offset / 2).saturating_sub(1).min(end);
        Arc::make_mut(&mut self.decoded)[start..end].fill(Instruction::NOT_DECODED);
    }

    /// Stops with [`Stop::Breakpoint`] before the instruction at `address`; `None` takes it back. Running on from there
    /// executes it. Slows the core down.
    pub fn set_breakpoint(&mut self, address: Option<u32>) {
        self.breakpoint = address;
    }

    /// The SRAM, from [`RAM_START`].
    #[must_use]
    pub fn ram(&self) -> &[u8] {
        self.recorder.as_ref().map_or(&self.ram, |recorder| &recorder.ram)
    }

    /// The SRAM for writing.
    pub fn ram_mut(&mut self) -> &mut [u8] {
        self.recorder.as_mut().map_or(&mut self.ram, |recorder| &mut recorder.ram)
    }
}
