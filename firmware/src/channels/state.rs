//! One channel as a state machine: pure, time is an argument, each state owns what only it needs.

use protocol::channel::{ChannelFault, ChannelState};

use super::limits::Patience;

/// Time from START to running, milliseconds (`facts/controller.md` section 1.4).
pub const STARTING_MS: u64 = 50;
/// Time off before a channel can be started again, milliseconds (`facts/controller.md` section 1.4).
pub const STOPPING_MS: u64 = 100;

/// What a channel is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Off.
    Idle,
    /// To be started when its turn comes; off until then.
    Queued,
    /// START is high.
    Starting {
        /// Since when, milliseconds.
        since_ms: u64,
        /// The sonicator's lock.
        lock: Lock,
    },
    /// START is high and has been for a while.
    Running {
        /// The sonicator's lock.
        lock: Lock,
    },
    /// Off, and not to be started for a moment.
    Stopping {
        /// Since when, milliseconds.
        since_ms: u64,
    },
    /// Off until somebody resets it.
    Fault {
        /// Why.
        why: Latched,
        /// While RESET is high: until when, milliseconds.
        pulse_until_ms: Option<u64>,
    },
}

/// The lock of a sonicator that is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lock {
    /// Not seen yet since this time, milliseconds.
    Awaited {
        /// When the channel was started.
        since_ms: u64,
    },
    /// Locked.
    Held,
    /// Lost since this time, milliseconds.
    Lost {
        /// When it was last seen.
        since_ms: u64,
    },
}

/// Faults that only a reset by hand ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Latched {
    /// The sonicator signals an overload.
    Overload,
    /// No lock.
    LockLost,
    /// Too much power.
    Power,
}

/// What the inputs of a channel say, debounced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Senses {
    /// The sonicator signals an overload.
    pub overloaded: bool,
    /// It is locked onto its frequency.
    pub locked: bool,
    /// It takes more than the limit.
    pub over_power: bool,
    /// How long it may be without its lock.
    pub patience: Patience,
}

/// What can happen to a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// Somebody who may starts it.
    Start,
    /// Its turn has come: no other channel was started a moment ago.
    Turn,
    /// It is to be off.
    Stop,
    /// Somebody resets its fault.
    Reset {
        /// Length of the pulse, milliseconds.
        pulse_ms: u64,
    },
    /// The inputs were looked at.
    Look(Senses),
}

impl State {
    /// What follows on an event at `now_ms`.
    #[must_use]
    pub fn after(self, event: Event, now_ms: u64) -> Self {
        match (self, event) {
            (Self::Idle, Event::Start) => Self::Queued,
            (Self::Queued, Event::Turn) => {
                Self::Starting { since_ms: now_ms, lock: Lock::Awaited { since_ms: now_ms } }
            }
            (Self::Queued, Event::Stop) => Self::Idle,
            (Self::Starting { .. } | Self::Running { .. }, Event::Stop) => Self::Stopping { since_ms: now_ms },
            (Self::Fault { why, pulse_until_ms: None }, Event::Reset { pulse_ms }) => {
                Self::Fault { why, pulse_until_ms: Some(now_ms.saturating_add(pulse_ms)) }
            }
            (state, Event::Look(senses)) => state.looked(senses, now_ms),
            (state, Event::Start | Event::Turn | Event::Stop | Event::Reset { .. }) => state,
        }
    }

    fn looked(self, senses: Senses, now_ms: u64) -> Self {
        match self {
            // An overload that the pulse did not end stays; whatever else was wrong shows only with the channel on.
            Self::Fault { pulse_until_ms: Some(until_ms), .. } if now_ms >= until_ms && !senses.overloaded => {
                Self::Idle
            }
            Self::Fault { pulse_until_ms: Some(until_ms), .. } if now_ms >= until_ms => Self::fault(Latched::Overload),
            Self::Fault { pulse_until_ms, .. } if senses.overloaded => {
                Self::Fault { why: Latched::Overload, pulse_until_ms }
            }
            Self::Fault { .. } => self,
            _ if senses.overloaded => Self::fault(Latched::Overload),
            Self::Idle | Self::Queued => self,
            Self::Stopping { since_ms } if passed(since_ms, now_ms, STOPPING_MS) => Self::Idle,
            Self::Stopping { .. } => self,
            Self::Starting { .. } | Self::Running { .. } if senses.over_power => Self::fault(Latched::Power),
            Self::Starting { since_ms, lock } => match lock.after(&senses, now_ms) {
                Some(lock) if passed(since_ms, now_ms, STARTING_MS) => Self::Running { lock },
                Some(lock) => Self::Starting { since_ms, lock },
                None => Self::fault(Latched::LockLost),
            },
            Self::Running { lock } => match lock.after(&senses, now_ms) {
                Some(lock) => Self::Running { lock },
                None => Self::fault(Latched::LockLost),
            },
        }
    }

    const fn fault(why: Latched) -> Self {
        Self::Fault { why, pulse_until_ms: None }
    }

    /// Whether START is high.
    #[must_use]
    pub const fn is_on(self) -> bool {
        matches!(self, Self::Starting { .. } | Self::Running { .. })
    }

    /// Whether it is on or going to be.
    #[must_use]
    pub const fn is_to_run(self) -> bool {
        matches!(self, Self::Queued | Self::Starting { .. } | Self::Running { .. })
    }

    /// Whether RESET is high.
    #[must_use]
    pub const fn is_resetting(self) -> bool {
        matches!(self, Self::Fault { pulse_until_ms: Some(_), .. })
    }

    /// How the register map codes it.
    #[must_use]
    pub const fn told(self) -> ChannelState {
        match self {
            Self::Idle => ChannelState::Stopped,
            Self::Queued | Self::Starting { .. } => ChannelState::Starting,
            Self::Running { .. } => ChannelState::Running,
            Self::Stopping { .. } => ChannelState::Stopping,
            Self::Fault { why: Latched::Overload, .. } => ChannelState::Overload,
            Self::Fault { why: Latched::LockLost | Latched::Power, .. } => ChannelState::Fault,
        }
    }
}

impl Latched {
    /// How the register map codes it.
    #[must_use]
    pub const fn told(self) -> ChannelFault {
        match self {
            Self::Overload => ChannelFault::Overload,
            Self::LockLost => ChannelFault::LockLost,
            Self::Power => ChannelFault::Power,
        }
    }
}

impl Lock {
    /// The lock after a look; `None` when it has been missing for too long.
    fn after(self, senses: &Senses, now_ms: u64) -> Option<Self> {
        let Patience { start_ms, lost_ms } = senses.patience;
        match (self, senses.locked) {
            (_, true) => Some(Self::Held),
            (Self::Awaited { since_ms }, false) => (!passed(since_ms, now_ms, start_ms.into())).then_some(self),
            (Self::Held, false) => Some(Self::Lost { since_ms: now_ms }),
            (Self::Lost { since_ms }, false) => (!passed(since_ms, now_ms, lost_ms.into())).then_some(self),
        }
    }
}

fn passed(since_ms: u64, now_ms: u64, span_ms: u64) -> bool {
    now_ms.saturating_sub(since_ms) >= span_ms
}

#[cfg(test)]
mod tests;
