//! The plant by itself.

use super::*;

fn millis(count: u64) -> VirtualTime {
    VirtualTime::from_millis(count)
}

/// Channel 0 with START high since time zero, full amplitude asked for since long ago.
fn started() -> Plant {
    let mut plant = Plant::new();
    plant.set_duty(0, 1.0);
    plant.advance(millis(1_000));
    plant.set_start(0, true);
    plant
}

fn locked() -> Plant {
    let mut plant = started();
    plant.advance(millis(2_000));
    assert!(plant.channel(0).is_locked());
    plant
}

#[test]
fn it_oscillates_20_ms_after_start_locks_after_300_and_stops_at_once() {
    let mut plant = started();
    plant.advance(VirtualTime::from_micros(1_019_999));
    assert!(!plant.channel(0).is_oscillating());
    plant.advance(millis(1_020));
    assert!(plant.channel(0).is_oscillating());
    plant.advance(VirtualTime::from_micros(1_299_999));
    assert!(!plant.channel(0).wires().lock);
    plant.advance(millis(1_300));
    assert!(plant.channel(0).wires().lock);
    assert!(plant.channel(0).watts() > 1_199.0);
    plant.set_start(0, false);
    assert_eq!((plant.watts(), plant.channel(0).wires().frequency), (0.0, None));
    assert!(!plant.channel(0).wires().lock);
}

#[test]
fn power_follows_amplitude_with_its_lag_and_the_sensor_follows_power() {
    let mut plant = locked();
    assert_eq!(plant.channel(0).watts(), 1_200.0);
    plant.set_duty(0, 0.5);
    plant.advance(millis(2_030));
    let on_the_way = plant.channel(0).watts();
    assert!((800.0..1_000.0).contains(&on_the_way), "{on_the_way}");
    plant.advance(millis(2_500));
    assert_eq!(plant.channel(0).watts(), 600.0);
    assert!((plant.channel(0).wires().power_volts - 600.0 * 5.44e-3 / 4.0).abs() < 1e-9);
}

#[test]
fn the_same_inputs_give_the_same_answers_however_often_somebody_looks() {
    let (mut once, mut often) = (started(), started());
    for plant in [&mut once, &mut often] {
        plant.set_duty(0, 0.7);
    }
    for look in 0..4_000 {
        often.advance(VirtualTime::from_micros(1_000_000 + look * 137));
    }
    for plant in [&mut once, &mut often] {
        plant.advance(millis(1_600));
    }
    assert_eq!(once.channel(0).watts().to_bits(), often.channel(0).watts().to_bits());
    assert_eq!(once.channel(0).wires(), often.channel(0).wires());
}

#[test]
fn frequency_is_near_20_khz_drifts_and_no_edge_is_lost() {
    let mut plant = locked();
    let mut edges = 0;
    let mut seen = Vec::new();
    for _ in 0..500 {
        let wave = plant.channel(0).wires().frequency.unwrap();
        let before = wave.rises_by(plant.now());
        let next = plant.next_change();
        edges += wave.rises_by(next) - before;
        plant.advance(next);
        seen.push(plant.channel(0).hertz().unwrap());
    }
    let mean = seen.iter().sum::<f64>() / seen.len() as f64;
    let seconds = (plant.now() - millis(2_000)).as_secs_f64();
    assert!((edges as f64 / seconds - mean / 10.0).abs() < 0.5, "{edges} in {seconds} s, {mean} Hz");
    assert!(seen.iter().all(|hertz| (19_950.0..20_050.0).contains(hertz)));
    assert_ne!(seen.first(), seen.last());
}

#[test]
fn an_overload_stops_its_channel_until_it_is_gone_and_reset_for_20_ms() {
    let mut plant = locked();
    plant.set_start(1, true);
    plant.advance(millis(2_500));
    plant.inject(0, Fault::Overload);
    assert_eq!((plant.channel(0).watts(), plant.channel(0).wires().overload), (0.0, true));
    assert!(plant.channel(1).is_oscillating());

    let pulse = |plant: &mut Plant, length| {
        plant.set_reset(0, true);
        plant.advance(plant.now() + millis(length));
        plant.set_reset(0, false);
        plant.advance(plant.now() + millis(1));
    };
    pulse(&mut plant, 50);
    assert!(plant.channel(0).is_tripped(), "its cause is still there");
    plant.mend(0, Fault::Overload);
    assert!(plant.channel(0).is_tripped(), "nobody reset it");
    pulse(&mut plant, 19);
    assert!(plant.channel(0).is_tripped(), "too short");
    plant.set_start(0, false);
    pulse(&mut plant, 20);
    assert!(!plant.channel(0).is_tripped());
    assert_eq!(plant.channel(0).watts(), 0.0);
}

#[test]
fn locks_are_lost_found_and_never_found() {
    let mut plant = locked();
    plant.inject(0, Fault::LockNever);
    assert!(plant.channel(0).is_locked(), "the one it has stays");
    plant.inject(0, Fault::LockLost);
    assert!(!plant.channel(0).wires().lock);
    plant.mend(0, Fault::LockNever);
    plant.advance(millis(4_000));
    assert!(!plant.channel(0).is_locked());
    plant.mend(0, Fault::LockLost);
    plant.advance(millis(4_300));
    assert!(plant.channel(0).is_locked());
    plant.set_start(0, false);
    plant.inject(0, Fault::LockNever);
    plant.set_start(0, true);
    plant.advance(millis(20_000));
    assert!(plant.channel(0).is_oscillating() && !plant.channel(0).is_locked());
}

#[test]
fn what_the_wires_say_can_differ_from_what_is() {
    let mut plant = locked();
    for (fault, volts) in [(Fault::DeadSensor(Reading::Zero), 0.0), (Fault::DeadSensor(Reading::FullScale), 3.3)] {
        plant.inject(0, fault);
        assert_eq!((plant.channel(0).wires().power_volts, plant.channel(0).watts()), (volts, 1_200.0));
        plant.mend(0, fault);
    }
    plant.inject(0, Fault::StuckOverload);
    assert!(plant.channel(0).wires().overload && plant.channel(0).is_oscillating());
    plant.inject(0, Fault::NoFrequency);
    assert_eq!(plant.channel(0).wires().frequency, None);
    plant.inject(0, Fault::PowerFactor(1.5));
    plant.inject(0, Fault::FrequencyOff(1_500.0));
    plant.advance(millis(3_000));
    assert_eq!(plant.channel(0).watts(), 1_800.0);
    assert!(plant.channel(0).hertz().unwrap() > 21_400.0);
}

#[test]
fn nothing_reaches_an_unplugged_sonicator_or_comes_from_it() {
    let mut plant = locked();
    plant.inject(0, Fault::Unplugged);
    assert_eq!(plant.watts(), 0.0);
    let dead = Wires { overload: false, lock: false, frequency: None, power_volts: 0.0 };
    assert_eq!(plant.channel(0).wires(), dead);
    assert_eq!(plant.next_change(), VirtualTime::NEVER);
    plant.mend(0, Fault::Unplugged);
    plant.advance(millis(2_500));
    assert!(plant.channel(0).is_locked(), "START was high all the time");
}
