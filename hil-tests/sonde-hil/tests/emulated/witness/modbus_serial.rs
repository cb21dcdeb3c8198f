//! `modbus-serial` of npm, as SCADA programs on Node.js use it.

use std::process::{Command, Stdio};

use protocol::registers::{REGISTERS, RegisterId};
use serde_json::{Value, json};

use super::{Channels, Link, Served, plc, script};
use crate::expected;
use crate::rig::register;
use crate::test::tests;

tests![
    reads_every_register_as_the_table_says,
    writes_and_reads_back,
    understands_who_is_there,
    understands_every_exception,
    runs_a_channel,
];

/// A folder `node_modules` that holds modbus-serial.
const MODULES: &str = "SONDE_NODE_MODULES";

fn node() -> Command {
    let mut node = Command::new("node");
    if let Some(modules) = std::env::var_os(MODULES) {
        node.env("NODE_PATH", modules);
    }
    node
}

/// What its tests lack, if it cannot be loaded.
pub(super) fn missing() -> Option<String> {
    let mut load = node();
    load.args(["-e", "require('modbus-serial'); require('serialport')"]);
    load.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let found = load.status().is_ok_and(|status| status.success());
    (!found).then(|| {
        format!("modbus-serial not found (install Node.js, and name a node_modules that has it with {MODULES})")
    })
}

/// Lets modbus-serial make these calls, one after the other, and returns what came of each.
fn call(unit: &Served, link: Link, calls: &[Value]) -> Vec<Value> {
    script::call(node().arg(script::path("modbus_serial_master.js")), unit, link, calls)
}

fn address(id: RegisterId) -> u16 {
    register(id).address
}

fn reads_every_register_as_the_table_says() {
    let unit = Served::start();
    let links = [("read_holding_registers", Link::RtuOverTcp), ("read_input_registers", Link::Pty)];
    for (function, link) in links {
        let read = |address: u16, count: u16| json!({"call": function, "address": address, "count": count});
        let calls: Vec<Value> = REGISTERS.iter().map(|register| read(register.address, register.words)).collect();
        for (register, answer) in REGISTERS.iter().zip(call(&unit, link, &calls)) {
            match expected::words(register) {
                Some(words) => assert_eq!(answer, json!({ "registers": words }), "{function} {}", register.name),
                None => assert_eq!(answer["registers"].as_array().map(Vec::len), Some(usize::from(register.words))),
            }
        }
    }
    unit.stop(Channels::Off);
}

fn writes_and_reads_back() {
    let (stop, enable) = (address(RegisterId::EmergencyStop), address(RegisterId::GlobalEnable));
    let read = json!({"call": "read_holding_registers", "address": enable, "count": 2});
    for link in Link::BOTH {
        let unit = Served::start();
        let answers = call(
            &unit,
            link,
            &[
                json!({"call": "write_register", "address": stop, "value": 0x12}),
                read.clone(),
                json!({"call": "write_registers", "address": enable, "values": [0, 5]}),
                read.clone(),
            ],
        );
        assert_eq!(answers[1], json!({ "registers": [1, 0x12] }), "over {link:?}");
        assert_eq!(answers[3], json!({ "registers": [0, 5] }), "over {link:?}");
        unit.stop(Channels::Off);
    }
}

fn understands_who_is_there() {
    // Its port for RTU over TCP does not know this function.
    let unit = Served::start();
    let answers = call(&unit, Link::Pty, &[json!({"call": "read_device_information", "read_code": 1})]);
    let information = &answers[0]["information"];
    assert_eq!((&information["0"], &information["2"]), (&json!("sonde"), &json!("1.0.0")));
    unit.stop(Channels::Off);
}

fn understands_every_exception() {
    let enable = address(RegisterId::GlobalEnable);
    for link in Link::BOTH {
        let unit = Served::start();
        let answers = call(
            &unit,
            link,
            &[
                json!({"call": "read_coils", "address": 0, "count": 1}),
                json!({"call": "read_holding_registers", "address": 0x0020, "count": 1}),
                json!({"call": "write_register", "address": 0, "value": 1}),
                json!({"call": "write_register", "address": enable, "value": 2}),
            ],
        );
        assert_eq!(answers, [1, 2, 2, 3].map(|code| json!({ "exception": code })), "over {link:?}");
        unit.stop(Channels::Off);
    }
}

fn runs_a_channel() {
    plc::runs_a_channel(call);
}
