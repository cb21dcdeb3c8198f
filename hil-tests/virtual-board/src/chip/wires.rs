//! The wires between the chip's pins and the plant.
//!
//! What the chip does to its pins reaches the plant at the time it did it, though the chip computes it only when somebody
//! looks. What the plant does reaches the pins when it does it. Not there: an EXTI line on a frequency input.

use super::Stm32g474;
use super::adc::{Input, VREF_VOLTS};
use super::gpio::Mode;
use super::peripheral::{Due, Moment};
use super::registers::unmodelled;
use super::wiring::{
    AMPLITUDE, AMPLITUDE_TIMER, FREQUENCY, FREQUENCY_TIMER, LOCK, OVERLOAD, Outputs, POWER, START, START_TIMER, Signal,
};
use crate::core::bus::Refused;
use crate::plant::{CHANNELS, Plant, Wires as SonicatorWires};
use crate::time::VirtualTime;

/// The pins of port B that USB's controller pulls low after a reset.
const USB_PINS: [usize; 2] = [4, 6];

/// A START pin went high or low.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StartEdge {
    /// When.
    pub time: VirtualTime,
    /// From 0.
    pub channel: usize,
    /// Whether the channel may run from then on.
    pub high: bool,
}

/// What hangs on the pins, and what it was told.
#[derive(Debug, Clone)]
pub(crate) struct Wires {
    pub(crate) plant: Plant,
    /// Nothing changes by itself before this cycle; 0: look anyhow.
    due: u64,
    pub(crate) outputs: Outputs,
    pub(crate) edges: Vec<StartEdge>,
    duties: [f64; CHANNELS],
    /// What the plant last did to the chip's pins.
    inputs: [Option<SonicatorWires>; CHANNELS],
    /// Whether a frequency input is a capture input.
    hears: [bool; CHANNELS],
}

impl Wires {
    pub(super) fn new() -> Self {
        Self {
            plant: Plant::new(),
            due: 0,
            outputs: Outputs::default(),
            edges: Vec::new(),
            duties: [0.0; CHANNELS],
            inputs: [None; CHANNELS],
            hears: [false; CHANNELS],
        }
    }

    /// The plant, or the way cycles lie on time, is not what it was.
    pub(crate) fn look_again(&mut self) {
        self.due = 0;
    }

    /// When to look without being asked.
    pub(super) fn due(&self) -> u64 {
        self.due
    }

    fn set_start(&mut self, channel: usize, high: bool, time: VirtualTime) {
        if self.outputs.start[channel] != high {
            self.outputs.start[channel] = high;
            self.outputs.ever_on |= high;
            self.edges.push(StartEdge { time, channel, high });
            self.plant.advance(time);
            self.plant.set_start(channel, high);
        }
    }
}

impl Stm32g474 {
    /// Chip and plant hear of each other up to this moment. Cheap when there is nothing to hear.
    pub(super) fn meet_plant(&mut self, at: &Moment) {
        self.timers[START_TIMER].catch_up(at);
        if at.cycle < self.wires.due && !self.timers[START_TIMER].has_edges() {
            return;
        }
        for edge in self.timers[START_TIMER].take_edges() {
            if self.is_alternate(START[edge.channel]) {
                let time = self.clock.time_of(edge.cycle);
                self.let_plant_pass(time, at);
                self.wires.set_start(edge.channel, edge.level == Some(true), time);
            }
        }
        let now = at.time();
        self.let_plant_pass(now, at);
        self.wires.plant.advance(now);
        self.take_inputs(at);
        self.wires.due = Due::Time(self.wires.plant.next_change()).cycle(&self.clock).max(at.cycle + 1);
    }

    /// Everything on the pins as it is now; after a change of what the pins do.
    pub(super) fn meet_plant_anew(&mut self, at: &Moment) {
        self.wires.look_again();
        self.meet_plant(at);
        let now = at.time();
        for channel in 0..CHANNELS {
            self.wires.set_start(channel, self.start_level(channel), now);
            let duty = self.amplitude_duty(channel);
            if duty != self.wires.duties[channel] {
                self.wires.duties[channel] = duty;
                self.wires.plant.set_duty(channel, duty);
            }
            self.hear_frequency(channel, at);
        }
        let outputs =
            Outputs { ever_on: self.wires.outputs.ever_on, ..Outputs::read(&self.gpio, self.wires.outputs.start) };
        for channel in 0..CHANNELS {
            if outputs.reset[channel] != self.wires.outputs.reset[channel] {
                self.wires.plant.set_reset(channel, outputs.reset[channel]);
            }
        }
        self.wires.outputs = outputs;
        self.take_inputs(at);
        self.wires.due = Due::Time(self.wires.plant.next_change()).cycle(&self.clock).max(at.cycle + 1);
    }

    /// What changes by itself until `time`, one by one.
    fn let_plant_pass(&mut self, time: VirtualTime, at: &Moment) {
        loop {
            let next = self.wires.plant.next_change();
            if next > time {
                return;
            }
            self.wires.plant.advance(next);
            let cycle = self.clock.cycle_at(next).min(at.cycle);
            self.take_inputs(&Moment { cycle, ..*at });
        }
    }

    /// What pulls at the pins may have changed.
    pub(super) fn put_inputs_anew(&mut self, at: &Moment) {
        self.wires.inputs = [None; CHANNELS];
        self.meet_plant_anew(at);
    }

    /// What the plant does to the pins, at this moment.
    fn take_inputs(&mut self, at: &Moment) {
        let mut moved = false;
        for channel in 0..CHANNELS {
            let new = self.wires.plant.channel(channel).wires();
            let old = self.wires.inputs[channel].replace(new);
            if old.is_none_or(|old| old.overload != new.overload || old.lock != new.lock) {
                // Open collectors: low or nothing.
                let low = new.overload || self.pwr.pulls_for_usb() && USB_PINS.contains(&OVERLOAD[channel].pin);
                self.drive(OVERLOAD[channel], low.then_some(false));
                self.drive(LOCK[channel], new.lock.then_some(false));
                moved = true;
            }
            if old.is_none_or(|old| old.frequency != new.frequency) && self.wires.hears[channel] {
                self.timers[FREQUENCY_TIMER].set_wave(channel, new.frequency, at);
            }
        }
        if moved {
            self.watch_edges();
        }
    }

    /// The wave reaches the timer while its pin is set to do so.
    fn hear_frequency(&mut self, channel: usize, at: &Moment) {
        let hears = self.is_alternate(FREQUENCY[channel]);
        if hears != self.wires.hears[channel] {
            self.wires.hears[channel] = hears;
            let wave = self.wires.plant.channel(channel).wires().frequency.filter(|_| hears);
            self.timers[FREQUENCY_TIMER].set_wave(channel, wave, at);
        }
    }

    fn drive(&mut self, signal: Signal, level: Option<bool>) {
        self.gpio[signal.port].drive(signal.pin, level);
    }

    fn is_alternate(&self, signal: Signal) -> bool {
        self.gpio[signal.port].mode(signal.pin) == Mode::Alternate(signal.function)
    }

    /// Only what the chip drives counts as high: the board pulls the pin low.
    fn start_level(&self, channel: usize) -> bool {
        let pin = START[channel];
        if self.is_alternate(pin) {
            self.timers[START_TIMER].output(channel as u32) == Some(true)
        } else {
            self.gpio[pin.port].is_driven_high(pin.pin)
        }
    }

    /// The part of the time that an amplitude output is high.
    fn amplitude_duty(&self, channel: usize) -> f64 {
        let pin = AMPLITUDE[channel];
        if self.is_alternate(pin) {
            self.timers[AMPLITUDE_TIMER].duty(channel as u32)
        } else {
            f64::from(u8::from(self.gpio[pin.port].is_driven_high(pin.pin)))
        }
    }

    /// Before a port's inputs are read: levels that nobody computed until now.
    pub(super) fn refresh_port(&mut self, port: usize, at: &Moment) {
        self.timers[AMPLITUDE_TIMER].catch_up(at);
        for channel in 0..CHANNELS {
            let outputs = [(START[channel], START_TIMER), (AMPLITUDE[channel], AMPLITUDE_TIMER)];
            for (signal, timer) in outputs.into_iter().filter(|(signal, _)| signal.port == port) {
                let level = self.timers[timer].output(channel as u32).filter(|_| self.is_alternate(signal));
                self.gpio[port].put_alternate(signal.pin, level);
            }
            if FREQUENCY[channel].port == port {
                let wave = self.wires.inputs[channel].and_then(|wires| wires.frequency);
                self.drive(FREQUENCY[channel], wave.map(|wave| wave.level(at.time())));
            }
        }
    }

    /// The voltage on an input of the ADC.
    pub(super) fn volts(&mut self, input: Input, at: &Moment) -> f64 {
        self.wires.plant.advance(at.time());
        match input {
            Input::Power(channel) => self.wires.plant.channel(channel).wires().power_volts,
            Input::Temperature => self.system_memory.sensor_volts(self.wires.plant.chip_celsius()),
            Input::Reference => self.system_memory.reference_volts(),
        }
        .min(VREF_VOLTS)
    }

    /// The pins of a sequence that was started must be analog.
    pub(super) fn check_analog_pins(&self) -> Result<(), Refused> {
        for input in self.adc.sequence() {
            if let Input::Power(channel) = input
                && self.gpio[POWER[channel].port].mode(POWER[channel].pin) != Mode::Analog
            {
                return unmodelled(format!("ADC1: channel {} converts a pin that is not analog", channel + 1));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
