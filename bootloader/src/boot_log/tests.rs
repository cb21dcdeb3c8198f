use super::*;
use crate::model::{FlashModel, Tear};
use proptest::prelude::*;
use protocol::boot_record::{ImageRef, Phase, Switch};
use protocol::digest::ImageTag;
use protocol::layout::Slot;
use protocol::semver::Version;

const FULL: u16 = RECORDS_PER_PAGE as u16;

/// States that differ in their number only.
fn state(number: u16) -> BootState {
    let active =
        ImageRef { slot: Slot::A, version: Version::new(1, number, 0), tag: ImageTag(u64::from(number).to_le_bytes()) };
    let last_switch = Switch::Factory;
    BootState { active, phase: Phase::Confirmed, floor: Version::ZERO, floor_order: 0, last_switch }
}

fn number(flash: &mut FlashModel) -> Option<u16> {
    BootLog::read(flash).state().map(|state| state.active.version.minor)
}

/// A log to which the states 1 to `count` were appended.
fn log_of(count: u16) -> FlashModel {
    let mut flash = FlashModel::erased();
    for number in 1..=count {
        BootLog::append(&mut flash, state(number)).unwrap();
    }
    flash
}

/// A page filled by hand.
fn place(flash: &mut FlashModel, copy: usize, index: usize, sequence: u32, number: u16) {
    let record = BootRecord { sequence, state: state(number) };
    flash.place(BOOT_LOG_OFFSETS[copy] + (index * RECORD_SIZE) as u32, &record.emit());
}

#[test]
fn a_new_unit_has_no_log() {
    let view = BootLog::read(&mut FlashModel::erased());
    assert_eq!(view, LogView { newest: None, copies: [CopyHealth::Empty; 2] });
    assert_eq!(view.copies_good(), [true, true], "there is nothing to miss");
}

#[test]
fn every_append_reaches_both_copies_over_three_full_pages() {
    // fault:P9
    let mut flash = FlashModel::erased();
    for count in 1..=3 * FULL + 1 {
        let sequence = BootLog::append(&mut flash, state(count)).unwrap();
        let view = BootLog::read(&mut flash);
        assert_eq!(view.newest, Some(BootRecord { sequence, state: state(count) }), "append {count}");
        assert_eq!(view.copies, [CopyHealth::Current { bad_places: 0 }; 2], "append {count}");
    }
}

#[test]
fn a_floor_falls_with_the_key_set_in_force_that_the_log_has_not_heard_of_and_not_otherwise() {
    // fault:R4, boot:B8
    let of = |minor, floor_order| BootState { floor: Version::new(1, minor, 0), floor_order, ..state(9) };
    let mut flash = log_of(1);
    BootLog::append(&mut flash, of(5, 3)).unwrap();
    let operations = flash.operations();
    let under = |key_set| Some(NumberedReset { key_set, to: Version::new(1, 4, 0) });
    for (lower, key_set) in
        [(of(4, 3), 3), (of(4, 2), 2), (of(4, 2), 4), (of(4, 4), 5), (of(4, 0xA55A), 4), (of(3, 4), 4)]
    {
        let refused = BootLog::append_under(&mut flash, lower, under(key_set));
        assert!(matches!(refused, Err(AppendError::NoCopy { .. })), "{lower:?} under {key_set}: {refused:?}");
    }
    let refused = BootLog::append(&mut flash, of(4, 4));
    assert!(matches!(refused, Err(AppendError::NoCopy { .. })), "no key set: {refused:?}");
    assert_eq!(flash.operations(), operations);
    BootLog::append(&mut flash, of(5, 3)).unwrap();
    BootLog::append_under(&mut flash, of(4, 4), under(4)).unwrap();
    assert_eq!(BootLog::read(&mut flash).state(), Some(of(4, 4)));
}

#[test]
fn reading_writes_nothing_and_an_append_erases_each_page_once_at_most() {
    // fault:P13
    let mut flash = log_of(FULL);
    let before = flash.operations();
    let _ = BootLog::read(&mut flash);
    assert_eq!(flash.operations(), before);
    BootLog::append(&mut flash, state(99)).unwrap();
    let words = 2 * (RECORD_SIZE / 8) as u64;
    assert_eq!(flash.operations() - before, words + 2);
}

#[test]
fn a_cut_anywhere_in_an_append_leaves_the_old_state_or_the_new_one() {
    // fault:P1, fault:P3, fault:P4, fault:P9
    let mut cuts = 0;
    for filled in [0, 1, 7, FULL - 1, FULL, FULL + 1, 2 * FULL] {
        let start = log_of(filled);
        for (tear, cut) in all_cuts(&start) {
            let mut flash = start.clone();
            flash.plan_cut(cut, tear);
            let _ = BootLog::append(&mut flash, state(1000));
            assert!(flash.is_off());
            flash.power_on();
            let old = (filled > 0).then_some(filled);
            let seen = number(&mut flash);
            assert!(seen == old || seen == Some(1000), "{seen:?} after {filled} records, {tear:?} at {cut}");
            // And the log goes on from there, in both copies again.
            BootLog::append(&mut flash, state(1001)).unwrap();
            assert_eq!(number(&mut flash), Some(1001), "{filled} records, {tear:?} at {cut}");
            cuts += 1;
        }
    }
    assert!(cuts > 1000, "{cuts}");
}

#[test]
fn a_second_cut_in_the_append_after_the_first_is_survived_too() {
    // fault:P2: all pairs over one append and the next.
    for filled in [3, FULL - 1, FULL] {
        let start = log_of(filled);
        for (tear, cut) in all_cuts(&start) {
            let mut first = start.clone();
            first.plan_cut(cut, tear);
            let _ = BootLog::append(&mut first, state(1000));
            first.power_on();
            let Some(between) = number(&mut first) else { panic!("log lost: {tear:?} at {cut}") };
            for (second_tear, second_cut) in all_cuts(&first).into_iter().step_by(3) {
                let mut flash = first.clone();
                flash.plan_cut(second_cut, second_tear);
                let _ = BootLog::append(&mut flash, state(2000));
                flash.power_on();
                let seen = number(&mut flash);
                // A torn record may read well at one boot and not at the next, so the first append's two outcomes stay open.
                let allowed = [Some(between), Some(filled), Some(1000), Some(2000)];
                assert!(allowed.contains(&seen), "{seen:?}: {tear:?} at {cut}, then {second_tear:?} at {second_cut}");
            }
        }
    }
}

/// Every operation of the next append, with every tear.
fn all_cuts(start: &FlashModel) -> Vec<(Tear, u64)> {
    let mut whole = start.clone();
    BootLog::append(&mut whole, state(1000)).unwrap();
    let operations = whole.operations() - start.operations();
    let tears = Tear::kinds(1).into_iter().chain(Tear::kinds(2).into_iter().skip(2));
    tears.flat_map(|tear| (0..operations).map(move |cut| (tear, cut))).collect()
}

#[test]
fn a_poisoned_copy_leaves_the_other_and_is_repaired_by_the_next_append() {
    // fault:P5
    for copy in [0, 1] {
        let mut flash = log_of(5);
        for record in 0..5 {
            flash.poison(BOOT_LOG_OFFSETS[copy] + record * RECORD_SIZE as u32 + 8);
        }
        let view = BootLog::read(&mut flash);
        assert_eq!(view.state(), Some(state(5)));
        assert_eq!(view.copies[copy], CopyHealth::Doubtful { bad_places: 5 });
        assert!(view.copies[1 - copy].is_good());
        BootLog::append(&mut flash, state(6)).unwrap();
        assert_eq!(BootLog::read(&mut flash).copies_good(), [true, true]);
    }
}

#[test]
fn two_poisoned_copies_are_no_log_and_start_anew() {
    // fault:P5
    let mut flash = log_of(1);
    for page in BOOT_LOG_OFFSETS {
        flash.poison(page);
    }
    assert_eq!(BootLog::read(&mut flash).newest, None);
    BootLog::append(&mut flash, state(2)).unwrap();
    assert_eq!(BootLog::read(&mut flash).copies, [CopyHealth::Current { bad_places: 0 }; 2]);
}

#[test]
fn a_torn_place_is_passed_over() {
    let mut flash = log_of(3);
    flash.poison(BOOT_LOG_OFFSETS[0] + 3 * RECORD_SIZE as u32);
    BootLog::append(&mut flash, state(4)).unwrap();
    assert_eq!(
        BootLog::read(&mut flash).copies,
        [CopyHealth::Current { bad_places: 1 }, CopyHealth::Current { bad_places: 0 }]
    );
}

#[test]
fn the_only_page_with_the_newest_record_is_never_erased() {
    // boot:B2: copy 0 is full and alone with the newest record; copy 1 must be brought up to date first.
    let mut flash = FlashModel::erased();
    for index in 0..RECORDS_PER_PAGE {
        place(&mut flash, 0, index, 10 + index as u32, 10 + index as u16);
    }
    place(&mut flash, 1, 0, 10, 10);
    flash.make_stuck(BOOT_LOG_OFFSETS[1]);
    // Copy 1 is far behind and does not erase: copy 0 must stay as it is.
    assert!(matches!(BootLog::append(&mut flash, state(99)), Err(AppendError::NoCopy { .. })));
    assert_eq!(number(&mut flash), Some(10 + FULL - 1));
}

#[test]
fn the_copy_that_lags_is_brought_up_to_date_before_the_other_is_erased() {
    // Copy 0 is full and alone with the newest record; copy 1 is one behind, with room or without.
    for filled in [5, RECORDS_PER_PAGE] {
        let mut flash = FlashModel::erased();
        let last = 100 + RECORDS_PER_PAGE as u32;
        for index in 0..RECORDS_PER_PAGE {
            place(&mut flash, 0, index, last - (RECORDS_PER_PAGE - 1 - index) as u32, index as u16);
        }
        for index in 0..filled {
            place(&mut flash, 1, index, last - (filled - index) as u32, index as u16);
        }
        let sequence = BootLog::append(&mut flash, state(500)).unwrap();
        // At the first go: neither copy was refused its erase.
        assert_eq!(sequence, last + 1, "{filled} records in copy 1");
        assert_eq!(BootLog::read(&mut flash).copies_good(), [true, true]);
    }
}

#[test]
fn a_worn_copy_is_named_and_the_record_is_in_force_all_the_same() {
    for copy in [0, 1] {
        let mut flash = log_of(1);
        flash.make_worn(BOOT_LOG_OFFSETS[copy]);
        let appended = BootLog::append(&mut flash, state(2));
        assert!(matches!(appended, Err(AppendError::OneCopy { copy: named, .. }) if named == copy), "{appended:?}");
        assert_eq!(number(&mut flash), Some(2));
    }
}

#[test]
fn sequence_numbers_wrap() {
    let mut flash = FlashModel::erased();
    for (index, sequence) in [u32::MAX - 1, u32::MAX].into_iter().enumerate() {
        place(&mut flash, 0, index, sequence, index as u16);
        place(&mut flash, 1, index, sequence, index as u16);
    }
    assert_eq!(number(&mut flash), Some(1));
    assert_eq!(BootLog::append(&mut flash, state(7)).unwrap(), 0);
    assert_eq!(number(&mut flash), Some(7));
    assert_eq!(BootLog::append(&mut flash, state(8)).unwrap(), 1);
    assert_eq!(number(&mut flash), Some(8));
}

#[test]
fn of_two_records_with_one_number_the_one_written_later_counts() {
    let mut flash = FlashModel::erased();
    place(&mut flash, 0, 0, 4, 1);
    place(&mut flash, 0, 1, 5, 2);
    place(&mut flash, 0, 2, 5, 3);
    assert_eq!(number(&mut flash), Some(3));
}

/// What happens to a log in its life.
#[derive(Debug, Clone)]
enum Event {
    Append,
    Cut { at: u64, tear: Tear },
    Restart,
}

fn any_event() -> impl Strategy<Value = Event> {
    let tear = (0_usize..7, any::<u64>()).prop_map(|(kind, seed)| Tear::kinds(seed)[kind]);
    prop_oneof![
        6 => Just(Event::Append),
        3 => (0_u64..20, tear).prop_map(|(at, tear)| Event::Cut { at, tear }),
        1 => Just(Event::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// The model: the states that may be in force now. One after a whole append; after a cut, those before it and the
    /// one being written.
    #[test]
    fn the_log_agrees_with_a_plain_variable(events in proptest::collection::vec(any_event(), 1..120)) {
        let mut flash = FlashModel::erased();
        let mut allowed = vec![None];
        for (count, event) in (1..).zip(events) {
            match event {
                Event::Append => {
                    BootLog::append(&mut flash, state(count)).unwrap();
                    allowed = vec![Some(count)];
                }
                Event::Cut { at, tear } => {
                    flash.plan_cut(at, tear);
                    let appended = BootLog::append(&mut flash, state(count));
                    flash.power_on();
                    if appended.is_ok() {
                        allowed = vec![Some(count)];
                    } else {
                        allowed.push(Some(count));
                    }
                }
                Event::Restart => flash.power_on(),
            }
            let seen = number(&mut flash);
            prop_assert!(allowed.contains(&seen), "{:?} is none of {:?}", seen, allowed);
        }
    }

    #[test]
    fn whatever_the_pages_hold_an_append_is_in_force_in_both(
        base: u32,
        pages in proptest::collection::vec((0_usize..2, 0..RECORDS_PER_PAGE, any::<u8>(), any::<bool>()), 0..64),
    ) {
        let mut flash = FlashModel::erased();
        for (copy, index, ahead, poisoned) in pages {
            place(&mut flash, copy, index, base.wrapping_add(u32::from(ahead)), 1);
            if poisoned {
                flash.poison(BOOT_LOG_OFFSETS[copy] + (index * RECORD_SIZE) as u32);
            }
        }
        let sequence = BootLog::append(&mut flash, state(500)).unwrap();
        let view = BootLog::read(&mut flash);
        prop_assert_eq!(view.newest, Some(BootRecord { sequence, state: state(500) }));
        prop_assert_eq!(view.copies_good(), [true, true]);
    }

    #[test]
    fn any_bytes_in_the_pages_are_answered(bytes in proptest::collection::vec(any::<u8>(), 4096)) {
        let mut flash = FlashModel::erased();
        for (page, bytes) in BOOT_LOG_OFFSETS.into_iter().zip(bytes.chunks(2048)) {
            flash.place(page, bytes);
        }
        prop_assert_eq!(BootLog::read(&mut flash).newest, None);
        prop_assert!(BootLog::append(&mut flash, state(1)).is_ok());
    }
}
