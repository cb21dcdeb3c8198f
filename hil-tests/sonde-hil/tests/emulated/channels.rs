//! The four channels of the linked firmware, with sonicators on its pins: each figure from the frame's last character, or the
//! input's edge, to the pin, in virtual time.

use protocol::channel::{ChannelFault, ChannelId, ChannelState};
use protocol::registers::{ChannelRegister, RegisterId};
use virtual_board::board::StartEdge;
use virtual_board::plant::Fault;
use virtual_board::time::VirtualTime;

use crate::flash::UnitFlash;
use crate::rig::{Refused, Rig, framed};
use crate::test::tests;

tests![
    a_start_is_at_the_pin_within_50_ms_and_a_stop_within_100,
    an_emergency_stop_is_at_every_pin_within_10_ms_also_by_broadcast,
    an_overload_stops_its_channel_within_100_ms_and_the_others_run_on,
    a_silent_master_has_all_channels_off_within_1200_ms,
    a_sonicator_that_does_not_lock_is_stopped_after_5_s_and_one_that_loses_its_lock_after_10,
    what_the_registers_measure_is_what_the_sonicator_does,
    an_amplitude_is_at_the_output_within_200_ms_to_2_percent,
    four_starts_are_half_a_second_apart,
    ready_500_ms_after_power_comes_and_off_until_then,
    a_core_that_hangs_leaves_no_channel_on,
    a_reset_leaves_all_channels_off,
];

const CHANNEL: ChannelId = ChannelId::One;

fn id(channel: ChannelId, register: ChannelRegister) -> RegisterId {
    RegisterId::Channel(channel, register)
}

/// A unit that has passed its self-test.
fn ready() -> Rig {
    let mut rig = Rig::running(UnitFlash::new());
    rig.give_leave();
    rig.wait_ms(500);
    rig
}

/// Starts a channel; when the order's last character had left.
fn start(rig: &mut Rig, channel: ChannelId) -> VirtualTime {
    order(rig, id(channel, ChannelRegister::StartStop), 1)
}

/// Writes a register; when the order's last character had left.
fn order(rig: &mut Rig, register: RegisterId, value: u16) -> VirtualTime {
    let [high, low] = register.address().to_be_bytes();
    let [value_high, value_low] = value.to_be_bytes();
    let pdu = [6, high, low, value_high, value_low];
    rig.say(&framed(crate::rig::UNIT, &pdu));
    let said = rig.now();
    assert_eq!(rig.take_answer().as_deref(), Some(&pdu[..]), "{register:?} {value}");
    said
}

/// Polls for so long, as a PLC does.
fn poll_ms(rig: &mut Rig, milliseconds: u64) {
    let end = rig.now() + VirtualTime::from_millis(milliseconds);
    while rig.now() < end {
        rig.number(RegisterId::ActiveMask);
        rig.wait_ms(40);
    }
}

fn mask(rig: &Rig) -> u8 {
    let start = rig.board().outputs().start;
    (0..4).filter(|&channel| start[channel]).fold(0, |mask, channel| mask | 1 << channel)
}

/// From `since` to the first edge of this kind.
fn edge_after(rig: &Rig, since: VirtualTime, channel: ChannelId, high: bool) -> VirtualTime {
    let found = |edge: &&StartEdge| edge.time >= since && edge.channel == channel.index() && edge.high == high;
    rig.board().start_edges().iter().find(found).expect("the pin moves").time - since
}

fn a_start_is_at_the_pin_within_50_ms_and_a_stop_within_100() {
    let mut rig = ready();
    for channel in ChannelId::ALL {
        let said = start(&mut rig, channel);
        assert!(edge_after(&rig, said, channel, true) <= VirtualTime::from_millis(50));
        assert_eq!(rig.number(id(channel, ChannelRegister::StatusFlags)) & 1, 1, "seen within 100 ms");
        poll_ms(&mut rig, 600);
        assert_eq!(rig.number(id(channel, ChannelRegister::State)), ChannelState::Running.code());
        let said = order(&mut rig, id(channel, ChannelRegister::StartStop), 0);
        assert!(edge_after(&rig, said, channel, false) <= VirtualTime::from_millis(100));
        poll_ms(&mut rig, 150);
        assert_eq!((mask(&rig), rig.number(id(channel, ChannelRegister::State))), (0, ChannelState::Stopped.code()));
    }
}

fn an_emergency_stop_is_at_every_pin_within_10_ms_also_by_broadcast() {
    let [high, low] = RegisterId::EmergencyStop.address().to_be_bytes();
    for address in [crate::rig::UNIT, 0] {
        let mut rig = ready();
        start(&mut rig, ChannelId::Two);
        poll_ms(&mut rig, 600);
        start(&mut rig, ChannelId::Four);
        assert_eq!(mask(&rig), 0b1010);
        rig.say(&framed(address, &[6, high, low, 0, 1]));
        let said = rig.now();
        let _ = rig.listen();
        for channel in [ChannelId::Two, ChannelId::Four] {
            assert!(edge_after(&rig, said, channel, false) <= VirtualTime::from_millis(10), "address {address}");
        }
        rig.wait_ms(200);
        assert_eq!(rig.write(id(CHANNEL, ChannelRegister::StartStop), 1), Err(Refused::Exception(4)));
        assert_eq!(rig.number(RegisterId::SystemStatus), 1 << 2);
        order(&mut rig, RegisterId::EmergencyStop, 0);
        poll_ms(&mut rig, 500);
        assert_eq!(mask(&rig), 0, "lifting it starts nothing");
        start(&mut rig, CHANNEL);
        assert_eq!(mask(&rig), 1);
    }
}

fn an_overload_stops_its_channel_within_100_ms_and_the_others_run_on() {
    let mut rig = ready();
    start(&mut rig, CHANNEL);
    poll_ms(&mut rig, 600);
    start(&mut rig, ChannelId::Three);
    poll_ms(&mut rig, 600);
    let since = rig.now();
    rig.board_mut().plant_mut().inject(0, Fault::Overload);
    poll_ms(&mut rig, 200);
    let after = edge_after(&rig, since, CHANNEL, false);
    assert!(after >= VirtualTime::from_millis(10) && after <= VirtualTime::from_millis(100), "{after}");
    assert_eq!(mask(&rig), 0b0100);
    let number = |rig: &mut Rig, register| rig.number(id(CHANNEL, register));
    assert_eq!(number(&mut rig, ChannelRegister::LastFaultCode), ChannelFault::Overload.code());
    assert_eq!(number(&mut rig, ChannelRegister::StatusFlags) & 0b10, 0b10);
    // The cause is gone, and still nothing starts by itself.
    rig.board_mut().plant_mut().mend(0, Fault::Overload);
    poll_ms(&mut rig, 300);
    assert_eq!(rig.write(id(CHANNEL, ChannelRegister::StartStop), 1), Err(Refused::Exception(4)));
    order(&mut rig, id(CHANNEL, ChannelRegister::OverloadReset), 1);
    poll_ms(&mut rig, 200);
    assert_eq!(number(&mut rig, ChannelRegister::State), ChannelState::Stopped.code());
    start(&mut rig, CHANNEL);
    assert_eq!(mask(&rig), 0b0101);
}

fn a_silent_master_has_all_channels_off_within_1200_ms() {
    let mut rig = ready();
    start(&mut rig, CHANNEL);
    poll_ms(&mut rig, 600);
    rig.number(RegisterId::ActiveMask);
    let heard = rig.now();
    rig.wait_ms(990);
    assert_eq!(mask(&rig), 1, "a second is allowed");
    rig.wait_ms(300);
    assert!(edge_after(&rig, heard, CHANNEL, false) <= VirtualTime::from_millis(1_200));
    assert_eq!(mask(&rig), 0);
    assert_eq!(rig.number(RegisterId::SilenceTrips), 1);
    assert_eq!(rig.number(id(CHANNEL, ChannelRegister::LastFaultCode)), ChannelFault::Silence.code());
    poll_ms(&mut rig, 1_000);
    assert_eq!(
        (mask(&rig), rig.number(RegisterId::SystemStatus)),
        (0, 1),
        "traffic clears the flag and starts nothing"
    );
}

fn a_sonicator_that_does_not_lock_is_stopped_after_5_s_and_one_that_loses_its_lock_after_10() {
    let mut rig = ready();
    rig.board_mut().plant_mut().inject(0, Fault::LockNever);
    let said = start(&mut rig, CHANNEL);
    poll_ms(&mut rig, 5_200);
    let after = edge_after(&rig, said, CHANNEL, false);
    // The unit counts whole milliseconds.
    assert!(after >= VirtualTime::from_millis(4_999) && after <= VirtualTime::from_millis(5_100), "{after}");
    assert_eq!(rig.number(id(CHANNEL, ChannelRegister::LastFaultCode)), ChannelFault::LockLost.code());

    start(&mut rig, ChannelId::Two);
    poll_ms(&mut rig, 1_000);
    let since = rig.now();
    rig.board_mut().plant_mut().inject(1, Fault::LockLost);
    poll_ms(&mut rig, 10_200);
    let after = edge_after(&rig, since, ChannelId::Two, false);
    assert!(after >= VirtualTime::from_millis(9_999) && after <= VirtualTime::from_millis(10_100), "{after}");
}

fn what_the_registers_measure_is_what_the_sonicator_does() {
    let mut rig = ready();
    order(&mut rig, id(CHANNEL, ChannelRegister::AmplitudeSetPoint), 80);
    start(&mut rig, CHANNEL);
    poll_ms(&mut rig, 1_500);
    let deca_hertz = f64::from(rig.number(id(CHANNEL, ChannelRegister::Frequency)));
    let watts = f64::from(rig.number(id(CHANNEL, ChannelRegister::Watts)));
    let counts = f64::from(rig.number(id(CHANNEL, ChannelRegister::Power)));
    let sonicator = rig.board().plant().channel(0);
    let hertz = sonicator.hertz().expect("it runs");
    assert!((deca_hertz * 10.0 - hertz).abs() <= hertz / 1_000.0 + 5.0, "{deca_hertz}0 Hz, in truth {hertz}");
    assert!((watts - sonicator.watts()).abs() <= sonicator.watts() / 50.0, "{watts} W, in truth {}", sonicator.watts());
    assert!((counts - (watts * 0.00544 / 5.0 * 1_023.0).min(1_023.0)).abs() <= 2.0, "{counts} counts for {watts} W");
    assert!(sonicator.is_locked());
    assert_eq!(rig.number(id(CHANNEL, ChannelRegister::StatusFlags)), 0b101);
    let celsius = rig.number(RegisterId::Temperature).cast_signed();
    assert!((f64::from(celsius) - rig.board().plant().chip_celsius()).abs() <= 3.0, "{celsius} degrees");
    let looks = rig.number(RegisterId::LoopMax);
    assert!((1_000..10_000).contains(&looks), "{looks} us between two looks");
}

fn an_amplitude_is_at_the_output_within_200_ms_to_2_percent() {
    let mut rig = ready();
    start(&mut rig, CHANNEL);
    poll_ms(&mut rig, 600);
    for percent in [20, 75, 100, 50] {
        let said = order(&mut rig, id(CHANNEL, ChannelRegister::AmplitudeSetPoint), percent);
        let rest = VirtualTime::from_millis(200) - (rig.now() - said);
        rig.wait(rest);
        let driven = rig.board().plant().channel(0).amplitude() * 100.0;
        assert!((driven - f64::from(percent)).abs() <= 2.0, "{driven} for {percent} %");
        assert_eq!(rig.number(id(CHANNEL, ChannelRegister::AmplitudeActual)), percent);
    }
}

fn four_starts_are_half_a_second_apart() {
    let mut rig = ready();
    for channel in ChannelId::ALL {
        start(&mut rig, channel);
    }
    poll_ms(&mut rig, 2_000);
    let rises: Vec<_> = rig.board().start_edges().iter().filter(|edge| edge.high).map(|edge| edge.time).collect();
    assert_eq!((rises.len(), mask(&rig)), (4, 0b1111));
    assert!(rises.windows(2).all(|pair| pair[1] - pair[0] >= VirtualTime::from_millis(500)), "{rises:?}");
    assert_eq!((rig.number(RegisterId::ActiveCount), rig.number(RegisterId::ActiveMask)), (4, 0b1111));
}

fn ready_500_ms_after_power_comes_and_off_until_then() {
    let mut rig = Rig::off(UnitFlash::new());
    rig.give_leave();
    rig.power_on();
    let on = rig.now();
    let register = id(CHANNEL, ChannelRegister::StartStop);
    // Until it is ready it is silent or busy.
    while rig.write(register, 1).is_err() {
        assert_eq!(mask(&rig), 0);
    }
    assert!(rig.now() - on <= VirtualTime::from_millis(500), "ready after {}", rig.now() - on);
    assert_eq!(mask(&rig), 1);
}

fn a_core_that_hangs_leaves_no_channel_on() {
    // The dead man's switch: long before the watchdog's second.
    let mut rig = ready();
    start(&mut rig, CHANNEL);
    poll_ms(&mut rig, 600);
    let since = rig.now();
    // All interrupts masked, as a core that is stuck in a critical section.
    rig.board_mut().core_mut().set_primask(true);
    rig.wait_ms(100);
    let after = edge_after(&rig, since, CHANNEL, false);
    assert!(after <= VirtualTime::from_millis(52), "{after}");
    rig.wait_ms(3_000);
    assert_eq!(mask(&rig), 0, "the watchdog's reset starts nothing");
}

fn a_reset_leaves_all_channels_off() {
    // boot:U8
    let mut rig = ready();
    start(&mut rig, CHANNEL);
    poll_ms(&mut rig, 600);
    rig.board_mut().pin_reset();
    rig.board_mut().clear_output_latch();
    rig.wait_for_answer();
    poll_ms(&mut rig, 2_000);
    assert!(!rig.board().outputs().ever_on);
    assert_eq!(rig.number(id(CHANNEL, ChannelRegister::StartStop)), 0);
}
