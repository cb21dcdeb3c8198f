//! What a unit's channels are at, as a report of several commands.

use std::fmt::{self, Display, Formatter};

use protocol::channel::ChannelId;
use serde::Serialize;
use sonde::bus::{Bus, UnitId};
use sonde::channel::{ChannelView, SystemView, read_all, read_system};

use super::Failed;

/// The channels of a unit.
#[derive(Serialize)]
pub(crate) struct Report {
    unit: u8,
    #[serde(flatten)]
    system: SystemView,
    channels: [ChannelView; 4],
}

impl Report {
    /// Asks the unit.
    pub(super) async fn read(bus: &Bus, unit: UnitId) -> Result<Self, Failed> {
        Ok(Self { unit: unit.get(), system: read_system(bus, unit).await?, channels: read_all(bus, unit).await? })
    }
}

impl Report {
    /// One of them.
    pub(super) fn channel(&self, channel: ChannelId) -> &ChannelView {
        &self.channels[channel.index()]
    }
}

impl super::Report for Report {}

impl Display for Report {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "unit {}", self.unit)?;
        lines(formatter, &self.system, &self.channels)
    }
}

/// What forbids channels to run, if anything, and a line for each of them.
pub(super) fn lines(formatter: &mut Formatter<'_>, system: &SystemView, channels: &[ChannelView; 4]) -> fmt::Result {
    let SystemView { emergency_stop, enabled, inhibited, too_hot, silent, self_test_passed } = system;
    for (holds, text) in [
        (*emergency_stop, "EMERGENCY STOP is on; lift it with: sonde estop --lift"),
        (!*enabled, "GLOBAL_ENABLE is 0: no channel may run"),
        (*too_hot, "TOO HOT: no channel may run"),
        (*silent, "the master was silent and channels were stopped for it"),
        (!*self_test_passed, "the self-test failed: no channel may run; see: sonde status"),
    ] {
        if holds {
            writeln!(formatter, "  {text}")?;
        }
    }
    if !inhibited.is_empty() {
        writeln!(formatter, "  TEST_START_INHIBIT names {inhibited:?}")?;
    }
    channels.iter().try_for_each(|channel| line(formatter, channel))
}

fn line(formatter: &mut Formatter<'_>, view: &ChannelView) -> fmt::Result {
    let lock = if view.locked { "locked" } else { "no lock" };
    write!(
        formatter,
        "  channel {}  {:8}  {:3} % (set {:3} %)  {:4} W  {:5} Hz, {lock}",
        view.channel,
        view.state_word(),
        view.amplitude,
        view.amplitude_set,
        view.watts,
        view.hertz,
    )?;
    write!(formatter, "  on for {} s", view.run_seconds)?;
    if view.overload {
        write!(formatter, ", OVERLOAD")?;
    }
    if let Some(fault) = view.last_fault() {
        write!(formatter, ", last stopped by: {fault:?}")?;
    }
    writeln!(formatter)
}
