//! Settings and calibration through the mailbox, over the flash model.

use bootloader::model::release::{Release, factory_unit};
use bootloader::model::{FlashModel, Tear};
use protocol::channel::ChannelId;
use protocol::layout::{SETTINGS_OFFSETS, Slot};
use protocol::message::{Answer, Refusal, Reply, Request, TellValues};
use protocol::reset::ResetCause;
use protocol::settings::{Calibration, Change, Kind, Setting};

use crate::fixture::{Bench, V1_0, ask};
use crate::self_test::Outputs;
use crate::settings::{SWITCH_DELAY_MS, TRIAL_MS};

fn set(setting: Setting, number: i32) -> Change {
    Change { code: setting.code(), number: Some(number) }
}

fn change(changes: &[Change]) -> Request {
    Request::ChangeSettings { changes: changes.iter().copied().collect() }
}

fn told(bench: &mut Bench, request: Request) -> TellValues {
    match bench.done(request) {
        Answer::Values(values) => values,
        other => panic!("{other:?}"),
    }
}

fn number(bench: &mut Bench, setting: Setting) -> i32 {
    told(bench, Request::Settings).values[usize::from(setting.code())].number
}

fn read(bench: &Bench, address: u16) -> u16 {
    let pdu = [3, (address >> 8) as u8, address as u8, 0, 1];
    let answer = ask(&mut bench.unit.borrow_mut(), &pdu);
    u16::from_be_bytes([answer[2], answer[3]])
}

#[test]
fn a_new_unit_has_the_defaults_and_a_change_survives_a_reset() {
    let mut bench = Bench::new();
    let before = told(&mut bench, Request::Settings);
    assert_eq!((before.sequence, before.written_by, before.copies_good), (0, 0, [true; 2]));
    assert!(before.values.iter().all(|value| !value.is_set));
    let after = told(&mut bench, change(&[set(Setting::Amplitude, 70), set(Setting::Stagger, 800)]));
    assert_eq!((after.sequence, after.written_by, after.copies_good), (1, 2, [true; 2]));
    // The amplitude counts from the next start of the unit on; what the unit will start with shows at once.
    assert_eq!((read(&bench, 0x0101), read(&bench, 0x0115)), (50, 70));
    let mut bench = bench.restart(ResetCause::PowerOn);
    assert_eq!(told(&mut bench, Request::Settings), after);
    assert_eq!((read(&bench, 0x0101), read(&bench, 0x0115)), (70, 70));
}

#[test]
fn a_change_with_one_number_out_of_range_changes_nothing_and_names_it() {
    // fault:H7
    let mut bench = Bench::new();
    let operations = bench.worker.flash().operations();
    for (bad, refusal) in [
        (set(Setting::ResetPulse, 101), Refusal::ValueOutOfRange { kind: Kind::Setting, code: 4, number: 101 }),
        (set(Setting::Amplitude, 60), Refusal::ValueTwice { kind: Kind::Setting, code: 3 }),
        (Change { code: 77, number: None }, Refusal::NoSuchValue { kind: Kind::Setting, code: 77 }),
    ] {
        assert_eq!(bench.refused(change(&[set(Setting::Amplitude, 70), bad])), refusal);
    }
    assert_eq!(bench.worker.flash().operations(), operations);
    assert_eq!(number(&mut bench, Setting::Amplitude), 50);
}

#[test]
fn the_same_change_again_writes_nothing() {
    // fault:P13
    let mut bench = Bench::new();
    told(&mut bench, change(&[set(Setting::Amplitude, 70)]));
    let operations = bench.worker.flash().operations();
    told(&mut bench, change(&[set(Setting::Amplitude, 70)]));
    assert_eq!(bench.worker.flash().operations(), operations);
}

#[test]
fn calibration_is_apart_from_settings_and_in_force_at_once() {
    let mut bench = Bench::new();
    let offset = Change { code: Calibration::TemperatureOffset.code(), number: Some(-5) };
    let calibration = told(&mut bench, Request::ChangeCalibration { changes: [offset].into_iter().collect() });
    assert_eq!((calibration.kind, calibration.sequence), (Kind::Calibration, 1));
    assert_eq!(told(&mut bench, Request::Settings).sequence, 0);
    bench.unit.borrow_mut().channels.warm(40, 0);
    assert_eq!(read(&bench, 0x0553), 35);
}

#[test]
fn a_unit_with_poisoned_settings_starts_with_the_defaults_and_says_so() {
    // fault:P5
    let mut flash = factory_unit(&Release::new(Slot::A, V1_0));
    SETTINGS_OFFSETS.into_iter().for_each(|page| flash.poison(page));
    let mut bench = Bench::boot(flash, ResetCause::PowerOn);
    let values = told(&mut bench, Request::Settings);
    assert_eq!((values.sequence, values.copies_good), (0, [false; 2]));
    assert_eq!(told(&mut bench, change(&[set(Setting::Amplitude, 70)])).copies_good, [true; 2]);
}

#[test]
fn a_new_unit_id_is_in_force_after_its_answer_and_kept_once_it_was_used() {
    let mut bench = Bench::new();
    let operations = bench.worker.flash().operations();
    let answer = told(&mut bench, change(&[set(Setting::UnitId, 7), set(Setting::Amplitude, 70)]));
    // Still over the old line, and nothing is stored.
    assert_eq!((answer.sequence, bench.worker.flash().operations()), (0, operations));
    let at = |bench: &Bench, now_ms| {
        bench.unit.borrow_mut().observe(now_ms, Outputs::OFF);
        bootloader::bus::Unit::unit_id(&*bench.unit.borrow())
    };
    assert_eq!((at(&bench, SWITCH_DELAY_MS - 1), at(&bench, SWITCH_DELAY_MS)), (2, 7));
    // Nobody speaks to it: the old address comes back, and so it does after a reset in between.
    assert_eq!(at(&bench.restart(ResetCause::PowerOn), SWITCH_DELAY_MS), 2);
    let mut bench = Bench::new();
    told(&mut bench, change(&[set(Setting::UnitId, 7), set(Setting::Amplitude, 70)]));
    assert_eq!(at(&bench, SWITCH_DELAY_MS + TRIAL_MS), 2);
    bench.work();
    assert_eq!(number(&mut bench, Setting::Amplitude), 50);
    // Somebody does: all of it is kept.
    let mut bench = Bench::new();
    told(&mut bench, change(&[set(Setting::UnitId, 7), set(Setting::Amplitude, 70)]));
    assert_eq!(at(&bench, SWITCH_DELAY_MS), 7);
    bootloader::bus::Unit::frame_received(&mut *bench.unit.borrow_mut());
    bench.work();
    let mut bench = bench.restart(ResetCause::PowerOn);
    assert_eq!((at(&bench, 0), number(&mut bench, Setting::Amplitude)), (7, 70));
}

#[test]
fn a_locked_site_refuses_starts_over_plain_modbus_and_never_a_stop() {
    let mut bench = Bench::new();
    told(&mut bench, change(&[set(Setting::PlcWrites, 1)]));
    let write = |value: u8, address: u8| ask(&mut bench.unit.borrow_mut(), &[6, 0, address, 0, value]);
    assert_eq!((write(1, 0x10), write(0, 0x11)), (vec![0x86, 3], vec![0x86, 3]));
    assert_eq!((write(1, 0x11), write(0, 0x10)), (vec![6, 0, 0x11, 0, 1], vec![6, 0, 0x10, 0, 0]));
}

#[test]
fn a_channel_without_a_sonicator_is_not_started() {
    let mut bench = Bench::new();
    told(&mut bench, change(&[set(Setting::Present, 0b1110)]));
    let mut unit = bench.unit.borrow_mut();
    unit.channels.make_ready();
    assert!(unit.channels.may_start(ChannelId::One).is_err() && unit.channels.may_start(ChannelId::Two).is_ok());
}

#[test]
fn a_page_of_the_running_bank_is_erased_only_while_all_channels_are_off() {
    let mut bench = Bench::new();
    bench.unit.borrow_mut().channels.make_ready();
    bench.unit.borrow_mut().channels.start(ChannelId::Two, 0).unwrap();
    let refused = (0..100).find_map(|count| match bench.request(change(&[set(Setting::Stagger, 500 + count)])) {
        Reply::Done(_) => None,
        Reply::Refused(refusal) => Some((count, refusal)),
        Reply::Pending => panic!("not worked on"),
    });
    let (taken, refusal) = refused.expect("the page of bank 1 gets full");
    assert_eq!(refusal, Refusal::NoRoomWhileRunning { channels: 0b0010 });
    assert!(taken >= 10, "{taken}");
    assert_eq!(number(&mut bench, Setting::Stagger), 500 + taken - 1);
    bench.unit.borrow_mut().channels.stop(ChannelId::Two, 0);
    told(&mut bench, change(&[set(Setting::Stagger, 900)]));
    // And starts are possible again.
    assert!(bench.unit.borrow().channels.may_start(ChannelId::One).is_ok());
}

#[test]
fn power_lost_in_any_operation_of_a_change_leaves_the_old_settings_or_the_new_ones() {
    // fault:P1, fault:P3, fault:P4
    let start = |changes: i32| -> FlashModel {
        let mut bench = Bench::new();
        (0..changes).for_each(|count| drop(told(&mut bench, change(&[set(Setting::Stagger, 500 + count)]))));
        bench.worker.flash().clone()
    };
    let next = change(&[set(Setting::Amplitude, 70), set(Setting::Stagger, 4_000)]);
    for changes in [0, 1, 9, 10, 11, 12, 13] {
        let flash = start(changes);
        let mut bench = Bench::boot(flash.clone(), ResetCause::PowerOn);
        let before = bench.worker.flash().operations();
        bench.done(next.clone());
        let whole = bench.worker.flash().operations() - before;
        for cut in 0..whole {
            for tear in Tear::kinds(cut) {
                let what = format!("{changes} changes before, {tear:?} in operation {cut}");
                let mut bench = Bench::boot(flash.clone(), ResetCause::PowerOn);
                bench.worker.flash().plan_cut(cut, tear);
                let _ = bench.request(next.clone());
                let mut bench = bench.restart(ResetCause::PowerOn);
                let now = (number(&mut bench, Setting::Amplitude), number(&mut bench, Setting::Stagger));
                let old = (50, if changes == 0 { 500 } else { 500 + changes - 1 });
                assert!(now == old || now == (70, 4_000), "{what}: {now:?}");
                // What was told is not taken back.
                for _ in 0..=Tear::LONGEST + 1 {
                    bench = bench.restart(ResetCause::PowerOn);
                }
                assert_eq!(
                    (number(&mut bench, Setting::Amplitude), number(&mut bench, Setting::Stagger)),
                    now,
                    "{what}"
                );
            }
        }
    }
}
