//! ADC1 and what it shares with ADC2 (RM0440 chapter 21): sequences that software starts, read by software or DMA.
//!
//! A conversion takes its real time. Stops the machine: a step of the start-up left out or taken too early, a clock above
//! 60 MHz, a sampling time too short for an internal channel, a pin that is not analog, channels that the board has nothing
//! on; and what is not modelled: ADC2, continuous and discontinuous mode, triggers, injected channels, watchdogs,
//! oversampling, differential inputs, fewer than twelve bits.

mod sequence;

use super::lines::Lines;
use super::noise::Noise;
use super::peripheral::{Due, Moment, Peripheral};
use super::registers::{Bank, Register, unmodelled};
use crate::core::bus::{Effect, Refused};
use crate::time::VirtualTime;

pub(crate) use sequence::{Input, VREF_VOLTS};

const ISR: u32 = 0x00;
const IER: u32 = 0x04;
const CR: u32 = 0x08;
const CFGR: u32 = 0x0C;
const CFGR2: u32 = 0x10;
const SMPR1: u32 = 0x14;
const SMPR2: u32 = 0x18;
const SQR1: u32 = 0x30;
/// The data register, which DMA reads too.
pub(crate) const DR: u32 = 0x40;
const DIFSEL: u32 = 0xB0;
/// Registers of both converters, from here on in the block.
const COMMON: u32 = 0x300;
const CSR: u32 = 0x00;
const CCR: u32 = 0x08;

const ADRDY: u32 = 1 << 0;
const EOSMP: u32 = 1 << 1;
const EOC: u32 = 1 << 2;
const EOS: u32 = 1 << 3;
const OVR: u32 = 1 << 4;

const ADEN: u32 = 1 << 0;
const ADDIS: u32 = 1 << 1;
const ADSTART: u32 = 1 << 2;
const ADSTP: u32 = 1 << 4;
const ADVREGEN: u32 = 1 << 28;
const DEEPPWD: u32 = 1 << 29;
const ADCALDIF: u32 = 1 << 30;
const ADCAL: u32 = 1 << 31;

const DMAEN: u32 = 1 << 0;
const DMACFG: u32 = 1 << 1;
const OVRMOD: u32 = 1 << 12;
const JQDIS: u32 = 1 << 31;

/// Interrupt line of ADC1 and ADC2.
const ADC_IRQ: usize = 18;

/// DS12288 table 66: the voltage regulator needs 20 us. A microsecond less, for drivers wait 20 ticks of 1 MHz, of which
/// the first may be short.
const REGULATOR: VirtualTime = VirtualTime::from_micros(19);

static REGISTERS: [Register; 14] = [
    Register::new(ISR, "ISR", 0, 0).hardware(0x7FF),
    Register::new(IER, "IER", 0, 0x1F),
    Register::new(CR, "CR", DEEPPWD, ADVREGEN | DEEPPWD | ADCALDIF).hardware(ADEN | ADDIS | ADSTART | ADSTP | ADCAL),
    Register::new(CFGR, "CFGR", JQDIS, DMAEN | DMACFG | OVRMOD | JQDIS),
    Register::new(CFGR2, "CFGR2", 0, 0),
    Register::new(SMPR1, "SMPR1", 0, 0x3FFF_FFFF),
    Register::new(SMPR2, "SMPR2", 0, 0x07FF_FFFF),
    Register::new(SQR1, "SQR1", 0, 0x1F7D_F7CF),
    Register::new(0x34, "SQR2", 0, 0x1F7D_F7DF),
    Register::new(0x38, "SQR3", 0, 0x1F7D_F7DF),
    Register::new(0x3C, "SQR4", 0, 0x0000_07DF),
    Register::read_only(DR, "DR", 0),
    Register::new(DIFSEL, "DIFSEL", 0, 0).hardware(0),
    Register::new(0xB4, "CALFACT", 0, 0x007F_007F),
];

static COMMON_REGISTERS: [Register; 2] =
    [Register::read_only(CSR, "CSR", 0), Register::new(CCR, "CCR", 0, 0x01FF_0000)];

/// The converter.
#[derive(Debug, Clone)]
pub(crate) struct Adc {
    registers: Bank,
    common: Bank,
    noise: Noise,
    /// When the regulator was turned on.
    regulated_since: Option<VirtualTime>,
    /// Whether a calibration ended, and when the last one does.
    calibrated: bool,
    busy_until: VirtualTime,
    ready_at: Option<VirtualTime>,
    /// Software may clear ADRDY; the converter stays ready.
    was_ready: bool,
    running: Option<Running>,
    /// The clock in hertz when it started.
    running_clock: Option<u64>,
}

/// A sequence on its way.
#[derive(Debug, Clone, Copy)]
struct Running {
    rank: usize,
    /// When the conversion of this rank ends.
    ends: VirtualTime,
}

impl Adc {
    /// After power-on.
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            registers: Bank::new(&REGISTERS),
            common: Bank::new(&COMMON_REGISTERS),
            noise: Noise::new(seed),
            regulated_since: None,
            calibrated: false,
            busy_until: VirtualTime::ZERO,
            ready_at: None,
            was_ready: false,
            running: None,
            running_clock: None,
        }
    }

    /// Whether a result waits for DMA.
    pub(crate) fn asks_for_dma(&self) -> bool {
        self.registers.get(CFGR) & DMAEN != 0 && self.registers.get(ISR) & (EOC | OVR) == EOC
    }

    /// The input whose conversion is over by this moment, if one is.
    pub(crate) fn ended(&self, at: &Moment) -> Option<Input> {
        let running = self.running.filter(|running| running.ends <= at.time())?;
        Input::of(self.channel(running.rank))
    }

    /// Its result, from the voltage on the input.
    pub(crate) fn finish(&mut self, volts: f64) {
        let Some(running) = self.running else { return };
        // About one step of the 4096, up or down.
        let noise = (self.noise.next_u64() >> 40) as f64 / f64::from(1u32 << 23) - 1.0;
        let code = (volts / VREF_VOLTS * 4096.0 + noise).round().clamp(0.0, 4095.0) as u32;
        if self.registers.get(ISR) & EOC == 0 {
            self.registers.set(DR, code);
        } else {
            self.registers.set_bits(ISR, OVR, true);
            if self.registers.get(CFGR) & OVRMOD != 0 {
                self.registers.set(DR, code);
            }
        }
        self.registers.set_bits(ISR, EOC | EOSMP, true);
        self.running = if running.rank + 1 < self.ranks() {
            let rank = running.rank + 1;
            self.duration(rank).map(|duration| Running { rank, ends: running.ends + duration })
        } else {
            self.registers.set_bits(ISR, EOS, true);
            self.registers.set_bits(CR, ADSTART, false);
            None
        };
    }

    /// The inputs of the whole sequence, while one runs; for the check of their pins.
    pub(crate) fn sequence(&self) -> impl Iterator<Item = Input> {
        let ranks = if self.running.is_some() { self.ranks() } else { 0 };
        (0..ranks).filter_map(|rank| Input::of(self.channel(rank)))
    }

    fn is_enabled(&self) -> bool {
        self.registers.get(CR) & ADEN != 0
    }

    /// Bits that time sets and clears.
    fn catch_up(&mut self, at: &Moment) {
        if self.registers.get(CR) & ADCAL != 0 && self.busy_until <= at.time() {
            self.registers.set_bits(CR, ADCAL, false);
            self.calibrated = true;
        }
        if self.ready_at.is_some_and(|ready| ready <= at.time()) {
            self.ready_at = None;
            self.was_ready = true;
            self.registers.set_bits(ISR, ADRDY, true);
        }
    }

    fn write_cr(&mut self, value: u32, at: &Moment) -> Result<(), Refused> {
        let old = self.registers.get(CR);
        let set = value & !old;
        if set & (1 << 3 | 1 << 5) != 0 {
            return unmodelled("CR: an injected conversion");
        }
        if (value ^ old) & (ADVREGEN | DEEPPWD) != 0 && old & (ADEN | ADCAL) != 0 {
            return unmodelled("CR: the regulator turned off under an enabled converter");
        }
        self.registers.write(CR, value)?;
        if value & DEEPPWD != 0 || value & ADVREGEN == 0 {
            self.regulated_since = None;
            self.calibrated = false;
        } else if self.regulated_since.is_none() {
            self.regulated_since = Some(at.time());
        }
        if set & ADCAL != 0 {
            self.calibrate(at)?;
        }
        if set & ADEN != 0 {
            self.enable(at)?;
        }
        if set & ADDIS != 0 {
            self.disable()?;
        }
        if set & ADSTART != 0 {
            self.start(at)?;
        }
        if set & ADSTP != 0 {
            self.running = None;
            self.registers.set_bits(CR, ADSTART | ADSTP, false);
        }
        Ok(())
    }

    fn check_regulator(&self, at: &Moment, bit: &str) -> Result<(), Refused> {
        match self.regulated_since {
            None => unmodelled(format!("CR: {bit} with DEEPPWD set or ADVREGEN clear")),
            Some(since) if since + REGULATOR > at.time() => {
                unmodelled(format!("CR: {bit} less than 20 us after ADVREGEN"))
            }
            Some(_) => Ok(()),
        }
    }

    /// RM0440 21.4.8: 116 cycles.
    fn calibrate(&mut self, at: &Moment) -> Result<(), Refused> {
        self.check_regulator(at, "ADCAL")?;
        if self.is_enabled() {
            return unmodelled("CR: ADCAL while ADEN is set");
        }
        self.busy_until = at.time() + VirtualTime::of_periods(116, self.clock(at)?);
        self.registers.set_bits(CR, ADCAL, true);
        Ok(())
    }

    fn enable(&mut self, at: &Moment) -> Result<(), Refused> {
        self.check_regulator(at, "ADEN")?;
        if !self.calibrated || self.registers.get(CR) & ADCAL != 0 {
            return unmodelled("CR: ADEN without a calibration before it, or during one");
        }
        let cycles = |count| Ok(VirtualTime::of_periods(count, self.clock(at)?));
        if self.busy_until + cycles(4)? > at.time() {
            return unmodelled("CR: ADEN less than four ADC clock cycles after ADCAL");
        }
        self.ready_at = Some(at.time() + cycles(8)?);
        self.registers.set_bits(CR, ADEN, true);
        Ok(())
    }

    fn disable(&mut self) -> Result<(), Refused> {
        if !self.is_enabled() || self.running.is_some() {
            return unmodelled("CR: ADDIS while the converter is off or converts");
        }
        (self.ready_at, self.was_ready) = (None, false);
        self.registers.set_bits(CR, ADEN | ADDIS, false);
        self.registers.set_bits(ISR, ADRDY, false);
        Ok(())
    }

    fn write_common(&mut self, offset: u32, value: u32) -> Result<(), Refused> {
        const CLOCK: u32 = 0x3F << 16;
        if offset == CCR && value & 1 << 24 != 0 {
            return unmodelled("CCR: VBATSEL");
        }
        if offset == CCR && (value ^ self.common.get(CCR)) & CLOCK != 0 && self.is_enabled() {
            return unmodelled("CCR: CKMODE or PRESC changed while ADEN is set");
        }
        self.common.write(offset, value)
    }
}

impl Peripheral for Adc {
    fn read(&mut self, offset: u32, at: &Moment) -> Result<u32, Refused> {
        self.catch_up(at);
        match offset {
            COMMON.. if offset == COMMON + CSR => Ok(self.registers.get(ISR)),
            COMMON.. => self.common.read(offset - COMMON),
            0x100.. => unmodelled("ADC2"),
            DR => {
                self.registers.set_bits(ISR, EOC, false);
                self.registers.read(DR)
            }
            _ => self.registers.read(offset),
        }
    }

    fn write(&mut self, offset: u32, value: u32, at: &Moment) -> Result<Effect, Refused> {
        self.catch_up(at);
        match offset {
            COMMON.. => self.write_common(offset - COMMON, value)?,
            0x100.. => return unmodelled("ADC2"),
            ISR => self.registers.set_bits(ISR, value, false),
            CR => self.write_cr(value, at)?,
            // Cleared bits that are clear already are what drivers write.
            DIFSEL | CFGR2 if value == 0 => {}
            _ if self.running.is_some() && offset != IER && value != self.registers.get(offset) => {
                return unmodelled(format!("{}: written while ADSTART is set", self.registers.name(offset)));
            }
            _ => self.registers.write(offset, value)?,
        }
        Ok(Effect::None)
    }

    fn reset(&mut self) {
        let noise = self.noise.clone();
        *self = Self { noise, ..Self::new(0) };
    }

    fn tick(&mut self, at: &Moment) -> Due {
        self.catch_up(at);
        let calibrates = (self.registers.get(CR) & ADCAL != 0).then_some(self.busy_until);
        let next = [calibrates, self.ready_at, self.running.map(|running| running.ends)].into_iter().flatten().min();
        next.map_or(Due::Never, Due::Time)
    }

    fn interrupts(&self, lines: &mut Lines) {
        lines.raise(ADC_IRQ, self.registers.get(ISR) & self.registers.get(IER) != 0);
    }
}

#[cfg(test)]
mod tests;
