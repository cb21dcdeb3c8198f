//! IWDG: the independent watchdog on LSI (RM0440 chapter 42). Once started, only a reset stops it.

use super::peripheral::{Due, Moment, Peripheral};
use super::rcc::LSI;
use super::registers::{Bank, Register, unmodelled};
use crate::core::bus::{Effect, Refused};
use crate::time::VirtualTime;

const KR: u32 = 0x00;
const PR: u32 = 0x04;
const RLR: u32 = 0x08;
const SR: u32 = 0x0C;
const WINR: u32 = 0x10;

static REGISTERS: [Register; 5] = [
    Register::new(KR, "KR", 0, 0).hardware(0xFFFF),
    Register::new(PR, "PR", 0, 7),
    Register::new(RLR, "RLR", 0xFFF, 0xFFF),
    Register::read_only(SR, "SR", 0),
    Register::new(WINR, "WINR", 0xFFF, 0xFFF),
];

/// A written PR, RLR or WINR needs up to five LSI periods to arrive in its own clock domain.
const UPDATE: VirtualTime = VirtualTime::from_nanos(5 * 1_000_000_000 / LSI);

/// The counter after a reset, before anything reloads it.
const FULL: u32 = 0xFFF;

/// PR, RLR and WINR, in the order of their bits in SR.
const SETTINGS: [u32; 3] = [PR, RLR, WINR];

/// A setting that was written: it counts from some moment on (RM0440 section 42.4.5).
#[derive(Debug, Clone, Copy)]
struct OnItsWay {
    arrives: VirtualTime,
    value: u32,
}

/// The watchdog.
#[derive(Debug, Clone)]
pub(crate) struct Iwdg {
    registers: Bank,
    unlocked: bool,
    /// Counter at some moment, while it runs.
    running: Option<(VirtualTime, u32)>,
    /// What the counter goes by, in the order of [`SETTINGS`].
    in_force: [u32; 3],
    on_their_way: [Option<OnItsWay>; 3],
    bites: bool,
}

impl Iwdg {
    /// Stopped.
    pub(crate) fn new() -> Self {
        let registers = Bank::new(&REGISTERS);
        let in_force = SETTINGS.map(|offset| registers.get(offset));
        Self { registers, unlocked: false, running: None, in_force, on_their_way: [None; 3], bites: false }
    }

    /// Whether it runs.
    pub(crate) fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// Whether it has run out, or was reloaded too early.
    pub(crate) fn bites(&self) -> bool {
        self.bites
    }

    /// One step of the counter.
    fn step(&self) -> u64 {
        4 << self.in_force[0].min(6)
    }

    fn ends(&self) -> Option<VirtualTime> {
        let (from, counter) = self.running?;
        Some(from + VirtualTime::of_periods(self.step() * u64::from(counter + 1), LSI))
    }

    fn counter(&self, now: VirtualTime) -> Option<u32> {
        let (from, counter) = self.running?;
        let steps = (now - from).periods(LSI) / self.step();
        Some(counter.saturating_sub(u32::try_from(steps).unwrap_or(u32::MAX)))
    }

    /// Lets everything arrive that is due. A new prescaler goes on from where the counter is.
    fn settle(&mut self, now: VirtualTime) {
        for index in 0..SETTINGS.len() {
            let Some(OnItsWay { arrives, value }) = self.on_their_way[index].filter(|way| way.arrives <= now) else {
                continue;
            };
            self.on_their_way[index] = None;
            if index == 0
                && let Some(counter) = self.counter(arrives)
            {
                self.running = Some((arrives, counter));
            }
            self.in_force[index] = value;
        }
    }

    fn write_kr(&mut self, key: u32, now: VirtualTime) {
        self.unlocked = key == 0x5555;
        match key {
            0xAAAA => self.reload(now),
            0xCCCC if self.running.is_none() => self.running = Some((now, FULL)),
            _ => {}
        }
    }

    /// From the reload value in force: one that is still on its way does not count yet.
    fn reload(&mut self, now: VirtualTime) {
        let Some(counter) = self.counter(now) else { return };
        let [_, reload, window] = self.in_force;
        if counter > window {
            self.bites = true;
        }
        self.running = Some((now, reload));
    }

    fn write_setting(&mut self, offset: u32, value: u32, now: VirtualTime) -> Result<(), Refused> {
        let Some(index) = SETTINGS.iter().position(|&setting| setting == offset) else {
            // Not a setting: the bank knows why not.
            return self.registers.write(offset, value);
        };
        let name = self.registers.name(offset);
        if !self.unlocked {
            return unmodelled(format!("{name}: written without the key 0x5555 in KR"));
        }
        if self.on_their_way[index].is_some() {
            return unmodelled(format!("{name}: written while SR says that the last write is still on its way"));
        }
        self.registers.write(offset, value)?;
        self.on_their_way[index] = Some(OnItsWay { arrives: now + UPDATE, value: self.registers.get(offset) });
        if offset == WINR {
            self.reload(now);
        }
        Ok(())
    }
}

impl Peripheral for Iwdg {
    fn read(&mut self, offset: u32, at: &Moment) -> Result<u32, Refused> {
        if offset != SR {
            return self.registers.read(offset);
        }
        self.settle(at.time());
        Ok(self.on_their_way.iter().enumerate().fold(0, |sr, (bit, way)| sr | u32::from(way.is_some()) << bit))
    }

    fn write(&mut self, offset: u32, value: u32, at: &Moment) -> Result<Effect, Refused> {
        self.settle(at.time());
        match offset {
            KR => {
                self.registers.write(KR, value)?;
                self.write_kr(value, at.time());
            }
            _ => self.write_setting(offset, value, at.time())?,
        }
        Ok(Effect::None)
    }

    fn reset(&mut self) {
        *self = Self::new();
    }

    fn tick(&mut self, at: &Moment) -> Due {
        self.settle(at.time());
        let Some(end) = self.ends() else { return Due::Never };
        if at.time() >= end {
            self.bites = true;
            return Due::Never;
        }
        // A prescaler that arrives before that moves it.
        Due::Time(self.on_their_way[0].map_or(end, |way| way.arrives.min(end)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chip::testing::{at, moment};

    /// Started, set, and reloaded once the settings are in force; that is 200 us after its start.
    fn started(prescaler: u32, reload: u32) -> Iwdg {
        let mut dog = Iwdg::new();
        for (offset, value) in [(KR, 0xCCCC), (KR, 0x5555), (PR, prescaler), (RLR, reload)] {
            dog.write(offset, value, &moment(0)).unwrap();
        }
        dog.write(KR, 0xAAAA, &moment(200)).unwrap();
        dog
    }

    #[test]
    fn it_bites_one_second_after_the_last_reload() {
        let mut dog = started(3, 999); // 32 kHz / 32 = 1 kHz
        assert_eq!(dog.tick(&moment(200)), Due::Time(VirtualTime::from_micros(1_000_200)));
        dog.write(KR, 0xAAAA, &at(VirtualTime::from_millis(400))).unwrap();
        assert_eq!(dog.tick(&at(VirtualTime::from_millis(1399))), Due::Time(VirtualTime::from_millis(1400)));
        assert!(!dog.bites());
        dog.tick(&at(VirtualTime::from_millis(1400)));
        assert!(dog.bites());
    }

    #[test]
    fn a_started_one_counts_from_full_through_four() {
        let mut dog = Iwdg::new();
        dog.write(KR, 0xCCCC, &moment(0)).unwrap();
        assert_eq!(dog.tick(&moment(0)), Due::Time(VirtualTime::from_millis(512)));
    }

    #[test]
    fn a_new_prescaler_counts_from_its_arrival_on_and_keeps_the_counter() {
        let mut dog = Iwdg::new();
        for (offset, value) in [(KR, 0xCCCC), (KR, 0x5555), (PR, 5)] {
            dog.write(offset, value, &moment(0)).unwrap();
        }
        // It takes five periods of 32 kHz to arrive, less than two steps of the counter through 4.
        assert_eq!(dog.tick(&moment(0)), Due::Time(UPDATE));
        let arrived = at(VirtualTime::from_micros(200));
        let Due::Time(end) = dog.tick(&arrived) else { panic!("it runs") };
        assert_eq!(end, UPDATE + VirtualTime::of_periods(128 * 4095, LSI));
        // And back: 4 steps a millisecond from where it is by then.
        dog.write(KR, 0x5555, &at(VirtualTime::from_secs(4))).unwrap();
        dog.write(PR, 1, &at(VirtualTime::from_secs(4))).unwrap();
        let Due::Time(end) = dog.tick(&at(VirtualTime::from_micros(4_000_200))) else { panic!("it runs") };
        let left = end - VirtualTime::from_secs(4);
        assert!((VirtualTime::from_millis(770)..VirtualTime::from_millis(780)).contains(&left), "{left:?}");
    }

    #[test]
    fn a_reload_takes_the_old_value_until_the_new_one_has_arrived() {
        let mut dog = started(3, 999);
        dog.write(KR, 0x5555, &moment(300)).unwrap();
        dog.write(RLR, 99, &moment(300)).unwrap();
        dog.write(KR, 0xAAAA, &moment(310)).unwrap();
        assert_eq!(dog.tick(&moment(310)), Due::Time(VirtualTime::from_micros(1_000_310)));
        dog.write(KR, 0xAAAA, &moment(500)).unwrap();
        assert_eq!(dog.tick(&moment(500)), Due::Time(VirtualTime::from_micros(100_500)));
    }

    #[test]
    fn nothing_but_a_reset_stops_it() {
        let mut dog = started(0, 10);
        for key in [0u32, 0x5555, 0xCCCC, 0x1234] {
            dog.write(KR, key, &moment(200)).unwrap();
        }
        assert!(dog.is_running());
        dog.reset();
        assert!(!dog.is_running());
    }

    #[test]
    fn a_reload_above_the_window_bites() {
        let mut dog = started(3, 999);
        dog.write(KR, 0x5555, &moment(300)).unwrap();
        dog.write(WINR, 500, &at(VirtualTime::from_millis(600))).unwrap();
        assert!(!dog.bites(), "the window that the write reloads by is the old one, which is open");
        dog.write(KR, 0xAAAA, &at(VirtualTime::from_millis(700))).unwrap();
        assert!(dog.bites(), "only 100 ms later: the counter is far above 500");
    }

    #[test]
    fn what_is_no_setting_is_refused() {
        let mut dog = Iwdg::new();
        dog.write(KR, 0x5555, &moment(0)).unwrap();
        for offset in [SR, WINR + 4] {
            assert!(dog.write(offset, 1, &moment(0)).is_err(), "{offset:#x}");
        }
    }

    #[test]
    fn settings_need_the_key_and_patience() {
        let mut dog = Iwdg::new();
        assert!(dog.write(RLR, 1, &moment(0)).is_err());
        dog.write(KR, 0x5555, &moment(0)).unwrap();
        dog.write(RLR, 1, &moment(0)).unwrap();
        assert_eq!(dog.read(SR, &moment(0)), Ok(2));
        assert!(dog.write(RLR, 2, &moment(0)).is_err());
        assert_eq!(dog.read(SR, &at(VirtualTime::from_micros(160))), Ok(0));
        dog.write(RLR, 2, &at(VirtualTime::from_micros(160))).unwrap();
    }
}
