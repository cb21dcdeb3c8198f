//! Power lost in every operation of an append (`fault:P1`, `fault:P3`, `fault:P4`), and in pairs of them (`fault:P2`): the
//! value is the old one or the new one, never another and never lost; and what was settled stays.

use proptest::prelude::*;

use super::*;

/// Every operation of the next append, with every tear, and weak words of each length.
fn all_cuts<const SIZE: usize>(start: &FlashModel) -> Vec<(Tear, u64)> {
    let mut whole = start.clone();
    append(&mut whole, &Number::<SIZE>(1000)).unwrap();
    let operations = whole.operations() - start.operations();
    let seeds = [1, 2, 4, 7].map(|seed| Tear::kinds(seed).into_iter().skip(if seed == 1 { 0 } else { 2 }));
    seeds.into_iter().flatten().flat_map(|tear| (0..operations).map(move |cut| (tear, cut))).collect()
}

/// Starts that a store meets: new, one record, in the middle, and each number of free places that may matter.
fn starts<const SIZE: usize>(places: u32) -> Vec<u32> {
    let near_full = places.saturating_sub(4)..=places + 1;
    let mut starts: Vec<u32> = [0, 1].into_iter().chain(near_full).chain([2 * places - 4, 2 * places]).collect();
    starts.dedup();
    starts
}

/// Settles as for a host that asks, then lets every weak word decay: the value must not change any more. Where nothing
/// could be read there is nothing to settle.
fn settled_for_good<const SIZE: usize>(flash: &mut FlashModel, what: &str) -> Option<u32> {
    let view =
        at_once(Store::<Number<SIZE>>::settle(flash, &Ungated)).unwrap_or_else(|error| panic!("{what}: {error}"));
    let Number(told) = view.newest.known()?;
    let mut later = flash.clone();
    for _ in 0..=Tear::LONGEST + 1 {
        assert_eq!(number::<SIZE>(&mut later), Some(told), "{what}: told once, taken back");
        later.power_on();
    }
    Some(told)
}

fn every_cut_is_survived<const SIZE: usize>(places: u32, every: usize) -> u32 {
    let mut cuts = 0;
    for filled in starts::<SIZE>(places) {
        let start = store_of::<SIZE>(filled);
        let old = (filled > 0).then_some(filled);
        for (tear, cut) in all_cuts::<SIZE>(&start).into_iter().step_by(every) {
            let what = format!("{filled} records, {tear:?} in operation {cut}");
            let mut flash = start.clone();
            flash.plan_cut(cut, tear);
            let _ = append(&mut flash, &Number::<SIZE>(1000));
            assert!(flash.is_off(), "{what}: not reached");
            flash.power_on();
            let seen = settled_for_good::<SIZE>(&mut flash, &what);
            assert!(seen == old || seen == Some(1000), "{what}: {seen:?}");
            append(&mut flash, &Number::<SIZE>(1001)).unwrap();
            assert_eq!(settled_for_good::<SIZE>(&mut flash, &what), Some(1001), "{what}");
            cuts += 1;
        }
    }
    cuts
}

#[test]
fn a_cut_anywhere_in_an_append_leaves_the_old_value_or_the_new_one_for_good() {
    let cuts = every_cut_is_survived::<36>(36, 1)
        + every_cut_is_survived::<380>(5, 11)
        + every_cut_is_survived::<MAX_SIZE>(2, 53);
    assert!(cuts > 4_000, "{cuts}");
}

/// A cut in one append, and another one in the next: whether the first was settled in between or not.
fn every_pair_of_cuts_is_survived<const SIZE: usize>(places: u32, every: usize) -> u32 {
    let mut pairs = 0;
    for filled in [places - 3, places - 1, places, places + 1] {
        let start = store_of::<SIZE>(filled);
        for (tear, cut) in all_cuts::<SIZE>(&start) {
            let mut first = start.clone();
            first.plan_cut(cut, tear);
            let _ = append(&mut first, &Number::<SIZE>(1000));
            first.power_on();
            let mut told = first.clone();
            let seen = settled_for_good::<SIZE>(&mut told, "after the first cut");
            for (start, allowed) in [(first, [Some(filled), Some(1000), Some(2000)]), (told, [seen, seen, Some(2000)])]
            {
                for (second_tear, second_cut) in
                    all_cuts::<SIZE>(&start).into_iter().skip(cut as usize % every).step_by(every)
                {
                    let what =
                        format!("{filled} records, {tear:?} in operation {cut}, {second_tear:?} in {second_cut}");
                    let mut flash = start.clone();
                    flash.plan_cut(second_cut, second_tear);
                    let _ = append(&mut flash, &Number::<SIZE>(2000));
                    flash.power_on();
                    let seen = settled_for_good::<SIZE>(&mut flash, &what);
                    assert!(allowed.contains(&seen), "{what}: {seen:?} is none of {allowed:?}");
                    pairs += 1;
                }
            }
        }
    }
    pairs
}

#[test]
fn a_second_cut_in_the_append_after_the_first_is_survived_too() {
    let pairs = every_pair_of_cuts_is_survived::<4>(85, 31) + every_pair_of_cuts_is_survived::<380>(5, 997);
    assert!(pairs > 5_000, "{pairs}");
}

/// What happens to a store in its life.
#[derive(Debug, Clone)]
enum Event {
    Append,
    Cut { at: u64, tear: Tear },
    Settle,
    CutSettling { at: u64, tear: Tear },
    Restart,
}

fn any_event() -> impl Strategy<Value = Event> {
    let tear = || (0_usize..7, any::<u64>()).prop_map(|(kind, seed)| Tear::kinds(seed)[kind]);
    prop_oneof![
        6 => Just(Event::Append),
        3 => (0_u64..20, tear()).prop_map(|(at, tear)| Event::Cut { at, tear }),
        1 => (0_u64..20, tear()).prop_map(|(at, tear)| Event::CutSettling { at, tear }),
        2 => Just(Event::Settle),
        2 => Just(Event::Restart),
    ]
}

/// The model: the values that may be in force now. One after a whole append or when settled; after a cut, those before it
/// and the one being written.
fn agrees_with_a_plain_variable<const SIZE: usize>(events: Vec<Event>) -> Result<(), TestCaseError> {
    let mut flash = FlashModel::erased();
    let mut allowed = vec![None];
    for (count, event) in (1..).zip(events) {
        match event {
            Event::Append => {
                append(&mut flash, &Number::<SIZE>(count)).unwrap();
                allowed = vec![Some(count)];
            }
            Event::Cut { at, tear } => {
                flash.plan_cut(at, tear);
                match append(&mut flash, &Number::<SIZE>(count)) {
                    Ok(_) => allowed = vec![Some(count)],
                    Err(_) => allowed.push(Some(count)),
                }
                flash.power_on();
            }
            Event::Settle => {
                let view = at_once(Store::<Number<SIZE>>::settle(&mut flash, &Ungated)).unwrap();
                let told = view.newest.known().map(|Number(number)| number);
                prop_assert!(allowed.contains(&told), "{:?} is none of {:?}", told, allowed);
                if told.is_some() {
                    allowed = vec![told];
                }
            }
            Event::CutSettling { at, tear } => {
                flash.plan_cut(at, tear);
                let _ = at_once(Store::<Number<SIZE>>::settle(&mut flash, &Ungated));
                flash.power_on();
            }
            Event::Restart => flash.power_on(),
        }
        let seen = number::<SIZE>(&mut flash);
        prop_assert!(allowed.contains(&seen), "{:?} is none of {:?}", seen, allowed);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn the_store_agrees_with_a_plain_variable(events in proptest::collection::vec(any_event(), 1..120)) {
        agrees_with_a_plain_variable::<36>(events.clone())?;
        agrees_with_a_plain_variable::<100>(events.clone())?;
        agrees_with_a_plain_variable::<380>(events)?;
    }
}
