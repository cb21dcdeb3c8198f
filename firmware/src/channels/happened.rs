//! What happened to the channels, until somebody takes it.

use protocol::channel::ChannelId;
use protocol::event::{Event, StopCause};

use super::channel::Channel;
use super::state::{Latched, State};

/// Happenings that are kept: an emergency stop of four channels is five, and they are taken each millisecond.
const ROOM: usize = 16;

/// A short list. Plain, so that the channels can be copied and compared as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Happened {
    kept: [Option<Event>; ROOM],
    count: usize,
    /// Those that found no room.
    lost: u32,
}

impl Happened {
    pub(super) const fn new() -> Self {
        Self { kept: [None; ROOM], count: 0, lost: 0 }
    }

    pub(super) fn note(&mut self, event: Event) {
        match self.kept.get_mut(self.count) {
            Some(place) => (*place, self.count) = (Some(event), self.count + 1),
            None => self.lost = self.lost.saturating_add(1),
        }
    }

    /// The oldest; behind the last one how many were lost.
    pub(super) fn take(&mut self) -> Option<Event> {
        if self.count == 0 {
            let count = core::mem::take(&mut self.lost);
            return (count > 0).then_some(Event::EventsLost { count });
        }
        self.count -= 1;
        let first = self.kept[0].take();
        self.kept.rotate_left(1);
        first
    }
}

/// What there is to tell of a channel that was so before and is so now. `cause` is why it stopped, if it is off without a
/// fault.
pub(super) fn between(before: &Channel, after: &Channel, channel: ChannelId, cause: StopCause) -> Option<Event> {
    let percent = after.amplitude.percent();
    let fault = match (before.state(), after.state()) {
        (State::Fault { why: before, .. }, State::Fault { why, .. }) if before == why => None,
        (_, State::Fault { why, .. }) => Some(why),
        _ => None,
    };
    if before.state().is_on() && !after.state().is_on() {
        let cause = fault.map_or(cause, |why| match why {
            Latched::Overload => StopCause::Overload,
            Latched::LockLost => StopCause::LockLost,
            Latched::Power => StopCause::Power,
        });
        let on_s = after.on_for_s();
        return Some(Event::ChannelStopped { channel, cause, percent, on_s });
    }
    if let Some(why) = fault {
        return Some(Event::ChannelFault { channel, fault: why.told() });
    }
    if after.state().is_on() && !before.state().is_on() {
        return Some(Event::ChannelStarted { channel, percent });
    }
    let was_reset = matches!(before.state(), State::Fault { .. }) && after.state() == State::Idle;
    was_reset.then_some(Event::FaultReset { channel })
}
