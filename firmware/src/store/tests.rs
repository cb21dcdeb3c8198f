use std::cell::RefCell;

use bootloader::model::key_sets::at_once;
use bootloader::model::{FlashModel, Tear};
use protocol::layout::{PAGE_SIZE, WORD_SIZE};

use super::*;

mod power_cuts;

/// A number, padded to `SIZE` bytes: as many places a page as a test wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Number<const SIZE: usize>(u32);

/// 36 places a page.
type Small = Number<36>;

impl<const SIZE: usize> Record for Number<SIZE> {
    const PAGES: [u32; 2] = [0x3_D000, 0x7_D000];
    const MAGIC: [u8; 4] = *b"TEST";
    const SIZE: usize = SIZE;

    fn emit(&self, bytes: &mut [u8]) -> usize {
        bytes.fill(self.0 as u8 / 2);
        bytes[..4].copy_from_slice(&self.0.to_le_bytes());
        SIZE
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let number = u32::from_le_bytes(*bytes.first_chunk()?);
        let is_whole = bytes.len() == SIZE && bytes[4..].iter().all(|&byte| byte == number as u8 / 2);
        is_whole.then_some(Self(number))
    }
}

fn append<R: Record>(flash: &mut FlashModel, record: &R) -> Result<u32, AppendError> {
    at_once(Store::append(flash, record, &Ungated))
}

fn number<const SIZE: usize>(flash: &mut FlashModel) -> Option<u32> {
    match Store::<Number<SIZE>>::read(flash).newest {
        Newest::Nothing => None,
        Newest::Known(Number(number)) => Some(number),
        Newest::Unknown => panic!("half a record"),
    }
}

/// A store to which the numbers 1 to `count` were appended.
fn store_of<const SIZE: usize>(count: u32) -> FlashModel {
    let mut flash = FlashModel::erased();
    for number in 1..=count {
        append(&mut flash, &Number::<SIZE>(number)).unwrap();
    }
    flash
}

#[test]
fn a_new_unit_has_no_record_and_misses_none() {
    let view = Store::<Small>::read(&mut FlashModel::erased());
    assert_eq!(view, View { newest: Newest::Nothing, sequence: 0, copies: [CopyHealth::Empty; 2] });
    assert_eq!(view.copies_good(), [true, true]);
}

/// Appends over several pages; the most erases a page had.
fn appends_reach_both_copies<const SIZE: usize>(count: u32) -> u64 {
    let mut flash = FlashModel::erased();
    let words = 2 * (SIZE + 16).div_ceil(WORD_SIZE as usize) as u64;
    let mut erases = 0;
    for number in 1..=count {
        let before = flash.operations();
        let sequence = append(&mut flash, &Number::<SIZE>(number)).unwrap();
        let view = Store::<Number<SIZE>>::read(&mut flash);
        assert_eq!((view.newest, view.sequence, sequence), (Newest::Known(Number(number)), number, number));
        assert_eq!(view.copies, [CopyHealth::Current { bad_places: 0 }; 2], "append {number}");
        let operations = flash.operations() - before;
        assert!(operations <= words + 1, "one erase an append at most: the pages are never full together");
        erases += operations - words;
    }
    erases
}

#[test]
fn every_append_reaches_both_copies_and_wears_evenly() {
    // fault:P9, fault:P13
    let places = u64::from(PAGE_SIZE) / 56;
    let erases = appends_reach_both_copies::<36>(1000);
    assert!(erases <= 2 * 1000 / places + 4, "{erases}");
    assert!(appends_reach_both_copies::<380>(100) <= 2 * 100 / 5 + 2);
    assert!(appends_reach_both_copies::<MAX_SIZE>(20) <= 20);
}

#[test]
fn reading_writes_nothing() {
    // fault:P13
    let mut flash = store_of::<36>(5);
    let before = flash.operations();
    assert_eq!(number::<36>(&mut flash), Some(5));
    assert_eq!(at_once(Store::<Small>::settle(&mut flash, &Ungated)), Ok(Store::read(&mut flash)));
    assert_eq!(flash.operations(), before);
}

#[test]
fn a_poisoned_copy_leaves_the_other_and_is_repaired_when_settled() {
    // fault:P5
    for copy in [0, 1] {
        let mut flash = store_of::<36>(5);
        for record in 0..5 {
            flash.poison(Small::PAGES[copy] + record * 56 + 8);
        }
        let view = Store::<Small>::read(&mut flash);
        assert_eq!(view.newest, Newest::Known(Number(5)));
        assert_eq!(view.copies[copy], CopyHealth::Doubtful { bad_places: 5 });
        assert!(view.copies[1 - copy].is_good());
        let view = at_once(Store::<Small>::settle(&mut flash, &Ungated)).unwrap();
        assert_eq!((view.newest, view.copies), (Newest::Known(Number(5)), [CopyHealth::Current { bad_places: 0 }; 2]));
    }
}

#[test]
fn two_poisoned_copies_are_no_record_and_start_anew() {
    // fault:P5
    let mut flash = store_of::<36>(1);
    Small::PAGES.into_iter().for_each(|page| flash.poison(page));
    assert_eq!(number::<36>(&mut flash), None);
    assert_eq!(Store::<Small>::read(&mut flash).copies_good(), [false, false]);
    append(&mut flash, &Number::<36>(2)).unwrap();
    assert_eq!(Store::<Small>::read(&mut flash).copies, [CopyHealth::Current { bad_places: 0 }; 2]);
}

#[test]
fn a_record_that_nobody_understands_is_in_force_and_not_the_one_before() {
    let mut flash = store_of::<36>(3);
    // The same page, another size: what `Small` cannot parse.
    append(&mut flash, &Number::<35>(9)).unwrap();
    let view = Store::<Small>::read(&mut flash);
    assert_eq!((view.newest, view.sequence), (Newest::Unknown, 4));
    assert_eq!(view.copies_good(), [true, true]);
}

#[test]
fn a_worn_copy_is_named_and_the_record_is_in_force_all_the_same() {
    for copy in [0, 1] {
        let mut flash = store_of::<36>(1);
        flash.make_worn(Small::PAGES[copy]);
        let appended = append(&mut flash, &Number::<36>(2));
        assert!(matches!(appended, Err(AppendError::OneCopy { copy: named, .. }) if named == copy), "{appended:?}");
        assert_eq!(number::<36>(&mut flash), Some(2));
    }
}

#[test]
fn a_page_that_does_not_erase_is_told_and_the_other_copy_is_never_erased_for_it() {
    // fault:P7
    let mut flash = FlashModel::erased();
    flash.make_stuck(Small::PAGES[1]);
    let (mut taken, mut refused) = (0, 0);
    for number in 1..200 {
        match append(&mut flash, &Number::<36>(number)) {
            Ok(_) | Err(AppendError::OneCopy { copy: 1, .. }) => taken = number,
            Err(error) => {
                refused += 1;
                assert!(matches!(error, AppendError::NoCopy { .. }), "{error:?}");
            }
        }
        assert_eq!(self::number::<36>(&mut flash), Some(taken));
    }
    assert!(taken > 30 && refused > 100, "{taken} taken, {refused} refused");
}

#[test]
fn sequence_numbers_wrap() {
    let mut flash = FlashModel::erased();
    for (index, sequence) in (0..).zip([u32::MAX - 1, u32::MAX]) {
        let place = super::place::Place::of(*b"TEST", sequence, 1, &Number::<36>(index).bytes());
        Small::PAGES.into_iter().for_each(|page| flash.place(page + index * 56, place.words()));
    }
    assert_eq!(number::<36>(&mut flash), Some(1));
    assert_eq!(append(&mut flash, &Number::<36>(7)), Ok(0));
    assert_eq!(append(&mut flash, &Number::<36>(8)), Ok(1));
    assert_eq!(number::<36>(&mut flash), Some(8));
}

impl<const SIZE: usize> Number<SIZE> {
    fn bytes(self) -> Vec<u8> {
        let mut bytes = vec![0; SIZE];
        self.emit(&mut bytes);
        bytes
    }
}

/// Lets the pages of bank 2 be erased at any time, those of bank 1 when told; remembers what was asked.
#[derive(Debug)]
struct Bank1 {
    is_idle: bool,
    held: RefCell<Vec<u32>>,
}

impl EraseGate for Bank1 {
    fn hold(&self, page: u32) -> bool {
        let lets = self.is_idle || page == Small::PAGES[1];
        if lets {
            self.held.borrow_mut().push(page);
        }
        lets
    }

    fn release(&self) {
        self.held.borrow_mut().clear();
    }
}

#[test]
fn no_page_of_the_running_bank_is_erased_while_a_channel_emits_power() {
    let mut flash = FlashModel::erased();
    let running = Bank1 { is_idle: false, held: RefCell::default() };
    let idle = Bank1 { is_idle: true, held: RefCell::default() };
    for round in 0..4 {
        // There is room for a while, and then nothing is changed.
        let mut taken = 0;
        let refused = loop {
            let before = flash.operations();
            match at_once(Store::append(&mut flash, &Number::<36>(1000 * round + taken), &running)) {
                Ok(_) => taken += 1,
                Err(error) => {
                    assert_eq!(flash.operations(), before, "nothing was changed");
                    break error;
                }
            }
        };
        assert_eq!(refused, AppendError::NotNow { page: Small::PAGES[0] });
        assert!(taken > 30, "{taken}");
        assert_eq!(number::<36>(&mut flash), Some(1000 * round + taken - 1));
        // When all is off it is taken, and the gate is let go.
        assert!(at_once(Store::append(&mut flash, &Number::<36>(0), &idle)).is_ok());
        assert!(idle.held.borrow().is_empty() && running.held.borrow().is_empty());
    }
}

#[test]
fn any_bytes_in_the_pages_are_answered_and_the_next_record_reaches_both() {
    // fault:A12
    use proptest::prelude::*;
    proptest!(ProptestConfig::with_cases(64), |(bytes in proptest::collection::vec(any::<u8>(), 4096), from in 0..4096_usize)| {
        let mut flash = store_of::<36>(3);
        for (page, bytes) in Small::PAGES.into_iter().zip(bytes.chunks(2048)) {
            let from = from / 16 * 8;
            flash.place(page + from as u32, &bytes[from..]);
        }
        let _ = Store::<Small>::read(&mut flash);
        prop_assert!(append(&mut flash, &Number::<36>(1)).is_ok());
        prop_assert_eq!(Store::<Small>::read(&mut flash).copies, [CopyHealth::Current { bad_places: 0 }; 2]);
    });
}
