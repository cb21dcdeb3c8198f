//! `pymodbus`: the functions that `mbpoll` does not know, too.

use std::process::{Command, Stdio};

use protocol::manifest::PRODUCT;
use protocol::registers::{REGISTERS, RegisterId};
use serde_json::{Value, json};

use super::{Channels, Link, Served, plc, script};
use crate::expected;
use crate::rig::register;
use crate::test::tests;

tests![
    reads_every_register_as_the_table_says,
    writes_and_reads_back_by_every_function,
    understands_who_is_there,
    understands_every_exception,
    runs_a_channel,
];

/// A Python that can import pymodbus, such as that of a virtual environment.
const PYTHON: &str = "SONDE_PYMODBUS_PYTHON";

fn python() -> String {
    std::env::var(PYTHON).unwrap_or_else(|_| "python3".into())
}

/// What its tests lack, if it cannot be imported.
pub(super) fn missing() -> Option<String> {
    let mut import = Command::new(python());
    import.args(["-c", "import pymodbus, serial"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let found = import.status().is_ok_and(|status| status.success());
    (!found).then(|| format!("pymodbus with pyserial not found (name a Python that has it with {PYTHON})"))
}

/// Lets pymodbus make these calls, one after the other, and returns what came of each.
fn call(unit: &Served, link: Link, calls: &[Value]) -> Vec<Value> {
    script::call(Command::new(python()).arg(script::path("pymodbus_master.py")), unit, link, calls)
}

fn runs_a_channel() {
    plc::runs_a_channel(call);
}

fn address(id: RegisterId) -> u16 {
    register(id).address
}

fn reads_every_register_as_the_table_says() {
    let unit = Served::start();
    let links = [("read_holding_registers", Link::Pty), ("read_input_registers", Link::RtuOverTcp)];
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

fn writes_and_reads_back_by_every_function() {
    let unit = Served::start();
    let (stop, enable) = (address(RegisterId::EmergencyStop), address(RegisterId::GlobalEnable));
    let read = json!({"call": "read_holding_registers", "address": enable, "count": 2});
    let answers = call(
        &unit,
        Link::RtuOverTcp,
        &[
            json!({"call": "write_register", "address": stop, "value": 0x12}),
            read.clone(),
            // Section 6.16 of the specification.
            json!({"call": "mask_write_register", "address": stop, "and_mask": 0xF2, "or_mask": 0x25}),
            read.clone(),
            json!({"call": "write_registers", "address": enable, "values": [0, 5]}),
            read,
            json!({"call": "readwrite_registers", "read_address": enable, "read_count": 2,
                "write_address": stop, "values": [0]}),
            json!({"call": "diag_query_data", "msg": "a537"}),
        ],
    );
    let registers = |values: [u16; 2]| json!({ "registers": values });
    assert_eq!(answers[1], registers([1, 0x12]));
    assert_eq!(answers[3], registers([1, 0x17]));
    assert_eq!(answers[5], registers([0, 5]));
    assert_eq!(answers[6], registers([0, 0]));
    assert_eq!(answers[7], json!({ "message": "a537" }));
    unit.stop(Channels::Off);
}

fn understands_who_is_there() {
    let unit = Served::start();
    let (serial, product) = (expected::serial(), PRODUCT.to_be_bytes());
    let product = String::from_utf8_lossy(&product);
    let identify = |category: u8| json!({"call": "read_device_information", "read_code": category});
    let answers = call(&unit, Link::Pty, &[identify(1), identify(3), json!({"call": "report_device_id"})]);
    let basic = json!({"0": "sonde", "1": product, "2": "1.0.0"});
    assert_eq!(answers[0], json!({ "information": basic }));
    let all = &answers[1]["information"];
    assert_eq!((&all["0"], &all["128"]), (&json!("sonde"), &json!(serial.as_str())));
    // pymodbus takes the last byte for the run indicator, which stands behind the product code (section 6.13).
    let server = format!("{product}\u{ff}1.0.0 {}", serial.as_str());
    assert_eq!(answers[2]["identifier"].as_str(), server.strip_suffix(|_: char| true));
    unit.stop(Channels::Off);
}

fn understands_every_exception() {
    let unit = Served::start();
    let enable = address(RegisterId::GlobalEnable);
    let answers = call(
        &unit,
        Link::Pty,
        &[
            json!({"call": "read_coils", "address": 0, "count": 1}),
            json!({"call": "read_holding_registers", "address": 0x0020, "count": 1}),
            json!({"call": "write_register", "address": 0, "value": 1}),
            json!({"call": "write_register", "address": enable, "value": 2}),
        ],
    );
    assert_eq!(answers, [1, 2, 2, 3].map(|code| json!({ "exception": code })));
    unit.stop(Channels::Off);
}
