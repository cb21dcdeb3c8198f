//! The loader's own `memcpy`, `memmove` and `memset`, as they were linked, held against the slices of Rust: every alignment,
//! overlap and short length, on the virtual core.

use std::collections::BTreeMap;
use std::path::PathBuf;

use object::{Object, ObjectSymbol};
use virtual_board::board::Board;
use virtual_board::core::Stop;
use virtual_board::elf::FlashImage;
use virtual_board::unit::board;

/// Start of RAM.
const RAM: u32 = 0x2000_0000;
/// Where calls return to: the loader's reset handler, which nothing else reaches here.
const RETURN: &str = "Reset";
const LENGTHS: [usize; 14] = [0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 33, 64];
/// Bytes that a call may touch, with room around them.
const ARENA: usize = 192;

/// The loader on a board, one call at a time.
struct Loader {
    board: Board,
    functions: BTreeMap<String, u32>,
}

impl Loader {
    /// `None` when there are no images.
    fn linked() -> Option<Self> {
        let folder = std::env::var_os("SONDE_CHIP_IMAGES").map(PathBuf::from).filter(|folder| folder.is_dir())?;
        let file = std::fs::read(folder.join("1.0.0/loader.elf")).ok()?;
        let elf = object::File::parse(&*file).expect("cargo wrote an ELF file");
        let functions = elf
            .symbols()
            .filter_map(|symbol| Some((symbol.name().ok()?.to_owned(), symbol.address() as u32 & !1)))
            .collect();
        let mut flash = Vec::new();
        FlashImage::parse(&file).expect("the loader is for the chip").place(&mut flash);
        let mut board = board(flash, 2);
        board.power_on();
        Some(Self { board, functions })
    }

    /// Fills the arena, calls, and gives back the arena and the first result register.
    fn call(&mut self, name: &str, arguments: [u32; 3], arena: &[u8]) -> (Vec<u8>, u32) {
        /// Far more than any call takes.
        const LIMIT: u64 = 10_000;
        let entry = *self.functions.get(name).unwrap_or_else(|| panic!("the loader has no {name}"));
        let home = self.functions[RETURN];
        let core = self.board.core_mut();
        core.ram_mut()[..ARENA].copy_from_slice(arena);
        core.set_register(13, RAM + 0x1000);
        core.set_register(14, home | 1);
        core.set_register(15, entry);
        for (number, argument) in arguments.into_iter().enumerate() {
            core.set_register(number, argument);
        }
        core.set_breakpoint(Some(home));
        let limit = core.cycles() + LIMIT;
        assert_eq!(core.run_until(limit), Stop::Breakpoint, "{name}{arguments:x?}");
        (core.ram()[..ARENA].to_vec(), core.registers()[0])
    }
}

fn pattern() -> Vec<u8> {
    (0..ARENA).map(|index| (index as u8).wrapping_mul(37).wrapping_add(11)).collect()
}

macro_rules! linked_or_skip {
    () => {
        match Loader::linked() {
            Some(loader) => loader,
            None => {
                eprintln!("skipped: SONDE_CHIP_IMAGES names no folder of linked images; use `cargo xtask test`");
                return;
            }
        }
    };
}

#[test]
fn copies_and_moves_give_what_slices_give() {
    let mut loader = linked_or_skip!();
    let before = pattern();
    for length in LENGTHS {
        // From below the source to above it, by less than a word and by more than the length.
        for (from, to) in (0..4).flat_map(|lead| (0..136 - length).step_by(3).map(move |to| (64 - lead, to))) {
            let mut expected = before.clone();
            expected.copy_within(from..from + length, to);
            let arguments = [RAM + to as u32, RAM + from as u32, length as u32];
            let apart = to + length <= from || from + length <= to;
            for name in if apart { &["memcpy", "memmove", "__aeabi_memcpy"][..] } else { &["memmove"] } {
                let (after, result) = loader.call(name, arguments, &before);
                assert_eq!(after, expected, "{name} of {length} bytes from {from} to {to}");
                assert_eq!(result, arguments[0], "{name} gives its first argument back");
            }
        }
    }
}

#[test]
fn fills_give_what_slices_give() {
    let mut loader = linked_or_skip!();
    let before = pattern();
    for length in LENGTHS {
        for to in 64..72 {
            let place = RAM + to as u32;
            let mut filled = |name: &str, arguments: [u32; 3], value: u8| {
                let mut expected = before.clone();
                expected[to..to + length].fill(value);
                let (after, result) = loader.call(name, arguments, &before);
                assert_eq!(after, expected, "{name} of {length} bytes at {to}");
                assert_eq!(result, place, "{name} gives its first argument back");
            };
            // Only the low byte of the value counts.
            filled("memset", [place, 0x1A5, length as u32], 0xA5);
            filled("__aeabi_memset", [place, length as u32, 0x15A], 0x5A);
            filled("__aeabi_memclr", [place, length as u32, 0xFF], 0);
        }
    }
}
