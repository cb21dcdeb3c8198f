//! The Modbus server: any request gets one legal answer or, where it must, none (`bus:M1`); one that is refused has
//! changed nothing; a broadcast stops channels at most.

use std::sync::OnceLock;

use bootloader::boot_log::{BootLog, LogView};
use bootloader::bus::{self, Unit as _};
use bootloader::model::release::{Release, factory_unit};
use firmware::channels::Controls;
use firmware::facts::Facts;
use firmware::self_test::Outputs;
use firmware::unit::Unit;
use protocol::handover::{BootReason, BootReport};
use protocol::layout::Slot;
use protocol::modbus::rtu::{Frame, FrameLength, answer_length};
use protocol::modbus::{BROADCAST, MAX_FRAME, MAX_PDU};
use protocol::reset::ResetCause;
use protocol::semver::Version;

use super::input::Input;

/// The registers that a master can write: what stops all channels and lets them start.
const READ_CONTROLS: [u8; 5] = [3, 0, 0x10, 0, 4];

pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let mut unit = unit();
    let mut now_ms = 0;
    while !input.is_empty() {
        let to = input.u8();
        let address = match to & 3 {
            0 => BROADCAST,
            1 => to >> 2,
            _ => unit.unit_id(),
        };
        let length = usize::from(input.u8());
        let pdu = input.take(length);
        now_ms += u64::from(to);
        unit.observe(now_ms, Outputs::OFF);
        let (controls, before) = (unit.channels.controls(), unit.channels.drive());
        let answer = ask(&mut unit, address, pdu);
        let answered = address == unit.unit_id() && !pdu.is_empty();
        assert_eq!(answer.is_some(), answered, "address {address}, {pdu:02x?}");
        let Some(answer) = answer else {
            let after = unit.channels.controls();
            let stopped = Controls { emergency_stop: after.emergency_stop, ..controls };
            let obeyed = after == controls || after.emergency_stop != 0;
            assert!(unit.channels.drive().start & !before.start == 0, "a broadcast starts a channel: {pdu:02x?}");
            assert!(obeyed && after == stopped, "address {address} did more than stop: {pdu:02x?}");
            continue;
        };
        assert!(is_legal(pdu, &answer), "{pdu:02x?} is answered {answer:02x?}");
        if answer[0] & 0x80 != 0 {
            let after = (unit.channels.controls(), unit.channels.drive());
            assert_eq!(after, (controls, before), "{pdu:02x?} was refused and has changed something");
        }
        delimited(address, &answer);
    }
    let alive = ask(&mut unit, 2, &READ_CONTROLS).expect("the unit answers");
    assert_eq!((alive[0], alive.len()), (3, 10));
}

fn ask(unit: &mut Unit, address: u8, pdu: &[u8]) -> Option<Vec<u8>> {
    let mut out = [0; MAX_PDU];
    let length = bus::handle(unit, address, pdu, &mut out)?;
    Some(out[..length].to_vec())
}

/// An exception of ours, or the same function with a length that its own fields give.
fn is_legal(request: &[u8], answer: &[u8]) -> bool {
    if let [function, code] = answer {
        return *function == request[0] | 0x80 && [1, 2, 3, 4, 6].contains(code);
    }
    answer[0] == request[0]
        && match answer[0] {
            3 | 4 | 23 => answer.len() == 2 + usize::from(request[4]) * 2 && answer.len() == 2 + usize::from(answer[1]),
            6 | 8 | 22 => answer == request,
            16 => *answer == request[..5],
            17 => answer.len() == 2 + usize::from(answer[1]),
            43 => answer[1] == 14 && answer[2] == request[2],
            _ => false,
        }
}

/// A master finds the end of the answer by its length. An echo is as long as what it echoes, and the master knows that.
fn delimited(address: u8, answer: &[u8]) {
    const ECHO: u8 = 8;
    if answer[0] == ECHO {
        return;
    }
    let mut out = [0; MAX_FRAME];
    let length = Frame { address, pdu: answer }.emit(&mut out).expect("an answer fits a frame");
    assert_eq!(answer_length(&out[..length]), FrameLength::Exactly(length), "{answer:02x?}");
}

fn unit() -> Unit {
    static FACTS: OnceLock<(Facts, LogView)> = OnceLock::new();
    let (facts, log) = FACTS.get_or_init(|| {
        let version = Version::new(1, 0, 0);
        let report = BootReport {
            slot: Slot::A,
            reason: BootReason::Confirmed,
            reset: ResetCause::PowerOn,
            attempts: 0,
            log_copies_good: [true, true],
            loader: Version::new(0, 1, 0),
            boot_us: 40_000,
            mark_detail: 0,
        };
        let mut flash = factory_unit(&Release::new(Slot::A, version));
        (Facts::gather(&mut flash, Slot::A, Some(report), version), BootLog::read(&mut flash))
    });
    Unit::new(facts.clone(), *log)
}
