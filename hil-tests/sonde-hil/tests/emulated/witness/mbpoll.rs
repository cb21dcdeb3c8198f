//! `mbpoll`, on libmodbus, as plants and service engineers use it.

use std::process::{Command, Stdio};

use protocol::modbus::function::Function;
use protocol::registers::{REGISTERS, RegisterId};

use super::Served;
use crate::expected;
use crate::rig::{UNIT, register};
use crate::test::tests;

tests![reads_every_register_as_the_table_says, stops_in_an_emergency_and_reads_it_back, understands_every_exception];

const PROGRAM: &str = "mbpoll";

/// What its tests lack, if it is not installed.
pub(super) fn missing() -> Option<String> {
    let found = Command::new(PROGRAM).arg("-V").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    (!found).then(|| format!("{PROGRAM} not found (apt-get install {PROGRAM})"))
}

/// What it said, and whether it was content.
#[derive(Debug)]
struct Said {
    good: bool,
    text: String,
}

impl Said {
    /// The values of a read, from lines like `[1280]: \t0x0001`.
    fn values(&self) -> Vec<u16> {
        assert!(self.good, "{}", self.text);
        let values = self.text.lines().filter_map(|line| line.strip_prefix('[')?.split_once("]:"));
        let hex = |value: &str| u16::from_str_radix(value.trim().trim_start_matches("0x"), 16);
        values.map(|(_, value)| hex(value).unwrap_or_else(|_| panic!("{}", self.text))).collect()
    }
}

/// Asks once; `kind` is its own number for a table of Modbus, `more` are values to write.
fn poll(unit: &Served, kind: &str, address: u16, count: u16, more: &[&str]) -> Said {
    let (id, reference, count) = (UNIT.to_string(), address.to_string(), count.to_string());
    let line = ["-m", "rtu", "-b", "115200", "-P", "none", "-o", "5", "-1", "-0"];
    let mut command = Command::new(PROGRAM);
    command.args(line).args(["-a", &id, "-t", kind, "-r", &reference]);
    if more.is_empty() {
        command.args(["-c", &count]);
    }
    let output = command.arg(unit.pty()).args(more).stdin(Stdio::null()).output().expect("it is installed");
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    Said { good: output.status.success() && !text.contains("failed"), text }
}

const HOLDING: &str = "4:hex";
const INPUT: &str = "3:hex";

fn reads_every_register_as_the_table_says() {
    let unit = Served::start();
    for (kind, function) in [(HOLDING, Function::ReadHoldingRegisters), (INPUT, Function::ReadInputRegisters)] {
        for register in REGISTERS {
            let values = poll(&unit, kind, register.address, register.words, &[]).values();
            let expected = expected::words(register).unwrap_or_else(|| values.clone());
            assert_eq!(values, expected, "{function:?} {}", register.name);
            assert_eq!(values.len(), usize::from(register.words));
        }
    }
    unit.stop();
}

fn stops_in_an_emergency_and_reads_it_back() {
    let unit = Served::start();
    let [stop, enable] = [RegisterId::EmergencyStop, RegisterId::GlobalEnable].map(|id| register(id).address);
    for value in ["1", "0"] {
        let written = poll(&unit, HOLDING, stop, 1, &[value]);
        assert!(written.good, "{}", written.text);
        let number: u16 = value.parse().expect("it is one");
        assert_eq!(poll(&unit, HOLDING, stop, 1, &[]).values(), [number]);
    }
    // Two at once go by function 16.
    let written = poll(&unit, HOLDING, enable, 2, &["0", "7"]);
    assert!(written.good, "{}", written.text);
    assert_eq!(poll(&unit, HOLDING, enable, 2, &[]).values(), [0, 7]);
    unit.stop();
}

fn understands_every_exception() {
    let unit = Served::start();
    let enable = register(RegisterId::GlobalEnable).address;
    for (kind, address, more, words) in [
        ("0", 0, &[][..], "Illegal function"),
        (HOLDING, 0x0020, &[], "Illegal data address"),
        (HOLDING, 0x0000, &["1"], "Illegal data address"),
        (HOLDING, enable, &["2"], "Illegal data value"),
    ] {
        let said = poll(&unit, kind, address, 1, more);
        assert!(!said.good && said.text.contains(words), "expected \"{words}\": {}", said.text);
    }
    unit.stop();
}
