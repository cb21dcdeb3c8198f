//! The four channels, and what holds for all of them.
//!
//! - Nothing turns an output on but a start that is allowed, and its turn (`boot:U8`).
//! - An emergency stop, a taken-back enable, an inhibit, a silent master and a hot chip stop channels at once; none of
//!   them starts one again when it ends.
//! - What happens is handed out as events ([`Channels::take_happening`]); nothing here writes them anywhere.
//! - Whoever holds [`Channels`] brings time and inputs, and makes the pins follow [`Channels::drive`].
//!
//! The figures are those of `facts/controller.md` section 1.4, where they conflict those of `docs/decisions/channels.md`.

mod channel;
mod debounce;
mod happened;
mod limits;
mod measure;
mod state;

use protocol::channel::{Amplitude, ChannelFault, ChannelId};
use protocol::event::{Event as Happening, StopCause};

pub use channel::{Channel, Sample};
pub use limits::{Limits, Patience, Trims};
pub use measure::{CAPTURE_HZ, CAPTURE_PERIODS, Capture, FULL_SCALE, Frequency, Power, celsius};
pub use state::{Latched, Lock, STARTING_MS, STOPPING_MS, State};

use happened::Happened;
use state::Event;

/// How long the master may be silent while a channel is to run, milliseconds.
pub const SILENCE_MS: u64 = 1_000;
/// Chip temperature at which channels are stopped, degrees Celsius.
pub const TOO_HOT_C: i16 = 85;
/// Chip temperature at which they may be started again, degrees Celsius.
pub const COOL_AGAIN_C: i16 = 80;

/// What a master has set. Kept in RAM only: a reset is the way back to the defaults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Controls {
    /// 0 keeps every channel off.
    pub global_enable: u16,
    /// Any number but 0: stopped, until 0 is written.
    pub emergency_stop: u16,
    /// Channels that refuse to start, bit 0 = channel 1.
    pub start_inhibit: u16,
    /// Amplitude that was last set for all channels.
    pub global_amplitude: Amplitude,
}

impl Default for Controls {
    fn default() -> Self {
        Self { global_enable: 1, emergency_stop: 0, start_inhibit: 0, global_amplitude: Amplitude::DEFAULT }
    }
}

/// What the pins have to show. The hardware follows it, nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Drive {
    /// START, bit 0 = channel 1.
    pub start: u8,
    /// RESET, bit 0 = channel 1.
    pub reset: u8,
    /// Amplitude, tenths of a percent.
    pub amplitude: [u16; 4],
}

/// Why a start is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartRefused {
    /// The emergency stop is not lifted.
    EmergencyStop,
    /// `GLOBAL_ENABLE` is 0.
    Disabled,
    /// `TEST_START_INHIBIT` names the channel, or the settings say that it has no sonicator.
    Inhibited,
    /// The channel has a fault that nobody has reset.
    Fault,
    /// It was stopped a moment ago.
    Stopping,
    /// The unit is too hot.
    TooHot,
    /// The unit has just started, or is about to restart.
    NotReady,
}

/// Whether the unit as a whole lets channels run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Readiness {
    /// Not yet: the self-test has not passed.
    Starting,
    Ready,
    /// A restart is planned.
    Ending,
}

/// The channels of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Channels {
    each: [Channel; 4],
    controls: Controls,
    limits: Limits,
    trims: Trims,
    /// A page is being erased, which stops the core: nothing is started meanwhile.
    is_held: bool,
    readiness: Readiness,
    /// When a master last spoke to this unit, milliseconds.
    heard_ms: u64,
    /// The master was silent while a channel was to run, and has not come back.
    silent: bool,
    silence_trips: u16,
    /// Which START rose last, and when, milliseconds.
    last_turn: Option<(ChannelId, u64)>,
    /// Degrees Celsius; `None` while nobody knows.
    temperature_c: Option<i16>,
    too_hot: bool,
    /// What the last emergency stop turned off, bit 0 = channel 1.
    stopped_by_emergency: u8,
    happened: Happened,
}

impl Channels {
    /// All off (`boot:U8`).
    #[must_use]
    pub fn new() -> Self {
        Self {
            each: [Channel::new(); 4],
            controls: Controls::default(),
            limits: Limits::default(),
            trims: Trims::default(),
            is_held: false,
            readiness: Readiness::Starting,
            heard_ms: 0,
            silent: false,
            silence_trips: 0,
            last_turn: None,
            temperature_c: None,
            too_hot: false,
            stopped_by_emergency: 0,
            happened: Happened::new(),
        }
    }

    /// Takes in what the site chose and the bench measured. The amplitude counts from the next start of the unit on.
    pub fn configure(&mut self, limits: Limits, trims: Trims) {
        (self.limits, self.trims) = (limits, trims);
        for (channel, id) in self.each.iter_mut().zip(ChannelId::ALL) {
            channel.configure(&limits, trims.channels[id.index()]);
        }
    }

    /// Gives every channel the amplitude that the site chose for a start of the unit.
    pub fn take_amplitudes(&mut self) {
        self.set_all_amplitudes(self.limits.amplitude);
    }

    /// Amplitude that channels have after a start of the unit.
    #[must_use]
    pub fn amplitude_at_start(&self) -> Amplitude {
        self.limits.amplitude
    }

    /// Keeps all channels off for an erase that stops the core; whether they are off. Until [`Self::release`].
    pub fn hold(&mut self) -> bool {
        let busy = |channel: &Channel| channel.state().is_to_run() || channel.state().is_resetting();
        self.is_held |= !self.each.iter().any(busy);
        self.is_held
    }

    /// Lets channels be started again.
    pub fn release(&mut self) {
        self.is_held = false;
    }

    /// Channels that run or are to, bit 0 = channel 1.
    #[must_use]
    pub fn to_run_mask(&self) -> u8 {
        self.mask(|channel| channel.state().is_to_run())
    }

    /// A channel.
    #[must_use]
    pub fn get(&self, channel: ChannelId) -> &Channel {
        &self.each[channel.index()]
    }

    /// What a master has set.
    #[must_use]
    pub fn controls(&self) -> Controls {
        self.controls
    }

    /// Whether the master has been silent and channels were stopped for it.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.silent
    }

    /// How often that happened since start.
    #[must_use]
    pub fn silence_trips(&self) -> u16 {
        self.silence_trips
    }

    /// What the last emergency stop turned off, bit 0 = channel 1.
    #[must_use]
    pub fn stopped_by_emergency(&self) -> u8 {
        self.stopped_by_emergency
    }

    /// Whether the chip is too hot.
    #[must_use]
    pub fn is_too_hot(&self) -> bool {
        self.too_hot
    }

    /// Temperature of the chip, degrees Celsius.
    #[must_use]
    pub fn temperature_c(&self) -> Option<i16> {
        self.temperature_c
    }

    /// Whether a channel stands in a fault.
    #[must_use]
    pub fn any_fault(&self) -> bool {
        self.each.iter().any(|channel| matches!(channel.state(), State::Fault { .. }))
    }

    /// Channels that run or are being started, bit 0 = channel 1.
    #[must_use]
    pub fn active_mask(&self) -> u8 {
        self.mask(|channel| channel.state().is_on())
    }

    /// The self-test has passed: channels may be started.
    pub fn make_ready(&mut self) {
        if self.readiness == Readiness::Starting {
            self.readiness = Readiness::Ready;
        }
    }

    /// The unit is about to restart: all channels stop, and none is started any more.
    pub fn wind_down(&mut self, now_ms: u64) {
        self.readiness = Readiness::Ending;
        ChannelId::ALL.into_iter().for_each(|channel| self.act(channel, Event::Stop, StopCause::Restart, now_ms));
    }

    /// What has happened and was not taken yet, oldest first.
    pub fn take_happening(&mut self) -> Option<Happening> {
        self.happened.take()
    }

    /// Whether a start would be taken.
    ///
    /// # Errors
    /// Why not.
    pub fn may_start(&self, channel: ChannelId) -> Result<(), StartRefused> {
        if self.controls.emergency_stop != 0 {
            return Err(StartRefused::EmergencyStop);
        }
        if self.controls.global_enable == 0 {
            return Err(StartRefused::Disabled);
        }
        if self.controls.start_inhibit & u16::from(channel.bit()) != 0 || self.limits.present & channel.bit() == 0 {
            return Err(StartRefused::Inhibited);
        }
        if self.too_hot {
            return Err(StartRefused::TooHot);
        }
        if self.readiness != Readiness::Ready || self.is_held {
            return Err(StartRefused::NotReady);
        }
        match self.get(channel).state() {
            State::Fault { .. } => Err(StartRefused::Fault),
            State::Stopping { .. } => Err(StartRefused::Stopping),
            State::Idle | State::Queued | State::Starting { .. } | State::Running { .. } => Ok(()),
        }
    }

    /// Starts a channel, at once or when its turn comes. One that is on stays on.
    ///
    /// # Errors
    /// Why not; nothing has changed then.
    pub fn start(&mut self, channel: ChannelId, now_ms: u64) -> Result<(), StartRefused> {
        self.may_start(channel)?;
        self.act(channel, Event::Start, StopCause::Order, now_ms);
        self.take_turns(now_ms);
        Ok(())
    }

    /// Stops a channel.
    pub fn stop(&mut self, channel: ChannelId, now_ms: u64) {
        self.act(channel, Event::Stop, StopCause::Order, now_ms);
    }

    /// Gives a channel that stands in a fault its reset pulse; others are left alone.
    pub fn reset(&mut self, channel: ChannelId, now_ms: u64) {
        if self.is_held {
            return;
        }
        let pulse_ms = self.limits.reset_pulse_ms.into();
        self.act(channel, Event::Reset { pulse_ms }, StopCause::Order, now_ms);
    }

    /// Sets a channel's amplitude.
    pub fn set_amplitude(&mut self, channel: ChannelId, amplitude: Amplitude) {
        self.each[channel.index()].amplitude = amplitude;
    }

    /// Sets all amplitudes.
    pub fn set_all_amplitudes(&mut self, amplitude: Amplitude) {
        self.controls.global_amplitude = amplitude;
        ChannelId::ALL.into_iter().for_each(|channel| self.set_amplitude(channel, amplitude));
    }

    /// Sets the emergency stop, or lifts it with 0.
    pub fn set_emergency_stop(&mut self, value: u16, now_ms: u64) {
        match (core::mem::replace(&mut self.controls.emergency_stop, value), value) {
            (0, 0) => {}
            (0, _) => {
                self.stopped_by_emergency = self.active_mask();
                self.happened.note(Happening::EmergencyStop { value, stopped: self.active_mask() });
            }
            (_, 0) => self.happened.note(Happening::EmergencyStopLifted),
            (_, _) => {}
        }
        self.enforce(now_ms);
    }

    /// Sets the enable of all channels.
    pub fn set_global_enable(&mut self, value: u16, now_ms: u64) {
        self.controls.global_enable = value;
        self.enforce(now_ms);
    }

    /// Sets which channels may not run.
    pub fn set_start_inhibit(&mut self, mask: u16, now_ms: u64) {
        self.controls.start_inhibit = mask;
        self.enforce(now_ms);
    }

    /// A master spoke to this unit.
    pub fn hear_master(&mut self, now_ms: u64) {
        self.heard_ms = now_ms;
        self.silent = false;
    }

    /// Everything that time and inputs bring about; to be called every millisecond.
    pub fn look(&mut self, samples: &[Sample; 4], now_ms: u64) {
        for (channel, &sample) in ChannelId::ALL.into_iter().zip(samples) {
            let before = self.each[channel.index()];
            self.each[channel.index()].look(sample, now_ms);
            self.note(&before, channel, StopCause::Order);
        }
        let to_run = self.each.iter().any(|channel| channel.state().is_to_run());
        if to_run && now_ms.saturating_sub(self.heard_ms) > SILENCE_MS {
            self.silent = true;
            self.silence_trips = self.silence_trips.saturating_add(1);
            self.happened.note(Happening::Silence { stopped: self.active_mask() });
            self.stop_all_for(ChannelFault::Silence, StopCause::Silence, now_ms);
        }
        self.enforce(now_ms);
        self.take_turns(now_ms);
    }

    /// Takes the temperature of the chip in, degrees Celsius as the sensor tells.
    pub fn warm(&mut self, sensed_c: i16, now_ms: u64) {
        let temperature_c = sensed_c.saturating_add(self.trims.temperature_offset_c);
        self.temperature_c = Some(temperature_c);
        let was_too_hot = self.too_hot;
        self.too_hot = temperature_c >= if self.too_hot { COOL_AGAIN_C } else { TOO_HOT_C };
        match (was_too_hot, self.too_hot) {
            (false, true) => {
                self.happened.note(Happening::TooHot { celsius: temperature_c, stopped: self.active_mask() });
            }
            (true, false) => self.happened.note(Happening::CoolAgain { celsius: temperature_c }),
            _ => {}
        }
        self.enforce(now_ms);
    }

    /// The hardware took the outputs back because nobody had kept them for too long. They do not come back by themselves.
    pub fn lose_outputs(&mut self, now_ms: u64) {
        if self.active_mask() != 0 {
            self.happened.note(Happening::OutputsLost { stopped: self.active_mask() });
        }
        self.stop_all_for(ChannelFault::Hardware, StopCause::OutputsLost, now_ms);
    }

    /// What the pins have to show.
    #[must_use]
    pub fn drive(&self) -> Drive {
        Drive {
            start: self.active_mask(),
            reset: self.mask(|channel| channel.state().is_resetting()),
            amplitude: self.each.map(|channel| channel.driven()),
        }
    }

    /// Stops what may not run as things stand.
    fn enforce(&mut self, now_ms: u64) {
        if self.controls.emergency_stop != 0 {
            self.stop_all_for(ChannelFault::EmergencyStop, StopCause::EmergencyStop, now_ms);
        }
        if self.too_hot {
            self.stop_all_for(ChannelFault::Temperature, StopCause::Temperature, now_ms);
        }
        for id in ChannelId::ALL {
            let is_present = self.limits.present & id.bit() != 0;
            if self.controls.global_enable == 0 {
                self.act(id, Event::Stop, StopCause::Disabled, now_ms);
            } else if self.controls.start_inhibit & u16::from(id.bit()) != 0 || !is_present {
                self.act(id, Event::Stop, StopCause::Inhibited, now_ms);
            }
        }
    }

    fn stop_all_for(&mut self, why: ChannelFault, cause: StopCause, now_ms: u64) {
        for channel in ChannelId::ALL {
            let before = self.each[channel.index()];
            self.each[channel.index()].stop_for(why, now_ms);
            self.note(&before, channel, cause);
        }
    }

    /// Something happens to a channel; `cause` is why, should it stop.
    fn act(&mut self, channel: ChannelId, event: Event, cause: StopCause, now_ms: u64) {
        let before = self.each[channel.index()];
        self.each[channel.index()].on(event, now_ms);
        self.note(&before, channel, cause);
    }

    /// Notes what has become of a channel.
    fn note(&mut self, before: &Channel, channel: ChannelId, cause: StopCause) {
        if let Some(happening) = happened::between(before, self.get(channel), channel, cause) {
            self.happened.note(happening);
        }
    }

    /// Lets the first that waits have its turn, when another channel's is long enough ago.
    fn take_turns(&mut self, now_ms: u64) {
        // Four inrush currents at once trip a breaker.
        let stagger_ms = u64::from(self.limits.stagger_ms);
        // Both times are whole milliseconds: one more, so that it is never less than what was asked for.
        let last = self.last_turn.filter(|&(_, last_ms)| now_ms.saturating_sub(last_ms) <= stagger_ms);
        let may = |id: ChannelId| last.is_none_or(|(other, _)| other == id);
        let waits = |&id: &ChannelId| self.get(id).state() == State::Queued && may(id);
        if let Some(id) = ChannelId::ALL.into_iter().find(waits) {
            self.act(id, Event::Turn, StopCause::Order, now_ms);
            self.last_turn = Some((id, now_ms));
        }
    }

    fn mask(&self, holds: impl Fn(&Channel) -> bool) -> u8 {
        let bits = self.each.iter().zip(ChannelId::ALL);
        bits.filter(|(channel, _)| holds(channel)).fold(0, |mask, (_, id)| mask | id.bit())
    }
}

impl Default for Channels {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests;
