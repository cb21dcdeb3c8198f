//! The chip around the core: an STM32G474RE, stricter than silicon.
//!
//! Every access that nobody modelled stops the machine with the name of the peripheral and register: a register that
//! is not in a table, a reserved bit, a width that the manual does not allow, a block whose clock is off. What silicon
//! answers with a bus fault is a bus fault. Absent: DAC, I2C, SPI, CAN, HRTIM, comparators and amplifiers.

mod access;
mod adc;
mod crc;
mod dbgmcu;
mod dma;
mod exti;
mod flash;
mod gpio;
mod iwdg;
mod lines;
mod map;
mod noise;
mod peripheral;
mod pwr;
mod rcc;
mod registers;
mod rng;
mod syscfg;
mod system_memory;
mod timer;
mod transfer;
mod usart;
mod wires;
mod wiring;

pub use flash::{BANK_BYTES, ContentsError, ERASE_TIME, FLASH_BYTES, PAGE_BYTES, PROGRAM_TIME, Tear, WORD_BYTES};
pub use rcc::ResetCause;
pub use usart::{ReceivedChar, SentChar};
pub use wires::StartEdge;
pub use wiring::Outputs;

pub(crate) use flash::Oddity;
pub(crate) use noise::Noise;
pub(crate) use wiring::RECOVERY_PIN;

use std::ops::Range;

use crate::core::FLASH_START;
use crate::core::bus::{Chip, Effect, Refused, Signals, Width};
use crate::time::{CycleClock, VirtualTime};
use access::{lane, named};
use dma::Dma;
use flash::Flash;
use gpio::Gpio;
use lines::Lines;
use map::{Block, Who};
use peripheral::{Moment, Peripheral};
use rcc::{ClockTree, Rcc, Surroundings};
use registers::unmodelled;
use timer::{Kind, Timer};
use usart::{SerialBus, Usart};
use wires::Wires;
use wiring::FREQUENCY_TIMER;

/// An STM32G474RE with everything that is not its core.
#[derive(Debug, Clone)]
pub struct Stm32g474 {
    flash: Flash,
    rcc: Rcc,
    pwr: pwr::Pwr,
    syscfg: syscfg::Syscfg,
    exti: exti::Exti,
    gpio: [Gpio; 7],
    usart: [Usart; 5],
    timers: [Timer; 11],
    iwdg: iwdg::Iwdg,
    rng: rng::Rng,
    adc: adc::Adc,
    crc: crc::Crc,
    dbgmcu: dbgmcu::Dbgmcu,
    dma: [Dma; 2],
    dmamux: dma::Dmamux,
    system_memory: system_memory::SystemMemory,
    /// The block that was accessed last: clocked, and not held in reset.
    open_block: Option<&'static Block>,
    clock: CycleClock,
    tree: ClockTree,
    /// The interrupt lines as the core knows them; `None`: it knows nothing.
    applied: Option<Lines>,
    wires: Wires,
    /// Why the chip asked for a reset.
    reset_request: Option<ResetCause>,
    /// Flash that changed other than by a write of the core.
    changed: Option<Range<usize>>,
    last_cycle: u64,
}

impl Stm32g474 {
    /// A chip with these flash bytes (missing ones are erased), fresh from power-on.
    #[must_use]
    pub fn new(flash: Vec<u8>, unique_id: [u8; 12]) -> Self {
        let seed = unique_id.iter().fold(0u64, |seed, &byte| seed.rotate_left(7) ^ u64::from(byte));
        let pwr = pwr::Pwr::new();
        let flash = Flash::new(flash);
        let around = Surroundings { backup_open: false, limits: pwr.limits(), wait_states: 0 };
        Self {
            flash,
            rcc: Rcc::new(around),
            pwr,
            syscfg: syscfg::Syscfg::new(),
            exti: exti::Exti::new(),
            gpio: std::array::from_fn(Gpio::new),
            usart: [
                Usart::new(37, SerialBus::Apb2, 0),
                Usart::new(38, SerialBus::Apb1, 2),
                Usart::new(39, SerialBus::Apb1, 4),
                Usart::new(52, SerialBus::Apb1, 6),
                Usart::new(53, SerialBus::Apb1, 8),
            ],
            timers: Kind::EACH.map(Timer::new),
            iwdg: iwdg::Iwdg::new(),
            rng: rng::Rng::new(seed),
            adc: adc::Adc::new(seed),
            crc: crc::Crc::new(),
            dbgmcu: dbgmcu::Dbgmcu::new(),
            dma: [Dma::new([11, 12, 13, 14, 15, 16, 17, 96]), Dma::new([56, 57, 58, 59, 60, 97, 98, 99])],
            dmamux: dma::Dmamux::new(),
            system_memory: system_memory::SystemMemory::new(unique_id),
            open_block: None,
            clock: CycleClock::new(0, VirtualTime::ZERO, ClockTree::RESET.hclk),
            tree: ClockTree::RESET,
            applied: None,
            wires: Wires::new(),
            reset_request: None,
            changed: None,
            last_cycle: 0,
        }
    }

    /// How cycles lie on virtual time.
    #[must_use]
    pub fn clock(&self) -> CycleClock {
        self.clock
    }

    /// Cycle `cycle` of the core lies at `time`: the core stood still until then.
    pub(crate) fn resume_clock(&mut self, cycle: u64, time: VirtualTime) {
        self.clock = CycleClock::new(cycle, time, self.tree.hclk);
        self.last_cycle = cycle;
        self.wires.look_again();
    }

    /// Power comes at `time`, which is core cycle `cycle`.
    pub(crate) fn power_on(&mut self, cycle: u64, time: VirtualTime) {
        self.resume_clock(cycle, time);
        self.dbgmcu = dbgmcu::Dbgmcu::new();
        self.rcc.lose_power();
    }

    /// Power goes at `cycle`: an operation of flash is torn, outputs float.
    pub(crate) fn power_off(&mut self, cycle: u64) {
        self.last_cycle = cycle.max(self.last_cycle);
        self.changed = self.flash.interrupt();
        for port in &mut self.gpio {
            port.reset();
        }
        for port in &mut self.usart {
            port.reset();
        }
        self.look_at_pins();
    }

    /// A reset for this cause is about to happen at `cycle`; [`Chip::reset`] follows.
    pub(crate) fn prepare_reset(&mut self, cycle: u64, cause: ResetCause) {
        self.last_cycle = cycle;
        self.rcc.note_reset(cause);
    }

    /// Why the chip asked for a reset, once.
    pub(crate) fn take_reset_request(&mut self) -> Option<ResetCause> {
        self.reset_request.take()
    }

    /// Flash bytes that changed behind the core's back, once.
    pub(crate) fn take_flash_changes(&mut self) -> Option<Range<usize>> {
        self.changed.take()
    }

    /// The flash cells and their controller.
    pub(crate) fn flash_controller(&self) -> &Flash {
        &self.flash
    }

    /// The same, to change.
    pub(crate) fn flash_controller_mut(&mut self) -> &mut Flash {
        &mut self.flash
    }

    /// What ST programmed, to change.
    pub(crate) fn system_memory_mut(&mut self) -> &mut system_memory::SystemMemory {
        &mut self.system_memory
    }

    /// The port on the RS-485 line.
    pub(crate) fn line_port(&mut self) -> &mut Usart {
        &mut self.usart[0]
    }

    /// Length of a character on the RS-485 line.
    pub(crate) fn character_time(&self) -> Option<VirtualTime> {
        self.usart[0].character_time(&self.moment(self.last_cycle))
    }

    /// Characters that the port on the line dropped since power-on.
    pub(crate) fn lost_characters(&self) -> u64 {
        self.usart[0].lost()
    }

    /// The pins that move things, and what hangs on them.
    pub(crate) fn wires(&self) -> &Wires {
        &self.wires
    }

    /// The same, to change.
    pub(crate) fn wires_mut(&mut self) -> &mut Wires {
        &mut self.wires
    }

    /// Outputs and plant as they are at `time`, which is core cycle `cycle` or a little later.
    pub(crate) fn settle(&mut self, cycle: u64, time: VirtualTime) {
        self.last_cycle = cycle;
        self.meet_plant(&self.moment(cycle));
        self.wires.plant.advance(time);
    }

    /// The core stands still for good, and `time` has come: timers run all the same.
    pub(crate) fn go_on_alone(&mut self, time: VirtualTime) {
        let cycle = self.clock.cycle_before(time).max(self.last_cycle);
        self.settle(cycle, time);
    }

    /// The core locked up at `cycle`, for good.
    pub(crate) fn lock_up(&mut self, cycle: u64) {
        if self.syscfg.lockup_breaks() {
            self.break_timers(true, cycle);
        }
    }

    /// The supply dips below the threshold of the voltage monitor at `cycle`, not below that of a reset.
    pub(crate) fn dip_supply(&mut self, cycle: u64) {
        if self.syscfg.monitor_breaks() && self.pwr.monitors() {
            self.break_timers(false, cycle);
        }
    }

    fn break_timers(&mut self, held: bool, cycle: u64) {
        self.last_cycle = cycle;
        let at = self.moment(cycle);
        for timer in &mut self.timers {
            timer.break_by_system(held, &at);
        }
        self.meet_plant_anew(&at);
    }

    /// Forgets that a START pin was ever high.
    pub(crate) fn clear_output_latch(&mut self) {
        self.wires.outputs.ever_on = self.wires.outputs.start.contains(&true);
    }

    /// The world drives a pin (`port` 0 = A), or lets go of it.
    pub(crate) fn drive_pin(&mut self, port: usize, pin: usize, level: Option<bool>) {
        self.gpio[port % 7].drive(pin % 16, level);
        self.look_at_pins();
    }

    fn moment(&self, cycle: u64) -> Moment {
        Moment { cycle, clock: self.clock, tree: self.tree }
    }

    fn peripheral(&mut self, who: Who) -> &mut dyn Peripheral {
        match who {
            Who::Timer(index) => &mut self.timers[index],
            Who::Usart(index) => &mut self.usart[index],
            Who::Gpio(index) => &mut self.gpio[index],
            Who::Iwdg => &mut self.iwdg,
            Who::Pwr => &mut self.pwr,
            Who::Syscfg => &mut self.syscfg,
            Who::Exti => &mut self.exti,
            Who::Rcc => &mut self.rcc,
            Who::Flash => &mut self.flash,
            Who::Crc => &mut self.crc,
            Who::Rng => &mut self.rng,
            Who::Adc => &mut self.adc,
            Who::Dbgmcu => &mut self.dbgmcu,
            Who::Dma(index) => &mut self.dma[index],
            Who::Dmamux => &mut self.dmamux,
        }
    }

    fn look_at_pins(&mut self) {
        self.usart[0].wiring = wiring::line_port(&self.gpio);
        self.meet_plant_anew(&self.moment(self.last_cycle));
        self.watch_edges();
    }

    fn watch_edges(&mut self) {
        let levels = (0..16).fold(0, |all, line| {
            let port = self.syscfg.exti_port(line);
            all | u32::from(self.gpio.get(port).is_some_and(|port| port.level(line))) << line
        });
        self.exti.watch(levels);
    }

    /// The conversions that are over by this moment; when the next one is.
    fn convert(&mut self, at: &Moment) -> u64 {
        while let Some(input) = self.adc.ended(at) {
            let volts = self.volts(input, at);
            self.adc.finish(volts);
        }
        self.adc.tick(at).cycle(&self.clock)
    }

    /// Tells the core the levels of all interrupt lines.
    fn drive_lines(&mut self, signals: &mut Signals) {
        let mut lines = Lines::default();
        self.timers.iter().for_each(|timer| timer.interrupts(&mut lines));
        self.usart.iter().for_each(|port| port.interrupts(&mut lines));
        self.flash.interrupts(&mut lines);
        self.exti.interrupts(&mut lines);
        self.rng.interrupts(&mut lines);
        self.adc.interrupts(&mut lines);
        self.dma.iter().for_each(|controller| controller.interrupts(&mut lines));
        lines.apply(self.applied, &mut signals.irq);
        self.applied = Some(lines);
    }
}

impl Chip for Stm32g474 {
    fn flash(&self) -> &[u8] {
        self.flash.bytes()
    }

    fn flash_is_clean(&self) -> bool {
        self.flash.reads_pass()
    }

    fn read(&mut self, address: u32, width: Width, signals: &mut Signals) -> Result<u32, Refused> {
        self.last_cycle = signals.cycles;
        if let Some(offset) = flash_offset(address) {
            return Ok(self.read_flash(offset, width, signals));
        }
        if address >> 20 == 0x1FF {
            return match self.system_memory.read(address, width) {
                Some(value) => Ok(value),
                None => unmodelled(format!("{address:#010x}: system memory without a modelled meaning")),
            };
        }
        if address >> 20 == 0x100 {
            return unmodelled(format!("{address:#010x}: CCM SRAM by its own address; use its alias at 0x20018000"));
        }
        let block = self.accessible(address, width)?;
        let at = self.moment(signals.cycles);
        match block.who {
            Who::Gpio(port) if address & 0x3FC == gpio::IDR => {
                self.meet_plant(&at);
                self.refresh_port(port, &at);
            }
            Who::Timer(FREQUENCY_TIMER) => self.meet_plant(&at),
            _ => {}
        }
        let value =
            self.peripheral(block.who).read(address & 0x3FC, &at).map_err(|refused| named(block.name, refused))?;
        if let Who::Usart(_) | Who::Timer(_) | Who::Adc | Who::Rng = block.who {
            self.drive_lines(signals);
        }
        let (mask, shift) = lane(address, width);
        Ok(value >> shift & mask)
    }

    fn write(&mut self, address: u32, width: Width, value: u32, signals: &mut Signals) -> Result<Effect, Refused> {
        self.last_cycle = signals.cycles;
        let effect = if let Some(offset) = flash_offset(address) {
            let at = self.moment(signals.cycles);
            self.flash.write_cells(offset, width, value, &at)
        } else if address >> 20 == 0x1FF {
            return unmodelled(format!("{address:#010x}: a write to system memory"));
        } else {
            let block = self.accessible(address, width)?;
            self.write_block(block, address, width, value, signals)?
        };
        self.wait_for_flash(signals);
        self.drive_lines(signals);
        Ok(effect)
    }

    fn tick(&mut self, signals: &mut Signals) -> u64 {
        self.last_cycle = signals.cycles;
        let at = self.moment(signals.cycles);
        let clock = self.clock;
        let mut next = self.flash.tick(&at).cycle(&clock);
        for timer in &mut self.timers {
            next = next.min(timer.tick(&at).cycle(&clock));
        }
        for port in &mut self.usart {
            next = next.min(port.tick(&at).cycle(&clock));
        }
        self.meet_plant(&at);
        next = next.min(self.wires.due()).min(self.convert(&at));
        next = next.min(self.iwdg.tick(&at).cycle(&clock));
        if self.iwdg.bites() {
            self.reset_request = Some(ResetCause::Watchdog);
            signals.reset = true;
        }
        self.drive_lines(signals);
        next
    }

    fn move_data(&mut self, ram: &mut [u8], signals: &mut Signals) -> bool {
        self.serve_requests(ram, signals)
    }

    fn reset(&mut self) {
        self.meet_plant(&self.moment(self.last_cycle));
        if let Some(range) = self.flash.interrupt() {
            self.changed = Some(range);
        }
        for who in [Who::Flash, Who::Rcc, Who::Pwr, Who::Syscfg, Who::Exti, Who::Iwdg, Who::Rng, Who::Adc, Who::Crc] {
            self.peripheral(who).reset();
        }
        self.gpio.iter_mut().for_each(Peripheral::reset);
        self.usart.iter_mut().for_each(Peripheral::reset);
        self.timers.iter_mut().for_each(Peripheral::reset);
        self.dma.iter_mut().for_each(Peripheral::reset);
        self.dmamux.reset();
        self.tree = ClockTree::RESET;
        self.clock = self.clock.retimed(self.last_cycle, self.tree.hclk);
        self.applied = None;
        self.open_block = None;
        self.reset_request = None;
        self.put_inputs_anew(&self.moment(self.last_cycle));
        self.look_at_pins();
    }
}

/// The offset of an address in flash, by either of its two places.
fn flash_offset(address: u32) -> Option<usize> {
    let offset = if address >= FLASH_START { address - FLASH_START } else { address } as usize;
    (offset < FLASH_BYTES).then_some(offset)
}

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
