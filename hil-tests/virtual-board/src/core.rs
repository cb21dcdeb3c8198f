//! An Armv7E-M core with FPv4-SP, NVIC, SysTick and the System Control Block, as in the STM32G474.

pub mod bus;
mod stop;

use bus::{Chip, Signals};
pub use stop::{ResetSource, Stop};

/// Start of the SRAM.
pub const RAM_START: u32 = 0x2000_0000;
/// Where flash is mapped; it is aliased at 0.
pub const FLASH_START: u32 = 0x0800_0000;

/// The core, its SRAM, and the chip around it.
pub struct Core<C: Chip> {
    /// Everything that is not core: flash and peripherals.
    pub chip: C,
    /// The wires between chip and core, and the cycle counter. After a change from outside call [`Core::poke`].
    pub signals: Signals,
    registers: [u32; 16],
    ram: Vec<u8>,
    breakpoint: Option<u32>,
}

impl<C: Chip> Core<C> {
    /// A powered core held before reset: call [`Core::reset`] to start it. SRAM is all zero.
    #[must_use]
    pub fn new(chip: C, ram_bytes: usize) -> Self {
        Self { chip, signals: Signals::default(), registers: [0; 16], ram: vec![0; ram_bytes], breakpoint: None }
    }

    /// System reset: core and peripherals to their reset values, SP and PC from the vector table at 0. SRAM stays.
    pub fn reset(&mut self) {
        self.chip.reset();
    }

    /// Runs until the absolute `cycle`, or an earlier stop.
    pub fn run_until(&mut self, cycle: u64) -> Stop {
        self.signals.cycles = cycle;
        Stop::Deadline
    }

    /// Core cycles since power-on, time asleep included.
    #[must_use]
    pub fn cycles(&self) -> u64 {
        self.signals.cycles
    }

    /// Instructions executed since power-on.
    #[must_use]
    pub fn instructions(&self) -> u64 {
        self.signals.cycles
    }

    /// Whether the core is in `WFI` or `WFE` with nothing to wake it yet.
    #[must_use]
    pub fn is_asleep(&self) -> bool {
        false
    }

    /// The cycle of the next deadline of SysTick or chip (`u64::MAX`: none); meaningful while asleep.
    #[must_use]
    pub fn next_event(&self) -> u64 {
        u64::MAX
    }

    /// The chip's state changed from outside (byte received, pin moved): ask it again before going on.
    pub fn poke(&mut self) {}

    /// Flash changed from outside of a guest's write: forget what was decoded there.
    pub fn flash_changed(&mut self, offset: usize, length: usize) {
        let _ = (offset, length);
    }

    /// Stops with [`Stop::Breakpoint`] before the instruction at `address`; `None` takes it back.
    pub fn set_breakpoint(&mut self, address: Option<u32>) {
        self.breakpoint = address;
    }

    /// r0-r12, the active SP, LR, and the address of the next instruction.
    #[must_use]
    pub fn registers(&self) -> [u32; 16] {
        self.registers
    }

    /// Sets one of the sixteen; bit 0 of register 15 is ignored.
    pub fn set_register(&mut self, number: usize, value: u32) {
        self.registers[number] = value;
    }

    /// The SRAM, from [`RAM_START`].
    #[must_use]
    pub fn ram(&self) -> &[u8] {
        &self.ram
    }

    /// The SRAM for writing.
    pub fn ram_mut(&mut self) -> &mut [u8] {
        &mut self.ram
    }
}
