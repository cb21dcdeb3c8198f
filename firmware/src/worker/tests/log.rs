//! The event log through the worker and the mailbox.

use protocol::channel::ChannelId;
use protocol::crash::{CRASH_SIZE, CRASH_STACK, CRASH_TEXT, CrashKind, CrashRecord, FaultStatus, Registers};
use protocol::event::chain::Chain;
use protocol::event::{Event, EventRecord, RestartCause, StopCause};
use protocol::layout::Slot;
use protocol::message::{Answer, ChannelPolicy, EventHead, Request};
use protocol::reset::ResetCause;

use crate::channels::Sample;
use crate::events::budget::{Budget, FULL};
use crate::events::ring::PAGES_AHEAD;
use crate::fixture::{Bench, V1_0, V1_1, release};
use crate::kept::Kept;
use crate::self_test::Outputs;
use crate::shutdown::ShutdownReason;
use crate::worker::Before;

const CHANNEL: ChannelId = ChannelId::Three;

/// Gives the unit its log, and what was kept over a reset.
fn logging(bench: &mut Bench, kept: Option<Kept>) {
    bench.worker.start_log(Before { kept, crash: None });
    bench.work();
}

/// A unit with a log, one start old.
fn start() -> Bench {
    let mut bench = Bench::new();
    logging(&mut bench, None);
    bench
}

/// Lets the unit run as its control loop does.
fn run_ms(bench: &mut Bench, from_ms: u64, until_ms: u64) {
    for now_ms in from_ms..until_ms {
        let mut unit = bench.unit.borrow_mut();
        let start = unit.channels.drive().start;
        unit.observe(now_ms, Outputs { start, reset: 0 });
        unit.channels.hear_master(now_ms);
        unit.channels.look(&[Sample { lock: true, ..Sample::default() }; 4], now_ms);
        unit.collect_events();
    }
    bench.work();
}

/// Starts a channel and lets it run a while.
fn start_channel(bench: &mut Bench, at_ms: u64) {
    bench.unit.borrow_mut().channels.make_ready();
    run_ms(bench, at_ms - 1, at_ms);
    bench.unit.borrow_mut().channels.start(CHANNEL, at_ms).unwrap();
    run_ms(bench, at_ms, at_ms + 100);
}

/// All records, as a host reads them.
fn records(bench: &mut Bench) -> Vec<EventRecord> {
    let mut records: Vec<EventRecord> = Vec::new();
    loop {
        let since = records.last().map_or(0, |last| last.number + 1);
        let Answer::Events(events) = bench.done(Request::Events { since }) else { panic!("no events") };
        let before = records.len();
        records.extend(events.parse().map(|record| record.expect("a unit sends records")));
        if records.len() == before {
            return records;
        }
    }
}

fn events(bench: &mut Bench) -> Vec<Event> {
    records(bench).iter().map(|record| record.event).collect()
}

fn head(bench: &mut Bench) -> EventHead {
    match bench.done(Request::EventHead) {
        Answer::EventHead(head) => head,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_start_is_the_first_event_and_the_head_names_the_last() {
    let mut bench = start();
    let records = records(&mut bench);
    assert!(
        matches!(
            records[..],
            [EventRecord {
                number: 1,
                boot: 1,
                event: Event::Boot { reset: ResetCause::PowerOn, slot: Slot::A, version: V1_0, untold: 0, .. },
                ..
            }]
        ),
        "{records:?}"
    );
    let mut chain = Chain::new();
    records.iter().for_each(|record| assert!(chain.push(record).holds()));
    let head = head(&mut bench);
    assert_eq!((head.count, head.oldest, head.newest, head.boot, head.head), (1, 1, 1, 1, chain.head()));
}

#[test]
fn what_happens_to_a_channel_is_in_the_log_with_its_cause() {
    let mut bench = start();
    start_channel(&mut bench, 1_000);
    bench.unit.borrow_mut().channels.set_emergency_stop(7, 3_100);
    run_ms(&mut bench, 3_100, 3_200);
    bench.unit.borrow_mut().channels.set_emergency_stop(0, 3_200);
    run_ms(&mut bench, 3_200, 3_300);
    let told = events(&mut bench);
    assert_eq!(
        told[1..],
        [
            Event::ChannelStarted { channel: CHANNEL, percent: 50 },
            Event::EmergencyStop { value: 7, stopped: 0b100 },
            Event::ChannelStopped { channel: CHANNEL, cause: StopCause::EmergencyStop, percent: 50, on_s: 2 },
            Event::EmergencyStopLifted,
        ]
    );
}

#[test]
fn an_update_is_in_the_log_of_the_next_image_too() {
    let mut bench = start();
    bench.stage(&release(Slot::B, V1_1, 3_000));
    let activate = Request::Activate { channels: ChannelPolicy::RefuseWhileRunning };
    assert!(matches!(bench.done(activate), Answer::Activating(_)));
    let kept = bench.unit.borrow().kept();
    let mut bench = bench.restart(ResetCause::Requested);
    logging(&mut bench, Some(kept));
    bench.pass_self_test(0);
    assert!(matches!(bench.done(Request::Confirm), Answer::Confirmed(_)));
    let told = events(&mut bench);
    assert!(told.contains(&Event::Activated { slot: Slot::B, version: V1_1 }));
    assert!(told.contains(&Event::Restart { cause: RestartCause::AnotherImage }));
    assert!(told.contains(&Event::Confirmed { slot: Slot::B, version: V1_1 }), "{told:?}");
    assert_eq!(records(&mut bench).last().map(|record| record.boot), Some(2));
}

#[test]
fn after_a_reset_and_after_a_loss_of_power_the_last_shutdown_is_told_the_same() {
    let mut running = start();
    start_channel(&mut running, 1_000);
    let kept = running.unit.borrow().kept();
    let flash = running.worker.flash().clone();
    for (kept, reset, reason) in [
        (Some(kept), ResetCause::Watchdog, ShutdownReason::Watchdog),
        (Some(kept), ResetCause::BrownOut, ShutdownReason::PowerLoss),
        (None, ResetCause::PowerOn, ShutdownReason::PowerLoss),
    ] {
        let mut bench = Bench::boot(flash.clone(), reset);
        logging(&mut bench, kept);
        let unit = bench.unit.borrow();
        assert_eq!((unit.shutdown.reason, unit.shutdown.active), (reason, 0b100), "{reset}");
        assert_eq!(unit.shutdown.channels[2].changed_s, 1);
        assert_eq!((unit.boot, unit.channels.active_mask()), (2, 0));
    }
}

#[test]
fn a_fault_of_an_earlier_start_is_still_told_after_two_losses_of_power() {
    let mut bench = start();
    start_channel(&mut bench, 1_000);
    bench.unit.borrow_mut().channels.set_emergency_stop(1, 1_200);
    run_ms(&mut bench, 1_200, 1_300);
    for _ in 0..2 {
        bench = bench.restart(ResetCause::PowerOn);
        logging(&mut bench, None);
    }
    let unit = bench.unit.borrow();
    assert_eq!(unit.shutdown.channels[2].fault, Some(protocol::channel::ChannelFault::EmergencyStop));
    assert_eq!((unit.shutdown.reason, unit.shutdown.active), (ShutdownReason::PowerLoss, 0));
}

/// A unit that runs from slot B, with its log.
fn in_slot_b() -> Bench {
    let mut bench = Bench::new();
    bench.stage(&release(Slot::B, V1_1, 3_000));
    bench.done(Request::Activate { channels: ChannelPolicy::RefuseWhileRunning });
    let mut bench = bench.restart(ResetCause::Requested);
    bench.pass_self_test(0);
    bench.done(Request::Confirm);
    logging(&mut bench, None);
    bench
}

#[test]
fn nothing_is_erased_in_the_running_bank_while_a_channel_is_on() {
    let mut bench = in_slot_b();
    start_channel(&mut bench, 1_000);
    let (mut now_ms, before) = (2_000, head(&mut bench).newest);
    // Until the pages that were erased ahead are full, and the queue behind them.
    for number in 0..200 {
        bench.unit.borrow_mut().events.budget = Budget::of(FULL);
        bench.unit.borrow_mut().note(Event::KeySet { number });
        run_ms(&mut bench, now_ms, now_ms + 2);
        now_ms += 2;
    }
    let newest = head(&mut bench).newest;
    assert!(newest - before < (1 + PAGES_AHEAD as u32) * 51 && newest - before > 90, "{newest}");
    assert_eq!(head(&mut bench).waiting, 200 - (newest - before) as u8, "they wait or are counted");
    bench.unit.borrow_mut().channels.stop(CHANNEL, now_ms);
    bench.unit.borrow_mut().events.budget = Budget::of(FULL);
    run_ms(&mut bench, now_ms, now_ms + 300);
    let told = events(&mut bench);
    assert!(told.iter().any(|event| matches!(event, Event::EventsLost { .. })), "{:?}", told.last());
    assert_eq!(head(&mut bench).waiting, 0);
}

#[test]
fn a_reset_loop_writes_a_purse_and_what_is_earned_and_counts_every_start() {
    // fault:P13
    let mut bench = start();
    let before = bench.worker.flash().operations();
    for _ in 0..500 {
        run_ms(&mut bench, 900, 905);
        let kept = bench.unit.borrow().kept();
        bench = bench.restart(ResetCause::Watchdog);
        logging(&mut bench, Some(kept));
    }
    assert_eq!(bench.unit.borrow().boot, 501);
    let records = records(&mut bench);
    assert!(records.len() <= 36, "{}", records.len());
    // A record and the settled copy of the one before it, five words each, and pages.
    assert!(bench.worker.flash().operations() - before < 500);
    let kept = Kept { budget: 5, ..bench.unit.borrow().kept() };
    let mut bench = bench.restart(ResetCause::Pin);
    logging(&mut bench, Some(kept));
    let told = events(&mut bench);
    assert!(matches!(told.last(), Some(Event::Boot { untold: 460.., .. })), "{:?}", told.last());
}

#[test]
fn a_task_that_was_late_is_told_after_the_watchdogs_reset() {
    let bench = start();
    {
        let mut unit = bench.unit.borrow_mut();
        unit.observe(5_000, Outputs::OFF);
        assert!(unit.overdue().is_some());
    }
    let kept = bench.unit.borrow().kept();
    let mut bench = bench.restart(ResetCause::Watchdog);
    logging(&mut bench, Some(kept));
    let told = events(&mut bench);
    assert!(matches!(told[1..], [Event::Boot { .. }, Event::WatchdogLate { task: 1 }]), "{told:?}");
}

fn crash(pc: u32) -> CrashRecord {
    CrashRecord {
        kind: CrashKind::BusFault,
        slot: Slot::A,
        exception: 69,
        number: 0,
        boot: 0,
        time_ms: 77,
        version: V1_0,
        line: 0,
        build_id: [3; 20],
        registers: Registers { pc, ..Registers::default() },
        status: FaultStatus::default(),
        text: [0; CRASH_TEXT],
        stack: [0x55; CRASH_STACK],
    }
}

/// The newest crash record, as a host reads it.
fn read_crash(bench: &mut Bench) -> Option<CrashRecord> {
    let mut bytes = Vec::new();
    while bytes.len() < CRASH_SIZE {
        match bench.done(Request::CrashPart { offset: bytes.len() as u16 }) {
            Answer::CrashPart(part) if part.number == 0 => return None,
            Answer::CrashPart(part) => bytes.extend(part.bytes),
            other => panic!("{other:?}"),
        }
    }
    CrashRecord::parse(&bytes.try_into().unwrap())
}

#[test]
fn a_crash_is_moved_to_flash_and_told_and_the_same_one_again_is_only_told() {
    let mut bench = start();
    assert_eq!(read_crash(&mut bench), None);
    for (pc, number, boot) in [(0x0801_2000, 1, 1), (0x0801_2000, 1, 1), (0x0801_3000, 2, 3)] {
        let kept = Kept { budget: FULL, ..bench.unit.borrow().kept() };
        bench = bench.restart(ResetCause::Panic);
        bench.worker.start_log(Before { kept: Some(kept), crash: Some(crash(pc)) });
        bench.work();
        assert_eq!(read_crash(&mut bench), Some(CrashRecord { number, boot, ..crash(pc) }));
        let told = events(&mut bench);
        let expected = Event::Crash { kind: 4, exception: 69, program_counter: pc, number };
        assert_eq!(told.last(), Some(&expected), "{told:?}");
    }
}
