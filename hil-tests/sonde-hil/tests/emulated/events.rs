//! The event log, the crash record and the facts of the last shutdown, on the linked firmware: what happens to the unit is
//! in its log afterwards, in one chain, whatever reset or loss of power comes between.

use protocol::channel::{ChannelFault, ChannelId};
use protocol::crash::{CRASH_SIZE, CrashKind, CrashRecord};
use protocol::event::chain::Chain;
use protocol::event::{Event, EventRecord, StopCause};
use protocol::handover::BootReason;
use protocol::layout::{RAM_BASE, Slot};
use protocol::message::{Answer, Request};
use protocol::registers::{ChannelRegister, RegisterId, SYSTEM_RESET_KEY};
use protocol::reset::ResetCause;
use virtual_board::board::Tear;
use virtual_board::plant::Fault;

use crate::client::Client;
use crate::flash::UnitFlash;
use crate::releases::releases;
use crate::resets::divert;
use crate::rig::Rig;
use crate::test::tests;

tests![
    a_start_an_overload_an_emergency_stop_and_a_silence_are_in_the_log_with_their_causes,
    a_watchdog_reset_while_a_channel_runs_is_told_by_log_and_registers,
    a_hard_fault_leaves_its_record_and_the_registers_say_fault,
    power_lost_while_events_are_written_leaves_one_chain_and_the_last_shutdown,
    the_log_goes_on_through_an_update,
];

const CHANNEL: ChannelId = ChannelId::One;

fn id(register: ChannelRegister) -> RegisterId {
    RegisterId::Channel(CHANNEL, register)
}

/// A unit that has passed its self-test.
fn ready() -> Rig {
    let mut rig = Rig::running(UnitFlash::new());
    rig.give_leave();
    rig.wait_ms(500);
    rig
}

/// Starts the channel and polls as a PLC does.
fn run_channel(rig: &mut Rig, milliseconds: u64) {
    rig.write(id(ChannelRegister::StartStop), 1).expect("it may be started");
    poll_ms(rig, milliseconds);
}

fn poll_ms(rig: &mut Rig, milliseconds: u64) {
    for _ in 0..milliseconds / 40 {
        rig.number(RegisterId::ActiveMask);
        rig.wait_ms(36);
    }
}

/// All records, oldest first; the chain holds over them, and the unit names the last one as its newest.
fn records(rig: &mut Rig) -> Vec<EventRecord> {
    let mut client = Client::open(rig);
    let mut records: Vec<EventRecord> = Vec::new();
    loop {
        let since = records.last().map_or(0, |last| last.number + 1);
        let before = records.len();
        match client.call(rig, &Request::Events { since }) {
            Ok(Answer::Events(events)) => records.extend(events.parse().map(|record| record.expect("a record"))),
            other => panic!("{other:?}"),
        }
        if records.len() == before {
            break;
        }
    }
    let mut chain = Chain::new();
    records.iter().for_each(|record| assert!(chain.push(record).holds(), "{record:?}"));
    match client.call(rig, &Request::EventHead) {
        Ok(Answer::EventHead(head)) => {
            let newest = records.last().map_or(0, |last| last.number);
            assert_eq!((head.newest, head.head), (newest, chain.head()));
        }
        other => panic!("{other:?}"),
    }
    records
}

fn events(rig: &mut Rig) -> Vec<Event> {
    records(rig).iter().map(|record| record.event).collect()
}

fn has_boot(told: &[Event], cause: ResetCause) -> bool {
    told.iter().any(|event| matches!(event, Event::Boot { reset, .. } if *reset == cause))
}

/// What the registers tell of the last shutdown: reason and mask.
fn shutdown(rig: &mut Rig) -> (u16, u16) {
    (rig.number(RegisterId::LastShutdownReason), rig.number(RegisterId::PrevActiveMask))
}

fn a_start_an_overload_an_emergency_stop_and_a_silence_are_in_the_log_with_their_causes() {
    let mut rig = ready();
    let first = records(&mut rig);
    assert!(
        matches!(
            first[..],
            [EventRecord {
                number: 1,
                boot: 1,
                event: Event::Boot { reset: ResetCause::PowerOn, slot: Slot::A, .. },
                ..
            }]
        ),
        "{first:?}"
    );
    run_channel(&mut rig, 600);
    rig.board_mut().plant_mut().inject(0, Fault::Overload);
    poll_ms(&mut rig, 200);
    rig.board_mut().plant_mut().mend(0, Fault::Overload);
    rig.write(id(ChannelRegister::OverloadReset), 1).expect("a reset is taken");
    poll_ms(&mut rig, 300);
    run_channel(&mut rig, 600);
    rig.write(RegisterId::EmergencyStop, 1).expect("it is always taken");
    poll_ms(&mut rig, 200);
    rig.write(RegisterId::EmergencyStop, 0).expect("it can be lifted");
    poll_ms(&mut rig, 200);
    run_channel(&mut rig, 600);
    rig.wait_ms(1_500);
    let told = events(&mut rig);
    let stopped = |wanted| move |event: &Event| matches!(event, Event::ChannelStopped { channel: CHANNEL, cause, .. } if *cause == wanted);
    for cause in [StopCause::Overload, StopCause::EmergencyStop, StopCause::Silence] {
        assert!(told.iter().any(stopped(cause)), "{cause}: {told:?}");
    }
    for event in [
        Event::ChannelStarted { channel: CHANNEL, percent: 50 },
        Event::FaultReset { channel: CHANNEL },
        Event::EmergencyStop { value: 1, stopped: 1 },
        Event::EmergencyStopLifted,
        Event::Silence { stopped: 1 },
    ] {
        assert!(told.contains(&event), "{event:?}: {told:?}");
    }
    // An emergency stop in force when the unit goes down.
    run_channel(&mut rig, 400);
    rig.write(RegisterId::EmergencyStop, 1).expect("it is always taken");
    poll_ms(&mut rig, 100);
    rig.write(RegisterId::SystemReset, SYSTEM_RESET_KEY).expect("the key is right");
    rig.wait_ms(300);
    rig.wait_for_answer();
    assert_eq!(shutdown(&mut rig), (3, 1));
    assert_eq!(rig.number(id(ChannelRegister::LastFaultCode)), ChannelFault::EmergencyStop.code());
    assert!(has_boot(&events(&mut rig), ResetCause::Requested));
}

fn a_watchdog_reset_while_a_channel_runs_is_told_by_log_and_registers() {
    /// Thread mode goes nowhere: the worker is late, and nobody feeds the watchdog.
    const FOR_EVER: u16 = 0xE7FE;
    let mut rig = ready();
    run_channel(&mut rig, 1_200);
    divert(&mut rig, &[FOR_EVER], [0, 0]);
    poll_ms(&mut rig, 800);
    assert!(rig.board().outputs().start[0], "the bus and the channels go on without thread mode");
    rig.wait_ms(900);
    rig.wait_for_answer();
    assert_eq!(shutdown(&mut rig), (1, 1));
    assert_eq!(rig.number(id(ChannelRegister::PrevState)), 2, "it was running");
    assert_eq!(rig.number(RegisterId::ActiveMask), 0, "and stays off");
    let told = events(&mut rig);
    assert!(has_boot(&told, ResetCause::Watchdog), "{told:?}");
    assert!(told.iter().any(|event| matches!(event, Event::WatchdogLate { task: 2 })), "{told:?}");
    assert!(told.contains(&Event::ChannelStarted { channel: CHANNEL, percent: 50 }));
}

fn a_hard_fault_leaves_its_record_and_the_registers_say_fault() {
    /// `str r1, [r0]`: to where nobody answers.
    const STORE: u16 = 0x6001;
    const NOWHERE: u32 = 0x6000_0000;
    let mut rig = ready();
    run_channel(&mut rig, 800);
    divert(&mut rig, &[STORE, STORE], [NOWHERE, 0xDEAD_BEEF]);
    rig.wait_ms(300);
    rig.wait_for_answer();
    assert_eq!(shutdown(&mut rig), (4, 1));
    rig.wait_ms(300);
    let told = events(&mut rig);
    assert!(has_boot(&told, ResetCause::Panic), "{told:?}");
    assert!(told.iter().any(|event| matches!(event, Event::Crash { exception: 0, number: 1, .. })), "{told:?}");
    let crash = read_crash(&mut rig).expect("there is a record");
    assert_eq!((crash.kind, crash.number, crash.boot, crash.exception), (CrashKind::BusFault, 1, 1, 0));
    assert_eq!(crash.registers.general[..2], [NOWHERE, 0xDEAD_BEEF]);
    let place = RAM_BASE + 0x1_0000;
    assert!((place..place + 8).contains(&crash.registers.pc), "{:#010x}", crash.registers.pc);
    assert_ne!(crash.stack, [0; 64], "the stack is there");
    assert_eq!(crash.slot, Slot::A);
}

fn read_crash(rig: &mut Rig) -> Option<CrashRecord> {
    let mut client = Client::open(rig);
    let mut bytes = Vec::new();
    while bytes.len() < CRASH_SIZE {
        match client.call(rig, &Request::CrashPart { offset: bytes.len() as u16 }) {
            Ok(Answer::CrashPart(part)) if part.number == 0 => return None,
            Ok(Answer::CrashPart(part)) => bytes.extend(part.bytes),
            other => panic!("{other:?}"),
        }
    }
    bytes.first_chunk().and_then(CrashRecord::parse)
}

fn power_lost_while_events_are_written_leaves_one_chain_and_the_last_shutdown() {
    for (operation, tear) in [(2, Tear::Garbage(3)), (4, Tear::Poison(5)), (5, Tear::Unstable(7)), (7, Tear::After)] {
        let mut rig = ready();
        rig.board_mut().plan_power_cut(operation, tear);
        let _gone_or_taken = rig.write(id(ChannelRegister::StartStop), 1);
        for _ in 0..20 {
            rig.wait_ms(20);
            if rig.board().is_powered() {
                // Another event, for the operations that the start had no need of.
                let _gone_or_taken = rig.write(RegisterId::GlobalEnable, 0);
            }
        }
        assert!(!rig.board().is_powered(), "operation {operation} was not reached");
        rig.power_on();
        rig.wait_for_answer();
        rig.wait_ms(100);
        let told = events(&mut rig);
        assert!(matches!(told[0], Event::Boot { .. }), "{told:?}");
        let (reason, _) = shutdown(&mut rig);
        assert_eq!(reason, 2, "power loss");
    }
    // Power lost while nothing is written: the log alone tells what ran.
    let mut rig = ready();
    run_channel(&mut rig, 600);
    rig.board_mut().power_off();
    rig.wait_ms(10);
    rig.power_on();
    rig.wait_for_answer();
    rig.wait_ms(100);
    assert_eq!(shutdown(&mut rig), (2, 1));
    assert_eq!(rig.number(id(ChannelRegister::PrevState)), 2);
    assert!(!rig.board().outputs().start[0]);
}

fn the_log_goes_on_through_an_update() {
    let image = releases().second.image(Slot::B);
    let mut rig = Rig::running(UnitFlash::new());
    rig.wait_ms(500);
    let mut client = Client::open(&mut rig);
    client.stage(&mut rig, &image).expect("it is staged");
    client.activate(&mut rig).expect("it is activated");
    rig.wait_ms(400);
    rig.wait_for_answer();
    rig.wait_ms(500);
    let confirmed = Client::open(&mut rig).call(&mut rig, &Request::Confirm);
    assert!(matches!(confirmed, Ok(Answer::Confirmed(_))), "{confirmed:?}");
    rig.wait_ms(100);
    let told = events(&mut rig);
    let version = image.named().version;
    assert!(told.contains(&Event::Activated { slot: Slot::B, version }), "{told:?}");
    assert!(told.contains(&Event::Confirmed { slot: Slot::B, version }), "{told:?}");
    let on_trial = |event: &Event| matches!(event, Event::Boot { reason: BootReason::Trial, slot: Slot::B, .. });
    assert!(told.iter().any(on_trial), "{told:?}");
}
