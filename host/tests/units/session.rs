//! Requests and answers over the mailboxes, under loss and delay.

use std::time::Duration;

use protocol::layout::Slot;
use protocol::message::Refusal;
use protocol::semver::Version;
use sonde::bus::{Bus, Patience, UnitId};
use sonde::failure::{Class, Failure as _};
use sonde::session::{Session, SessionError};

use crate::fake_unit::{FakeUnit, Faults, Shared, serve};

pub(crate) fn connect(unit: &Shared) -> Bus {
    let (ours, theirs) = tokio::io::duplex(4096);
    tokio::spawn(serve(unit.clone(), theirs));
    let patience = Patience { timeout: Duration::from_millis(100), attempts: 4 };
    Bus::over(ours, patience)
}

fn unit(faults: Faults) -> Shared {
    let mut unit = FakeUnit::new(Version::new(1, 0, 0));
    unit.faults = faults;
    unit.shared()
}

#[tokio::test(start_paused = true)]
async fn a_status_needs_two_transactions() {
    let unit = unit(Faults::default());
    let bus = connect(&unit);
    let (mut session, hello) = Session::open(&bus, UnitId::DEFAULT).await.expect("a unit");
    let status = session.status().await.expect("an answer");
    assert_eq!((hello.running, status.running), (status.running, unit.lock().unwrap().running));
    assert_eq!(bus.wire().requests, 2);
}

#[tokio::test(start_paused = true)]
async fn a_repeated_request_is_executed_once() {
    // boot:U3: answers get lost, the request comes again with the same number.
    let unit = unit(Faults { lose_answer_every: Some(3), ..Faults::default() });
    let bus = connect(&unit);
    let (mut session, _) = Session::open(&bus, UnitId::DEFAULT).await.expect("a unit");
    for _ in 0..30 {
        session.status().await.expect("an answer");
    }
    assert!(bus.wire().retries > 10, "{:?}", bus.wire());
    assert_eq!(unit.lock().unwrap().executed, 31);
}

#[tokio::test(start_paused = true)]
async fn pending_is_polled_until_it_is_done() {
    let unit = unit(Faults { pending_looks: 12, ..Faults::default() });
    let bus = connect(&unit);
    let (mut session, _) = Session::open(&bus, UnitId::DEFAULT).await.expect("a unit");
    let report = session.slot_report(Slot::B).await.expect("an answer in the end");
    assert_eq!(report.slot, Slot::B);
}

#[tokio::test(start_paused = true)]
async fn work_that_never_ends_is_an_error_in_bounded_time() {
    let unit = unit(Faults { pending_looks: u32::MAX, ..Faults::default() });
    let bus = connect(&unit);
    let (mut session, _) = Session::open(&bus, UnitId::DEFAULT).await.expect("a unit");
    let error = session.slot_report(Slot::B).await.expect_err("never done");
    assert!(matches!(error, SessionError::StillPending { .. }), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_an_error_with_the_units_reason() {
    let unit = unit(Faults { hello_only: Some(Refusal::Busy), ..Faults::default() });
    let bus = connect(&unit);
    let (mut session, _) = Session::open(&bus, UnitId::DEFAULT).await.expect("a unit");
    let error = session.slot_report(Slot::B).await.expect_err("refused");
    assert!(matches!(error, SessionError::Refused { refusal: Refusal::Busy, .. }), "{error}");
    assert_eq!((error.class(), error.kind()), (Class::No, "refused.busy"));
}

#[tokio::test(start_paused = true)]
async fn a_second_client_is_noticed_by_the_first() {
    let unit = unit(Faults::default());
    let bus = connect(&unit);
    let (mut first, _) = Session::open(&bus, UnitId::DEFAULT).await.expect("a unit");
    let (mut second, _) = Session::open(&bus, UnitId::DEFAULT).await.expect("a unit");
    second.status().await.expect("the newer session is served");
    let error = first.status().await.expect_err("taken over");
    assert!(matches!(error, SessionError::Refused { refusal: Refusal::OtherSession { .. }, .. }), "{error}");
}

#[tokio::test(start_paused = true)]
async fn nobody_at_that_id_is_a_bus_failure_that_names_it() {
    let unit = unit(Faults::default());
    let bus = connect(&unit);
    let error = Session::open(&bus, UnitId::new(9).expect("a good id")).await.expect_err("nobody there");
    assert_eq!((error.class(), error.kind()), (Class::Bus, "bus.no_answer"));
    assert!(error.to_string().contains("unit 9"), "{error}");
}
