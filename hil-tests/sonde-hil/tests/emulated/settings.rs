//! Settings of the linked firmware, in virtual time over the line.

use protocol::channel::ChannelId;
use protocol::message::{Answer, Refusal, Request, TellValues};
use protocol::modbus::exception::Exception;
use protocol::registers::{ChannelRegister, RegisterId};
use protocol::settings::{Change, Kind, Setting};

use crate::client::{Client, Undone};
use crate::flash::UnitFlash;
use crate::rig::{Refused, Rig};
use crate::test::tests;

tests![
    a_new_speed_that_nobody_uses_goes_after_30_s,
    a_site_that_locks_plain_writes_can_still_stop,
    a_page_of_the_running_bank_is_erased_only_while_all_channels_are_off,
];

fn set(setting: Setting, number: i32) -> Request {
    Request::ChangeSettings { changes: [Change { code: setting.code(), number: Some(number) }].into_iter().collect() }
}

fn told(answer: Result<Answer, Undone>) -> TellValues {
    match answer {
        Ok(Answer::Values(told)) => told,
        other => panic!("{other:?}"),
    }
}

fn a_new_speed_that_nobody_uses_goes_after_30_s() {
    let mut rig = Rig::running(UnitFlash::new());
    let mut client = Client::open(&mut rig);
    assert_eq!(told(client.call(&mut rig, &set(Setting::Baud, 19_200))).sequence, 0);
    rig.wait_ms(1_000);
    assert!(rig.read(RegisterId::MapVersion).is_err(), "the line is at 19200 baud now");
    // Noise in the new speed's ears: what is said here proves nothing.
    rig.wait_ms(28_000);
    assert!(rig.read(RegisterId::MapVersion).is_err());
    rig.wait_ms(2_000);
    assert!(rig.read(RegisterId::MapVersion).is_ok(), "back on the old line");
    let values = told(client.call(&mut rig, &Request::Settings));
    assert_eq!((values.sequence, values.values[usize::from(Setting::Baud.code())].number), (0, 115_200));
}

fn a_site_that_locks_plain_writes_can_still_stop() {
    const LOCKED: Result<(), Refused> = Err(Refused::Exception(Exception::IllegalDataValue.code()));
    let mut rig = Rig::running(UnitFlash::new());
    let mut client = Client::open(&mut rig);
    assert_eq!(told(client.call(&mut rig, &set(Setting::PlcWrites, 1))).sequence, 1);
    for (register, value, expected) in [
        (RegisterId::GlobalEnable, 1, LOCKED),
        (RegisterId::EmergencyStop, 1, Ok(())),
        (RegisterId::EmergencyStop, 0, LOCKED),
        (RegisterId::GlobalAmplitude, 60, Ok(())),
        (RegisterId::GlobalEnable, 0, Ok(())),
    ] {
        assert_eq!(rig.write(register, value), expected, "{register:?} {value}");
    }
}

fn a_page_of_the_running_bank_is_erased_only_while_all_channels_are_off() {
    let start = RegisterId::Channel(ChannelId::One, ChannelRegister::StartStop);
    let mut rig = Rig::running(UnitFlash::new());
    rig.give_leave();
    rig.wait_ms(500);
    let mut client = Client::open(&mut rig);
    assert_eq!(rig.write(start, 1), Ok(()));
    let refused = (0..40).find_map(|count| client.call(&mut rig, &set(Setting::Stagger, 500 + count)).err());
    assert_eq!(refused, Some(Undone::Refused(Refusal::NoRoomWhileRunning { channels: 1 })));
    assert!(rig.board().outputs().start[0], "and it runs on");
    assert_eq!(rig.write(start, 0), Ok(()));
    let values = told(client.call(&mut rig, &set(Setting::Stagger, 900)));
    assert_eq!((values.kind, values.copies_good), (Kind::Setting, [true; 2]));
    // What it was told last is there after a loss of power.
    rig.board_mut().power_off();
    rig.power_on();
    rig.wait_for_answer();
    let mut client = Client::open(&mut rig);
    let values = told(client.call(&mut rig, &Request::Settings));
    assert_eq!(values.values[usize::from(Setting::Stagger.code())].number, 900);
}
