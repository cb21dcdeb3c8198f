//! What a PLC does all day, in the words of the scripts: sets an amplitude, starts a channel, watches it, stops it.

use protocol::channel::{ChannelId, ChannelState};
use protocol::registers::{ChannelRegister, RegisterId};
use serde_json::{Value, json};

use super::{Channels, Link, Served};

/// Runs a channel over each link. `call` lets one master make all calls without a pause: a master that is silent for a
/// second stops the channel.
pub(super) fn runs_a_channel(call: impl Fn(&Served, Link, &[Value]) -> Vec<Value>) {
    let id = |register| RegisterId::Channel(ChannelId::Three, register).address();
    let read = |address: u16, count: u16| json!({"call": "read_holding_registers", "address": address, "count": count});
    let write = |address: u16, value: u16| json!({"call": "write_register", "address": address, "value": value});
    for link in Link::BOTH {
        let unit = Served::ready();
        let answers = call(
            &unit,
            link,
            &[
                write(id(ChannelRegister::AmplitudeSetPoint), 150),
                write(id(ChannelRegister::StartStop), 1),
                read(RegisterId::ActiveCount.address(), 2),
                read(id(ChannelRegister::Power), 4),
                write(id(ChannelRegister::StartStop), 0),
                read(id(ChannelRegister::State), 1),
                read(RegisterId::ActiveMask.address(), 1),
            ],
        );
        let words = |index: usize| -> Vec<u16> {
            serde_json::from_value(answers[index]["registers"].clone()).expect("registers, not an exception")
        };
        assert_eq!(words(2), [1, 0b0100], "over {link:?}");
        let [_, _, flags, amplitude] = *words(3) else { panic!("four registers were asked for") };
        assert_eq!((flags & 1, amplitude), (1, 100), "runs, and the amplitude is clamped, over {link:?}");
        let stopped = [ChannelState::Stopping, ChannelState::Stopped].map(ChannelState::code);
        assert!(stopped.contains(&words(5)[0]), "over {link:?}");
        assert_eq!(words(6), [0], "over {link:?}");
        unit.stop(Channels::MayRun);
    }
}
