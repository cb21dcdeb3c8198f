//! Channels and the unit's own well-being, as `sonde status` shows them.

use std::fmt::{self, Formatter};

use sonde::health::Health;

use super::channel_report;

/// The lines of a report.
pub(super) fn lines(formatter: &mut Formatter<'_>, health: &Health) -> fmt::Result {
    let Health { frames, communication_errors, exceptions, silence_trips, .. } = health;
    write!(formatter, "  last down    by {}", health.last_shutdown())?;
    match health.previous_active_mask {
        0 => writeln!(formatter, ", no channel was on")?,
        mask => writeln!(formatter, ", channels {mask:#06b} were on")?,
    }
    write!(formatter, "  well-being   ")?;
    match health.temperature_c {
        Some(celsius) => write!(formatter, "{celsius} °C")?,
        None => write!(formatter, "temperature unknown")?,
    }
    let tasks = if health.watchdog_ok { "all tasks in time" } else { "A TASK IS OVERDUE" };
    writeln!(formatter, ", {tasks}, loop at most {} us, {} B of stack free", health.loop_max_us, health.stack_free)?;
    write!(formatter, "  line         {frames} frames, {communication_errors} damaged, {exceptions} exceptions")?;
    writeln!(formatter, ", stopped for silence {silence_trips} times; since start")?;
    if health.is_newer() {
        let map = health.map_version;
        writeln!(formatter, "  registers    map version {map}, newer than this sonde knows; update sonde to see all")?;
    }
    channel_report::lines(formatter, &health.system, &health.channels)
}
