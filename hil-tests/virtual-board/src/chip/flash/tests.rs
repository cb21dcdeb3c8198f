//! The rules of RM0440 chapter 3 that firmware meets, by the fault they let through when broken.

use super::*;
use crate::chip::testing::{at, moment};
use proptest::prelude::*;

const ERASE_PAGE_3: u32 = PER | 3 << 3;

fn blank() -> Flash {
    Flash::new(Vec::new())
}

fn unlocked() -> Flash {
    let mut flash = blank();
    put(&mut flash, &[(KEYR, 0x4567_0123), (KEYR, 0xCDEF_89AB)]);
    flash
}

fn put(flash: &mut Flash, writes: &[(u32, u32)]) {
    for &(offset, value) in writes {
        flash.write(offset, value, &moment(0)).unwrap();
    }
}

fn sr(flash: &mut Flash) -> u32 {
    flash.read(SR, &moment(0)).unwrap()
}

/// Programs a double word and waits for it.
fn program(flash: &mut Flash, offset: usize, value: u64) -> Effect {
    flash.write(CR, PG, &moment(0)).unwrap();
    flash.write_cells(offset, Width::Word, value as u32, &moment(0));
    let effect = flash.write_cells(offset + 4, Width::Word, (value >> 32) as u32, &moment(0));
    wait(flash);
    effect
}

fn erase(flash: &mut Flash, cr: u32) -> Effect {
    let effect = flash.write(CR, cr | STRT, &moment(0)).unwrap();
    wait(flash);
    effect
}

fn wait(flash: &mut Flash) {
    while let Due::Time(time) = flash.tick(&moment(0)) {
        flash.tick(&at(time + VirtualTime::from_micros(1)));
    }
}

#[test]
fn a_double_word_takes_its_time_and_then_is_there() {
    let mut flash = unlocked();
    put(&mut flash, &[(CR, PG | EOPIE)]);
    assert_eq!(flash.write_cells(0x800, Width::Word, 0x1111_1111, &moment(0)), Effect::None);
    let effect = flash.write_cells(0x804, Width::Word, 0x2222_2222, &moment(0));
    assert_eq!(effect, Effect::FlashChanged { offset: 0x800, length: 8 });
    assert_eq!(sr(&mut flash), BSY);
    assert_eq!(flash.tick(&moment(82)), Due::Time(PROGRAM_TIME));
    assert_eq!(flash.tick(&moment(83)), Due::Never);
    assert_eq!(sr(&mut flash), EOP);
    assert_eq!(flash.bytes()[0x800..0x808], [0x11, 0x11, 0x11, 0x11, 0x22, 0x22, 0x22, 0x22]);
    let mut lines = Lines::default();
    flash.interrupts(&mut lines);
    assert!(lines.is_high(FLASH_IRQ));
}

#[test]
fn a_page_erase_takes_22_milliseconds_and_one_page() {
    let mut flash = Flash::new(vec![0; FLASH_BYTES]);
    put(&mut flash, &[(KEYR, 0x4567_0123), (KEYR, 0xCDEF_89AB), (CR, ERASE_PAGE_3 | BKER | STRT)]);
    assert_eq!(flash.tick(&moment(0)), Due::Time(VirtualTime::from_micros(22_100)));
    assert_eq!(flash.read(CR, &moment(0)).unwrap() & STRT, STRT);
    wait(&mut flash);
    let start = BANK_BYTES + 3 * PAGE_BYTES;
    assert!(flash.bytes()[start..start + PAGE_BYTES].iter().all(|&byte| byte == 0xFF));
    assert_eq!(flash.bytes().iter().filter(|&&byte| byte == 0xFF).count(), PAGE_BYTES);
    assert_eq!(flash.read(CR, &moment(0)).unwrap() & STRT, 0);
}

#[test]
fn only_the_busy_bank_blocks_reads() {
    let mut flash = unlocked();
    put(&mut flash, &[(CR, ERASE_PAGE_3 | STRT)]);
    assert!(flash.blocks(0).is_some());
    assert!(flash.blocks(BANK_BYTES).is_none());
    assert!(!flash.reads_pass());
}

#[test]
fn a_wrong_key_faults_and_bars_the_controller_until_reset() {
    let mut flash = blank();
    assert_eq!(flash.write(KEYR, 0xDEAD_BEEF, &moment(0)), Err(Refused::BusFault));
    assert_eq!(flash.write(KEYR, 0x4567_0123, &moment(0)), Err(Refused::BusFault));
    flash.reset();
    put(&mut flash, &[(KEYR, 0x4567_0123), (KEYR, 0xCDEF_89AB)]);
    assert_eq!(flash.read(CR, &moment(0)).unwrap() & LOCK, 0);
}

/// `fault:P6`
#[test]
fn programming_over_a_programmed_word_is_an_error_and_changes_nothing() {
    let mut flash = unlocked();
    program(&mut flash, 0x40, 0x00FF);
    assert_eq!(program(&mut flash, 0x40, 0x000F), Effect::None);
    assert_eq!(sr(&mut flash), PROGERR);
    assert_eq!(flash.bytes()[0x40], 0xFF);
    assert_eq!(flash.operations(), 1);
}

/// `fault:P6`: the exception that the manual makes.
#[test]
fn zero_may_be_programmed_over_anything() {
    let mut flash = unlocked();
    program(&mut flash, 0x40, 0x00FF);
    assert_ne!(program(&mut flash, 0x40, 0), Effect::None);
    assert_eq!(flash.bytes()[0x40..0x48], [0; 8]);
}

/// `fault:P6`: ECC bits were written too.
#[test]
fn a_word_programmed_with_all_ones_counts_as_programmed() {
    let mut flash = unlocked();
    assert_ne!(program(&mut flash, 0x40, u64::MAX), Effect::None);
    program(&mut flash, 0x40, 1);
    assert_eq!(sr(&mut flash), PROGERR);
}

/// `fault:P6`: sticky flags of earlier code.
#[test]
fn an_old_error_flag_blocks_the_next_operation() {
    let mut flash = unlocked();
    put(&mut flash, &[(CR, PG)]);
    flash.write_cells(0x40, Width::Byte, 1, &moment(0));
    assert_eq!(sr(&mut flash), SIZERR);
    program(&mut flash, 0x40, 1);
    assert_eq!(sr(&mut flash), SIZERR | PGSERR);
    put(&mut flash, &[(CR, 0)]);
    erase(&mut flash, ERASE_PAGE_3);
    assert_eq!(flash.operations(), 0);
    put(&mut flash, &[(SR, SIZERR | PGSERR)]);
    assert_ne!(program(&mut flash, 0x40, 1), Effect::None);
}

#[test]
fn halves_of_two_double_words_are_an_alignment_error() {
    for (first, second) in [(0x44, 0x48), (0x40, 0x4C), (0x40, 0x40)] {
        let mut flash = unlocked();
        put(&mut flash, &[(CR, PG)]);
        flash.write_cells(first, Width::Word, 0, &moment(0));
        flash.write_cells(second, Width::Word, 0, &moment(0));
        assert_ne!(sr(&mut flash) & PGAERR, 0, "{first:#x} {second:#x}");
        assert_eq!(flash.operations(), 0);
    }
}

#[test]
fn a_write_without_pg_or_an_erase_with_pg_is_a_sequence_error() {
    let mut flash = unlocked();
    flash.write_cells(0x40, Width::Word, 0, &moment(0));
    assert_eq!(sr(&mut flash), PGSERR);
    put(&mut flash, &[(SR, PGSERR)]);
    erase(&mut flash, ERASE_PAGE_3 | PG);
    assert_eq!(sr(&mut flash), PGSERR);
}

#[test]
fn operr_rises_only_with_its_interrupt_enabled() {
    let mut flash = unlocked();
    put(&mut flash, &[(CR, ERRIE)]);
    flash.write_cells(0x40, Width::Word, 0, &moment(0));
    assert_eq!(sr(&mut flash), PGSERR | OPERR);
    let mut lines = Lines::default();
    flash.interrupts(&mut lines);
    assert!(lines.is_high(FLASH_IRQ));
}

/// `fault:P7`
#[test]
fn an_erase_while_locked_silently_does_nothing() {
    let mut flash = Flash::new(vec![0; FLASH_BYTES]);
    assert_eq!(erase(&mut flash, ERASE_PAGE_3), Effect::None);
    assert_eq!((sr(&mut flash), flash.operations()), (0, 0));
    assert!(flash.bytes().iter().all(|&byte| byte == 0));
}

/// `fault:P7`: BKER chooses the bank whatever the code meant.
#[test]
fn a_forgotten_bank_bit_erases_the_page_of_the_other_bank() {
    let mut flash = Flash::new(vec![0; FLASH_BYTES]);
    put(&mut flash, &[(KEYR, 0x4567_0123), (KEYR, 0xCDEF_89AB)]);
    erase(&mut flash, ERASE_PAGE_3);
    assert_eq!(flash.bytes()[3 * PAGE_BYTES], 0xFF);
    assert_eq!(flash.bytes()[BANK_BYTES + 3 * PAGE_BYTES], 0);
}

#[test]
fn protected_pages_refuse_program_page_erase_and_mass_erase() {
    let mut flash = unlocked();
    flash.protect(0, 0, 2, 5);
    program(&mut flash, 3 * PAGE_BYTES, 1);
    assert_eq!(sr(&mut flash), WRPERR);
    for kind in [ERASE_PAGE_3, MER1, MER1 | MER2] {
        put(&mut flash, &[(SR, WRPERR), (CR, 0)]);
        erase(&mut flash, kind);
        assert_eq!(sr(&mut flash), WRPERR);
    }
    put(&mut flash, &[(SR, WRPERR), (CR, 0)]);
    erase(&mut flash, MER2);
    flash.reset();
    assert_eq!(flash.operations(), 1);
    assert_eq!(flash.read(0x2C, &moment(0)), Ok(0x0005_0002), "option bytes outlive a reset");
}

/// `fault:P12`: what firmware must look at.
#[test]
fn the_options_say_dual_bank_and_boot_from_bank_one() {
    let optr = blank().read(0x20, &moment(0)).unwrap();
    assert_eq!((optr & 0xFF, optr >> 22 & 1, optr >> 20 & 1), (0xAA, 1, 0));
}

/// `fault:P12`: and they say it after a reset.
#[test]
fn other_options_outlive_a_reset() {
    let mut flash = blank();
    flash.set_options(0xFFAF_F8AA);
    flash.reset();
    assert_eq!(flash.read(OPTR, &moment(0)), Ok(0xFFAF_F8AA));
}

/// `fault:P8`
#[test]
fn a_data_cache_that_was_not_flushed_is_noticed() {
    const OFF: (u32, u32) = (ACR, 0);
    const FLUSH: (u32, u32) = (ACR, DCRST);
    const ON: (u32, u32) = (ACR, DCEN);
    for (before, after, expected) in [
        (&[OFF][..], &[FLUSH, ON][..], false),
        (&[OFF], &[], false),
        (&[OFF], &[ON], true),
        (&[OFF], &[ON, FLUSH], true),
        (&[FLUSH], &[ON], true),
        (&[ON], &[OFF, FLUSH, ON], true),
    ] {
        let mut flash = unlocked();
        put(&mut flash, before);
        program(&mut flash, 0x800, 7);
        put(&mut flash, after);
        assert_eq!(flash.data_cache_was_stale(), expected, "{before:x?} {after:x?}");
    }
}

/// `fault:P11`
#[test]
fn keys_for_the_option_bytes_are_counted() {
    let mut flash = unlocked();
    assert_eq!(flash.option_keys_offered(), 0);
    put(&mut flash, &[(OPTKEYR, 0x0819_2A3B), (OPTKEYR, 0x4C5D_6E7F)]);
    assert_eq!(flash.option_keys_offered(), 2);
}

#[test]
fn option_bytes_and_fast_programming_stop_the_machine() {
    let mut flash = unlocked();
    for (offset, value) in [(CR, FSTPG), (CR, OPTSTRT), (CR, OBL_LAUNCH), (CR, STRT), (0x20, 0), (0x04, 1)] {
        assert!(matches!(flash.write(offset, value, &moment(0)), Err(Refused::Unmodelled(_))), "{offset:#x}");
    }
}

/// `fault:P5`
#[test]
fn a_poisoned_word_raises_nmi_and_says_where() {
    let mut flash = blank();
    let offset = BANK_BYTES + 0x1238;
    flash.array_mut().set(offset / 8, 0x55, Some(Oddity::Poisoned));
    let (value, nmi) = flash.read_cells(offset, Width::Word);
    assert!(nmi);
    assert_ne!(value, 0x55);
    assert_eq!(flash.read(ECCR, &moment(0)), Ok(ECCD | 1 << 21 | 0x1238));
    flash.array_mut().set(0, 0, Some(Oddity::Poisoned));
    assert!(flash.read_cells(0, Width::Byte).1);
    assert_eq!(flash.read(ECCR, &moment(0)), Ok(ECCD | 1 << 21 | 0x1238), "the first address stays");
    put(&mut flash, &[(ECCR, ECCD)]);
    flash.read_cells(0, Width::Byte);
    assert_eq!(flash.read(ECCR, &moment(0)), Ok(ECCD));
}

/// `fault:P5`: an erase heals.
#[test]
fn an_erase_makes_a_poisoned_word_clean() {
    let mut flash = unlocked();
    flash.array_mut().set(3 * PAGE_BYTES / 8, 0, Some(Oddity::Poisoned));
    assert!(!flash.reads_pass());
    erase(&mut flash, ERASE_PAGE_3);
    assert!(flash.reads_pass());
    assert!(!flash.read_cells(3 * PAGE_BYTES, Width::Word).1);
}

/// `fault:P3`
#[test]
fn an_unstable_word_reads_differently_within_its_mask() {
    let mut flash = blank();
    flash.array_mut().set(0, 0, Some(Oddity::Unstable { mask: 0xF0 }));
    let seen: std::collections::BTreeSet<u32> = (0..64).map(|_| flash.read_cells(0, Width::Word).0).collect();
    assert!(seen.len() > 4);
    assert!(seen.iter().all(|value| value & !0xF0 == 0));
}

/// `fault:P1`
#[test]
fn the_planned_operation_is_cut_before_or_after() {
    for (tear, expected) in [(Tear::Before, u64::MAX), (Tear::After, 7)] {
        let mut flash = unlocked();
        flash.plan_power_cut(2, tear);
        assert_ne!(program(&mut flash, 0, 1), Effect::PowerLost);
        assert_eq!(program(&mut flash, 8, 7), Effect::PowerLost);
        assert_eq!(flash.array().word(1), expected);
        assert!(flash.array().is_clean());
    }
}

/// `fault:P3`
#[test]
fn a_torn_word_is_garbage_poison_or_unstable() {
    for seed in 0..50 {
        let torn = |tear: Tear| {
            let mut flash = unlocked();
            flash.plan_power_cut(1, tear);
            assert_eq!(program(&mut flash, 0, 0x0123_4567_89AB_CDEF), Effect::PowerLost);
            flash
        };
        let garbage = torn(Tear::Garbage(seed));
        assert_eq!(garbage.array().word(0) & 0x0123_4567_89AB_CDEF, 0x0123_4567_89AB_CDEF, "bits only fall");
        assert!(garbage.array().is_clean());
        assert!(torn(Tear::Poison(seed)).read_cells(0, Width::Word).1);
        assert!(matches!(torn(Tear::Unstable(seed)).array().oddity(0), Some(Oddity::Unstable { .. })));
    }
}

/// `fault:P4`
#[test]
fn a_torn_erase_leaves_some_words_whole_some_erased_some_odd() {
    let mut flash = Flash::new(vec![0; FLASH_BYTES]);
    put(&mut flash, &[(KEYR, 0x4567_0123), (KEYR, 0xCDEF_89AB)]);
    flash.plan_power_cut(1, Tear::Poison(9));
    assert_eq!(flash.write(CR, ERASE_PAGE_3 | STRT, &moment(0)), Ok(Effect::PowerLost));
    let words = 3 * PAGE_BYTES / 8..4 * PAGE_BYTES / 8;
    let (mut whole, mut erased, mut poisoned) = (0, 0, 0);
    for word in words {
        match (flash.array().word(word), flash.array().oddity(word)) {
            (_, Some(Oddity::Poisoned)) => poisoned += 1,
            (0, None) => whole += 1,
            (u64::MAX, None) => erased += 1,
            other => panic!("{other:?}"),
        }
    }
    assert!(whole > 20 && erased > 20 && poisoned > 20);
}

/// `fault:P1`: power or a reset that comes by itself in the middle of an operation.
#[test]
fn an_interrupted_operation_is_torn() {
    let mut flash = Flash::new(vec![0; FLASH_BYTES]);
    put(&mut flash, &[(KEYR, 0x4567_0123), (KEYR, 0xCDEF_89AB), (CR, ERASE_PAGE_3 | STRT)]);
    assert_eq!(flash.interrupt(), Some(3 * PAGE_BYTES..4 * PAGE_BYTES));
    let page = &flash.bytes()[3 * PAGE_BYTES..4 * PAGE_BYTES];
    assert!(page.contains(&0) && page.contains(&0xFF));
    assert_eq!(flash.interrupt(), None);
}

proptest! {
    /// Whatever happens, reset and keys make it work again, and nothing panics.
    #[test]
    fn random_writes_never_panic_and_never_wedge_it(
        steps in prop::collection::vec((0u32..0x20, any::<u32>(), any::<bool>(), 0usize..0x2000), 0..100),
    ) {
        let mut flash = unlocked();
        for (time, (register, value, cells, offset)) in steps.into_iter().enumerate() {
            let now = moment(time as u64 * 30);
            if cells {
                flash.write_cells(offset & !3, Width::Word, value, &now);
            } else {
                let _ = flash.write(register * 4, value, &now);
                let _ = flash.read(register * 4, &now);
            }
            flash.tick(&now);
        }
        flash.interrupt();
        flash.reset();
        put(&mut flash, &[(KEYR, 0x4567_0123), (KEYR, 0xCDEF_89AB)]);
        let page = Operation::ErasePage { page: 3 };
        prop_assert_ne!(erase(&mut flash, ERASE_PAGE_3), Effect::None);
        prop_assert!(flash.bytes()[page.range()].iter().all(|&byte| byte == 0xFF));
    }
}
