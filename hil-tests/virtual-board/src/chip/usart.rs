//! USART: asynchronous characters with real time on the line (RM0440 chapter 37).
//!
//! A character is computed when it begins and then runs to its end, whatever the registers become meanwhile.
//! Stops the machine: synchronous, smartcard, IrDA, LIN, half-duplex and multiprocessor modes, automatic baud rate,
//! character match, hardware flow control, LSE as the clock.

mod format;
mod receiver;
mod table;
mod transmitter;

use format::Format;
pub use receiver::ReceivedChar;
use receiver::Receiver;
use table::*;
pub use transmitter::SentChar;
use transmitter::Transmitter;

use super::lines::Lines;
use super::peripheral::{Due, Moment, Peripheral};
use super::registers::{Bank, unmodelled};
use crate::core::bus::{Effect, Refused};
use crate::time::VirtualTime;

/// The bus that clocks a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SerialBus {
    Apb1,
    Apb2,
}

/// What the pins make of the port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wiring {
    /// TX reaches the transceiver.
    pub(crate) sends: bool,
    /// The transceiver's receiver reaches RX.
    pub(crate) receives: bool,
    /// The driver enable pin follows the port; else it has this level.
    pub(crate) driver: DriverEnable,
}

/// Who moves the transceiver's driver enable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DriverEnable {
    /// The port's own DE signal.
    Port,
    /// A pin level that software sets.
    Level(bool),
}

/// One port.
#[derive(Debug, Clone)]
pub(crate) struct Usart {
    registers: Bank,
    irq: usize,
    bus: SerialBus,
    ccipr: u32,
    /// How the pins are set; the chip keeps it up to date.
    pub(crate) wiring: Wiring,
    transmitter: Transmitter,
    receiver: Receiver,
}

impl Usart {
    /// A port with its interrupt line, bus, and the place of its clock selection in CCIPR.
    pub(crate) fn new(irq: usize, bus: SerialBus, ccipr: u32) -> Self {
        Self {
            registers: Bank::new(&REGISTERS),
            irq,
            bus,
            ccipr,
            wiring: Wiring { sends: false, receives: false, driver: DriverEnable::Level(false) },
            transmitter: Transmitter::default(),
            receiver: Receiver::default(),
        }
    }

    /// The next character that began to leave the port.
    pub(crate) fn take_sent(&mut self) -> Option<SentChar> {
        self.transmitter.take_announced()
    }

    /// Characters that reached the port but never its software.
    pub(crate) fn lost(&self) -> u64 {
        self.receiver.lost()
    }

    /// A character arrives; its `end` may lie ahead.
    pub(crate) fn receive(&mut self, character: ReceivedChar) {
        self.receiver.arrive(character);
    }

    /// A start bit begins on the line; its character follows with [`Usart::receive`].
    pub(crate) fn see_start(&mut self, start: VirtualTime) {
        self.receiver.see_start(start);
    }

    /// The length of a character; `None` while the port is off or its settings make none.
    pub(crate) fn character_time(&self, at: &Moment) -> Option<VirtualTime> {
        (self.registers.get(CR1) & UE != 0).then(|| self.format(at).ok())?.map(|format| format.character())
    }

    /// Whether it asks for DMA: for a received character to be taken, for one to send.
    pub(crate) fn dma_requests(&self) -> (bool, bool) {
        let (cr1, cr3) = (self.registers.get(CR1), self.registers.get(CR3));
        let on = |enable| cr1 & (UE | enable) == UE | enable;
        (
            cr3 & DMAR != 0 && on(RE) && self.receiver.level() > 0,
            cr3 & DMAT != 0 && on(TE) && self.transmitter.has_room(self.depth()),
        )
    }

    /// Power or reset: what is on its way inside the port is gone.
    fn drop_characters(&mut self) {
        self.transmitter.clear();
        self.receiver.clear();
    }

    fn kernel_clock(&self, at: &Moment) -> Option<u64> {
        let pclk = match self.bus {
            SerialBus::Apb1 => at.tree.pclk1,
            SerialBus::Apb2 => at.tree.pclk2,
        };
        at.tree.serial_clock(self.ccipr, pclk)
    }

    fn format(&self, at: &Moment) -> Result<Format, Refused> {
        let Some(clock) = self.kernel_clock(at) else {
            return unmodelled("CR1: clocked by LSE, but the board has no 32 kHz crystal");
        };
        Format::new(
            clock,
            self.registers.get(PRESC),
            self.registers.get(BRR),
            self.registers.get(CR1),
            self.registers.get(CR2),
        )
    }

    /// Characters that each direction holds.
    fn depth(&self) -> usize {
        if self.registers.get(CR1) & FIFOEN != 0 { 8 } else { 1 }
    }

    fn status(&self, at: &Moment) -> u32 {
        let cr1 = self.registers.get(CR1);
        let on = |bit: u32, when: bool| if when { bit } else { 0 };
        let fifo = cr1 & FIFOEN != 0;
        let sending = self.transmitter.is_empty();
        let level = self.receiver.level();
        let threshold = fifo_threshold(self.registers.get(CR3) >> 25 & 7);
        let room = self.depth().saturating_sub(self.transmitter.queued());
        let send_threshold = fifo_threshold(self.registers.get(CR3) >> 29 & 7);
        self.receiver.flags()
            | on(RXNE, level > 0)
            | on(TXE, self.transmitter.has_room(self.depth()))
            | on(TC, self.transmitter.is_complete())
            | on(BUSY, self.receiver.is_receiving(at.time(), self.format(at).ok()))
            | on(TEACK, cr1 & (UE | TE) == UE | TE)
            | on(REACK, cr1 & (UE | RE) == UE | RE)
            | on(TXFE, fifo && sending)
            | on(RXFF, fifo && level >= self.depth())
            | on(RXFT, fifo && level >= threshold)
            | on(TXFT, fifo && room >= send_threshold)
    }

    fn write_cr1(&mut self, value: u32, at: &Moment) -> Result<(), Refused> {
        let old = self.registers.get(CR1);
        const FROZEN: u32 = M0 | M1 | OVER8 | FIFOEN | PCE | PS | DEAT | DEDT;
        if value & UNMODELLED_CR1 != 0 {
            return unmodelled(format!("CR1: mode bits {:#010x}", value & UNMODELLED_CR1));
        }
        if old & UE != 0 && value & UE != 0 && (old ^ value) & FROZEN != 0 {
            return unmodelled(format!("CR1: {:#010x} changed while UE is set", (old ^ value) & FROZEN));
        }
        self.registers.write(CR1, value)?;
        if value & UE == 0 {
            self.drop_characters();
            return Ok(());
        }
        if old & UE == 0 || (old ^ value) & (TE | RE) != 0 {
            let format = self.format(at)?;
            let was_on = |bit| old & (UE | bit) == UE | bit;
            if value & TE != 0 && !was_on(TE) {
                self.transmitter.enable(at.time(), &format);
            } else if value & TE == 0 {
                self.transmitter.disable();
            }
            if value & RE != 0 && !was_on(RE) {
                self.receiver.enable(at.time());
            } else if value & RE == 0 {
                self.receiver.disable();
            }
        }
        Ok(())
    }

    fn write_configuration(&mut self, offset: u32, value: u32) -> Result<(), Refused> {
        let refused = match offset {
            CR2 => value & UNMODELLED_CR2,
            CR3 => value & UNMODELLED_CR3,
            _ => 0,
        };
        let name = self.registers.name(offset);
        if refused != 0 {
            return unmodelled(format!("{name}: mode bits {refused:#010x}"));
        }
        let frozen = match offset {
            CR2 => STOP | DATA_SHAPE,
            CR3 => DEM | DEP | OVRDIS | ONEBIT,
            BRR | PRESC => u32::MAX,
            _ => 0,
        };
        let changed = (self.registers.get(offset) ^ value) & frozen;
        if changed != 0 && self.registers.get(CR1) & UE != 0 {
            return unmodelled(format!("{name}: {changed:#010x} changed while UE is set"));
        }
        self.registers.write(offset, value)
    }

    fn write_tdr(&mut self, value: u32, at: &Moment) -> Result<(), Refused> {
        let cr1 = self.registers.get(CR1);
        if cr1 & (UE | TE) != UE | TE {
            return unmodelled("TDR: a character written while UE or TE is off is lost");
        }
        if !self.transmitter.has_room(self.depth()) {
            return unmodelled("TDR: a character written while TXE is clear is lost");
        }
        let format = self.format(at)?;
        self.transmitter.push(value & 0x1FF);
        self.advance_transmitter(at, &format);
        Ok(())
    }

    fn write_rqr(&mut self, value: u32) -> Result<(), Refused> {
        const RXFRQ: u32 = 1 << 3;
        const TXFRQ: u32 = 1 << 4;
        if value & !(RXFRQ | TXFRQ) != 0 {
            return unmodelled(format!("RQR: request {value:#x}"));
        }
        if value & RXFRQ != 0 {
            self.receiver.flush();
        }
        if value & TXFRQ != 0 {
            self.transmitter.flush();
        }
        Ok(())
    }

    fn advance_transmitter(&mut self, at: &Moment, format: &Format) {
        let driver = match self.wiring.driver {
            DriverEnable::Port => self.registers.get(CR3) & DEM != 0 && self.registers.get(CR3) & DEP == 0,
            DriverEnable::Level(level) => level,
        };
        let hardware = self.registers.get(CR3) & DEM != 0;
        self.transmitter.advance(at.time(), format, self.wiring.sends, driver, hardware);
    }

    fn advance_receiver(&mut self, at: &Moment, format: &Format) {
        let (cr2, cr3) = (self.registers.get(CR2), self.registers.get(CR3));
        let rules = receiver::Rules {
            depth: self.depth(),
            listens: self.registers.get(CR1) & (UE | RE) == UE | RE && self.wiring.receives,
            overruns: cr3 & OVRDIS == 0,
            timeout_bits: (cr2 & RTOEN != 0).then_some(self.registers.get(RTOR) & 0xFF_FFFF),
        };
        self.receiver.advance(at.time(), format, rules);
    }
}

/// Thresholds of RXFTCFG and TXFTCFG for FIFOs of eight.
fn fifo_threshold(code: u32) -> usize {
    [1, 2, 4, 6, 7, 8, 8, 8][code as usize]
}

impl Peripheral for Usart {
    fn read(&mut self, offset: u32, at: &Moment) -> Result<u32, Refused> {
        match offset {
            ISR => Ok(self.status(at)),
            RDR => Ok(self.receiver.take()),
            TDR => unmodelled("TDR: a read"),
            _ => self.registers.read(offset),
        }
    }

    fn write(&mut self, offset: u32, value: u32, at: &Moment) -> Result<Effect, Refused> {
        match offset {
            CR1 => self.write_cr1(value, at)?,
            TDR => self.write_tdr(value, at)?,
            RQR => self.write_rqr(value)?,
            ICR => {
                self.registers.write(ICR, value)?;
                self.receiver.clear_flags(value);
                if value & TC != 0 {
                    self.transmitter.clear_complete();
                }
            }
            _ => self.write_configuration(offset, value)?,
        }
        Ok(Effect::None)
    }

    fn reset(&mut self) {
        self.registers.reset();
        self.drop_characters();
    }

    fn tick(&mut self, at: &Moment) -> Due {
        if self.registers.get(CR1) & UE == 0 {
            self.receiver.discard_before(at.time());
            return self.receiver.next_arrival();
        }
        let Ok(format) = self.format(at) else { return Due::Never };
        self.advance_transmitter(at, &format);
        self.advance_receiver(at, &format);
        let (send, receive) = (self.transmitter.due(), self.receiver.due());
        match send.min(receive) {
            VirtualTime::NEVER => Due::Never,
            time => Due::Time(time),
        }
    }

    fn interrupts(&self, lines: &mut Lines) {
        let (cr1, cr3) = (self.registers.get(CR1), self.registers.get(CR3));
        let flags = self.receiver.flags();
        let level = self.receiver.level();
        let fifo = cr1 & FIFOEN != 0;
        let high = cr1 & IDLEIE != 0 && flags & IDLE != 0
            || cr1 & RXNEIE != 0 && (level > 0 || flags & ORE != 0)
            || cr1 & TCIE != 0 && self.transmitter.is_complete()
            || cr1 & TXEIE != 0 && self.transmitter.has_room(self.depth())
            || cr1 & PEIE != 0 && flags & PE != 0
            || cr1 & RTOIE != 0 && flags & RTOF != 0
            || cr3 & EIE != 0 && flags & (FE | NE | ORE) != 0
            || fifo && cr1 & TXFEIE != 0 && self.transmitter.is_empty()
            || fifo && cr1 & RXFFIE != 0 && level >= self.depth()
            || fifo && cr3 & RXFTIE != 0 && level >= fifo_threshold(cr3 >> 25 & 7)
            || fifo
                && cr3 & TXFTIE != 0
                && self.depth().saturating_sub(self.transmitter.queued()) >= fifo_threshold(cr3 >> 29 & 7);
        lines.raise(self.irq, high);
    }
}

#[cfg(test)]
mod tests;
