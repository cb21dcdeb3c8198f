//! A sonde board: core, chip, power and reset, seen from outside.
//!
//! Time is virtual and only [`Board::run_until`] moves it. Nothing here knows of lines, sockets or the wall clock.

mod flash_access;
mod record;
mod world;

pub use crate::chip::{ContentsError, Outputs, ReceivedChar, ResetCause, SentChar, StartEdge, Tear};
pub use crate::time::VirtualTime;
pub use flash_access::FlashAccess;
pub use record::{Ran, ResetRecord};

use crate::chip::{Noise, RECOVERY_PIN, Stm32g474};
use crate::core::{Core, ResetSource, Stop};

/// SRAM of the STM32G474RE.
const RAM_BYTES: usize = 128 * 1024;

/// What makes one board differ from the next.
#[derive(Debug, Clone)]
pub struct BoardConfig {
    /// Flash contents from `0x0800_0000`; 512 KB, missing bytes are erased.
    pub flash: Vec<u8>,
    /// The chip's 96-bit unique id. It also seeds the board's noise: RAM after power-on, the random number generator.
    pub unique_id: [u8; 12],
}

/// One board. A clone goes on from the same instant by itself: a place to start from again.
#[derive(Clone)]
pub struct Board {
    core: Core<Stm32g474>,
    power: Power,
    noise: Noise,
    /// Something came from outside since the core last ran: its next event is not known.
    poked: bool,
    resets: Vec<ResetRecord>,
}

/// What somebody does with a button.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// Presses it and stays.
    Down,
    /// Lets go.
    Released,
}

/// Whether the board has power, and what it does with it.
#[derive(Debug, Clone)]
enum Power {
    /// Off; virtual time goes on all the same.
    Off {
        now: VirtualTime,
    },
    On,
    /// The core met something that it cannot go on from.
    Stopped {
        stop: Stop,
        now: VirtualTime,
    },
}

impl Board {
    /// A board without power, at virtual time zero.
    #[must_use]
    pub fn new(config: BoardConfig) -> Board {
        let seed = config.unique_id.iter().fold(1u64, |seed, &byte| seed.rotate_left(9) ^ u64::from(byte));
        Board {
            core: Core::new(Stm32g474::new(config.flash, config.unique_id), RAM_BYTES),
            power: Power::Off { now: VirtualTime::ZERO },
            noise: Noise::new(seed),
            poked: false,
            resets: Vec::new(),
        }
    }

    /// Becomes a clone of `to`. Cheap where both hold the same flash and neither wrote it since: then this board keeps what
    /// its core decoded of it, checkpoints included.
    pub fn rewind(&mut self, to: &Board) {
        let cells = self.core.chip.flash_controller().array();
        if !cells.is_shared_with(to.core.chip.flash_controller().array()) {
            *self = to.clone();
            return;
        }
        self.core.rewind(&to.core);
        self.power = to.power.clone();
        self.noise = to.noise.clone();
        self.poked = to.poked;
        self.resets.clone_from(&to.resets);
    }

    /// Power comes: RAM holds noise, the core starts. Does nothing to a powered board.
    pub fn power_on(&mut self) {
        let Power::Off { now } = self.power else { return };
        self.noise.fill(self.core.ram_mut());
        let cycle = self.core.cycles();
        self.core.chip.power_on(cycle, now);
        self.power = Power::On;
        self.reset(ResetCause::PowerOn);
    }

    /// Power goes, at this instant: a flash operation in progress is torn, characters on their way are lost.
    pub fn power_off(&mut self) {
        if self.is_powered() {
            self.power = Power::Off { now: self.now() };
            let cycle = self.core.cycles();
            self.core.chip.power_off(cycle);
            self.forget_changed_flash();
        }
    }

    /// Whether the board has power.
    #[must_use]
    pub fn is_powered(&self) -> bool {
        !matches!(self.power, Power::Off { .. })
    }

    /// Somebody pulls NRST and lets go. Also revives a stopped board.
    pub fn pin_reset(&mut self) {
        self.reset_if_powered(ResetCause::Pin);
    }

    /// Whatever `cause` is happens now: for those who cannot wait for it.
    pub fn reset_by(&mut self, cause: ResetCause) {
        self.reset_if_powered(cause);
    }

    /// The supply dips below the brown-out level for a moment; RAM survives.
    pub fn brown_out(&mut self) {
        self.reset_if_powered(ResetCause::BrownOut);
    }

    /// Plans a power cut in the `after_flash_operations`-th flash operation (program or erase) from now; 1 is the next.
    /// The board is off afterwards; operations before it are whole. The plan outlives resets and power cycles.
    pub fn plan_power_cut(&mut self, after_flash_operations: u64, tear: Tear) {
        self.core.chip.flash_controller_mut().plan_power_cut(after_flash_operations, tear);
    }

    /// Takes a planned power cut back.
    pub fn cancel_power_cut(&mut self) {
        self.core.chip.flash_controller_mut().cancel_power_cut();
    }

    /// Runs to `time`, or until power goes or the core cannot go on. Resets on the way are carried out and recorded.
    /// A board without power just lets the time pass.
    pub fn run_until(&mut self, time: VirtualTime) -> Ran {
        let ran = self.run_core(time);
        let now = self.now();
        match self.power {
            Power::Off { .. } => self.core.chip.wires_mut().plant.advance(now),
            Power::Stopped { .. } => self.core.chip.go_on_alone(now),
            Power::On => {
                let cycle = self.core.cycles();
                self.core.chip.settle(cycle, now);
            }
        }
        ran
    }

    fn run_core(&mut self, time: VirtualTime) -> Ran {
        loop {
            match &mut self.power {
                Power::Off { now } => {
                    *now = time.max(*now);
                    return Ran::Reached;
                }
                Power::Stopped { stop, now } => {
                    *now = time.max(*now);
                    return Ran::Stopped(stop.clone());
                }
                Power::On => {}
            }
            let target = self.core.chip.clock().cycle_before(time);
            if self.core.cycles() >= target {
                return Ran::Reached;
            }
            self.poked = false;
            match self.core.run_until(target) {
                // Also when the clock changed: then the target is another cycle.
                Stop::Deadline => {}
                Stop::Reset(source) => self.carry_out_reset(source),
                Stop::PowerLost => {
                    self.power_off();
                    return Ran::PowerLost;
                }
                stop => {
                    if let Stop::Lockup { .. } = stop {
                        let cycle = self.core.cycles();
                        self.core.chip.lock_up(cycle);
                    }
                    self.power = Power::Stopped { stop, now: self.now() };
                }
            }
        }
    }

    /// The present. After [`Board::run_until`] it is the begin of the core's next cycle: less than a cycle before the
    /// time asked for, or a few cycles after it when an exception entry was on the way.
    #[must_use]
    pub fn now(&self) -> VirtualTime {
        match self.power {
            Power::Off { now } => now,
            Power::On => self.core.chip.clock().time_of(self.core.cycles()),
            Power::Stopped { now, .. } => now,
        }
    }

    /// When the board does something next by itself: now while the core runs, the next event while it sleeps,
    /// [`VirtualTime::NEVER`] while it is off or stopped.
    #[must_use]
    pub fn next_wake(&self) -> VirtualTime {
        match self.power {
            Power::On if self.core.is_asleep() && !self.poked => match self.core.next_event() {
                u64::MAX => VirtualTime::NEVER,
                cycle => self.core.chip.clock().time_of(cycle).max(self.now()),
            },
            Power::On => self.now(),
            Power::Off { .. } | Power::Stopped { .. } => VirtualTime::NEVER,
        }
    }

    /// The flash bytes, as undisturbed reads give them.
    #[must_use]
    pub fn flash(&self) -> &[u8] {
        self.core.chip.flash_controller().bytes()
    }

    /// Flash in the hand of whoever holds the chip: no controller, no rules, no time.
    pub fn flash_mut(&mut self) -> FlashAccess<'_> {
        FlashAccess::new(&mut self.core)
    }

    /// Flash as a file, with what its bytes do not tell: poisoned and unstable words.
    #[must_use]
    pub fn save_flash(&self) -> Vec<u8> {
        self.core.chip.flash_controller().array().to_contents()
    }

    /// Puts the flash of [`Board::save_flash`] into the board.
    ///
    /// # Errors
    /// [`ContentsError`] when the file is not one; flash is unchanged then.
    pub fn restore_flash(&mut self, file: &[u8]) -> Result<(), ContentsError> {
        self.flash_mut().restore(file)
    }

    /// Whether the data cache could ever have answered with what flash held before (`fault:P8`): flash changed while the
    /// cache was on, or the cache was turned on again without having been flushed.
    #[must_use]
    pub fn data_cache_was_stale(&self) -> bool {
        self.core.chip.flash_controller().data_cache_was_stale()
    }

    /// Keys for the option bytes that software wrote, ever (`fault:P11`).
    #[must_use]
    pub fn option_keys_offered(&self) -> u64 {
        self.core.chip.flash_controller().option_keys_offered()
    }

    /// Program and erase operations since the board's creation.
    #[must_use]
    pub fn flash_operations(&self) -> u64 {
        self.core.chip.flash_controller().operations()
    }

    /// Instructions executed since the board's creation.
    #[must_use]
    pub fn instructions(&self) -> u64 {
        self.core.instructions()
    }

    /// The next character that began to leave the port on the line since the last call, in order. It is announced when
    /// its start bit begins, a whole character before its `end`: hand it to the other boards at once.
    pub fn take_sent(&mut self) -> Option<SentChar> {
        self.core.chip.line_port().take_sent()
    }

    /// A character comes from the line. Its `end` must not be earlier than [`Board::now`], else it is late: it still
    /// arrives, at once. Lost while the board is off.
    pub fn receive(&mut self, character: ReceivedChar) {
        if self.is_powered() {
            self.core.chip.line_port().receive(character);
            self.core.poke();
            self.poked = true;
        }
    }

    /// A start bit begins on the line at `start`: its character comes with [`Board::receive`] at its end. Without this
    /// word a port that hears the next character only at its end may take the time until then for silence (IDLE).
    pub fn see_start(&mut self, start: VirtualTime) {
        if self.is_powered() {
            self.core.chip.line_port().see_start(start);
            self.core.poke();
            self.poked = true;
        }
    }

    /// The length of a character on the line, from the port's registers; `None` while the port is off.
    #[must_use]
    pub fn character_time(&self) -> Option<VirtualTime> {
        self.core.chip.character_time().filter(|_| self.is_powered())
    }

    /// Characters from the line that software never saw: the port was off, or too slow a reader (ORE).
    #[must_use]
    pub fn lost_characters(&self) -> u64 {
        self.core.chip.lost_characters()
    }

    /// The world drives a pin (`port` 0 = A), or lets go of it with `None`.
    pub fn drive_pin(&mut self, port: usize, pin: usize, level: Option<bool>) {
        self.core.chip.drive_pin(port, pin, level);
        self.core.poke();
        self.poked = true;
    }

    /// Somebody holds the recovery button, or lets go of it: it pulls its pin low.
    pub fn hold_recovery_button(&mut self, hold: Hold) {
        let (port, pin) = RECOVERY_PIN;
        self.drive_pin(port, pin, (hold == Hold::Down).then_some(false));
    }

    /// Every reset so far, the first at power-on.
    #[must_use]
    pub fn resets(&self) -> &[ResetRecord] {
        &self.resets
    }

    /// The core, to look into.
    #[must_use]
    pub fn core(&self) -> &Core<Stm32g474> {
        &self.core
    }

    /// The core, for debuggers and tests; to move time use [`Board::run_until`].
    pub fn core_mut(&mut self) -> &mut Core<Stm32g474> {
        &mut self.core
    }

    fn reset_if_powered(&mut self, cause: ResetCause) {
        if let Power::Stopped { now, .. } = self.power {
            // Time went on while the core stood still.
            let cycle = self.core.cycles();
            self.core.chip.resume_clock(cycle, now);
            self.power = Power::On;
        }
        if self.is_powered() {
            self.reset(cause);
        }
    }

    fn carry_out_reset(&mut self, source: ResetSource) {
        let asked = self.core.chip.take_reset_request();
        self.reset(match source {
            ResetSource::SysResetReq => ResetCause::Software,
            ResetSource::Chip => asked.unwrap_or(ResetCause::Watchdog),
        });
    }

    fn reset(&mut self, cause: ResetCause) {
        self.resets.push(ResetRecord { time: self.now(), cause });
        let cycle = self.core.cycles();
        self.core.chip.prepare_reset(cycle, cause);
        self.core.reset();
        self.forget_changed_flash();
    }

    fn forget_changed_flash(&mut self) {
        if let Some(range) = self.core.chip.take_flash_changes() {
            self.core.flash_changed(range.start, range.len());
        }
    }
}

#[cfg(test)]
mod tests;
