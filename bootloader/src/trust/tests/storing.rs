//! The copies in flash against every loss of power.

use super::super::store::{InstallError, KeyStore, LOOKS};
use super::*;
use crate::flash::FlashError;
use crate::model::Tear;
use crate::model::key_sets::at_once;
use protocol::key_set::AcceptanceNote;

fn signed(number: u16) -> SignedKeySet {
    // Nobody looks at signatures here.
    SignedKeySet::unsigned(&numbered(number).emit())
}

/// The newest copy under its seal: what [`Trust`] would take, were it signed.
fn in_force(flash: &mut FlashModel) -> Option<SignedKeySet> {
    let copies = [0, 1].map(|copy| KeyStore::read_copy(flash, copy));
    copies.into_iter().flatten().max_by_key(|(_, set)| set.number()).map(|(signed, _)| signed)
}

fn stored(flash: &mut FlashModel) -> u16 {
    in_force(flash).map_or(0, |signed| KeySet::parse(signed.body()).expect("read as a set").number())
}

/// As a unit does it: should what is to be kept read differently just before the erase, it looks again.
fn install(flash: &mut FlashModel, number: u16) -> Result<(), InstallError> {
    let note = AcceptanceNote { number, given_up: None };
    let mut installed = Ok(());
    for _ in 0..LOOKS {
        let known = [0, 1].map(|copy| KeyStore::read_copy(flash, copy).map(|(signed, _)| signed));
        installed = at_once(KeyStore::install(flash, &signed(number), &note, &known));
        if !installed.is_err_and(InstallError::keeper_changed) {
            break;
        }
    }
    installed
}

fn unit(number: u16) -> FlashModel {
    let mut flash = FlashModel::erased();
    if number > 0 {
        install(&mut flash, number).unwrap();
    }
    flash
}

/// Every operation of the next install, with every tear.
fn all_cuts(start: &FlashModel, next: u16) -> Vec<(Tear, u64)> {
    let mut whole = start.clone();
    let _ = install(&mut whole, next);
    let operations = whole.operations() - start.operations();
    let tears = Tear::kinds(1).into_iter().chain(Tear::kinds(2).into_iter().skip(2));
    tears.flat_map(|tear| (0..operations).map(move |cut| (tear, cut))).collect()
}

#[test]
fn an_install_reaches_both_copies_and_the_next_one_replaces_it() {
    let mut flash = FlashModel::erased();
    for number in 1..10 {
        install(&mut flash, number).unwrap();
        assert_eq!(KeyStore::holding(&mut flash, &signed(number)), [true, true]);
        assert_eq!(KeyStore::read_note(&mut flash, 1, number), Some(AcceptanceNote { number, given_up: None }));
    }
}

#[test]
fn an_install_erases_each_page_once_and_installing_again_writes_nothing() {
    // fault:P13
    let mut flash = unit(1);
    let before = flash.operations();
    install(&mut flash, 2).unwrap();
    let words = flash.operations() - before;
    assert!(words <= 2 * (1 + 106) + 2, "{words}");
    let before = flash.operations();
    install(&mut flash, 2).unwrap();
    assert_eq!(flash.operations(), before);
}

#[test]
fn a_cut_anywhere_in_an_install_leaves_the_set_before_or_the_new_one() {
    // fault:P1, fault:P3, fault:P4
    let mut cuts = 0;
    for before in [0, 1] {
        let start = unit(before);
        for (tear, cut) in all_cuts(&start, 2) {
            let mut flash = start.clone();
            flash.plan_cut(cut, tear);
            let _ = install(&mut flash, 2);
            flash.power_on();
            // More than once: a torn word may read differently.
            for _ in 0..3 {
                let seen = stored(&mut flash);
                assert!(seen == before || seen == 2, "{seen} after {before}, {tear:?} at {cut}");
            }
            install(&mut flash, 3).unwrap_or_else(|error| panic!("{error}: after {before}, {tear:?} at {cut}"));
            assert_eq!(KeyStore::holding(&mut flash, &signed(3)), [true, true], "after {before}, {tear:?} at {cut}");
            cuts += 1;
        }
    }
    assert!(cuts > 3000, "{cuts}");
}

#[test]
fn a_second_cut_in_the_install_after_the_first_never_leaves_none() {
    // fault:P2: the first cut at each operation, the second at a sample of those of the next install.
    let start = unit(1);
    for (tear, cut) in all_cuts(&start, 2) {
        let mut first = start.clone();
        first.plan_cut(cut, tear);
        let _ = install(&mut first, 2);
        first.power_on();
        let salt = (cut * 7) as usize;
        for (second_tear, second_cut) in all_cuts(&first, 3).into_iter().skip(salt % 97).step_by(97) {
            let mut flash = first.clone();
            flash.plan_cut(second_cut, second_tear);
            let _ = install(&mut flash, 3);
            flash.power_on();
            for _ in 0..2 {
                let seen = stored(&mut flash);
                let what = format!("{tear:?} at {cut}, then {second_tear:?} at {second_cut}");
                assert!((1..=3).contains(&seen), "{seen}: {what}");
            }
        }
    }
}

#[test]
fn a_cut_in_a_repair_leaves_the_set_whole() {
    let mut start = unit(2);
    start.poison(KEY_SET_OFFSETS[0] + 64);
    for (tear, cut) in all_cuts(&start, 2) {
        let mut flash = start.clone();
        flash.plan_cut(cut, tear);
        let _ = install(&mut flash, 2);
        flash.power_on();
        assert_eq!(stored(&mut flash), 2, "{tear:?} at {cut}");
        install(&mut flash, 2).unwrap();
        assert_eq!(KeyStore::holding(&mut flash, &signed(2)), [true, true], "{tear:?} at {cut}");
    }
}

#[test]
fn a_copy_without_its_seal_does_not_count() {
    let mut flash = unit(1);
    flash.wipe(KEY_SET_OFFSETS[1], KEY_SET_OFFSETS[1] + 2048);
    flash.place(KEY_SET_OFFSETS[1], &signed(2).0);
    assert_eq!(stored(&mut flash), 1);
}

#[test]
fn a_page_that_does_not_erase_or_take_words_never_costs_the_other_copy() {
    // fault:P7
    for (copy, page) in KEY_SET_OFFSETS.into_iter().enumerate() {
        for worn in [false, true] {
            let mut flash = unit(1);
            if worn {
                flash.make_worn(page);
            } else {
                flash.make_stuck(page);
            }
            for _ in 0..3 {
                let result = install(&mut flash, 2);
                match copy {
                    // The first to be written: nothing has changed.
                    0 => assert!(matches!(result, Err(InstallError::NoCopy { .. })), "{result:?}"),
                    _ => assert!(matches!(result, Err(InstallError::OneCopy { copy: 1, .. })), "{result:?}"),
                }
                assert_eq!(stored(&mut flash), if copy == 0 { 1 } else { 2 });
            }
        }
    }
}

#[test]
fn nothing_is_erased_when_no_copy_holds_what_is_to_be_kept() {
    let mut flash = unit(1);
    let before = flash.operations();
    let note = AcceptanceNote { number: 3, given_up: None };
    let gone = [Some(signed(2)), None];
    let result = at_once(KeyStore::install(&mut flash, &signed(3), &note, &gone));
    assert!(matches!(result, Err(InstallError::NoCopy { error: FlashError::Protected { .. } })));
    // A seal more, nothing less.
    assert!(flash.operations() <= before + 1);
    assert_eq!(stored(&mut flash), 1);
}

/// What happens to the store in its life.
#[derive(Debug, Clone)]
enum Event {
    Install,
    Cut { at: u64, tear: Tear },
    Restart,
}

fn any_event() -> impl Strategy<Value = Event> {
    let tear = (0_usize..7, any::<u64>()).prop_map(|(kind, seed)| Tear::kinds(seed)[kind]);
    prop_oneof![
        2 => Just(Event::Install),
        5 => (0_u64..218, tear).prop_map(|(at, tear)| Event::Cut { at, tear }),
        1 => Just(Event::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// The model: the numbers that may be stored now. One after a whole install; after a cut, those before it and the one
    /// being written.
    #[test]
    fn the_store_agrees_with_a_plain_variable(events in proptest::collection::vec(any_event(), 1..40)) {
        let mut flash = FlashModel::erased();
        let mut allowed = vec![0];
        for (number, event) in (1..).zip(events) {
            match event {
                Event::Install => {
                    install(&mut flash, number).unwrap();
                    allowed = vec![number];
                }
                Event::Cut { at, tear } => {
                    flash.plan_cut(at, tear);
                    let installed = install(&mut flash, number);
                    flash.power_on();
                    match installed {
                        Ok(()) => allowed = vec![number],
                        Err(_) => allowed.push(number),
                    }
                }
                Event::Restart => flash.power_on(),
            }
            let seen = stored(&mut flash);
            prop_assert!(allowed.contains(&seen), "{} is none of {:?}", seen, allowed);
        }
    }
}
