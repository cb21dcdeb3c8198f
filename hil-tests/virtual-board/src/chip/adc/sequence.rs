//! What a sequence converts, and how long it takes.

use super::*;

/// The board's reference, which is its supply.
pub(crate) const VREF_VOLTS: f64 = 3.3;

/// What is on a channel of ADC1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Input {
    /// The power sensor of a sonicator, from 0.
    Power(usize),
    /// The temperature sensor.
    Temperature,
    /// The internal reference.
    Reference,
}

impl Input {
    pub(super) fn of(channel: u32) -> Option<Self> {
        match channel {
            1..=4 => Some(Self::Power(channel as usize - 1)),
            16 => Some(Self::Temperature),
            18 => Some(Self::Reference),
            _ => None,
        }
    }

    /// The bit of CCR that turns it on, and its shortest sampling time (DS12288 tables 68 and 69).
    fn internal(self) -> Option<(u32, &'static str, VirtualTime)> {
        match self {
            Self::Power(_) => None,
            Self::Temperature => Some((1 << 23, "VSENSESEL", VirtualTime::from_micros(5))),
            Self::Reference => Some((1 << 22, "VREFEN", VirtualTime::from_micros(4))),
        }
    }
}

/// Sampling times, in halves of a clock cycle.
const SAMPLING: [u64; 8] = [5, 13, 25, 49, 95, 185, 495, 1281];
/// A conversion of twelve bits, behind the sampling.
const CONVERSION: u64 = 25;
/// DS12288 table 66.
const FASTEST: u64 = 60_000_000;

impl Adc {
    /// Conversions in a sequence.
    pub(super) fn ranks(&self) -> usize {
        (self.registers.get(SQR1) & 0xF) as usize + 1
    }

    /// The channel at a place, from 0, of the sequence.
    pub(super) fn channel(&self, rank: usize) -> u32 {
        // SQR1 has the length in the place of the first.
        let place = rank + 1;
        self.registers.get(SQR1 + place as u32 / 5 * 4) >> (place % 5 * 6) & 0x1F
    }

    /// From its begin to its result.
    pub(super) fn duration(&self, rank: usize) -> Option<VirtualTime> {
        let halves = self.sampling(self.channel(rank)) + CONVERSION;
        Some(VirtualTime::of_periods(halves, self.running_clock? * 2))
    }

    fn sampling(&self, channel: u32) -> u64 {
        let (register, place) = if channel < 10 { (SMPR1, channel) } else { (SMPR2, channel - 10) };
        SAMPLING[(self.registers.get(register) >> (place * 3) & 7) as usize]
    }

    /// The clock of the converter in hertz.
    pub(super) fn clock(&self, at: &Moment) -> Result<u64, Refused> {
        const PRESCALERS: [u64; 12] = [1, 2, 4, 6, 8, 10, 12, 16, 32, 64, 128, 256];
        let ccr = self.common.get(CCR);
        let hertz = match ccr >> 16 & 3 {
            0 => {
                let source = match at.tree.ccipr >> 28 & 3 {
                    2 => at.tree.sysclk,
                    _ => return unmodelled("CCR: CKMODE = 0 without SYSCLK in RCC_CCIPR.ADC12SEL"),
                };
                let Some(prescaler) = PRESCALERS.get((ccr >> 18 & 0xF) as usize) else {
                    return unmodelled("CCR: a reserved PRESC");
                };
                source / prescaler
            }
            mode => at.tree.hclk >> (mode - 1),
        };
        if hertz > FASTEST {
            return unmodelled(format!("CCR: an ADC clock of {hertz} Hz, at most 60 MHz are allowed"));
        }
        Ok(hertz)
    }

    pub(super) fn start(&mut self, at: &Moment) -> Result<(), Refused> {
        if !self.was_ready {
            return unmodelled("CR: ADSTART before ADRDY");
        }
        let clock = self.clock(at)?;
        for rank in 0..self.ranks() {
            let channel = self.channel(rank);
            let Some(input) = Input::of(channel) else {
                return unmodelled(format!("SQR: channel {channel}, on which the board has nothing"));
            };
            let Some((bit, name, shortest)) = input.internal() else { continue };
            if self.common.get(CCR) & bit == 0 {
                return unmodelled(format!("SQR: channel {channel} while CCR.{name} is clear"));
            }
            let sampling = VirtualTime::of_periods(self.sampling(channel), clock * 2);
            if sampling < shortest {
                let nanos = sampling.as_nanos();
                return unmodelled(format!("SMPR: channel {channel} samples {nanos} ns, it needs {shortest}"));
            }
        }
        self.running_clock = Some(clock);
        self.registers.set_bits(CR, ADSTART, true);
        self.running = self.duration(0).map(|duration| Running { rank: 0, ends: at.time() + duration });
        Ok(())
    }
}
