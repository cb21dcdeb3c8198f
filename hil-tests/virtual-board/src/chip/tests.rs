//! The chip as the core sees it: gates, strictness, clocks, and that nothing panics.

use super::*;
use proptest::prelude::*;

const RCC: u32 = 0x4002_1000;
const FLASH: u32 = 0x4002_2000;
const PWR: u32 = 0x4000_7000;

fn chip() -> (Stm32g474, Signals) {
    (Stm32g474::new(Vec::new(), [7; 12]), Signals::default())
}

fn write(chip: &mut (Stm32g474, Signals), address: u32, value: u32) {
    chip.0
        .write(address, Width::Word, value, &mut chip.1)
        .unwrap_or_else(|refused| panic!("{address:#x}: {refused:?}"));
}

fn read(chip: &mut (Stm32g474, Signals), address: u32) -> u32 {
    chip.0.read(address, Width::Word, &mut chip.1).unwrap()
}

fn refusal(chip: &mut (Stm32g474, Signals), address: u32, width: Width, value: u32) -> String {
    match chip.0.write(address, width, value, &mut chip.1) {
        Err(Refused::Unmodelled(what)) => what,
        other => panic!("{other:?}"),
    }
}

/// To 170 MHz as RM0440 6.1.5 and 7.2.7 tell.
fn speed_up(chip: &mut (Stm32g474, Signals)) {
    write(chip, RCC + 0x58, 1 << 28);
    write(chip, PWR + 0x80, 0);
    write(chip, FLASH, 0x0004_0604);
    write(chip, RCC + 0x0C, 2 | 3 << 4 | 85 << 8 | 1 << 24);
    write(chip, RCC, 0x0100_0500);
    write(chip, RCC + 0x08, 8 << 4 | 1);
    write(chip, RCC + 0x08, 8 << 4 | 3);
    write(chip, RCC + 0x08, 3);
}

#[test]
fn an_access_to_a_block_without_a_clock_says_which_bit() {
    let mut chip = chip();
    assert_eq!(
        refusal(&mut chip, 0x4001_3800, Width::Word, 0),
        "USART1: an access while its clock is off; set bit 14 of RCC_APB2ENR first"
    );
    assert_eq!(
        refusal(&mut chip, 0x4800_0018, Width::Word, 1),
        "GPIOA: an access while its clock is off; set bit 0 of RCC_AHB2ENR first"
    );
}

#[test]
fn what_nobody_modelled_names_peripheral_and_register() {
    let mut chip = chip();
    write(&mut chip, RCC + 0x58, 1 << 28 | 1);
    assert_eq!(refusal(&mut chip, PWR + 0x80, Width::Word, 1), "PWR_CR5: reserved bits 0x00000001 set");
    assert_eq!(refusal(&mut chip, FLASH + 0x14, Width::Byte, 1), "FLASH: a Byte access at offset 0x014");
    assert_eq!(refusal(&mut chip, 0x4000_0070, Width::Word, 0), "TIM2_offset 0x070: no register is modelled there");
    assert_eq!(refusal(&mut chip, 0x5000_0808, Width::Word, 0), "0x50000808: DAC");
    assert_eq!(chip.0.read(0x6000_0000, Width::Word, &mut chip.1), Err(Refused::BusFault));
}

#[test]
fn identity_is_where_firmware_looks_for_it() {
    let mut chip = chip();
    assert_eq!(read(&mut chip, 0xE004_2000) & 0xFFF, 0x469);
    assert_eq!(read(&mut chip, 0x1FFF_7590), 0x0707_0707);
    assert_eq!(chip.0.read(0x1FFF_75E0, Width::Half, &mut chip.1), Ok(512));
}

#[test]
fn reset_values_are_those_of_the_manual() {
    let mut chip = chip();
    let values = [RCC, RCC + 8, RCC + 0xC, RCC + 0x48, RCC + 0x58, FLASH, FLASH + 0x14].map(|at| read(&mut chip, at));
    assert_eq!(values, [0x500, 5, 0x1000, 0x100, 0x400, 0x0004_0600, 0xC000_0000]);
}

#[test]
fn the_pll_makes_170_mhz_and_a_cycle_shorter() {
    let mut chip = chip();
    chip.1.cycles = 16;
    speed_up(&mut chip);
    assert_eq!(read(&mut chip, RCC + 0x08), 0xF);
    assert!(chip.1.pause);
    assert_eq!(chip.0.clock().hertz(), 170_000_000);
    assert_eq!(chip.0.clock().time_of(16 + 170), VirtualTime::from_micros(2));
    chip.0.reset();
    assert_eq!(chip.0.clock().hertz(), 16_000_000);
}

#[test]
fn too_fast_for_the_voltage_or_the_flash_stops_the_machine() {
    let mut chip = chip();
    speed_up(&mut chip);
    let what = refusal(&mut chip, FLASH, Width::Word, 0x0004_0603);
    assert!(what.starts_with("FLASH_ACR_HCLK of 170000000 Hz needs 4 flash wait states"), "{what}");
    let what = refusal(&mut chip, PWR + 0x80, Width::Word, 1 << 8);
    assert!(what.contains("boost"), "{what}");

    let mut chip = self::chip();
    write(&mut chip, FLASH, 0x0004_0604);
    write(&mut chip, RCC + 0x0C, 2 | 3 << 4 | 85 << 8 | 1 << 24);
    write(&mut chip, RCC, 0x0100_0500);
    let what = refusal(&mut chip, RCC + 0x08, Width::Word, 3 | 8 << 4);
    assert!(what.contains("PWR_CR5.R1MODE (bit 8)"), "{what}");
}

#[test]
fn a_peripheral_reset_acts_and_holds() {
    let mut chip = chip();
    write(&mut chip, RCC + 0x58, 1);
    write(&mut chip, 0x4000_0034, 77);
    write(&mut chip, RCC + 0x38, 1);
    assert_eq!(refusal(&mut chip, 0x4000_0034, Width::Word, 1), "TIM2: an access while RCC holds it in reset");
    write(&mut chip, RCC + 0x38, 0);
    assert_eq!(read(&mut chip, 0x4000_0034), 0);
}

#[test]
fn the_backup_domain_opens_with_dbp_only() {
    let mut chip = chip();
    write(&mut chip, RCC + 0x58, 1 << 28);
    assert!(refusal(&mut chip, RCC + 0x90, Width::Word, 1 << 16).contains("DBP"));
    write(&mut chip, PWR, 0x300);
    write(&mut chip, RCC + 0x90, 1 << 15 | 2 << 8);
    chip.0.reset();
    assert_eq!(read(&mut chip, RCC + 0x90), 1 << 15 | 2 << 8, "a system reset leaves it");
}

#[test]
fn reset_flags_pile_up_until_software_removes_them() {
    let mut chip = chip();
    for (cause, flags) in [
        (ResetCause::PowerOn, 0x0C),
        (ResetCause::Software, 0x1C),
        (ResetCause::Watchdog, 0x3C),
        (ResetCause::Pin, 0x3C),
        (ResetCause::PowerOn, 0x0C),
    ] {
        chip.0.prepare_reset(0, cause);
        chip.0.reset();
        assert_eq!(read(&mut chip, RCC + 0x94) >> 24, flags, "{cause:?}");
    }
    write(&mut chip, RCC + 0x94, 1 << 23);
    assert_eq!(read(&mut chip, RCC + 0x94), 0);
    chip.0.prepare_reset(0, ResetCause::Pin);
    chip.0.reset();
    assert_eq!(read(&mut chip, RCC + 0x94), 1 << 26);
}

#[test]
fn a_watchdog_that_runs_out_asks_for_a_reset_at_its_exact_cycle() {
    let mut chip = chip();
    for (offset, value) in [(0, 0xCCCC), (0, 0x5555), (4, 3), (8, 999)] {
        write(&mut chip, 0x4000_3000 + offset, value);
    }
    // The settings are in force after five periods of 32 kHz; only then the reload takes the new value.
    let reload = 3_200;
    chip.1.cycles = reload;
    write(&mut chip, 0x4000_3000, 0xAAAA);
    assert_eq!(chip.0.tick(&mut chip.1), reload + 16_000_000);
    chip.1.cycles = reload + 15_999_999;
    chip.0.tick(&mut chip.1);
    assert!(!chip.1.reset);
    chip.1.cycles = reload + 16_000_000;
    chip.0.tick(&mut chip.1);
    assert!(chip.1.reset);
    assert_eq!(chip.0.take_reset_request(), Some(ResetCause::Watchdog));
    assert_eq!(read(&mut chip, RCC + 0x94) & 2, 2, "LSI runs for the watchdog");
}

#[test]
fn the_core_stalls_when_it_runs_from_the_bank_it_erases() {
    for (pc, stalls) in [(0x0800_1000, true), (0x0804_1000, false), (0x2000_0100, false)] {
        let mut chip = chip();
        write(&mut chip, FLASH + 0x08, 0x4567_0123);
        write(&mut chip, FLASH + 0x08, 0xCDEF_89AB);
        chip.1.pc = pc;
        write(&mut chip, FLASH + 0x14, 2 | 5 << 3 | 1 << 16);
        let expected = if stalls { 353_600 } else { 0 }; // 22.1 ms at 16 MHz
        assert_eq!(chip.1.stall, expected);
        assert!(!chip.0.flash_is_clean());
        chip.0.read(0x0800_0000, Width::Word, &mut chip.1).unwrap();
        assert_eq!(chip.1.stall, 353_600, "a read of the busy bank waits wherever the code runs");
        chip.1.cycles += 353_600;
        chip.0.tick(&mut chip.1);
        assert!(chip.0.flash_is_clean());
    }
}

#[test]
fn start_pins_are_off_until_driven_and_the_latch_remembers() {
    let mut chip = chip();
    write(&mut chip, RCC + 0x4C, 6);
    write(&mut chip, 0x4800_0818, 1 << 7);
    assert!(!chip.0.wires().outputs.ever_on, "an analog pin drives nothing");
    write(&mut chip, 0x4800_0800, 0xFFFF_7FFF);
    assert_eq!(chip.0.wires().outputs.start, [false, true, false, false]);
    write(&mut chip, 0x4800_0828, 1 << 7);
    assert_eq!(chip.0.wires().outputs, Outputs { ever_on: true, ..Outputs::default() });
}

#[test]
fn edges_on_pins_interrupt() {
    let mut chip = chip();
    write(&mut chip, RCC + 0x4C, 4);
    write(&mut chip, RCC + 0x60, 1);
    write(&mut chip, 0x4800_0800, 0);
    write(&mut chip, 0x4001_0014, 2 << 4); // EXTI13 from port C
    write(&mut chip, 0x4001_0408, 1 << 13);
    write(&mut chip, 0x4001_0400, 1 << 13);
    chip.0.drive_pin(2, 13, Some(true));
    chip.0.tick(&mut chip.1);
    assert_eq!(chip.1.irq.levels(1), 1 << (40 - 32));
    write(&mut chip, 0x4001_0414, 1 << 13);
    assert_eq!(chip.1.irq.levels(1), 0);
}

#[test]
fn random_numbers_need_their_clock() {
    let mut chip = chip();
    write(&mut chip, RCC + 0x4C, 1 << 26);
    assert!(refusal(&mut chip, 0x5006_0800, Width::Word, 4).contains("HSI48"));
    write(&mut chip, RCC + 0x98, 1);
    write(&mut chip, 0x5006_0800, 4);
    assert_eq!(read(&mut chip, 0x5006_0804), 1);
    assert_ne!(read(&mut chip, 0x5006_0808), read(&mut chip, 0x5006_0808));
}

/// Addresses where something is, more often than chance would.
fn address() -> impl Strategy<Value = u32> {
    let bases = [
        0x4000_0000u32,
        0x4000_1000,
        0x4000_3000,
        0x4000_7000,
        0x4001_0000,
        0x4001_0400,
        0x4001_2C00,
        0x4001_3400,
        0x4001_3800,
        0x5000_0000,
        0x5000_0300,
        0x4002_1000,
        0x4002_2000,
        0x4002_3000,
        0x4800_0000,
        0x4800_0400,
        0x4800_0800,
        0x5006_0800,
        0xE004_2000,
        0x0800_0000,
        0x1FFF_7500,
    ];
    prop_oneof![
        9 => (prop::sample::select(bases.to_vec()), 0u32..0x100).prop_map(|(base, offset)| base + offset),
        1 => any::<u32>(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn random_register_writes_never_panic(
        steps in prop::collection::vec((address(), any::<u32>(), 0u32..33, 0u8..3, 0u64..1_000_000), 0..200),
    ) {
        let mut chip = chip();
        for enable in [0x48, 0x4C, 0x58, 0x60] {
            let _ = chip.0.write(RCC + enable, Width::Word, 0xFFFF_FFFF, &mut chip.1);
        }
        write(&mut chip, RCC + 0x48, 0x0000_111F);
        write(&mut chip, RCC + 0x4C, 0x050F_607F);
        write(&mut chip, RCC + 0x58, 0xD2FE_CD3F);
        write(&mut chip, RCC + 0x60, 0x0437_F801);
        for (address, value, shift, width, wait) in steps {
            let (width, mask) = [(Width::Byte, 0), (Width::Half, 1), (Width::Word, 3)][usize::from(width)];
            let address = address & !mask;
            // Small values reach further than full words, which are mostly reserved bits.
            let value = value.checked_shr(shift).unwrap_or(0);
            let _ = chip.0.write(address, width, value, &mut chip.1);
            let _ = chip.0.read(address, width, &mut chip.1);
            chip.1.cycles += wait + std::mem::take(&mut chip.1.stall);
            let next = chip.0.tick(&mut chip.1);
            prop_assert!(next > chip.1.cycles || chip.1.reset, "a deadline in the past would never let time pass");
            if std::mem::take(&mut chip.1.reset) {
                chip.0.reset();
            }
        }
    }
}

/// Clocks for DMA1, DMAMUX1, port A and USART1; USART1 with FIFO on its pins, 115200 baud from HSI16.
fn port_with_dma() -> (Stm32g474, Signals) {
    let mut chip = chip();
    for (address, value) in [
        (RCC + 0x48, 0x105),
        (RCC + 0x4C, 1),
        (RCC + 0x60, 1 << 14),
        (0x4800_0000, 0xABEB_FFFF),
        (0x4800_0000, 0xAAEB_FFFF),
        (0x4800_0024, 0x0007_0770),
        (0x4001_380C, 139),
        (0x4001_3808, 1 << 14 | 1 << 6 | 1 << 7),
        (0x4001_3800, 0x2000_000D),
    ] {
        write(&mut chip, address, value);
    }
    chip
}

/// Ticks as the core does, to `cycle`, through every deadline before it.
fn run_to(chip: &mut (Stm32g474, Signals), ram: &mut [u8], cycle: u64) {
    loop {
        let mut next = chip.0.tick(&mut chip.1);
        while chip.0.move_data(ram, &mut chip.1) {
            next = chip.0.tick(&mut chip.1);
        }
        if next > cycle {
            chip.1.cycles = cycle;
            return;
        }
        chip.1.cycles = next;
    }
}

#[test]
fn a_ring_buffer_fills_round_after_round_with_half_and_full_interrupts() {
    const DMA: u32 = 0x4002_0000;
    let mut chip = port_with_dma();
    let mut ram = vec![0; 64];
    write(&mut chip, 0x4002_0800, 24 | 1 << 9);
    for (offset, value) in [(0x10, 0x4001_3824), (0x14, 0x2000_0010), (0x0C, 4), (0x08, 0xAE), (0x08, 0xAF)] {
        write(&mut chip, DMA + offset, value);
    }
    let character = chip.0.character_time().unwrap();
    let mut end = chip.0.clock().time_of(0) + character;
    let mut seen = Vec::new();
    for value in 1..=6 {
        chip.0.line_port().receive(ReceivedChar { value, end, framing_error: false });
        let cycle = chip.0.clock().cycle_at(end);
        run_to(&mut chip, &mut ram, cycle);
        seen.push((read(&mut chip, DMA + 0x0C), read(&mut chip, DMA), chip.1.irq.levels(0) >> 11 & 1));
        write(&mut chip, DMA + 4, 0xF);
        end += character;
    }
    assert_eq!(seen, [(3, 0, 0), (2, 5, 1), (1, 0, 0), (4, 3, 1), (3, 0, 0), (2, 5, 1)]);
    assert_eq!(ram[0x10..0x14], [5, 6, 3, 4]);
    assert_eq!(read(&mut chip, 0x4001_381C) & 1 << 5, 0, "DMA reads RDR");
}

#[test]
fn a_block_is_sent_by_dma_without_a_gap() {
    const DMA: u32 = 0x4002_0000;
    let mut chip = port_with_dma();
    let mut ram: Vec<u8> = (0..64).collect();
    write(&mut chip, 0x4002_0804, 25);
    for (offset, value) in [(0x24, 0x4001_3828), (0x28, 0x2000_0000), (0x20, 20), (0x1C, 0x92), (0x1C, 0x93)] {
        write(&mut chip, DMA + offset, value);
    }
    run_to(&mut chip, &mut ram, 100_000);
    let sent: Vec<SentChar> = std::iter::from_fn(|| chip.0.line_port().take_sent()).collect();
    assert_eq!(sent.iter().map(|char| char.value).collect::<Vec<u8>>(), (0..20).collect::<Vec<u8>>());
    assert!(sent.windows(2).all(|pair| pair[0].end == pair[1].start));
    assert_eq!(read(&mut chip, DMA) >> 4 & 2, 2);
    assert_eq!(read(&mut chip, 0x4001_381C) & 1 << 6, 1 << 6);
}

#[test]
fn dma_beyond_the_ram_is_a_transfer_error_and_other_requests_say_so() {
    const DMA: u32 = 0x4002_0000;
    let mut chip = port_with_dma();
    write(&mut chip, 0x4002_0804, 25);
    for (offset, value) in [(0x24, 0x4001_3828), (0x28, 0x3000_0000), (0x20, 20), (0x1C, 0x93)] {
        write(&mut chip, DMA + offset, value);
    }
    run_to(&mut chip, &mut [0; 64], 1000);
    assert_eq!(read(&mut chip, DMA) >> 4 & 0xF, 9);
    assert!(refusal(&mut chip, 0x4002_0808, Width::Word, 36).contains("request 36"));
    assert!(refusal(&mut chip, DMA + 0x30, Width::Word, 1 << 14 | 1).contains("MEM2MEM"));
}
