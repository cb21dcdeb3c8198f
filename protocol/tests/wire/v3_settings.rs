//! The bytes of what version 3 added about settings and calibration, and of their records in flash.

use sonde_protocol::layout::{CALIBRATION_OFFSETS, SETTINGS_OFFSETS};
use sonde_protocol::mailbox::{MAX_REPLY, MAX_REQUEST};
use sonde_protocol::message::{Answer, MAX_CHANGES, MAX_TOLD_VALUES, Refusal, Reply, Request, TellValues, ToldValue};
use sonde_protocol::settings::{Change, Kind, Setting, Values};

use crate::frozen::{answer_is, refusal_is, request_is};

#[test]
fn requests_about_settings() {
    request_is(&Request::Settings, &[13]);
    request_is(&Request::Calibration, &[14]);
    let changes = [Change { code: 3, number: Some(70) }, Change { code: 4, number: None }];
    let bytes = [
        15, 2, // two changes
        3, 1, 0x8C, 0x01, // amplitude 70, zigzag varint
        4, 0, // reset pulse, never set
    ];
    request_is(&Request::ChangeSettings { changes: changes.into_iter().collect() }, &bytes);
    let offset = Change { code: 16, number: Some(-5) };
    request_is(&Request::ChangeCalibration { changes: [offset].into_iter().collect() }, &[16, 1, 16, 1, 9]);
}

#[test]
fn answers_about_settings() {
    let values = [ToldValue { number: 7, is_set: true }, ToldValue { number: 115_200, is_set: false }];
    let told = TellValues {
        kind: Kind::Calibration,
        schema: 2,
        written_by: 3,
        sequence: 300,
        copies_good: [true, false],
        values: values.into_iter().collect(),
    };
    let bytes = [
        13, 1, // values, calibration
        2, 3, // schema, written by
        0xAC, 0x02, // sequence
        1, 0, // copies
        2, 14, 1, // the first
        0x80, 0x88, 0x0E, 0, // the second
    ];
    answer_is(Answer::Values(told), &bytes);
}

#[test]
fn refusals_about_settings() {
    refusal_is(Refusal::NoSuchValue { kind: Kind::Setting, code: 77 }, &[35, 0, 77]);
    refusal_is(Refusal::ValueOutOfRange { kind: Kind::Calibration, code: 4, number: 101 }, &[36, 1, 4, 0xCA, 0x01]);
    refusal_is(Refusal::ValueTwice { kind: Kind::Setting, code: 3 }, &[37, 0, 3]);
    refusal_is(Refusal::NoRoomWhileRunning { channels: 0b0101 }, &[38, 5]);
}

#[test]
fn the_longest_messages_fit_their_windows_with_room_for_a_seal() {
    const SEAL: usize = 24;
    let mut buffer = [0; 256];
    let changes = core::iter::repeat_n(Change { code: 255, number: Some(i32::MIN) }, MAX_CHANGES).collect();
    let request = Request::ChangeCalibration { changes }.emit(&mut buffer).map(<[u8]>::len);
    assert!(request.is_ok_and(|length| length + SEAL <= MAX_REQUEST), "{request:?}");
    let told = TellValues {
        kind: Kind::Calibration,
        schema: u16::MAX,
        written_by: u16::MAX,
        sequence: u32::MAX,
        copies_good: [true; 2],
        values: core::iter::repeat_n(ToldValue { number: i32::MIN, is_set: true }, MAX_TOLD_VALUES).collect(),
    };
    let reply = Reply::Done(Answer::Values(told)).emit(&mut buffer).map(<[u8]>::len);
    assert!(reply.is_ok_and(|length| length + SEAL <= MAX_REPLY), "{reply:?}");
}

#[test]
fn the_records_of_settings_and_calibration() {
    let change = |code, number| Change { code, number: Some(number) };
    let values = Values::new(Kind::Setting).changed(&[change(Setting::UnitId.code(), 7)], 1).expect("in range");
    let mut bytes = [0xFF; 132];
    assert_eq!(values.emit(&mut bytes), 8);
    assert_eq!(bytes[..8], [1, 0, 1, 1, 7, 0, 0, 0]);
    assert_eq!((SETTINGS_OFFSETS, CALIBRATION_OFFSETS), ([0x3_D000, 0x7_D000], [0x3_E000, 0x7_E000]));
}
