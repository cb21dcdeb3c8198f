//! `mbpoll`, on libmodbus, as plants and service engineers use it.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use protocol::modbus::function::Function;
use protocol::registers::{REGISTERS, RegisterId};
use tempfile::TempDir;

use super::{Channels, Link, Served};
use crate::expected;
use crate::rig::{UNIT, register};
use crate::test::tests;

tests![reads_every_register_as_the_table_says, stops_in_an_emergency_and_reads_it_back, understands_every_exception,];

const PROGRAM: &str = "mbpoll";

/// Makes a serial port of a device server's TCP port, which `mbpoll` does not speak to.
const BRIDGE: &str = "socat";

/// What its tests lack, if something is not installed.
pub(super) fn missing() -> Option<String> {
    let found =
        |program: &&str| Command::new(program).arg("-V").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    let missing = [PROGRAM, BRIDGE].into_iter().find(|program| !found(program))?;
    Some(format!("{missing} not found (apt-get install {missing})"))
}

/// The serial port that a master uses, and what makes it one.
struct Port {
    path: PathBuf,
    bridge: Option<(Child, TempDir)>,
}

impl Port {
    fn open(unit: &Served, link: Link) -> Self {
        if link == Link::Pty {
            return Self { path: unit.pty(), bridge: None };
        }
        let folder = tempfile::tempdir().expect("there is room for a link");
        let path = folder.path().join("bridge");
        let mut bridge = Command::new(BRIDGE);
        bridge.arg(format!("PTY,rawer,link={}", path.display())).arg(format!("TCP:127.0.0.1:{}", unit.tcp_port()));
        let bridge = bridge.stdin(Stdio::null()).spawn().expect("it is installed");
        let deadline = Instant::now() + Duration::from_secs(20);
        while !path.exists() {
            assert!(Instant::now() < deadline, "{BRIDGE} makes no port");
            sleep(Duration::from_millis(10));
        }
        Self { path, bridge: Some((bridge, folder)) }
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        if let Some((bridge, _)) = &mut self.bridge {
            let _ = bridge.kill();
            let _ = bridge.wait();
        }
    }
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
fn poll(port: &Port, kind: &str, address: u16, count: u16, more: &[&str]) -> Said {
    let (id, reference, count) = (UNIT.to_string(), address.to_string(), count.to_string());
    let line = ["-m", "rtu", "-b", "115200", "-P", "none", "-o", "5", "-1", "-0"];
    let mut command = Command::new(PROGRAM);
    command.args(line).args(["-a", &id, "-t", kind, "-r", &reference]);
    if more.is_empty() {
        command.args(["-c", &count]);
    }
    let output = command.arg(&port.path).args(more).stdin(Stdio::null()).output().expect("it is installed");
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    Said { good: output.status.success() && !text.contains("failed"), text }
}

const HOLDING: &str = "4:hex";
const INPUT: &str = "3:hex";

fn reads_every_register_as_the_table_says() {
    let unit = Served::start();
    let [holding, input] = [Function::ReadHoldingRegisters, Function::ReadInputRegisters];
    for (kind, function, link) in [(HOLDING, holding, Link::Pty), (INPUT, input, Link::RtuOverTcp)] {
        let port = Port::open(&unit, link);
        for register in REGISTERS {
            let values = poll(&port, kind, register.address, register.words, &[]).values();
            let expected = expected::words(register).unwrap_or_else(|| values.clone());
            assert_eq!(values, expected, "{function:?} {}", register.name);
            assert_eq!(values.len(), usize::from(register.words));
        }
    }
    unit.stop(Channels::Off);
}

fn stops_in_an_emergency_and_reads_it_back() {
    for link in Link::BOTH {
        let unit = Served::start();
        stop_and_read_back(&Port::open(&unit, link));
        unit.stop(Channels::Off);
    }
}

fn stop_and_read_back(port: &Port) {
    let [stop, enable] = [RegisterId::EmergencyStop, RegisterId::GlobalEnable].map(|id| register(id).address);
    for value in ["1", "0"] {
        let written = poll(port, HOLDING, stop, 1, &[value]);
        assert!(written.good, "{}", written.text);
        let number: u16 = value.parse().expect("it is one");
        assert_eq!(poll(port, HOLDING, stop, 1, &[]).values(), [number]);
    }
    // Two at once go by function 16.
    let written = poll(port, HOLDING, enable, 2, &["0", "7"]);
    assert!(written.good, "{}", written.text);
    assert_eq!(poll(port, HOLDING, enable, 2, &[]).values(), [0, 7]);
}

fn understands_every_exception() {
    let unit = Served::start();
    let port = Port::open(&unit, Link::Pty);
    let enable = register(RegisterId::GlobalEnable).address;
    for (kind, address, more, words) in [
        ("0", 0, &[][..], "Illegal function"),
        (HOLDING, 0x0020, &[], "Illegal data address"),
        (HOLDING, 0x0000, &["1"], "Illegal data address"),
        (HOLDING, enable, &["2"], "Illegal data value"),
    ] {
        let said = poll(&port, kind, address, 1, more);
        assert!(!said.good && said.text.contains(words), "expected \"{words}\": {}", said.text);
    }
    unit.stop(Channels::Off);
}
