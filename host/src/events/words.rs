//! Events in words.

use protocol::channel::ChannelFault;
use protocol::crash::CrashKind;
use protocol::event::{Event, find_kind};

/// What a record tells, in words.
#[must_use]
pub fn told(event: &Event) -> String {
    match *event {
        Event::Boot { reset, reason, slot, attempts, version, untold } => {
            let trial = if attempts > 0 { format!(", attempt {attempts}") } else { String::new() };
            let missed = if untold > 0 { format!("; {untold} starts before it left no record") } else { String::new() };
            format!("started after {reset}: {version} in slot {slot}, {reason}{trial}{missed}")
        }
        Event::ChannelStarted { channel, percent } => format!("channel {channel} on at {percent} %"),
        Event::ChannelStopped { channel, cause, percent, on_s } => {
            format!("channel {channel} off: {cause}; was on for {on_s} s at {percent} %")
        }
        Event::ChannelFault { channel, fault } => format!("channel {channel} in fault: {}", fault_word(fault)),
        Event::FaultReset { channel } => format!("channel {channel}: fault reset"),
        Event::EmergencyStop { value, stopped } => format!("emergency stop ({value}){}", stopping(stopped)),
        Event::EmergencyStopLifted => "emergency stop lifted".to_owned(),
        Event::Silence { stopped } => format!("the master was silent{}", stopping(stopped)),
        Event::TooHot { celsius, stopped } => format!("too hot, {celsius} °C{}", stopping(stopped)),
        Event::CoolAgain { celsius } => format!("cool again, {celsius} °C"),
        Event::OutputsLost { stopped } => format!("the control loop was late{}", stopping(stopped)),
        Event::Restart { cause } => format!("restarts by order: {cause}"),
        Event::Activated { slot, version } => format!("activated {version} in slot {slot}"),
        Event::Confirmed { slot, version } => format!("confirmed {version} in slot {slot}"),
        Event::RolledBack { slot, version } => format!("rolled back to {version} in slot {slot}"),
        Event::FellBack { from, cause, reset } => format!("fell back from {from}: {cause}, ended by {reset}"),
        Event::KeySet { number } => format!("key set {number} installed"),
        Event::Crash { kind, exception, program_counter, number } => {
            let kind =
                CrashKind::from_code(kind).map_or_else(|| format!("crash of kind {kind}"), |kind| kind.to_string());
            format!("crashed: {kind} at {program_counter:#010x} in {}, crash record {number}", place(exception))
        }
        Event::FlashRepaired { part } => format!("{part} repaired"),
        Event::WatchdogLate { task } => format!("the watchdog was not fed: {}", task_word(task)),
        Event::EventsLost { count } => format!("{count} events found no room"),
        Event::SelfTestFailed { failed } => format!("self-test failed, checks {failed:#06x}"),
        Event::SettingsChanged { setting, value } => format!("setting {setting} changed to {value}"),
        Event::CalibrationChanged { channel } => format!("calibration of channel {channel} changed"),
        Event::SettingsRestored { why } => format!("settings made anew ({why})"),
        Event::OperatorAdded { key, role } => format!("operator {key} added, role {role}"),
        Event::OperatorRemoved { key } => format!("operator {key} removed"),
        Event::OperatorLoggedIn { key, role } => format!("operator {key} opened a session, role {role}"),
        Event::LoginFailed { why, key } => format!("login failed ({why}), key {key}"),
        Event::CountersCleared { key } => format!("overload counters cleared by {key}"),
        Event::Provisioned { how } => format!("first operator taken ({how})"),
        Event::Other { kind, data } => {
            let known = find_kind(kind).map_or_else(|| format!("kind {kind}"), |row| row.name.to_owned());
            let bytes: String = data.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("{known}, which this sonde does not understand: {bytes}")
        }
    }
}

/// What the core was doing, by the number of the exception.
#[must_use]
pub fn place(exception: u16) -> String {
    match exception {
        0 => "thread mode (worker, supervisor)".to_owned(),
        2 => "the non-maskable interrupt".to_owned(),
        3 => "the hard fault handler".to_owned(),
        // The executor of bus and control, interrupt 53 (UART5).
        69 => "the bus and control tasks".to_owned(),
        16.. => format!("interrupt {}", exception - 16),
        other => format!("exception {other}"),
    }
}

fn fault_word(fault: ChannelFault) -> &'static str {
    match fault {
        ChannelFault::Silence => "silent master",
        ChannelFault::Overload => "overload",
        ChannelFault::LockLost => "no frequency lock",
        ChannelFault::Power => "too much power",
        ChannelFault::Hardware => "output stage",
        ChannelFault::EmergencyStop => "emergency stop",
        ChannelFault::Temperature => "over-temperature",
    }
}

fn task_word(task: u8) -> String {
    match task {
        1 => "the bus did not report".to_owned(),
        2 => "the worker did not report".to_owned(),
        3 => "the control loop did not report".to_owned(),
        other => format!("task {other} did not report"),
    }
}

fn stopping(mask: u8) -> String {
    let channels: Vec<String> = (0..8).filter(|bit| mask >> bit & 1 == 1).map(|bit| (bit + 1).to_string()).collect();
    match channels.as_slice() {
        [] => ", nothing was on".to_owned(),
        [one] => format!(", stopped channel {one}"),
        more => format!(", stopped channels {}", more.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::channel::ChannelId;
    use protocol::event::{EVENT_DATA, KINDS, StopCause};

    #[test]
    fn every_kind_is_told_and_none_in_two_lines() {
        for row in KINDS {
            for data in [[0; EVENT_DATA], [1; EVENT_DATA], [0xFF; EVENT_DATA]] {
                let told = told(&Event::read(row.number, data));
                assert!(!told.is_empty() && !told.contains('\n'), "{}: {told}", row.name);
            }
        }
    }

    #[test]
    fn a_stop_is_told_with_its_cause() {
        let event = Event::ChannelStopped { channel: ChannelId::Two, cause: StopCause::Silence, percent: 60, on_s: 90 };
        assert_eq!(told(&event), "channel 2 off: silent master; was on for 90 s at 60 %");
        assert_eq!(told(&Event::Silence { stopped: 0b1010 }), "the master was silent, stopped channels 2, 4");
        assert_eq!(place(69), "the bus and control tasks");
    }
}
