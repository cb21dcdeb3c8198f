//! The bytes of what version 3 added to the mailbox protocol about events, and of the fixed records that came with it.

use sonde_protocol::channel::{ChannelFault, ChannelId};
use sonde_protocol::crash::{CRASH_SIZE, CrashKind};
use sonde_protocol::event::{
    ChainHash, EVENT_SIZE, Event, EventRecord, FlashPart, KINDS, PageHead, RestartCause, StopCause,
};
use sonde_protocol::handover::BootReason;
use sonde_protocol::layout::{CRASH_OFFSET, EVENT_LOG_OFFSET, KEPT_ADDRESS, Slot};
use sonde_protocol::mailbox::MAX_REPLY;
use sonde_protocol::message::{
    Answer, CrashPart, EventHead, Events, MAX_CRASH_PART, MAX_EVENT_RECORDS, Reply, Request,
};
use sonde_protocol::reset::ResetCause;
use sonde_protocol::semver::Version;

use crate::frozen::{answer_is, request_is};

fn record() -> EventRecord {
    let event = Event::EmergencyStop { value: 0x0102, stopped: 0b1010 };
    EventRecord {
        number: 300,
        skipped: 2,
        boot: 4,
        time_ms: 0x01_0000_0010,
        repeats: 1,
        event,
        previous: ChainHash([8; 8]),
    }
}

const RECORD: [u8; EVENT_SIZE] = [
    0x2C, 1, 0, 0, // number 300
    4, 0, 0, 0, // boot
    0x10, 0, 0, 0, 1, // time
    6, // emergency stop
    1, // once
    2, // two numbers lost before
    2, 1, 0b1010, 0, 0, 0, 0, 0, 0, 0, 0, 0, // value, channels
    8, 8, 8, 8, 8, 8, 8, 8, // the record before
    0x0F, 0xE3, 0xD8, 0x3F, // CRC-32
];

#[test]
fn requests_about_events() {
    request_is(&Request::EventHead, &[17]);
    request_is(&Request::Events { since: 300 }, &[18, 0xAC, 0x02]);
    request_is(&Request::CrashPart { offset: 192 }, &[19, 0xC0, 0x01]);
}

#[test]
fn answers_about_events() {
    let head = EventHead {
        boot: 4,
        count: 300,
        oldest: 1,
        newest: 300,
        head: ChainHash([7; 8]),
        unreadable: 1,
        waiting: 2,
        uptime_ms: 128,
    };
    let bytes = [
        14, // event head
        4,  // boot
        0xAC, 0x02, // count 300
        1,    // oldest
        0xAC, 0x02, // newest
        7, 7, 7, 7, 7, 7, 7, 7, // its hash
        1, // unreadable
        2, // waiting
        0x80, 0x01, // uptime
    ];
    answer_is(Answer::EventHead(head), &bytes);
    let records = Events::of(&[RECORD]);
    assert_eq!(records.parse().collect::<Vec<_>>(), [Ok(record())]);
    answer_is(Answer::Events(records), &[&[15, 40][..], &RECORD].concat());
    answer_is(Answer::Events(Events::of(&[])), &[15, 0]);
    let part = CrashPart { number: 2, offset: 192, bytes: [1, 2].into_iter().collect() };
    answer_is(Answer::CrashPart(part), &[16, 2, 0xC0, 0x01, 2, 1, 2]);
}

#[test]
fn the_longest_answers_fit_the_window() {
    let mut buffer = [0; MAX_REPLY];
    let longest = EventHead {
        boot: u32::MAX,
        count: u16::MAX,
        oldest: u32::MAX,
        newest: u32::MAX,
        head: ChainHash([0xFF; 8]),
        unreadable: u16::MAX,
        waiting: u8::MAX,
        uptime_ms: u64::MAX,
    };
    assert!(Reply::Done(Answer::EventHead(longest)).emit(&mut buffer).expect("it fits").len() <= 48);
    let records = Events::of(&[RECORD; MAX_EVENT_RECORDS]);
    assert!(Reply::Done(Answer::Events(records)).emit(&mut buffer).is_ok());
    let bytes = core::iter::repeat_n(0xFF, MAX_CRASH_PART).collect();
    let part = CrashPart { number: u32::MAX, offset: u16::MAX, bytes };
    assert!(Reply::Done(Answer::CrashPart(part)).emit(&mut buffer).expect("it fits").len() <= 12 + MAX_CRASH_PART);
}

#[test]
fn an_event_record() {
    assert_eq!(record().emit(), RECORD);
    assert_eq!(EventRecord::parse(&RECORD), Ok(record()));
    assert_eq!(PageHead { generation: 5 }.emit(), [5, 0, 0, 0, 0x4C, 0x95, 0xA1, 0x05]);
    assert_eq!((EVENT_LOG_OFFSET, CRASH_OFFSET, KEPT_ADDRESS), (0x4_0000, 0x4_4000, 0x2000_F000));
    assert_eq!((CRASH_SIZE, CrashKind::UsageFault.code()), (512, 5));
}

#[test]
fn the_data_of_events() {
    let version = Version::new(1, 2, 300);
    for (event, kind, data) in [
        (
            Event::Boot {
                reset: ResetCause::Watchdog,
                reason: BootReason::Trial,
                slot: Slot::B,
                attempts: 2,
                version,
                untold: 3,
            },
            1,
            &[6, 2, 1, 2, 1, 0, 2, 0, 0x2C, 1, 3, 0][..],
        ),
        (Event::ChannelStarted { channel: ChannelId::Four, percent: 60 }, 2, &[4, 60]),
        (
            Event::ChannelStopped { channel: ChannelId::One, cause: StopCause::Silence, percent: 60, on_s: 258 },
            3,
            &[1, 5, 60, 0, 2, 1],
        ),
        (Event::ChannelFault { channel: ChannelId::One, fault: ChannelFault::Overload }, 4, &[1, 3]),
        (Event::TooHot { celsius: -2, stopped: 1 }, 9, &[0xFE, 0xFF, 1]),
        (Event::Restart { cause: RestartCause::AnotherImage }, 12, &[2]),
        (Event::Confirmed { slot: Slot::B, version }, 14, &[1, 1, 0, 2, 0, 0x2C, 1]),
        (
            Event::Crash { kind: 5, exception: 69, program_counter: 0x0801_2344, number: 7 },
            18,
            &[5, 69, 0, 0, 0x44, 0x23, 0x01, 0x08, 7],
        ),
        (Event::FlashRepaired { part: FlashPart::EventLog }, 19, &[2]),
        (Event::SettingsChanged { setting: 3, value: 258 }, 32, &[3, 0, 2, 1]),
    ] {
        let mut whole = [0; 12];
        whole[..data.len()].copy_from_slice(data);
        assert_eq!((event.kind(), event.data()), (kind, whole), "{event:?}");
        assert_eq!(Event::read(kind, whole), event);
    }
}

#[test]
fn numbers_of_kinds() {
    let numbers: Vec<(u8, &str)> = KINDS.iter().map(|row| (row.number, row.name)).collect();
    let first = [(1, "boot"), (2, "channel-started"), (3, "channel-stopped"), (4, "channel-fault")];
    assert_eq!(numbers[..4], first);
    for row in [(6, "emergency-stop"), (8, "silence"), (18, "crash"), (32, "settings-changed"), (51, "login-failed")] {
        assert!(numbers.contains(&row), "{row:?}");
    }
}
