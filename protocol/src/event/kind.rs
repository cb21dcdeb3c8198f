//! The kinds of events: number, name, meaning. Numbers are append-only, as those of messages are.

use crate::coded::coded;

/// What a kind is called and what its data says, for people; `docs/events.md` is made from these rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KindRow {
    /// Number in a record.
    pub number: u8,
    /// Name, for `--kind` and JSON.
    pub name: &'static str,
    /// The 12 bytes of data, from the first on; the rest is zero.
    pub data: &'static str,
    /// When it is written.
    pub text: &'static str,
}

macro_rules! kinds {
    ($($number:literal $name:literal ($data:literal) $text:literal;)+) => {
        /// Every kind, in ascending order of numbers.
        pub const KINDS: &[KindRow] = &[$(KindRow { number: $number, name: $name, data: $data, text: $text },)+];
    };
}

kinds! {
    1 "boot" ("reset cause 1, boot reason 1, slot 1, attempts of a trial 1, version 6, starts before this one that nothing tells of 2")
        "the unit has started: why, and what runs";
    2 "channel-started" ("channel 1, amplitude in percent 1") "a START output went high";
    3 "channel-stopped" ("channel 1, cause 1, amplitude in percent 1, zero 1, seconds it was on 4")
        "a START output went low: why, and how long it was on";
    4 "channel-fault" ("channel 1, fault code 1") "a channel that was not on went into a fault; LAST_FAULT_CODE says which";
    5 "fault-reset" ("channel 1") "a reset pulse ended a channel's fault";
    6 "emergency-stop" ("value written 2, channels that it stopped 1") "EMERGENCY_STOP was set";
    7 "emergency-stop-lifted" ("") "EMERGENCY_STOP was set to 0";
    8 "silence" ("channels that it stopped 1") "the master was silent while a channel was to run; all were stopped";
    9 "too-hot" ("degrees Celsius, signed 2, channels that it stopped 1") "the chip is too hot; all channels were stopped";
    10 "cool-again" ("degrees Celsius, signed 2") "the chip has cooled down; channels may be started";
    11 "outputs-lost" ("channels that it stopped 1") "the control loop was late and the hardware took the START outputs back";
    12 "restart" ("why 1") "the unit restarts by order: 1 SYSTEM_RESET, 2 another image is to run";
    13 "activated" ("slot 1, version 6") "a staged image was made the trial";
    14 "confirmed" ("slot 1, version 6") "the image on trial was kept";
    15 "rolled-back" ("slot 1, version 6") "an operator went back to the image in the other slot";
    16 "fell-back" ("version given up 6, cause 1, reset that ended it 1") "the loader gave up on a trial";
    17 "key-set" ("number of the set 2") "a key set was installed";
    18 "crash" ("kind of crash 1, exception that was active 2, zero 1, program counter 4, number of the crash record 4")
        "the firmware crashed in the run before; `sonde crash` shows the record";
    19 "flash-repaired" ("what 1") "records that power was lost in were put right: 1 boot log, 2 event log, 3 key set";
    20 "watchdog-late" ("task 1") "a task did not report in time and the watchdog was not fed: 1 bus, 2 worker, 3 control";
    21 "events-lost" ("how many 4") "events that found no room, at this place in the log";
    22 "self-test-failed" ("checks that failed, one bit each 2") "the self-test after the start failed";
    32 "settings-changed" ("which setting 2, new value 4") "a setting was changed";
    33 "calibration-changed" ("channel 1") "a calibration was written";
    34 "settings-restored" ("why 1") "settings could not be read, or were of another version, and were made anew";
    48 "operator-added" ("operator key 8, role 1") "an operator was added";
    49 "operator-removed" ("operator key 8") "an operator was removed";
    50 "operator-logged-in" ("operator key 8, role 1") "an operator opened a session";
    51 "login-failed" ("why 1, operator key 8 or zeros") "somebody tried to open a session and failed";
    52 "counters-cleared" ("operator key 8") "the overload counters were cleared";
    53 "provisioned" ("how 1") "the unit took its first operator";
}

/// The row of a kind, if anybody knows it.
#[must_use]
pub fn find_kind(number: u8) -> Option<&'static KindRow> {
    KINDS.iter().find(|row| row.number == number)
}

coded! {
    /// Why a channel was stopped.
    StopCause {
        /// A master wrote 0 to `START_STOP`.
        Order = 1, "order of a master";
        /// `GLOBAL_ENABLE` was taken back.
        Disabled = 2, "global enable taken back";
        /// `TEST_START_INHIBIT` names the channel.
        Inhibited = 3, "start inhibit";
        /// Emergency stop.
        EmergencyStop = 4, "emergency stop";
        /// The master was silent.
        Silence = 5, "silent master";
        /// The sonicator signalled an overload.
        Overload = 6, "overload";
        /// No lock, or lost.
        LockLost = 7, "no frequency lock";
        /// More power than the limit.
        Power = 8, "power limit";
        /// The unit is too hot.
        Temperature = 9, "over-temperature";
        /// The hardware took the outputs back.
        OutputsLost = 10, "control loop late";
        /// The unit restarts.
        Restart = 11, "restart of the unit";
    }
}

coded! {
    /// Why the unit restarts by order.
    RestartCause {
        /// `SYSTEM_RESET` was written.
        SystemReset = 1, "SYSTEM_RESET";
        /// Another image is to run.
        AnotherImage = 2, "another image is to run";
    }
}
