//! The board from outside, with guests that write a list of registers and then sleep.

mod guest;
mod world;

use super::*;
use crate::chip::{FLASH_BYTES, PAGE_BYTES};
use crate::core::bus::{Chip, Width};
use guest::{Guest, SPIN, board_with, script};

const RCC: u32 = 0x4002_1000;
const FLASH: u32 = 0x4002_2000;
const USART1: u32 = 0x4001_3800;
const CSR: u32 = RCC + 0x94;

/// USART1 on PA9, PA10 and PA12 with 115200 baud from HSI16, driver enable by hardware.
const PORT: [(u32, u32); 8] = [
    (RCC + 0x4C, 1),
    (RCC + 0x60, 1 << 14),
    (0x4800_0000, 0xAA80_0000 | 0x0028_0000 | 0x0200_0000),
    (0x4800_0024, 0x0007_0770),
    (USART1 + 0x0C, 139),
    (USART1 + 0x08, 1 << 14),
    (USART1, 0x2000_000C),
    (USART1, 0x2000_000D),
];

/// Unlocks flash and erases page 5 of bank 1.
const ERASE: [(u32, u32); 3] =
    [(FLASH + 0x08, 0x4567_0123), (FLASH + 0x08, 0xCDEF_89AB), (FLASH + 0x14, 2 | 5 << 3 | 1 << 16)];

fn millis(count: u64) -> VirtualTime {
    VirtualTime::from_millis(count)
}

fn run(board: &mut Board, until: VirtualTime) {
    assert_eq!(board.run_until(until), Ran::Reached);
}

fn peek(board: &mut Board, address: u32) -> u32 {
    let core = board.core_mut();
    core.chip.read(address, Width::Word, &mut core.signals).unwrap()
}

fn causes(board: &Board) -> Vec<ResetCause> {
    board.resets().iter().map(|reset| reset.cause).collect()
}

#[test]
fn the_recovery_button_pulls_its_pin_low_while_it_is_held() {
    const GPIOB: u32 = 0x4800_0400;
    let pulled_up = [(RCC + 0x4C, 2), (GPIOB, 0xFFF3_FEBF), (GPIOB + 0x0C, 1 << 18 | 0x100)];
    let mut board = script(&pulled_up);
    board.power_on();
    run(&mut board, millis(1));
    let level = |board: &mut Board| peek(board, GPIOB + 0x10) >> 9 & 1;
    assert_eq!(level(&mut board), 1);
    board.hold_recovery_button(Hold::Down);
    assert_eq!(level(&mut board), 0);
    board.hold_recovery_button(Hold::Released);
    assert_eq!(level(&mut board), 1);
}

#[test]
fn time_passes_without_power_and_nothing_else() {
    let mut board = board_with(&SPIN);
    run(&mut board, millis(5));
    assert_eq!((board.now(), board.instructions(), board.is_powered()), (millis(5), 0, false));
    assert_eq!(board.next_wake(), VirtualTime::NEVER);
    board.power_on();
    assert_eq!(board.resets(), [ResetRecord { time: millis(5), cause: ResetCause::PowerOn }]);
    run(&mut board, millis(6));
    assert_eq!(board.now(), millis(6));
    assert_eq!(board.instructions(), 16_000, "one a cycle of HSI16");
    assert_eq!(board.next_wake(), millis(6));
    board.power_off();
    run(&mut board, millis(9));
    assert_eq!((board.now(), board.instructions()), (millis(9), 16_000));
}

#[test]
fn ram_is_noise_after_power_on_the_same_noise_for_the_same_board_and_stays_over_resets() {
    let power_up = || {
        let mut board = board_with(&SPIN);
        board.power_on();
        board
    };
    let (mut first, second) = (power_up(), power_up());
    assert_eq!(first.core().ram(), second.core().ram());
    let zeros = first.core().ram().iter().filter(|&&byte| byte == 0).count();
    assert!((100..2000).contains(&zeros), "{zeros}");
    first.core_mut().ram_mut()[0x1FF00] = 0x5A;
    first.pin_reset();
    first.brown_out();
    assert_eq!(first.core().ram()[0x1FF00], 0x5A);
    let before = first.core().ram().to_vec();
    first.power_off();
    first.power_on();
    assert_ne!(first.core().ram(), before);
}

#[test]
fn each_cause_of_reset_leaves_its_flags() {
    let mut board = board_with(&SPIN);
    board.power_on();
    assert_eq!(peek(&mut board, CSR) >> 24, 0x0C);
    for (reset, flags) in [(Board::pin_reset as fn(&mut Board), 0x04), (Board::brown_out, 0x0C)] {
        let core = board.core_mut();
        core.chip.write(CSR, Width::Word, 1 << 23, &mut core.signals).unwrap();
        reset(&mut board);
        assert_eq!(peek(&mut board, CSR) >> 24, flags);
    }
    assert_eq!(causes(&board), [ResetCause::PowerOn, ResetCause::Pin, ResetCause::BrownOut]);
}

#[test]
fn a_software_reset_is_carried_out_and_recorded() {
    let mut board = script(&[(0xE000_ED0C, 0x05FA_0004)]);
    board.power_on();
    run(&mut board, VirtualTime::from_micros(20));
    assert!(board.resets().len() > 5, "it does so after each reset");
    assert!(causes(&board)[1..].iter().all(|&cause| cause == ResetCause::Software));
    assert_eq!(peek(&mut board, CSR) >> 24, 0x1C);
}

/// `fault:P10`: also a core that sleeps for ever is bitten, each time one period after it started the watchdog.
#[test]
fn the_watchdog_resets_a_sleeping_core_in_time() {
    let dog = 0x4000_3000;
    // As it is after a reset: 4096 steps of 125 us.
    let mut board = script(&[(dog, 0xCCCC)]);
    board.power_on();
    run(&mut board, millis(2_100));
    let times: Vec<u64> = board.resets().iter().map(|reset| reset.time.as_millis()).collect();
    assert_eq!(times, [0, 512, 1024, 1536, 2048]);
    assert_eq!(causes(&board)[4], ResetCause::Watchdog);
    assert_eq!(peek(&mut board, CSR) >> 24, 0x2C);
}

#[test]
fn a_sent_character_has_its_exact_times_and_the_driver_on() {
    let mut board = script(&[&PORT[..], &[(USART1 + 0x28, 0x41), (USART1 + 0x28, 0x42)]].concat());
    assert_eq!(board.character_time(), None);
    board.power_on();
    run(&mut board, millis(1));
    let length = VirtualTime::of_periods(1390, 16_000_000);
    assert_eq!(board.character_time(), Some(length));
    let (first, second) = (board.take_sent().unwrap(), board.take_sent().unwrap());
    assert_eq!((first.value, second.value, board.take_sent()), (0x41, 0x42, None));
    assert_eq!((first.end - first.start, second.end - second.start), (length, length));
    assert_eq!(second.start, first.end);
    assert!(first.driver_enabled);
}

#[test]
fn a_received_character_wakes_a_sleeping_core_at_its_end() {
    let mut board = script(&[&PORT[..], &[(USART1, 0x2000_002D)], &[(0xE000_E104, 1 << 5)]].concat());
    board.power_on();
    run(&mut board, millis(1));
    assert_eq!(board.next_wake(), VirtualTime::NEVER);
    board.receive(ReceivedChar { value: 7, end: millis(2), framing_error: false });
    assert_eq!(board.next_wake(), board.now(), "not asked yet");
    run(&mut board, VirtualTime::from_micros(1500));
    assert_eq!(board.next_wake(), millis(2));
    let asleep = board.instructions();
    run(&mut board, millis(2) + VirtualTime::from_micros(2));
    assert!(board.instructions() > asleep);
    assert_eq!(peek(&mut board, USART1 + 0x24), 7);
}

#[test]
fn a_start_bit_seen_keeps_slow_characters_from_looking_like_silence() {
    for (seen, idle) in [(true, 0), (false, 1 << 4)] {
        let mut board = script(&PORT);
        board.power_on();
        run(&mut board, millis(1));
        board.receive(ReceivedChar { value: 1, end: millis(1), framing_error: false });
        if seen {
            board.see_start(millis(1));
        }
        // A sender three percent slower, heard of only at the end of its character.
        run(&mut board, millis(1) + VirtualTime::from_nanos(89_500));
        assert_eq!(peek(&mut board, USART1 + 0x1C) & 1 << 4, idle);
    }
}

#[test]
fn characters_that_come_while_the_board_is_off_are_lost() {
    let mut board = script(&PORT);
    board.receive(ReceivedChar { value: 1, end: millis(2), framing_error: false });
    board.power_on();
    run(&mut board, millis(3));
    assert_eq!(peek(&mut board, USART1 + 0x1C) & 1 << 5, 0);
}

/// `fault:P1`
#[test]
fn a_planned_cut_leaves_the_board_off_and_the_page_torn() {
    let mut board = script(&ERASE);
    board.flash_mut().write(5 * PAGE_BYTES, &[0; PAGE_BYTES]);
    board.plan_power_cut(1, Tear::Poison(4));
    board.power_on();
    assert_eq!(board.run_until(millis(100)), Ran::PowerLost);
    assert!(!board.is_powered());
    assert!(board.now() < millis(1));
    let page = &board.flash()[5 * PAGE_BYTES..6 * PAGE_BYTES];
    assert!(page.contains(&0) && page.contains(&0xFF));
    board.power_on();
    run(&mut board, millis(100));
    assert!(board.flash()[5 * PAGE_BYTES..6 * PAGE_BYTES].iter().all(|&byte| byte == 0xFF));
    assert_eq!(board.flash_operations(), 2);
}

/// `fault:P2`: a cut while the board recovers from one.
#[test]
fn cuts_nest_and_a_plan_can_be_taken_back() {
    let mut board = script(&ERASE);
    for tear in [Tear::Before, Tear::Garbage(1), Tear::Unstable(2), Tear::After] {
        board.plan_power_cut(1, tear);
        board.power_on();
        assert_eq!(board.run_until(board.now() + millis(50)), Ran::PowerLost, "{tear:?}");
    }
    board.plan_power_cut(1, Tear::Before);
    board.cancel_power_cut();
    board.power_on();
    let end = board.now() + millis(50);
    run(&mut board, end);
    assert_eq!(board.flash_operations(), 5);
}

/// `fault:P1`
#[test]
fn a_cut_by_the_clock_tears_the_erase_it_meets() {
    for cut in [VirtualTime::from_nanos(500), millis(10), millis(30)] {
        let mut board = script(&ERASE);
        board.flash_mut().write(5 * PAGE_BYTES, &[0; PAGE_BYTES]);
        board.power_on();
        run(&mut board, cut);
        board.power_off();
        let erased = board.flash()[5 * PAGE_BYTES..6 * PAGE_BYTES].iter().filter(|&&byte| byte == 0xFF).count();
        match cut.as_millis() {
            0 => assert_eq!(erased, 0, "not begun"),
            10 => assert!((1..PAGE_BYTES).contains(&erased), "in the middle"),
            _ => assert_eq!(erased, PAGE_BYTES, "over"),
        }
    }
}

#[test]
fn an_erase_of_its_own_bank_stalls_the_core_but_neither_time_nor_the_line() {
    let mut board = script(&[&PORT[..], &ERASE].concat());
    board.power_on();
    run(&mut board, millis(1));
    let before = board.instructions();
    board.receive(ReceivedChar { value: 9, end: millis(2), framing_error: false });
    run(&mut board, millis(21));
    assert!(board.now() <= millis(21), "time is not run ahead");
    assert_eq!(board.instructions(), before);
    assert_eq!(peek(&mut board, USART1 + 0x1C) & 1 << 5, 1 << 5, "the port goes on");
    run(&mut board, millis(23));
    assert_eq!(peek(&mut board, FLASH + 0x10), 0);
}

#[test]
fn what_nobody_modelled_stops_the_board_and_names_itself_until_a_reset() {
    let mut board = script(&[(0x5000_0808, 1)]);
    board.power_on();
    let Ran::Stopped(Stop::Unmodelled { pc, what }) = board.run_until(millis(1)) else { panic!("it must stop") };
    assert_eq!(what, "0x50000808: DAC");
    assert_eq!(pc, 0x0800_0208);
    assert!(matches!(board.run_until(millis(2)), Ran::Stopped(_)));
    assert_eq!((board.now(), board.next_wake()), (millis(2), VirtualTime::NEVER));
    board.pin_reset();
    assert_eq!(board.resets().last().map(|reset| reset.time), Some(millis(2)));
    assert!(matches!(board.run_until(millis(3)), Ran::Stopped(_)));
}

#[test]
fn start_pins_fall_with_power_and_the_latch_remembers() {
    let mut board = script(&[(RCC + 0x4C, 4), (0x4800_0800, 0xFFFF_DFFF), (0x4800_0818, 1 << 6)]);
    board.power_on();
    run(&mut board, millis(1));
    assert_eq!(board.outputs().start, [true, false, false, false]);
    board.power_off();
    assert_eq!(board.outputs(), Outputs { ever_on: true, ..Outputs::default() });
    board.clear_output_latch();
    assert!(!board.outputs().ever_on);
}

#[test]
fn a_saved_flash_comes_back_with_its_poison() {
    let mut board = board_with(&SPIN);
    board.flash_mut().write(0x10000, &[1, 2, 3]);
    board.flash_mut().poison(0x10000);
    board.flash_mut().make_unstable(0x10008, 0xFF);
    let file = board.save_flash();
    let mut other = Board::new(BoardConfig { flash: Vec::new(), unique_id: [0; 12] });
    other.restore_flash(&file).unwrap();
    assert_eq!(other.flash(), board.flash());
    assert_eq!(other.save_flash(), file);
    assert!(other.restore_flash(&file[1..]).is_err());
    assert_eq!(other.flash(), board.flash());
    assert_eq!(other.flash().len(), FLASH_BYTES);
}

#[test]
fn in_how_many_pieces_time_is_cut_changes_nothing() {
    let work = [&PORT[..], &[(USART1 + 0x28, 0x41)], &ERASE, &[(0x2000_0000, 7), (0xE000_ED0C, 0x05FA_0004)]].concat();
    let outcome = |piece: VirtualTime| {
        let mut board = script(&work);
        board.power_on();
        let mut time = VirtualTime::ZERO;
        while time < millis(100) {
            time += piece;
            run(&mut board, time.min(millis(100)));
        }
        let sent: Vec<SentChar> = std::iter::from_fn(|| board.take_sent()).collect();
        (board.instructions(), board.resets().to_vec(), sent, board.core().ram().to_vec())
    };
    let whole = outcome(millis(100));
    assert!(whole.1.len() > 3);
    for piece in [VirtualTime::from_nanos(12_345), VirtualTime::from_micros(777), millis(7)] {
        assert!(outcome(piece) == whole, "{piece}");
    }
}

#[test]
fn a_faster_clock_is_more_cycles_in_the_same_time() {
    let mut board = Guest::new()
        .writes(&[(RCC + 0x58, 1 << 28), (0x4000_7080, 0), (FLASH, 0x0004_0604)])
        .writes(&[(RCC + 0x0C, 2 | 3 << 4 | 85 << 8 | 1 << 24), (RCC, 0x0100_0500), (RCC + 8, 3)])
        .then_spin()
        .board();
    board.power_on();
    run(&mut board, millis(1));
    let before = board.instructions();
    run(&mut board, millis(2));
    assert_eq!(board.instructions() - before, 170_000);
    board.pin_reset();
    let before = board.instructions();
    run(&mut board, millis(2) + VirtualTime::from_micros(1));
    assert!((15..=17).contains(&(board.instructions() - before)));
}

#[test]
fn a_board_that_is_rewound_is_the_board_it_is_rewound_to() {
    let mut start = script(&ERASE);
    start.power_on();
    run(&mut start, millis(0));
    let mut board = start.clone();
    let mut ends = Vec::new();
    for _ in 0..3 {
        run(&mut board, millis(40));
        ends.push((board.now(), board.instructions(), board.flash_operations(), board.flash().to_vec()));
        board.rewind(&start);
        assert_eq!((board.now(), board.flash_operations()), (start.now(), start.flash_operations()));
        assert!(board.flash() == start.flash());
    }
    assert_eq!(ends[0].2, 1);
    assert!(ends[0] == ends[1] && ends[1] == ends[2]);
}
