//! Accesses on the bus matrix: who may be reached and how, and what a write to one block means for the others.

use super::map::{self, Block, Who};
use super::peripheral::{Moment, Peripheral};
use super::rcc::Surroundings;
use super::registers::unmodelled;
use super::wiring::{AMPLITUDE_TIMER, FREQUENCY_TIMER, START_TIMER};
use super::{Stm32g474, adc, crc, flash_offset};
use crate::core::bus::{Effect, Refused, Signals, Width};
use crate::time::VirtualTime;

impl Stm32g474 {
    /// The block at an address, if it may be accessed at all.
    pub(super) fn accessible(&mut self, address: u32, width: Width) -> Result<&'static Block, Refused> {
        let block = match self.open_block.filter(|block| block.holds(address)) {
            Some(block) => block,
            None => self.open_block(address)?,
        };
        let offset = address & 0x3FF;
        let any_width = match block.who {
            _ if width == Width::Word => true,
            Who::Gpio(_) => true,
            Who::Usart(_) => matches!(offset, 0x24 | 0x28),
            Who::Crc => offset == crc::DR,
            // Results are read as they are stored.
            Who::Adc => offset == adc::DR && width == Width::Half,
            // PSC is sixteen bits wide, and register crates write it so.
            Who::Timer(_) => offset == 0x28 && width == Width::Half,
            _ => false,
        };
        if !any_width {
            return unmodelled(format!("{}: a {width:?} access at offset {offset:#05x}", block.name));
        }
        Ok(block)
    }

    /// The block at an address, if its clock is on; it stays open until RCC is written.
    fn open_block(&mut self, address: u32) -> Result<&'static Block, Refused> {
        let Some(block) = map::block_at(address) else {
            return if matches!(address >> 28, 4 | 5 | 0xE) {
                unmodelled(format!("{address:#010x}: {}", map::unmodelled_at(address)))
            } else {
                Err(Refused::BusFault)
            };
        };
        if let Some(gate) = block.gate {
            if !self.rcc.is_clocked(gate) {
                let (name, register) = (block.name, self.rcc.enable_register(gate.0));
                return unmodelled(format!(
                    "{name}: an access while its clock is off; set bit {} of RCC_{register} first",
                    gate.1
                ));
            }
            if self.rcc.is_held_in_reset(gate) {
                return unmodelled(format!("{}: an access while RCC holds it in reset", block.name));
            }
        }
        self.open_block = Some(block);
        Ok(block)
    }

    pub(super) fn write_block(
        &mut self,
        block: &Block,
        address: u32,
        width: Width,
        value: u32,
        signals: &mut Signals,
    ) -> Result<Effect, Refused> {
        let at = self.moment(signals.cycles);
        self.rcc.around = Surroundings {
            backup_open: self.pwr.backup_open(),
            limits: self.pwr.limits(),
            wait_states: self.flash.latency(),
        };
        let offset = address & 0x3FC;
        if block.who == Who::Crc && offset == crc::DR {
            self.crc.feed(value, width);
            return Ok(Effect::None);
        }
        let value = match block.who {
            Who::Gpio(index) => self.widen(index, address, width, value, &at)?,
            _ => value,
        };
        if let Who::Gpio(_) | Who::Timer(FREQUENCY_TIMER | AMPLITUDE_TIMER | START_TIMER) | Who::Rcc = block.who {
            self.meet_plant(&at);
        }
        let effect =
            self.peripheral(block.who).write(offset, value, &at).map_err(|refused| named(block.name, refused))?;
        self.follow_up(block.who, &at, signals)?;
        Ok(effect)
    }

    /// A narrow write to a port: the other bytes of a stored register keep their values, those of BSRR and BRR are 0.
    fn widen(&mut self, port: usize, address: u32, width: Width, value: u32, at: &Moment) -> Result<u32, Refused> {
        let (mask, shift) = lane(address, width);
        if width == Width::Word {
            return Ok(value);
        }
        let old = match address & 0x3FC {
            0x18 | 0x28 => 0,
            offset => self.gpio[port].read(offset, at).map_err(|refused| named("GPIO", refused))?,
        };
        Ok(old & !(mask << shift) | (value & mask) << shift)
    }

    /// What one block's write means for the others.
    fn follow_up(&mut self, who: Who, at: &Moment, signals: &mut Signals) -> Result<(), Refused> {
        match who {
            Who::Rcc => {
                self.open_block = None;
                self.follow_rcc(at, signals);
            }
            Who::Gpio(_) => self.look_at_pins(),
            Who::Pwr => self.put_inputs_anew(at),
            Who::Timer(FREQUENCY_TIMER | AMPLITUDE_TIMER | START_TIMER) => self.meet_plant_anew(at),
            Who::Adc => self.check_analog_pins()?,
            Who::Syscfg => {
                self.pwr.monitor_locked = self.syscfg.monitor_breaks();
                self.look_at_pins();
            }
            Who::Iwdg if self.iwdg.is_running() => self.rcc.force_lsi(),
            Who::Flash => {
                self.rcc.around.wait_states = self.flash.latency();
                self.rcc.check_limits(self.tree).map_err(|refused| named("FLASH_ACR", refused))?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Clocks may have changed, and peripherals may be held in reset.
    fn follow_rcc(&mut self, at: &Moment, signals: &mut Signals) {
        for (gate, who) in map::gated() {
            if self.rcc.is_held_in_reset(gate) {
                match who {
                    Who::Pwr => self.pwr.reset_by_rcc(),
                    // Acts in power-down mode only (RM0440 7.4.10).
                    Who::Flash => {}
                    _ => self.peripheral(who).reset(),
                }
            }
        }
        self.look_at_pins();
        let tree = self.rcc.tree();
        if tree == self.tree {
            return;
        }
        self.wires.look_again();
        for timer in &mut self.timers {
            timer.catch_up(at);
        }
        if tree.hclk != self.tree.hclk {
            self.clock = self.clock.retimed(at.cycle, tree.hclk);
            signals.pause = true;
        }
        self.tree = tree;
    }

    /// The core waits for flash: because it runs from the busy bank, or because the controller made it wait.
    fn stall(&mut self, until: VirtualTime, signals: &mut Signals) {
        let cycles = self.clock.cycle_at(until).saturating_sub(signals.cycles);
        signals.stall = signals.stall.max(cycles);
    }

    pub(super) fn read_flash(&mut self, offset: usize, width: Width, signals: &mut Signals) -> u32 {
        if let Some(until) = self.flash.blocks(offset) {
            self.stall(until, signals);
        }
        let (value, nmi) = self.flash.read_cells(offset, width);
        signals.nmi |= nmi;
        value
    }

    pub(super) fn wait_for_flash(&mut self, signals: &mut Signals) {
        if let Some(until) = self.flash.take_resume() {
            self.stall(until, signals);
        }
        if let Some(until) = flash_offset(signals.pc).and_then(|offset| self.flash.blocks(offset)) {
            self.stall(until, signals);
        }
    }
}

/// Mask and shift of a narrow access within its word.
pub(super) fn lane(address: u32, width: Width) -> (u32, u32) {
    match width {
        Width::Byte => (0xFF, (address & 3) * 8),
        Width::Half => (0xFFFF, (address & 2) * 8),
        Width::Word => (u32::MAX, 0),
    }
}

/// Puts the name of the block before what it refused.
pub(super) fn named(block: &str, refused: Refused) -> Refused {
    match refused {
        Refused::Unmodelled(what) => Refused::Unmodelled(format!("{block}_{what}")),
        Refused::BusFault => Refused::BusFault,
    }
}
