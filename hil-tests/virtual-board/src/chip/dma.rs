//! DMA1, DMA2 and DMAMUX1: data between the serial ports, ADC1 and memory (RM0440 chapters 12 and 13).
//!
//! A request is served at once and costs no cycle. Stops the machine: memory to memory, items of different widths on
//! the two sides, requests of other peripherals, synchronization and request generators.

use super::lines::Lines;
use super::map;
use super::peripheral::{Moment, Peripheral};
use super::registers::{Bank, Register, unmodelled};
use crate::core::RAM_START;
use crate::core::bus::{Effect, Refused, Width};

const CHANNELS: usize = 8;
const ISR: u32 = 0x00;
const IFCR: u32 = 0x04;

const EN: u32 = 1 << 0;
const TCIE: u32 = 1 << 1;
const HTIE: u32 = 1 << 2;
const TEIE: u32 = 1 << 3;
const DIR: u32 = 1 << 4;
const CIRC: u32 = 1 << 5;
const PINC: u32 = 1 << 6;
const MINC: u32 = 1 << 7;
const MEM2MEM: u32 = 1 << 14;

/// Flags of a channel, within its four bits of ISR.
const TCIF: u32 = 1 << 1;
const HTIF: u32 = 1 << 2;
const TEIF: u32 = 1 << 3;

/// The request numbers of the serial ports: RX of the first, then TX, and so on (RM0440 table 91).
const SERIAL_REQUESTS: std::ops::Range<u32> = 24..34;
const ADC1_REQUEST: u32 = 5;

const fn ccr(channel: usize) -> u32 {
    0x08 + channel as u32 * 0x14
}

const fn channel_registers() -> [Register; 2 + 4 * CHANNELS] {
    let mut table = [Register::read_only(ISR, "ISR", 0); 2 + 4 * CHANNELS];
    table[1] = Register::new(IFCR, "IFCR", 0, 0).hardware(u32::MAX);
    let mut channel = 0;
    while channel < CHANNELS {
        let at = ccr(channel);
        table[2 + channel * 4] = Register::new(at, "CCR", 0, 0x7FFF);
        table[3 + channel * 4] = Register::new(at + 4, "CNDTR", 0, 0xFFFF);
        table[4 + channel * 4] = Register::new(at + 8, "CPAR", 0, u32::MAX);
        table[5 + channel * 4] = Register::new(at + 12, "CMAR", 0, u32::MAX);
        channel += 1;
    }
    table
}

static REGISTERS: [Register; 2 + 4 * CHANNELS] = channel_registers();

/// One controller.
#[derive(Debug, Clone)]
pub(crate) struct Dma {
    registers: Bank,
    /// Items of a whole round, per channel, taken when it is enabled.
    rounds: [u32; CHANNELS],
    /// How many channels are on.
    on: usize,
    lines: [usize; CHANNELS],
}

/// One item to move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Item {
    /// Which channel moves it.
    pub(crate) channel: usize,
    /// Peripheral to memory, or the other way.
    pub(crate) to_memory: bool,
    /// Its address in the peripheral.
    pub(crate) peripheral: u32,
    /// Its address in memory.
    pub(crate) memory: u32,
    /// How wide it is.
    pub(crate) width: Width,
}

impl Dma {
    /// A controller with the interrupt lines of its channels.
    pub(crate) fn new(lines: [usize; CHANNELS]) -> Self {
        Self { registers: Bank::new(&REGISTERS), rounds: [0; CHANNELS], on: 0, lines }
    }

    /// Whether any channel is on.
    pub(crate) fn is_on(&self) -> bool {
        self.on != 0
    }

    /// The item that a channel would move on a request.
    pub(crate) fn item(&self, channel: usize) -> Option<Item> {
        let control = self.registers.get(ccr(channel));
        let left = self.registers.get(ccr(channel) + 4);
        if control & EN == 0 || left == 0 {
            return None;
        }
        let width = match control >> 10 & 3 {
            0 => Width::Byte,
            1 => Width::Half,
            _ => Width::Word,
        };
        let done = (self.rounds[channel].saturating_sub(left)) << (control >> 10 & 3);
        Some(Item {
            channel,
            to_memory: control & DIR == 0,
            peripheral: self.registers.get(ccr(channel) + 8),
            memory: self.registers.get(ccr(channel) + 12).wrapping_add(if control & MINC == 0 { 0 } else { done }),
            width,
        })
    }

    /// A channel moved its item, or could not.
    pub(crate) fn moved(&mut self, channel: usize, worked: bool) {
        let control = self.registers.get(ccr(channel));
        if !worked {
            self.flag(channel, TEIF);
            self.registers.set(ccr(channel), control & !EN);
            self.count_channels();
            return;
        }
        let left = self.registers.get(ccr(channel) + 4) - 1;
        if left == self.rounds[channel] / 2 && left != 0 {
            self.flag(channel, HTIF);
        }
        if left == 0 {
            self.flag(channel, TCIF);
        }
        let next = if left == 0 && control & CIRC != 0 { self.rounds[channel] } else { left };
        self.registers.set(ccr(channel) + 4, next);
    }

    fn flag(&mut self, channel: usize, flag: u32) {
        // Bit 0 of the four says that any other is set.
        self.registers.set_bits(ISR, (flag | 1) << (channel * 4), true);
    }

    fn write_ifcr(&mut self, value: u32) {
        for channel in 0..CHANNELS {
            let shift = channel * 4;
            let clear = value >> shift & 0xF;
            let clear = if clear & 1 != 0 { 0xF } else { clear };
            let left = self.registers.get(ISR) >> shift & 0xE & !clear;
            self.registers.set_bits(ISR, 0xF << shift, false);
            self.registers.set_bits(ISR, (left | u32::from(left != 0)) << shift, true);
        }
    }

    fn write_ccr(&mut self, channel: usize, value: u32) -> Result<(), Refused> {
        let old = self.registers.get(ccr(channel));
        if value & EN != 0 && old & EN == 0 {
            if value & MEM2MEM != 0 {
                return unmodelled("CCR: MEM2MEM");
            }
            if value >> 8 & 3 != value >> 10 & 3 || value & PINC != 0 {
                return unmodelled("CCR: PSIZE and MSIZE differ, or PINC");
            }
            let peripheral = self.registers.get(ccr(channel) + 8);
            if map::block_at(peripheral).is_none() {
                return unmodelled(format!("CPAR: {peripheral:#010x} is in no modelled peripheral"));
            }
            self.rounds[channel] = self.registers.get(ccr(channel) + 4);
        }
        self.registers.write(ccr(channel), value)?;
        self.count_channels();
        Ok(())
    }

    fn count_channels(&mut self) {
        self.on = (0..CHANNELS).filter(|&channel| self.registers.get(ccr(channel)) & EN != 0).count();
    }
}

impl Peripheral for Dma {
    fn read(&mut self, offset: u32, _at: &Moment) -> Result<u32, Refused> {
        self.registers.read(offset)
    }

    fn write(&mut self, offset: u32, value: u32, _at: &Moment) -> Result<Effect, Refused> {
        let channel = (offset.saturating_sub(8) / 0x14) as usize % CHANNELS;
        match offset {
            IFCR => self.write_ifcr(value),
            _ if offset == ccr(channel) => self.write_ccr(channel, value)?,
            _ if offset > IFCR && self.registers.get(ccr(channel)) & EN != 0 => {
                return unmodelled(format!("{}: written while the channel is on", self.registers.name(offset)));
            }
            _ => self.registers.write(offset, value)?,
        }
        Ok(Effect::None)
    }

    fn reset(&mut self) {
        self.registers.reset();
        self.rounds = [0; CHANNELS];
        self.on = 0;
    }

    fn interrupts(&self, lines: &mut Lines) {
        let flags = self.registers.get(ISR);
        if flags == 0 {
            return;
        }
        for (channel, &line) in self.lines.iter().enumerate() {
            // TCIE, HTIE and TEIE are in the same order and place as their flags.
            let enabled = self.registers.get(ccr(channel)) & (TCIE | HTIE | TEIE);
            lines.raise(line, flags >> (channel * 4) & enabled != 0);
        }
    }
}

const MUX_CHANNELS: usize = 16;

const fn mux_registers() -> [Register; MUX_CHANNELS + 2] {
    let mut table = [Register::read_only(0x80, "CSR", 0); MUX_CHANNELS + 2];
    table[1] = Register::new(0x84, "CFR", 0, 0).hardware(0xFFFF);
    let mut channel = 0;
    while channel < MUX_CHANNELS {
        table[2 + channel] = Register::new(channel as u32 * 4, "CxCR", 0, 0x1FFF_037F);
        channel += 1;
    }
    table
}

static MUX_REGISTERS: [Register; MUX_CHANNELS + 2] = mux_registers();

/// Who asks for an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// A serial port (0 = USART1): it received a character.
    Received(usize),
    /// A serial port has room for a character.
    Room(usize),
    /// ADC1 has a result.
    Adc1,
}

/// Which request drives which channel: 0-7 are those of DMA1, 8-15 those of DMA2.
#[derive(Debug, Clone)]
pub(crate) struct Dmamux {
    registers: Bank,
}

impl Dmamux {
    /// No requests.
    pub(crate) fn new() -> Self {
        Self { registers: Bank::new(&MUX_REGISTERS) }
    }

    /// Who drives a channel.
    pub(crate) fn source(&self, channel: usize) -> Option<Source> {
        let request = self.registers.get(channel as u32 * 4) & 0x7F;
        if request == ADC1_REQUEST {
            return Some(Source::Adc1);
        }
        let index = SERIAL_REQUESTS.contains(&request).then(|| (request - SERIAL_REQUESTS.start) as usize)?;
        Some(if index.is_multiple_of(2) { Source::Received(index / 2) } else { Source::Room(index / 2) })
    }
}

impl Peripheral for Dmamux {
    fn read(&mut self, offset: u32, _at: &Moment) -> Result<u32, Refused> {
        self.registers.read(offset)
    }

    fn write(&mut self, offset: u32, value: u32, _at: &Moment) -> Result<Effect, Refused> {
        let request = value & 0x7F;
        if offset < 0x80 && !(matches!(request, 0 | ADC1_REQUEST) || SERIAL_REQUESTS.contains(&request)) {
            return unmodelled(format!("CxCR: request {request} of a peripheral without modelled DMA"));
        }
        const SYNCHRONIZED: u32 = 1 << 16;
        if offset < 0x80 && value & SYNCHRONIZED != 0 {
            return unmodelled("CxCR: SE, synchronization");
        }
        self.registers.write(offset, value)?;
        Ok(Effect::None)
    }

    fn reset(&mut self) {
        self.registers.reset();
    }
}

/// Reads an item from memory that a controller reaches.
pub(crate) fn load(ram: &[u8], flash: &[u8], address: u32, width: Width) -> Option<u32> {
    let bytes = if address >= RAM_START {
        ram.get((address - RAM_START) as usize..)?
    } else {
        flash.get(address.checked_sub(crate::core::FLASH_START)? as usize..)?
    };
    Some(bytes.get(..bytes_of(width))?.iter().rev().fold(0, |value, &byte| value << 8 | u32::from(byte)))
}

/// Writes an item to memory that a controller reaches.
pub(crate) fn store(ram: &mut [u8], address: u32, width: Width, value: u32) -> Option<()> {
    let start = address.checked_sub(RAM_START)? as usize;
    let bytes = ram.get_mut(start..start.checked_add(bytes_of(width))?)?;
    bytes.copy_from_slice(&value.to_le_bytes()[..bytes_of(width)]);
    Some(())
}

fn bytes_of(width: Width) -> usize {
    match width {
        Width::Byte => 1,
        Width::Half => 2,
        Width::Word => 4,
    }
}
