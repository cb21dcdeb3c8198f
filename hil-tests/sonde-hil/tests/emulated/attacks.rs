//! The folders of `bootloader/tests/attacks` under the linked loader: what it starts is what the library says, and no
//! forged image ever starts. Then attacks that no folder can hold: chips that are another one, flash that changes
//! between check and jump.

use std::path::{Path, PathBuf};

use bootloader::model::fixture::Contents;
use protocol::layout::{ANCHORS_OFFSET, ERASED, FLASH_BASE, MAX_IMAGE, Slot};
use protocol::manifest::SIGNED_SIZE;
use virtual_board::board::{Board, Ran, VirtualTime};
use virtual_board::unit::board;

use crate::releases::releases;
use crate::rig::UNIT;
use crate::test::tests;

tests![
    every_control_starts_and_every_attack_ends_as_its_folder_says,
    no_flipped_bit_of_the_manifest_starts_the_image,
    a_chip_in_single_bank_mode_or_started_from_bank_two_or_of_another_size_starts_nothing,
    a_manifest_replaced_before_the_second_look_never_starts_the_image,
    an_image_replaced_before_it_is_hashed_never_starts,
    a_reset_vector_that_reads_differently_each_time_starts_at_the_signed_address_or_not_at_all,
];

const FOLDERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../bootloader/tests/attacks");
/// Longest boot of a small image, and then some.
const LIMIT: VirtualTime = VirtualTime::from_millis(300);
/// Dual-bank mode, in `FLASH_OPTR`.
const DBANK: u32 = 1 << 22;
/// The chip may start from bank 2, in `FLASH_OPTR`.
const BFB2: u32 = 1 << 20;
/// `FLASH_OPTR` as it leaves the factory.
const OPTIONS: u32 = 0xFFEF_F8AA;

/// What came of a boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    Started(Slot),
    InTheLoader,
}

impl Ended {
    /// By the first line of `expected.txt`.
    fn expected(folder: &Path) -> Self {
        let text = std::fs::read_to_string(folder.join("expected.txt")).expect("a folder says what to expect");
        let first = text.lines().next().unwrap_or_default();
        let runs = |slot: Slot| first.contains(&format!("from slot {slot} "));
        match Slot::ALL.into_iter().find(|&slot| runs(slot)) {
            Some(slot) => Self::Started(slot),
            None if first.contains("recovery") => Self::InTheLoader,
            None => panic!("{}: {first}", folder.display()),
        }
    }
}

/// Folders of fixtures, in order.
fn folders() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(FOLDERS).expect("the fixtures are in the repository");
    let mut folders: Vec<_> = entries.map(|entry| entry.expect("a folder").path()).collect();
    folders.retain(|folder| folder.join("expected.txt").exists());
    folders.sort();
    folders
}

/// A unit with the linked loader and these contents, without power.
fn unit(contents: &Contents) -> Board {
    let mut flash = releases().factory.flash(UNIT);
    flash[ANCHORS_OFFSET as usize..].fill(ERASED);
    for (offset, bytes) in contents.pieces() {
        flash[offset as usize..][..bytes.len()].copy_from_slice(bytes);
    }
    let mut board = board(flash, UNIT);
    for &offset in contents.poisoned() {
        board.flash_mut().poison(offset as usize);
    }
    board
}

fn control(name: &str) -> Board {
    unit(&Contents::read(&Path::new(FOLDERS).join(name)).expect("the fixtures are in the repository"))
}

/// Where the program counter is, if it is in an image.
fn in_slot(board: &Board) -> Option<Slot> {
    let place = board.core().registers()[15];
    Slot::ALL.into_iter().find(|slot| (slot.image_address()..slot.image_address() + MAX_IMAGE).contains(&place))
}

/// Lets a board run; the machine must meet nothing that nobody modelled.
fn run_for(board: &mut Board, time: VirtualTime) {
    let until = board.now() + time;
    assert_eq!(board.run_until(until), Ran::Reached);
}

/// Lets a powered board run until an image starts, the loader sleeps, or a boot would be over.
fn settle(board: &mut Board) -> Ended {
    while board.now() < LIMIT {
        run_for(board, VirtualTime::from_micros(100));
        if let Some(slot) = in_slot(board) {
            return Ended::Started(slot);
        }
        if board.core().is_asleep() {
            break;
        }
    }
    assert!(board.core().registers()[15] < FLASH_BASE + ANCHORS_OFFSET, "neither image nor loader");
    assert_eq!(board.resets().len(), 1, "the loader resets over and over");
    assert!(!board.outputs().ever_on);
    Ended::InTheLoader
}

fn boot(mut board: Board) -> Ended {
    board.power_on();
    settle(&mut board)
}

fn every_control_starts_and_every_attack_ends_as_its_folder_says() {
    // fault:A1-fault:A9 and the others: each folder's README says which and what.
    let (mut controls, mut attacks) = (0, 0);
    for folder in folders() {
        let contents = Contents::read(&folder).expect("a folder of fixtures");
        let expected = Ended::expected(&folder);
        assert_eq!(boot(unit(&contents)), expected, "{}", folder.display());
        let is_control = folder.file_name().is_some_and(|name| name.to_string_lossy().starts_with("control-"));
        assert!(!is_control || matches!(expected, Ended::Started(_)), "{}", folder.display());
        *(if is_control { &mut controls } else { &mut attacks }) += 1;
    }
    assert!(controls >= 4 && attacks > 100, "{controls} controls, {attacks} attacks");
}

fn no_flipped_bit_of_the_manifest_starts_the_image() {
    // fault:A1: one bit of each byte; all bits are in the library's test.
    let good = control("control-confirmed");
    assert_eq!(boot(good.clone()), Ended::Started(Slot::A));
    for byte in 0..SIGNED_SIZE {
        let mut board = good.clone();
        let offset = Slot::A.offset() as usize + byte;
        let flipped = board.flash()[offset] ^ 1 << (byte % 8);
        board.flash_mut().write(offset, &[flipped]);
        assert_eq!(boot(board), Ended::InTheLoader, "byte {byte}");
    }
}

fn a_chip_in_single_bank_mode_or_started_from_bank_two_or_of_another_size_starts_nothing() {
    // fault:P12: every offset would be another place.
    let good = control("control-confirmed");
    assert_eq!(boot(good.clone()), Ended::Started(Slot::A));
    for options in [OPTIONS & !DBANK, OPTIONS | BFB2, OPTIONS & !DBANK | BFB2] {
        let mut other = good.clone();
        other.flash_mut().set_option_register(options);
        assert_eq!(boot(other), Ended::InTheLoader, "{options:#010x}");
    }
    for kilobytes in [128, 256, 1024, 0, u16::MAX] {
        let mut other = good.clone();
        other.flash_mut().set_size_register(kilobytes);
        assert_eq!(boot(other), Ended::InTheLoader, "{kilobytes} KB");
    }
}

/// Boots a unit once for each 50 microseconds of its boot, and does something to flash at that instant.
fn at_each_instant(board: &Board, change: impl Fn(&mut Board)) -> Vec<Ended> {
    const STEP: VirtualTime = VirtualTime::from_micros(50);
    let mut board = board.clone();
    board.power_on();
    let mut ends = Vec::new();
    while in_slot(&board).is_none() {
        let mut changed = board.clone();
        change(&mut changed);
        ends.push(settle(&mut changed));
        run_for(&mut board, STEP);
        assert!(board.now() < LIMIT, "the good image starts");
    }
    ends
}

/// How many instants at the end let the image start; all before them must not.
fn window(ends: &[Ended]) -> usize {
    let closed = ends.iter().rposition(|&end| end == Ended::InTheLoader).map_or(0, |last| last + 1);
    assert!(closed > 0, "never refused");
    assert!(ends[..closed].iter().all(|&end| end == Ended::InTheLoader), "{ends:?}");
    ends.len() - closed
}

fn a_manifest_replaced_before_the_second_look_never_starts_the_image() {
    // fault:A10
    let good = control("control-confirmed");
    let open = window(&at_each_instant(&good, |board| {
        let offset = Slot::A.offset() as usize + 36;
        let other = board.flash()[offset] ^ 1;
        board.flash_mut().write(offset, &[other]);
    }));
    assert!(open > 0, "{open} instants");
}

fn an_image_replaced_before_it_is_hashed_never_starts() {
    // fault:A10: what comes behind the hash is not seen. Nobody but the loader runs then, and it writes no slot.
    let good = control("control-confirmed");
    let open = window(&at_each_instant(&good, |board| {
        let offset = Slot::A.image_offset() as usize + 0x180;
        board.flash_mut().write(offset, &[0x00, 0xBE]);
    }));
    assert!(open > 0, "{open} instants");
}

fn a_reset_vector_that_reads_differently_each_time_starts_at_the_signed_address_or_not_at_all() {
    // fault:P3, fault:A10: the word that was hashed is the word that is used.
    let (mut started, mut refused) = (0, 0);
    let signed = Slot::A.image_address() + 0x100;
    let mut board = control("control-confirmed");
    // Bit 7 of the reset vector: an address in the same image.
    board.flash_mut().make_unstable(Slot::A.image_offset() as usize, 0x80 << 32);
    board.power_on();
    for _ in 0..40 {
        let limit = board.now() + LIMIT;
        while board.now() < limit && in_slot(&board).is_none() && !board.core().is_asleep() {
            run_for(&mut board, VirtualTime::from_micros(100));
        }
        match in_slot(&board) {
            Some(_) => {
                assert_eq!(board.core().registers()[15], signed);
                started += 1;
            }
            None => refused += 1,
        }
        board.pin_reset();
    }
    assert!(started > 0 && refused > 0, "{started} started, {refused} refused");
}
