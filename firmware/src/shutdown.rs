//! How the unit was when it last went down: facts for the registers, of a run that is over. Nothing is done with them:
//! channels stay off (`boot:U8`).
//!
//! Known from RAM that a reset leaves alone ([`crate::kept`]), to within some milliseconds. When power was lost it is known
//! from the event log instead: what its last run tells of starts, stops and emergency stops.

use protocol::channel::{ChannelFault, ChannelId, ChannelState};
use protocol::event::{Event, EventRecord, StopCause};
use protocol::reset::ResetCause;

use crate::channels::Channels;

/// The channels of a unit, as they were at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Snapshot {
    /// START outputs that were on, bit 0 = channel 1.
    pub active: u8,
    /// What an emergency stop has turned off; `None` when none was in force.
    pub emergency_stop: Option<u8>,
    /// Each channel.
    pub channels: [Last; 4],
}

/// A channel, as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Last {
    /// Its state.
    pub state: ChannelState,
    /// Its amplitude, percent; 0 when nobody knows.
    pub percent: u8,
    /// Why the unit had last stopped it.
    pub fault: Option<ChannelFault>,
    /// When its state had last changed, seconds after that start, low 16 bits.
    pub changed_s: u16,
}

impl Last {
    const OFF: Self = Self { state: ChannelState::Stopped, percent: 0, fault: None, changed_s: 0 };
}

impl Snapshot {
    /// Nothing was on, as far as anybody knows.
    pub const OFF: Self = Self { active: 0, emergency_stop: None, channels: [Last::OFF; 4] };

    /// How channels are now. `stopped` is what the emergency stop in force has turned off.
    #[must_use]
    pub fn of(channels: &Channels) -> Self {
        let last = |id: ChannelId| {
            let it = channels.get(id);
            Last {
                state: it.state().told(),
                percent: it.amplitude.percent(),
                fault: it.last_fault(),
                changed_s: (it.changed_ms() / 1000) as u16,
            }
        };
        let emergency_stop = (channels.controls().emergency_stop != 0).then(|| channels.stopped_by_emergency());
        Self { active: channels.active_mask(), emergency_stop, channels: ChannelId::ALL.map(last) }
    }

    /// After a start: all is off, and what was told last of each channel stays.
    #[must_use]
    pub fn after_start(self) -> Self {
        let channels = self.channels.map(|last| Last { state: ChannelState::Stopped, ..last });
        Self { active: 0, emergency_stop: None, channels }
    }

    /// Goes on by what a record tells.
    #[must_use]
    pub fn after(mut self, record: &EventRecord) -> Self {
        let changed_s = (record.time_ms / 1000) as u16;
        match record.event {
            Event::ChannelStarted { channel, percent } => {
                self.active |= channel.bit();
                let last = &mut self.channels[channel.index()];
                (last.state, last.percent, last.changed_s) = (ChannelState::Running, percent, changed_s);
            }
            Event::ChannelStopped { channel, cause, percent, .. } => {
                self.active &= !channel.bit();
                let last = &mut self.channels[channel.index()];
                (last.state, last.percent, last.changed_s) = (left_in(cause), percent, changed_s);
                last.fault = fault_of(cause).or(last.fault);
            }
            Event::ChannelFault { channel, fault } => {
                let last = &mut self.channels[channel.index()];
                last.state = if fault == ChannelFault::Overload { ChannelState::Overload } else { ChannelState::Fault };
                (last.fault, last.changed_s) = (Some(fault), changed_s);
            }
            Event::FaultReset { channel } => {
                let last = &mut self.channels[channel.index()];
                (last.state, last.changed_s) = (ChannelState::Stopped, changed_s);
            }
            Event::EmergencyStop { stopped, .. } => self.emergency_stop = Some(stopped),
            Event::EmergencyStopLifted => self.emergency_stop = None,
            _ => {}
        }
        self
    }
}

/// How a stop for that cause leaves a channel.
fn left_in(cause: StopCause) -> ChannelState {
    match cause {
        StopCause::Overload => ChannelState::Overload,
        StopCause::LockLost | StopCause::Power => ChannelState::Fault,
        _ => ChannelState::Stopped,
    }
}

fn fault_of(cause: StopCause) -> Option<ChannelFault> {
    match cause {
        StopCause::Order | StopCause::Disabled | StopCause::Inhibited | StopCause::Restart => None,
        StopCause::EmergencyStop => Some(ChannelFault::EmergencyStop),
        StopCause::Silence => Some(ChannelFault::Silence),
        StopCause::Overload => Some(ChannelFault::Overload),
        StopCause::LockLost => Some(ChannelFault::LockLost),
        StopCause::Power => Some(ChannelFault::Power),
        StopCause::Temperature => Some(ChannelFault::Temperature),
        StopCause::OutputsLost => Some(ChannelFault::Hardware),
    }
}

/// Why the unit went down, as map C codes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u16)]
pub enum ShutdownReason {
    /// By order, or by the reset pin.
    Normal = 0,
    /// A watchdog ran out.
    Watchdog = 1,
    /// The supply went.
    PowerLoss = 2,
    /// An emergency stop was in force.
    EmergencyStop = 3,
    /// The firmware crashed, or a channel stood in a fault.
    Fault = 4,
}

/// The last shutdown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shutdown {
    /// Why.
    pub reason: ShutdownReason,
    /// Channels that ran before it, bit 0 = channel 1. With an emergency stop in force: those that it stopped.
    pub active: u8,
    /// Each channel.
    pub channels: [Last; 4],
}

impl Shutdown {
    /// Puts together why the unit reset and how it was then.
    #[must_use]
    pub fn new(reset: ResetCause, was: &Snapshot) -> Self {
        let stands_in_fault = |last: &Last| matches!(last.state, ChannelState::Overload | ChannelState::Fault);
        let reason = match reset {
            ResetCause::Watchdog | ResetCause::WindowWatchdog => ShutdownReason::Watchdog,
            ResetCause::Panic | ResetCause::LowPower => ShutdownReason::Fault,
            // Channels were off already, and that is why.
            _ if was.emergency_stop.is_some() => ShutdownReason::EmergencyStop,
            ResetCause::PowerOn | ResetCause::BrownOut => ShutdownReason::PowerLoss,
            _ if was.channels.iter().any(stands_in_fault) => ShutdownReason::Fault,
            ResetCause::Unknown
            | ResetCause::Pin
            | ResetCause::Requested
            | ResetCause::OptionBytes
            | ResetCause::Debugger => ShutdownReason::Normal,
        };
        Self { reason, active: was.active | was.emergency_stop.unwrap_or(0), channels: was.channels }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channels::{Sample, State};
    use protocol::event::ChainHash;

    const CHANNEL: ChannelId = ChannelId::Two;

    fn running() -> Channels {
        let mut channels = Channels::new();
        channels.make_ready();
        channels.hear_master(400);
        channels.start(CHANNEL, 400).unwrap();
        for now_ms in 400..600 {
            channels.look(&[Sample { lock: true, ..Sample::default() }; 4], now_ms);
        }
        channels
    }

    /// What the log would tell of all that has happened.
    fn told(channels: &mut Channels, time_ms: u64) -> Snapshot {
        let mut snapshot = Snapshot::OFF;
        while let Some(event) = channels.take_happening() {
            let previous = ChainHash::START;
            let record = EventRecord { number: 1, skipped: 0, boot: 1, time_ms, repeats: 1, event, previous };
            snapshot = snapshot.after(&record);
        }
        snapshot
    }

    #[test]
    fn the_reason_is_the_worst_that_is_known() {
        let emergency = Snapshot { emergency_stop: Some(0b10), ..Snapshot::OFF };
        let mut fault = Snapshot::OFF;
        fault.channels[1].state = ChannelState::Overload;
        for (reset, was, reason) in [
            (ResetCause::Requested, Snapshot::OFF, ShutdownReason::Normal),
            (ResetCause::Pin, Snapshot::OFF, ShutdownReason::Normal),
            (ResetCause::Watchdog, emergency, ShutdownReason::Watchdog),
            (ResetCause::PowerOn, Snapshot::OFF, ShutdownReason::PowerLoss),
            (ResetCause::BrownOut, fault, ShutdownReason::PowerLoss),
            (ResetCause::PowerOn, emergency, ShutdownReason::EmergencyStop),
            (ResetCause::Requested, emergency, ShutdownReason::EmergencyStop),
            (ResetCause::Pin, fault, ShutdownReason::Fault),
            (ResetCause::Panic, emergency, ShutdownReason::Fault),
        ] {
            assert_eq!(Shutdown::new(reset, &was).reason, reason, "{reset} {was:?}");
        }
        assert_eq!(Shutdown::new(ResetCause::Pin, &emergency).active, 0b10);
    }

    #[test]
    fn ram_and_log_tell_the_same_of_a_running_channel() {
        let mut channels = running();
        let (ram, log) = (Snapshot::of(&channels), told(&mut channels, 400));
        assert_eq!((ram.active, log.active), (0b10, 0b10));
        assert_eq!(log.channels[1], ram.channels[1]);
    }

    #[test]
    fn ram_and_log_tell_the_same_of_an_overload_and_of_an_emergency_stop() {
        let mut overloaded = running();
        let sample = Sample { overload: true, lock: true, ..Sample::default() };
        for now_ms in 600..620 {
            overloaded.look(&[Sample::default(), sample, Sample::default(), Sample::default()], now_ms);
        }
        let (ram, log) = (Snapshot::of(&overloaded), told(&mut overloaded, 600));
        assert_eq!((ram.active, log.active), (0, 0));
        assert_eq!(
            (log.channels[1].state, log.channels[1].fault),
            (ram.channels[1].state, Some(ChannelFault::Overload))
        );

        let mut stopped = running();
        stopped.set_emergency_stop(1, 700);
        let (ram, log) = (Snapshot::of(&stopped), told(&mut stopped, 700));
        assert_eq!((ram.emergency_stop, log.emergency_stop), (Some(0b10), Some(0b10)));
        assert_eq!(log.channels[1].fault, ram.channels[1].fault);
        stopped.set_emergency_stop(0, 900);
        assert_eq!(Snapshot::of(&stopped).emergency_stop, None);
        assert!(!matches!(stopped.get(CHANNEL).state(), State::Running { .. }));
    }
}
