//! The watchdog runs from the loader's first instructions on (`boot:B7`): a loader that hangs is reset by it, one that rests is not.

use std::path::PathBuf;

use virtual_board::board::{Board, Ran};
use virtual_board::elf::FlashImage;
use virtual_board::time::VirtualTime;
use virtual_board::unit::board;

/// A unit that holds a loader and nothing else; `None` when there are no images.
fn bare_unit() -> Option<Board> {
    let folder = std::env::var_os("SONDE_CHIP_IMAGES").map(PathBuf::from).filter(|folder| folder.is_dir())?;
    let file = std::fs::read(folder.join("1.0.0/loader.elf")).ok()?;
    let mut flash = Vec::new();
    FlashImage::parse(&file).expect("the loader is for the chip").place(&mut flash);
    let mut board = board(flash, 2);
    board.power_on();
    Some(board)
}

macro_rules! bare_unit_or_skip {
    () => {
        match bare_unit() {
            Some(board) => board,
            None => {
                eprintln!("skipped: SONDE_CHIP_IMAGES names no folder of linked images; use `cargo xtask test`");
                return;
            }
        }
    };
}

/// Puts the core where nothing happens any more. It sleeps there, since a busy loop of 17 s takes a while to run.
fn hang(board: &mut Board) {
    const PLACE: usize = 0x8000;
    const WFI_AND_BACK: [u8; 4] = [0x30, 0xBF, 0xFD, 0xE7];
    let core = board.core_mut();
    core.ram_mut()[PLACE..PLACE + 4].copy_from_slice(&WFI_AND_BACK);
    core.set_register(15, 0x2000_0000 + PLACE as u32);
}

#[test]
fn a_loader_that_hangs_is_reset_by_its_watchdog() {
    let mut board = bare_unit_or_skip!();
    // After its first instructions, before it has looked at anything.
    assert_eq!(board.run_until(VirtualTime::from_micros(50)), Ran::Reached);
    hang(&mut board);
    assert_eq!(board.run_until(VirtualTime::from_millis(15_000)), Ran::Reached);
    assert_eq!(board.resets().len(), 1, "it has the time that the slowest boot takes, twice and more");
    assert_eq!(board.run_until(VirtualTime::from_millis(18_000)), Ran::Reached);
    assert_eq!(board.resets().len(), 2);
}

#[test]
fn a_loader_with_nothing_to_run_stays_up() {
    let mut board = bare_unit_or_skip!();
    assert_eq!(board.run_until(VirtualTime::from_secs(60)), Ran::Reached);
    assert_eq!((board.resets().len(), board.flash_operations()), (1, 0));
}
