//! The mailbox through the address space: one client at a time, each request executed once (`boot:U3`).

use bootloader::bus::{Range, Unit as _, Words};
use protocol::mailbox::{Envelope, REQUEST, RESPONSE, RESPONSE_REGISTERS};
use protocol::message::{Answer, ChannelPolicy, Refusal, Reply, Request};
use protocol::modbus::exception::Exception;

use crate::fixture::{read_reply, unit, write_request};
use crate::unit::Unit;

const ANNA: u16 = 0xA11A;
const BERT: u16 = 0xBE27;

/// Writes a request and reads what the window shows then.
fn ask(unit: &mut Unit, session: u16, sequence: u16, request: &Request) -> Reply {
    write_request(unit, session, sequence, request);
    let (envelope, reply) = read_reply(unit);
    assert_eq!(envelope, Envelope { session, sequence }, "a reply names the request that came last");
    reply
}

fn open() -> Unit {
    let mut unit = unit();
    assert!(matches!(ask(&mut unit, ANNA, 10, &Request::Hello), Reply::Done(Answer::Hello(_))));
    unit
}

/// A request that goes to the worker.
const SLOW: Request = Request::Activate { channels: ChannelPolicy::RefuseWhileRunning };

#[test]
fn nothing_but_hello_opens_a_session() {
    let mut unit = unit();
    assert_eq!(ask(&mut unit, ANNA, 1, &Request::Status), Reply::Refused(Refusal::OtherSession { open: 0 }));
    assert!(matches!(ask(&mut unit, ANNA, 2, &Request::Hello), Reply::Done(_)));
    assert!(matches!(ask(&mut unit, ANNA, 3, &Request::Status), Reply::Done(Answer::Status(_))));
}

#[test]
fn before_the_first_request_the_window_reads_zeros() {
    let mut window = [0xAA; 250];
    unit().read(Range { start: RESPONSE, quantity: RESPONSE_REGISTERS }, &mut window).unwrap();
    assert_eq!(window, [0; 250]);
}

#[test]
fn a_repeated_request_is_answered_again_and_not_executed_again() {
    // boot:U3
    let mut unit = open();
    assert_eq!(ask(&mut unit, ANNA, 11, &SLOW), Reply::Pending);
    let (ticket, request) = unit.update.session.take_work().expect("it waits for the worker");
    assert_eq!(request, SLOW);
    assert_eq!(ask(&mut unit, ANNA, 11, &SLOW), Reply::Pending);
    assert!(unit.update.session.take_work().is_none(), "the worker has it already");
    let reply = Reply::Refused(Refusal::NothingStaged);
    unit.update.session.finish_work(ticket, &reply);
    for _ in 0..3 {
        assert_eq!(ask(&mut unit, ANNA, 11, &SLOW), reply);
        assert!(unit.update.session.take_work().is_none());
    }
}

#[test]
fn a_reply_can_be_read_as_often_as_wanted() {
    let mut unit = open();
    let first = ask(&mut unit, ANNA, 11, &Request::Status);
    for _ in 0..3 {
        assert_eq!(read_reply(&unit), (Envelope { session: ANNA, sequence: 11 }, first.clone()));
    }
}

#[test]
fn a_request_out_of_sequence_is_refused_and_the_session_goes_on() {
    let mut unit = open();
    for found in [9, 12, 500] {
        let refused = Refusal::OutOfSequence { expected: 11, found };
        assert_eq!(ask(&mut unit, ANNA, found, &Request::Status), Reply::Refused(refused));
    }
    assert!(matches!(ask(&mut unit, ANNA, 11, &Request::Status), Reply::Done(_)));
}

#[test]
fn the_sequence_goes_round() {
    let mut unit = unit();
    let _ = ask(&mut unit, ANNA, u16::MAX, &Request::Hello);
    assert!(matches!(ask(&mut unit, ANNA, 0, &Request::Status), Reply::Done(_)));
    assert_eq!(unit.update.session.sequence(), 0);
}

#[test]
fn another_client_is_refused_until_it_says_hello() {
    let mut unit = open();
    let refused = Reply::Refused(Refusal::OtherSession { open: ANNA });
    assert_eq!(ask(&mut unit, BERT, 11, &Request::Status), refused);
    assert!(matches!(ask(&mut unit, BERT, 500, &Request::Hello), Reply::Done(_)));
    assert_eq!(ask(&mut unit, ANNA, 11, &Request::Status), Reply::Refused(Refusal::OtherSession { open: BERT }));
    assert!(matches!(ask(&mut unit, BERT, 501, &Request::Status), Reply::Done(_)));
}

#[test]
fn the_reply_to_a_client_that_was_taken_over_reaches_nobody() {
    // fault:B1: a late answer that belongs to another request.
    let mut unit = open();
    assert_eq!(ask(&mut unit, ANNA, 11, &SLOW), Reply::Pending);
    let (ticket, _) = unit.update.session.take_work().unwrap();
    let hello = ask(&mut unit, BERT, 11, &Request::Hello);
    unit.update.session.finish_work(ticket, &Reply::Refused(Refusal::NothingStaged));
    assert_eq!(read_reply(&unit), (Envelope { session: BERT, sequence: 11 }, hello));
}

#[test]
fn the_next_request_is_busy_while_one_is_worked_on_and_welcome_afterwards() {
    let mut unit = open();
    let _ = ask(&mut unit, ANNA, 11, &SLOW);
    let (ticket, _) = unit.update.session.take_work().unwrap();
    assert_eq!(ask(&mut unit, ANNA, 12, &Request::Status), Reply::Refused(Refusal::Busy));
    let reply = Reply::Refused(Refusal::NothingStaged);
    unit.update.session.finish_work(ticket, &reply);
    assert_eq!(read_reply(&unit), (Envelope { session: ANNA, sequence: 11 }, reply));
    assert!(matches!(ask(&mut unit, ANNA, 12, &Request::Status), Reply::Done(_)));
}

#[test]
fn a_refused_stranger_does_not_disturb_the_reply_that_is_kept() {
    let mut unit = open();
    let kept = ask(&mut unit, ANNA, 11, &Request::Status);
    let _ = ask(&mut unit, BERT, 1, &Request::Status);
    assert_eq!(ask(&mut unit, ANNA, 11, &Request::Status), kept);
}

#[test]
fn a_message_that_nobody_knows_is_refused_under_its_number() {
    let mut unit = open();
    let mut window = [0; 10];
    let envelope = Envelope { session: ANNA, sequence: 11 };
    // Variant 200 of the requests.
    let length = envelope.emit(&[200, 1], &mut window).unwrap();
    unit.write(REQUEST, Words::new(&window[..length])).unwrap();
    assert_eq!(read_reply(&unit), (envelope, Reply::Refused(Refusal::NotUnderstood)));
    assert!(matches!(ask(&mut unit, ANNA, 12, &Request::Status), Reply::Done(_)));
}

#[test]
fn what_is_no_message_is_refused_as_a_value_and_changes_nothing() {
    let mut unit = open();
    let before = read_reply(&unit);
    for window in [&[0; 4][..], &[1, 0, 0, 0, 0, 0], &[0, 1, 0, 0, 0, 0], &[0, 0, 0, 0, 0, 0, 7, 7]] {
        assert_eq!(unit.write(REQUEST, Words::new(window)), Err(Exception::IllegalDataValue), "{window:02x?}");
    }
    assert_eq!(read_reply(&unit), before);
}

proptest::proptest! {
    #[test]
    fn any_window_is_survived(windows in proptest::collection::vec(proptest::collection::vec(proptest::prelude::any::<u8>(), 0..242), 1..8)) {
        let mut unit = open();
        for window in windows {
            let _ = unit.write(REQUEST, Words::new(&window));
            let _ = unit.update.session.take_work();
        }
        let _ = ask(&mut unit, ANNA, 1, &Request::Hello);
    }
}
