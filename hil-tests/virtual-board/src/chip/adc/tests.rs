//! The converter by itself; the core runs at 1 MHz in these tests, and so does HCLK's time, but its tree says 16 MHz.

use super::*;
use crate::chip::testing::moment;

const SYNCHRONOUS: u32 = 1 << 16;
const SENSORS: u32 = 1 << 22 | 1 << 23;

fn set(adc: &mut Adc, at: u64, writes: &[(u32, u32)]) {
    for &(offset, value) in writes {
        adc.write(offset, value, &moment(at)).unwrap_or_else(|refused| panic!("{offset:#x}: {refused:?}"));
    }
}

fn read(adc: &mut Adc, at: u64, offset: u32) -> u32 {
    adc.read(offset, &moment(at)).unwrap()
}

fn refusal(adc: &mut Adc, at: u64, offset: u32, value: u32) -> String {
    match adc.write(offset, value, &moment(at)) {
        Err(Refused::Unmodelled(what)) => what,
        other => panic!("{other:?}"),
    }
}

/// Calibrated and enabled by cycle 100, with a clock of 16 MHz.
fn ready() -> Adc {
    let mut adc = Adc::new(1);
    set(&mut adc, 0, &[(COMMON + CCR, SYNCHRONOUS | SENSORS), (CR, 0), (CR, ADVREGEN)]);
    set(&mut adc, 20, &[(CR, ADVREGEN | ADCAL)]);
    // 116 cycles of 16 MHz are 7.25 us.
    assert_eq!(read(&mut adc, 27, CR) & ADCAL, ADCAL);
    assert_eq!(read(&mut adc, 28, CR) & ADCAL, 0);
    set(&mut adc, 29, &[(CR, ADVREGEN | ADEN)]);
    assert_eq!(read(&mut adc, 29, ISR) & ADRDY, 0);
    assert_eq!(read(&mut adc, 100, ISR) & ADRDY, ADRDY);
    adc
}

/// Brings the converter to a cycle; every input has that voltage.
fn run(adc: &mut Adc, at: u64, volts: f64) -> Vec<Input> {
    let mut inputs = Vec::new();
    while let Some(input) = adc.ended(&moment(at)) {
        adc.finish(volts);
        inputs.push(input);
    }
    inputs
}

#[test]
fn a_conversion_takes_its_sampling_time_and_twelve_and_a_half_cycles() {
    let mut adc = ready();
    // Channel 2, 47.5 cycles: 60 cycles of 16 MHz are 3.75 us.
    set(&mut adc, 100, &[(SMPR1, 4 << 6), (SQR1, 2 << 6), (CR, ADVREGEN | ADEN | ADSTART)]);
    assert_eq!(adc.tick(&moment(100)), Due::Time(VirtualTime::from_nanos(103_750)));
    assert_eq!(run(&mut adc, 103, 1.65), []);
    assert_eq!(run(&mut adc, 104, 1.65), [Input::Power(1)]);
    assert_eq!(read(&mut adc, 104, ISR) & (EOC | EOS | OVR), EOC | EOS);
    assert_eq!(read(&mut adc, 104, CR) & ADSTART, 0);
    let code = read(&mut adc, 104, DR);
    assert!((2047..=2049).contains(&code), "{code}");
    assert_eq!(read(&mut adc, 104, ISR) & EOC, 0);
}

#[test]
fn noise_is_about_one_step_and_the_same_in_every_run() {
    let codes = || -> Vec<u32> {
        let mut adc = ready();
        set(&mut adc, 100, &[(SQR1, 1 << 6)]);
        let convert = |turn: u64| {
            set(&mut adc, 100 + turn * 10, &[(CR, ADVREGEN | ADEN | ADSTART)]);
            run(&mut adc, 109 + turn * 10, 1.0);
            read(&mut adc, 109 + turn * 10, DR)
        };
        (0..200).map(convert).collect()
    };
    let (first, second) = (codes(), codes());
    assert_eq!(first, second);
    assert!(first.iter().all(|code| (1240..=1242).contains(code)) && first.iter().any(|code| *code != first[0]));
}

#[test]
fn a_sequence_asks_for_dma_after_each_result_and_says_when_one_was_lost() {
    let mut adc = ready();
    set(&mut adc, 100, &[(CFGR, DMAEN | DMACFG | JQDIS), (SQR1, 1 | 3 << 6 | 4 << 12)]);
    set(&mut adc, 100, &[(CR, ADVREGEN | ADEN | ADSTART)]);
    assert!(!adc.asks_for_dma());
    // 15 cycles each: 0.9375 us.
    assert_eq!(run(&mut adc, 101, 3.3), [Input::Power(2)]);
    assert!(adc.asks_for_dma());
    assert_eq!(read(&mut adc, 101, DR), 4095);
    assert!(!adc.asks_for_dma());
    assert_eq!(run(&mut adc, 110, 0.0), [Input::Power(3)]);
    assert_eq!(read(&mut adc, 110, ISR) & (EOC | EOS | OVR), EOC | EOS);

    set(&mut adc, 120, &[(CR, ADVREGEN | ADEN | ADSTART)]);
    run(&mut adc, 130, 3.3);
    assert_eq!(read(&mut adc, 130, ISR) & OVR, OVR);
    assert!(!adc.asks_for_dma(), "not before OVR is cleared");
    assert!(read(&mut adc, 130, DR) < 3, "the old result stays");
}

#[test]
fn interrupts_come_and_flags_go_by_writing_one() {
    let mut adc = ready();
    set(&mut adc, 100, &[(IER, EOS), (SQR1, 1 << 6), (CR, ADVREGEN | ADEN | ADSTART)]);
    let heard = |adc: &Adc| {
        let mut lines = Lines::default();
        adc.interrupts(&mut lines);
        lines.is_high(ADC_IRQ)
    };
    assert!(!heard(&adc));
    run(&mut adc, 101, 0.0);
    assert!(heard(&adc));
    set(&mut adc, 102, &[(ISR, EOS)]);
    assert!(!heard(&adc));
}

#[test]
fn a_start_up_that_leaves_out_a_step_names_it() {
    let mut adc = Adc::new(1);
    set(&mut adc, 0, &[(COMMON + CCR, SYNCHRONOUS)]);
    assert_eq!(refusal(&mut adc, 0, CR, DEEPPWD | ADCAL), "CR: ADCAL with DEEPPWD set or ADVREGEN clear");
    let mut adc = Adc::new(1);
    set(&mut adc, 0, &[(COMMON + CCR, SYNCHRONOUS), (CR, ADVREGEN)]);
    assert_eq!(refusal(&mut adc, 18, CR, ADVREGEN | ADCAL), "CR: ADCAL less than 20 us after ADVREGEN");
    assert_eq!(refusal(&mut adc, 20, CR, ADVREGEN | ADEN), "CR: ADEN without a calibration before it, or during one");
    set(&mut adc, 20, &[(CR, ADVREGEN | ADCAL)]);
    assert!(refusal(&mut adc, 21, CR, ADVREGEN | ADEN).contains("during one"));
    let mut adc = Adc::new(1);
    set(&mut adc, 0, &[(CR, ADVREGEN)]);
    assert!(refusal(&mut adc, 20, CR, ADVREGEN | ADCAL).contains("ADC12SEL"));
}

#[test]
fn a_sequence_that_cannot_be_right_names_its_channel() {
    const START: u32 = ADVREGEN | ADEN | ADSTART;
    for (writes, what) in [
        ([(SQR1, 5 << 6), (SMPR2, 0)], "SQR: channel 5, on which the board has nothing"),
        ([(SQR1, 16 << 6), (COMMON + CCR, SYNCHRONOUS)], "SQR: channel 16 while CCR.VSENSESEL is clear"),
        ([(SQR1, 16 << 6), (SMPR2, 3 << 18)], "SMPR: channel 16 samples 1531 ns, it needs 0.000005 s"),
    ] {
        let mut adc = ready();
        set(&mut adc, 100, &writes);
        assert_eq!(refusal(&mut adc, 100, CR, START), what);
    }
    for (offset, value) in [(CFGR, 1 << 13), (CFGR, 1 << 10), (CFGR2, 1), (DIFSEL, 2), (SMPR1, 1 << 31), (0x20, 0)] {
        refusal(&mut ready(), 100, offset, value);
    }
    let mut adc = ready();
    set(&mut adc, 100, &[(SQR1, 1 << 6), (CR, START)]);
    assert_eq!(refusal(&mut adc, 100, SQR1, 2 << 6), "SQR1: written while ADSTART is set");
}

#[test]
fn the_accesses_of_embassys_driver_work() {
    // Adc::new and blocking_read of embassy-stm32 0.6, register by register; the kernel clock is SYSCLK.
    let at = |cycle| {
        let moment = moment(cycle);
        Moment { tree: crate::chip::rcc::ClockTree { ccipr: 2 << 28, ..moment.tree }, ..moment }
    };
    let mut adc = Adc::new(1);
    let modify = |adc: &mut Adc, cycle, offset, clear: u32, bits: u32| {
        let old = adc.read(offset, &at(cycle)).unwrap();
        adc.write(offset, old & !clear | bits, &at(cycle)).unwrap();
    };
    modify(&mut adc, 0, COMMON + CCR, 0xF << 18, 2 << 18);
    modify(&mut adc, 0, CR, DEEPPWD, ADVREGEN);
    modify(&mut adc, 20, DIFSEL, u32::MAX, 0);
    for (begin, differential) in [(20, 0), (90, ADCALDIF)] {
        modify(&mut adc, begin, CR, ADCALDIF, differential);
        modify(&mut adc, begin, CR, 0, ADCAL);
        assert_eq!(adc.read(CR, &at(begin + 50)).unwrap() & ADCAL, 0);
    }
    modify(&mut adc, 200, ISR, 0, ADRDY);
    modify(&mut adc, 200, CR, 0, ADEN);
    assert_eq!(adc.read(ISR, &at(250)).unwrap() & ADRDY, ADRDY);
    modify(&mut adc, 250, CFGR, 3 << 10 | 1 << 13, 0);
    modify(&mut adc, 250, COMMON + CCR, 0, 1 << 23);
    for (turn, channel) in (0..).zip([1u32, 16]) {
        let begin = 300 + turn * 200;
        modify(&mut adc, begin, CFGR, 1 << 13 | DMAEN, 0);
        modify(&mut adc, begin, CR, ADEN, 0);
        for (offset, value) in [(SMPR1, 0o77), (SMPR2, 7 << 18), (SQR1, channel << 6), (0x34, 0), (0x38, 0), (0x3C, 0)]
        {
            adc.write(offset, value, &at(begin)).unwrap();
        }
        adc.write(DIFSEL, 0, &at(begin)).unwrap();
        modify(&mut adc, begin, ISR, 0, EOC | EOS);
        modify(&mut adc, begin, CR, 0, ADSTART);
        // 653 cycles of 4 MHz are 163.25 us.
        assert!(adc.ended(&at(begin + 163)).is_none() && adc.ended(&at(begin + 164)).is_some());
        adc.finish(1.65);
        assert_eq!(adc.read(ISR, &at(begin + 164)).unwrap() & EOS, EOS);
        assert!((2047..=2049).contains(&adc.read(DR, &at(begin + 164)).unwrap()));
    }
}
