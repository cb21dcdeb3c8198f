//! The seam between the core and the chip around it.
//!
//! The core owns the SRAM and the System Control Space; everything else is the chip's. Flash contents are the chip's
//! too, but the core reads them through [`Chip::flash`] without a call per access.

/// Width of one access.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Width {
    /// 8 bits
    Byte,
    /// 16 bits
    Half,
    /// 32 bits
    Word,
}

/// Why the chip did not serve an access.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// Silicon would raise a bus fault here; the guest gets one.
    BusFault,
    /// Silicon would do something that nobody modelled: the machine stops and names it.
    Unmodelled(String),
}

/// What a write did beyond storing a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Nothing the core must know.
    None,
    /// Flash bytes changed: decoded instructions there are stale.
    FlashChanged {
        /// First byte, from the start of flash.
        offset: usize,
        /// Bytes.
        length: usize,
    },
    /// Power went away in the middle of this write (`fault:P1`).
    PowerLost,
    /// The chip resets itself now (system reset from a peripheral write).
    Reset,
}

/// What the chip tells the core besides values: handed to every call.
#[derive(Debug, Default, Clone)]
pub struct Signals {
    /// Core cycles since power-on.
    pub cycles: u64,
    /// Interrupt request lines, level sensitive, by interrupt number.
    pub irq: IrqLines,
    /// Set by the chip to raise NMI once (flash double ECC error, clock security).
    pub nmi: bool,
    /// Cycles that the core must stall before its next instruction (its own flash bank is busy). The core takes them off
    /// as it waits; deadlines on the way are kept.
    pub stall: u64,
    /// Set by the chip when a reset request is due (watchdog); the core stops with `Stop::Reset` before its next instruction.
    pub reset: bool,
    /// Set by the core before each [`Chip::read`] and [`Chip::write`]: the address behind the instruction that makes the
    /// access, so that the chip knows whether the core runs from the flash bank that it is about to block.
    pub pc: u32,
    /// Set by the chip when whoever runs the core must look before it goes on (the core clock changed): the core clears
    /// it and returns `Stop::Deadline` before its next instruction.
    pub pause: bool,
}

/// The 128 interrupt lines into the NVIC.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct IrqLines {
    level: [u32; 4],
    changed: bool,
}

impl IrqLines {
    /// Drives line `number` (0-127).
    pub fn set(&mut self, number: usize, high: bool) {
        let (word, mask) = (number / 32, 1 << (number % 32));
        let old = self.level[word];
        self.level[word] = if high { old | mask } else { old & !mask };
        self.changed |= old != self.level[word];
    }

    /// Levels of lines `32 * word ..`.
    #[must_use]
    pub fn levels(&self, word: usize) -> u32 {
        self.level[word]
    }

    /// Whether any line moved since the last call.
    pub fn take_changed(&mut self) -> bool {
        core::mem::take(&mut self.changed)
    }
}

/// Everything around the core.
pub trait Chip {
    /// The flash array as the core reads it, mapped at `0x0800_0000` and aliased at 0.
    fn flash(&self) -> &[u8];

    /// False while any flash word would fault on read: then the core asks [`Chip::read`] for flash data too.
    fn flash_is_clean(&self) -> bool;

    /// Reads a peripheral register, a system memory word, or (when flash is not clean) a flash word.
    ///
    /// # Errors
    /// [`Refused`] when the address is nobody's, or not modelled.
    fn read(&mut self, address: u32, width: Width, signals: &mut Signals) -> Result<u32, Refused>;

    /// Writes a peripheral register or a flash location.
    ///
    /// # Errors
    /// [`Refused`] when the address is nobody's, or not modelled.
    fn write(&mut self, address: u32, width: Width, value: u32, signals: &mut Signals) -> Result<Effect, Refused>;

    /// Lets time-driven peripherals catch up with `signals.cycles`; returns the next cycle at which something happens.
    fn tick(&mut self, signals: &mut Signals) -> u64;

    /// Lets DMA move what peripherals ask for, to and from the SRAM, which begins at `0x2000_0000`. The core calls it
    /// after each tick. True: something moved, tick again.
    fn move_data(&mut self, _ram: &mut [u8], _signals: &mut Signals) -> bool {
        false
    }

    /// System reset: registers back to their reset values; flash contents and backup state stay.
    fn reset(&mut self);
}
