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

/// The watchdog.
#[derive(Debug, Clone)]
pub(crate) struct Iwdg {
    registers: Bank,
    unlocked: bool,
    /// Counter at some moment, while it runs.
    running: Option<(VirtualTime, u32)>,
    /// When the updates of PR, RLR and WINR arrive.
    updates: [VirtualTime; 3],
    bites: bool,
}

impl Iwdg {
    /// Stopped.
    pub(crate) fn new() -> Self {
        Self {
            registers: Bank::new(&REGISTERS),
            unlocked: false,
            running: None,
            updates: [VirtualTime::ZERO; 3],
            bites: false,
        }
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
        4 << self.registers.get(PR).min(6)
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

    fn write_kr(&mut self, key: u32, now: VirtualTime) {
        self.unlocked = key == 0x5555;
        match key {
            0xAAAA => self.reload(now),
            0xCCCC if self.running.is_none() => self.running = Some((now, self.registers.get(RLR))),
            _ => {}
        }
    }

    fn reload(&mut self, now: VirtualTime) {
        let Some(counter) = self.counter(now) else { return };
        if counter > self.registers.get(WINR) {
            self.bites = true;
        }
        self.running = Some((now, self.registers.get(RLR)));
    }

    fn write_setting(&mut self, offset: u32, value: u32, now: VirtualTime) -> Result<(), Refused> {
        let name = self.registers.name(offset);
        if !self.unlocked {
            return unmodelled(format!("{name}: written without the key 0x5555 in KR"));
        }
        let index = match offset {
            PR => 0,
            RLR => 1,
            _ => 2,
        };
        if self.updates[index] > now {
            return unmodelled(format!("{name}: written while SR says that the last write is still on its way"));
        }
        if offset == PR
            && let Some(counter) = self.counter(now)
        {
            self.running = Some((now, counter));
        }
        self.registers.write(offset, value)?;
        self.updates[index] = now + UPDATE;
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
        let now = at.time();
        Ok(self.updates.iter().enumerate().fold(0, |sr, (bit, &until)| sr | u32::from(until > now) << bit))
    }

    fn write(&mut self, offset: u32, value: u32, at: &Moment) -> Result<Effect, Refused> {
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
        let Some(end) = self.ends() else { return Due::Never };
        if at.time() >= end {
            self.bites = true;
            return Due::Never;
        }
        Due::Time(end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chip::testing::{at, moment};

    fn started(prescaler: u32, reload: u32) -> Iwdg {
        let mut dog = Iwdg::new();
        for (offset, value) in [(KR, 0x5555), (PR, prescaler), (RLR, reload), (KR, 0xAAAA), (KR, 0xCCCC)] {
            dog.write(offset, value, &moment(0)).unwrap();
        }
        dog
    }

    #[test]
    fn it_bites_one_second_after_the_last_reload() {
        let mut dog = started(3, 999); // 32 kHz / 32 = 1 kHz
        assert_eq!(dog.tick(&moment(0)), Due::Time(VirtualTime::from_secs(1)));
        dog.write(KR, 0xAAAA, &at(VirtualTime::from_millis(400))).unwrap();
        assert_eq!(dog.tick(&at(VirtualTime::from_millis(1399))), Due::Time(VirtualTime::from_millis(1400)));
        assert!(!dog.bites());
        dog.tick(&at(VirtualTime::from_millis(1400)));
        assert!(dog.bites());
    }

    #[test]
    fn nothing_but_a_reset_stops_it() {
        let mut dog = started(0, 10);
        for key in [0u32, 0x5555, 0xCCCC, 0x1234] {
            dog.write(KR, key, &moment(0)).unwrap();
        }
        assert!(dog.is_running());
        dog.reset();
        assert!(!dog.is_running());
    }

    #[test]
    fn a_reload_above_the_window_bites() {
        let mut dog = started(3, 999);
        dog.write(KR, 0x5555, &moment(0)).unwrap();
        dog.write(WINR, 500, &at(VirtualTime::from_millis(600))).unwrap();
        assert!(!dog.bites(), "the write of WINR reloads inside the window");
        dog.write(KR, 0xAAAA, &at(VirtualTime::from_millis(700))).unwrap();
        assert!(dog.bites(), "only 100 ms later: the counter is far above 500");
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
