//! What channels tell: overload and lock by their pins, frequency by TIM1, power and the chip's temperature by ADC1 with
//! DMA.

use embassy_stm32::adc::{Adc, AdcChannel as _, AnyAdcChannel, SampleTime};
use embassy_stm32::peripherals::{ADC1, DMA1_CH3, PA0, PA1, PA2, PA3};
use embassy_stm32::{Peri, bind_interrupts, dma};
use stm32_metapac::timer::vals::CcmrInputCcs;
use stm32_metapac::{RCC, TIM1};

use super::pins::{self, FREQUENCY, LOCK, OVERLOAD, TIMER_FUNCTION};
use crate::channels::{CAPTURE_HZ, Capture, Sample};
use crate::self_test::CLOCK_HZ;

/// Every eighth edge is captured ([`crate::channels::CAPTURE_PERIODS`]).
const EVERY_EIGHTH: u8 = 3;

bind_interrupts!(struct Interrupts {
    DMA1_CHANNEL3 => dma::InterruptHandler<DMA1_CH3>;
});

/// The meters of the channels, and the pins of their inputs.
pub(super) struct Meters {
    converter: Adc<'static, ADC1>,
    dma: Peri<'static, DMA1_CH3>,
    power: [AnyAdcChannel<'static, ADC1>; 4],
    temperature: AnyAdcChannel<'static, ADC1>,
    calibration: Calibration,
}

/// What one look gives.
pub(super) struct Look {
    pub(super) samples: [Sample; 4],
    /// Degrees Celsius; `None` when the factory left no calibration.
    pub(super) temperature_c: Option<i16>,
}

/// Counts of the temperature sensor at 30 and 130 degrees Celsius, as ST measured them.
#[derive(Clone, Copy)]
struct Calibration {
    at_30: u16,
    at_130: u16,
}

impl Meters {
    pub(super) fn open(
        converter: Peri<'static, ADC1>,
        dma: Peri<'static, DMA1_CH3>,
        (one, two, three, four): (Peri<'static, PA0>, Peri<'static, PA1>, Peri<'static, PA2>, Peri<'static, PA3>),
    ) -> Self {
        pins::clock_ports();
        OVERLOAD.into_iter().chain(LOCK).for_each(pins::input_pulled_up);
        open_captures();
        let converter = Adc::new(converter, embassy_stm32::adc::AdcConfig::default());
        let temperature = converter.enable_temperature().degrade_adc();
        let power = [one.degrade_adc(), two.degrade_adc(), three.degrade_adc(), four.degrade_adc()];
        Self { converter, dma, power, temperature, calibration: Calibration::read() }
    }

    /// Looks at everything; takes 30 us, in which others run.
    pub(super) async fn look(&mut self) -> Look {
        let mut counts = [0; 5];
        let [one, two, three, four] = &mut self.power;
        // The sensor wants 5 us (data sheet), the pins are driven by an amplifier.
        let sequence = [
            (one, SampleTime::CYCLES47_5),
            (two, SampleTime::CYCLES47_5),
            (three, SampleTime::CYCLES47_5),
            (four, SampleTime::CYCLES47_5),
            (&mut self.temperature, SampleTime::CYCLES247_5),
        ];
        self.converter.read(self.dma.reborrow(), Interrupts, sequence.into_iter(), &mut counts).await;
        let [.., sensor] = counts;
        let Calibration { at_30, at_130 } = self.calibration;
        Look {
            samples: core::array::from_fn(|channel| Sample {
                overload: pins::is_low(OVERLOAD[channel]),
                lock: pins::is_low(LOCK[channel]),
                power_counts: counts[channel],
                capture: capture(channel),
            }),
            temperature_c: crate::channels::celsius(sensor, at_30, at_130),
        }
    }
}

impl Calibration {
    /// Reads ST's two words (data sheet, "Temperature sensor calibration values").
    fn read() -> Self {
        #![expect(unsafe_code, reason = "two words of system memory have no name in the register crate")]
        const AT_30: *const u16 = 0x1FFF_75A8 as _;
        const AT_130: *const u16 = 0x1FFF_75CA as _;
        // SAFETY: both are aligned half words of ST's read-only memory, which is always mapped.
        unsafe { Self { at_30: AT_30.read_volatile(), at_130: AT_130.read_volatile() } }
    }
}

fn open_captures() {
    RCC.apb2enr().modify(|enable| enable.set_tim1en(true));
    let _ = RCC.apb2enr().read();
    TIM1.psc().write_value((CLOCK_HZ / CAPTURE_HZ - 1) as u16);
    TIM1.arr().write(|top| top.set_arr(u16::MAX));
    for channel in 0..4 {
        TIM1.ccmr_input(channel / 2).modify(|mode| {
            mode.set_ccs(channel % 2, CcmrInputCcs::TI4);
            mode.set_icpsc(channel % 2, EVERY_EIGHTH);
        });
        TIM1.ccer().modify(|enable| enable.set_cce(channel, true));
    }
    TIM1.egr().write(|event| event.set_ug(true));
    TIM1.cr1().modify(|control| control.set_cen(true));
    FREQUENCY.into_iter().for_each(|pin| pins::alternate(pin, TIMER_FUNCTION));
}

/// What TIM1 has caught since the last look.
fn capture(channel: usize) -> Capture {
    let flags = TIM1.sr().read();
    if !flags.ccif(channel) {
        return Capture::None;
    }
    // Reading the capture takes its flag back; the flag of a missed one has to be written.
    let at = TIM1.ccr(channel).read().ccr();
    if !flags.ccof(channel) {
        return Capture::At(at);
    }
    TIM1.sr().write(|kept| {
        kept.0 = u32::MAX;
        kept.set_ccof(channel, false);
    });
    Capture::Missed
}
