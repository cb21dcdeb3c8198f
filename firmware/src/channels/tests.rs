//! What holds for all channels, and that no sequence of events turns an output on without a start.

use proptest::prelude::*;

use super::*;

const STAGGER_MS: u64 = 500;
const RESET_PULSE_MS: u64 = 50;

const QUIET: Sample = Sample { overload: false, lock: false, power_counts: 0, capture: Capture::None };
const LOCKED: Sample = Sample { lock: true, ..QUIET };
const OVERLOADED: Sample = Sample { overload: true, ..QUIET };

/// Channels with a clock, a master that polls, and what their inputs read.
struct Bench {
    channels: Channels,
    now_ms: u64,
    samples: [Sample; 4],
    master_polls: bool,
}

impl Bench {
    fn new() -> Self {
        let mut channels = Channels::new();
        channels.make_ready();
        Self { channels, now_ms: 1_000, samples: [LOCKED; 4], master_polls: true }
    }

    fn wait(&mut self, span_ms: u64) {
        for _ in 0..span_ms {
            self.now_ms += 1;
            if self.master_polls {
                self.channels.hear_master(self.now_ms);
            }
            self.channels.look(&self.samples, self.now_ms);
        }
    }

    fn start(&mut self, channel: ChannelId) -> Result<(), StartRefused> {
        self.channels.start(channel, self.now_ms)
    }

    fn running() -> Self {
        let mut bench = Self::new();
        bench.start(ChannelId::One).unwrap();
        bench.wait(100);
        assert_eq!(bench.on(), 0b0001);
        bench
    }

    fn on(&self) -> u8 {
        self.channels.drive().start
    }

    fn told(&self, channel: ChannelId) -> protocol::channel::ChannelState {
        self.channels.get(channel).state().told()
    }
}

#[test]
fn a_lone_start_is_on_at_once_with_its_amplitude() {
    let mut bench = Bench::new();
    bench.channels.set_amplitude(ChannelId::Two, Amplitude::clamped(75));
    assert_eq!(bench.channels.drive(), Drive::default());
    bench.start(ChannelId::Two).unwrap();
    assert_eq!(bench.channels.drive(), Drive { start: 0b0010, reset: 0, amplitude: [0, 750, 0, 0] });
}

#[test]
fn starts_at_once_are_half_a_second_apart() {
    let mut bench = Bench::new();
    for channel in ChannelId::ALL {
        bench.start(channel).unwrap();
    }
    for expected in [0b0001, 0b0011, 0b0111, 0b1111] {
        assert_eq!(bench.on(), expected);
        bench.wait(STAGGER_MS);
        assert_eq!(bench.on(), expected);
        bench.wait(1);
    }
}

#[test]
fn a_channel_that_was_stopped_is_on_at_once_when_it_is_started_again() {
    let mut bench = Bench::running();
    bench.channels.stop(ChannelId::One, bench.now_ms);
    assert_eq!(bench.start(ChannelId::One), Err(StartRefused::Stopping));
    bench.wait(STOPPING_MS);
    assert_eq!((bench.start(ChannelId::One), bench.on()), (Ok(()), 0b0001));
}

#[test]
fn a_channel_that_waits_for_its_turn_can_be_stopped_and_never_comes_on() {
    let mut bench = Bench::new();
    bench.start(ChannelId::One).unwrap();
    bench.start(ChannelId::Two).unwrap();
    bench.channels.stop(ChannelId::Two, bench.now_ms);
    bench.wait(2_000);
    assert_eq!(bench.on(), 0b0001);
}

#[test]
fn an_overload_stops_its_channel_and_no_other() {
    let mut bench = Bench::running();
    bench.wait(STAGGER_MS);
    bench.start(ChannelId::Two).unwrap();
    bench.wait(200);
    bench.samples[0] = OVERLOADED;
    bench.wait(10);
    assert_eq!(bench.on(), 0b0011, "10 ms could be a disturbance");
    bench.wait(1);
    assert_eq!(bench.on(), 0b0010);
    assert_eq!(bench.channels.get(ChannelId::One).last_fault(), Some(ChannelFault::Overload));
    assert_eq!(bench.channels.get(ChannelId::One).overloads(), 1);
    // Gone by itself, it stays stopped: only a reset by hand ends it.
    bench.samples[0] = LOCKED;
    bench.wait(60_000);
    assert_eq!((bench.on(), bench.start(ChannelId::One)), (0b0010, Err(StartRefused::Fault)));
    bench.channels.reset(ChannelId::One, bench.now_ms);
    assert_eq!(bench.channels.drive().reset, 0b0001);
    bench.wait(RESET_PULSE_MS);
    assert_eq!((bench.channels.drive().reset, bench.on()), (0, 0b0010));
    assert_eq!(bench.start(ChannelId::One), Ok(()));
}

#[test]
fn an_overload_that_the_pulse_does_not_end_stays() {
    let mut bench = Bench::running();
    bench.samples[0] = OVERLOADED;
    bench.wait(20);
    bench.channels.reset(ChannelId::One, bench.now_ms);
    bench.wait(RESET_PULSE_MS + 10);
    assert_eq!(bench.told(ChannelId::One), protocol::channel::ChannelState::Overload);
    assert_eq!(bench.start(ChannelId::One), Err(StartRefused::Fault));
}

#[test]
fn an_emergency_stop_stops_all_and_refuses_starts_until_it_is_lifted() {
    let mut bench = Bench::running();
    for value in [1, 2, u16::MAX] {
        bench.channels.set_emergency_stop(value, bench.now_ms);
        assert_eq!(bench.channels.drive(), Drive::default());
        bench.wait(200);
        assert_eq!(bench.start(ChannelId::One), Err(StartRefused::EmergencyStop));
    }
    bench.channels.set_emergency_stop(0, bench.now_ms);
    bench.wait(5_000);
    assert_eq!(bench.on(), 0, "lifting it starts nothing");
    assert_eq!(bench.channels.get(ChannelId::One).last_fault(), Some(ChannelFault::EmergencyStop));
    assert_eq!(bench.start(ChannelId::One), Ok(()));
}

#[test]
fn enable_and_inhibit_act_on_the_outputs_and_start_nothing_when_they_come_back() {
    let mut bench = Bench::running();
    bench.channels.set_start_inhibit(0b0010, bench.now_ms);
    assert_eq!(bench.on(), 0b0001, "another channel's");
    bench.channels.set_start_inhibit(0b0001, bench.now_ms);
    assert_eq!((bench.on(), bench.start(ChannelId::One)), (0, Err(StartRefused::Inhibited)));
    bench.channels.set_start_inhibit(0, bench.now_ms);
    bench.wait(1_000);
    assert_eq!(bench.on(), 0);
    bench.start(ChannelId::One).unwrap();
    bench.channels.set_global_enable(0, bench.now_ms);
    assert_eq!((bench.on(), bench.start(ChannelId::One)), (0, Err(StartRefused::Disabled)));
    bench.channels.set_global_enable(1, bench.now_ms);
    bench.wait(1_000);
    assert_eq!(bench.on(), 0);
}

#[test]
fn a_silent_master_stops_all_and_traffic_clears_the_flag_and_starts_nothing() {
    let mut bench = Bench::running();
    bench.channels.hear_master(bench.now_ms);
    bench.master_polls = false;
    bench.wait(SILENCE_MS);
    assert_eq!((bench.on(), bench.channels.is_silent()), (0b0001, false));
    bench.wait(1);
    assert_eq!((bench.on(), bench.channels.is_silent()), (0, true));
    assert_eq!(bench.channels.get(ChannelId::One).last_fault(), Some(ChannelFault::Silence));
    bench.wait(5_000);
    assert_eq!(bench.channels.silence_trips(), 1, "nothing runs, so nothing trips");
    bench.master_polls = true;
    bench.wait(5_000);
    assert_eq!((bench.on(), bench.channels.is_silent()), (0, false));
}

#[test]
fn silence_alone_is_no_fault() {
    let mut bench = Bench::new();
    bench.master_polls = false;
    bench.wait(10_000);
    assert_eq!((bench.channels.is_silent(), bench.channels.silence_trips()), (false, 0));
}

#[test]
fn too_much_power_stops_a_channel_and_a_moment_of_it_does_not() {
    let mut bench = Bench::running();
    bench.samples[0] = Sample { power_counts: 3_600, ..LOCKED };
    bench.wait(90);
    bench.samples[0] = LOCKED;
    bench.wait(200);
    assert_eq!(bench.on(), 0b0001);
    bench.samples[0] = Sample { power_counts: 3_600, ..LOCKED };
    bench.wait(200);
    assert_eq!((bench.on(), bench.channels.get(ChannelId::One).last_fault()), (0, Some(ChannelFault::Power)));
}

#[test]
fn a_hot_chip_stops_all_until_it_is_cooler() {
    let mut bench = Bench::running();
    bench.channels.warm(TOO_HOT_C - 1, bench.now_ms);
    assert_eq!(bench.on(), 0b0001);
    bench.channels.warm(TOO_HOT_C, bench.now_ms);
    assert_eq!((bench.on(), bench.start(ChannelId::One)), (0, Err(StartRefused::TooHot)));
    bench.wait(200);
    bench.channels.warm(COOL_AGAIN_C, bench.now_ms);
    assert_eq!(bench.start(ChannelId::One), Err(StartRefused::TooHot));
    bench.channels.warm(COOL_AGAIN_C - 1, bench.now_ms);
    assert_eq!(bench.start(ChannelId::One), Ok(()));
}

#[test]
fn a_unit_starts_nothing_before_its_self_test_and_after_a_restart_is_planned() {
    let mut channels = Channels::new();
    assert_eq!(channels.start(ChannelId::One, 5), Err(StartRefused::NotReady));
    channels.make_ready();
    assert_eq!(channels.start(ChannelId::One, 6), Ok(()));
    channels.wind_down(7);
    assert_eq!(channels.drive(), Drive::default());
    channels.make_ready();
    assert_eq!(channels.start(ChannelId::Two, 200), Err(StartRefused::NotReady));
}

#[test]
fn the_time_that_a_channel_emits_is_counted() {
    let mut bench = Bench::running();
    bench.wait(900);
    bench.channels.stop(ChannelId::One, bench.now_ms);
    bench.wait(5_000);
    assert_eq!(bench.channels.get(ChannelId::One).ran_ms(), 1_000);
}

/// Anything that can happen to a unit's channels.
#[derive(Debug, Clone)]
enum Happens {
    Start(ChannelId),
    Stop(ChannelId),
    Reset(ChannelId),
    Amplitude(ChannelId, u16),
    EmergencyStop(u16),
    Enable(u16),
    Inhibit(u16),
    Temperature(i16),
    MasterFallsSilent,
    MasterSpeaks,
    Inputs([bool; 4], [bool; 4], u16),
    Time(u64),
    WindDown,
}

fn happens() -> impl Strategy<Value = Happens> {
    let channel = || prop::sample::select(ChannelId::ALL.to_vec());
    prop_oneof![
        4 => channel().prop_map(Happens::Start),
        2 => channel().prop_map(Happens::Stop),
        2 => channel().prop_map(Happens::Reset),
        1 => (channel(), any::<u16>()).prop_map(|(channel, percent)| Happens::Amplitude(channel, percent)),
        1 => (0_u16..3).prop_map(Happens::EmergencyStop),
        1 => (0_u16..2).prop_map(Happens::Enable),
        1 => (0_u16..16).prop_map(Happens::Inhibit),
        1 => (60_i16..100).prop_map(Happens::Temperature),
        1 => Just(Happens::MasterFallsSilent),
        2 => Just(Happens::MasterSpeaks),
        3 => (any::<[bool; 4]>(), any::<[bool; 4]>(), 0_u16..4_096)
            .prop_map(|(overload, lock, counts)| Happens::Inputs(overload, lock, counts)),
        6 => (1_u64..2_000).prop_map(Happens::Time),
        1 => Just(Happens::WindDown),
    ]
}

/// Notes that outputs rose; whether they may, so soon after another one.
fn note_rise(last: &mut Option<(u8, u64)>, rose: u8, now_ms: u64) -> bool {
    if rose == 0 {
        return true;
    }
    let allowed =
        rose.is_power_of_two() && last.is_none_or(|(mask, last_ms)| mask == rose || now_ms - last_ms >= STAGGER_MS);
    *last = Some((rose, now_ms));
    allowed
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// boot:U8: on is only what was started after whatever last turned it off.
    #[test]
    fn no_sequence_of_events_turns_an_output_on_without_a_start(events in prop::collection::vec(happens(), 1..60)) {
        let mut bench = Bench::new();
        // Channels with a start that nothing has ended since, by the plainest bookkeeping there is.
        let mut started = 0_u8;
        let mut last_rise = None;
        for event in events {
            let before = bench.on();
            match event {
                Happens::Start(channel) => {
                    if bench.start(channel).is_ok() {
                        started |= channel.bit();
                    }
                    let rose = bench.on() & !before;
                    prop_assert!(note_rise(&mut last_rise, rose, bench.now_ms), "two too soon after one another");
                }
                Happens::Stop(channel) => {
                    bench.channels.stop(channel, bench.now_ms);
                    started &= !channel.bit();
                }
                Happens::Reset(channel) => bench.channels.reset(channel, bench.now_ms),
                Happens::Amplitude(channel, percent) => {
                    bench.channels.set_amplitude(channel, Amplitude::clamped(percent));
                }
                Happens::EmergencyStop(value) => {
                    bench.channels.set_emergency_stop(value, bench.now_ms);
                    started = if value == 0 { started } else { 0 };
                }
                Happens::Enable(value) => {
                    bench.channels.set_global_enable(value, bench.now_ms);
                    started = if value == 0 { 0 } else { started };
                }
                Happens::Inhibit(mask) => {
                    bench.channels.set_start_inhibit(mask, bench.now_ms);
                    started &= !(mask as u8);
                }
                Happens::Temperature(celsius) => bench.channels.warm(celsius, bench.now_ms),
                Happens::MasterFallsSilent => bench.master_polls = false,
                Happens::MasterSpeaks => bench.master_polls = true,
                Happens::Inputs(overload, lock, power_counts) => {
                    for channel in ChannelId::ALL.map(ChannelId::index) {
                        bench.samples[channel] =
                            Sample { overload: overload[channel], lock: lock[channel], power_counts, capture: Capture::None };
                    }
                }
                Happens::Time(span_ms) => {
                    for _ in 0..span_ms {
                        let before = bench.on();
                        bench.wait(1);
                        let rose = bench.on() & !before;
                        prop_assert_eq!(rose & !started, 0, "on without a start");
                        prop_assert!(note_rise(&mut last_rise, rose, bench.now_ms), "two too soon after one another");
                        // Whatever went off by itself needs a new start.
                        started &= !(before & !bench.on());
                    }
                }
                Happens::WindDown => {
                    bench.channels.wind_down(bench.now_ms);
                    started = 0;
                }
            }
            prop_assert_eq!(bench.on() & !started, 0, "on without a start");
            started &= !(before & !bench.on());
            let drive = bench.channels.drive();
            for channel in ChannelId::ALL {
                let percent = drive.amplitude[channel.index()];
                prop_assert_eq!(drive.start & channel.bit() != 0, percent >= 20, "amplitude and START agree");
                prop_assert!(drive.reset & drive.start & channel.bit() == 0, "nothing is reset while it runs");
            }
        }
    }
}
