//! The run loop: bursts of instructions between deadlines, and what is looked at in between.

use std::sync::Arc;

use super::bus::{Chip, Signals};
use super::decode;
use super::instruction::{Instruction, Operation, SetFlags};
use super::nvic::exception;
use super::stop::{ResetSource, Stop};
use super::trap::Trap;
use super::{Core, FLASH_START, Sleep};

impl<C: Chip> Core<C> {
    /// Runs until the absolute `cycle`, or an earlier stop. Several short runs do exactly what one long run does.
    pub fn run_until(&mut self, cycle: u64) -> Stop {
        let mut skip_breakpoint = std::mem::take(&mut self.stopped_at_breakpoint);
        let mut checkpoint = self.stopped_at_checkpoint.take();
        self.chip_is_due = true;
        self.recheck = true;
        loop {
            let step = match self.attend(cycle) {
                Attention::Stop(stop) => return stop,
                Attention::Again => continue,
                Attention::Run if self.breakpoint == Some(self.registers[15]) && !skip_breakpoint => {
                    self.stopped_at_breakpoint = true;
                    return Stop::Breakpoint;
                }
                Attention::Run => {
                    skip_breakpoint = false;
                    match checkpoint.take() {
                        Some(address) if address == self.registers[15] => self.step_over_checkpoint(address),
                        _ => self.burst(),
                    }
                }
            };
            if let Err((trap, pc)) = step
                && let Err(stop) = self.settle(trap, pc)
            {
                return stop;
            }
        }
    }

    /// Asks for attention before the next instruction.
    #[inline(always)]
    pub(super) fn ask_attention(&mut self) {
        self.pause_at = 0;
    }

    /// Lets `cycles` pass without instructions.
    pub(super) fn wait(&mut self, cycles: u64) {
        self.signals.cycles += cycles;
        self.waited += cycles;
    }

    /// Everything between two bursts: time-driven events, lines, exceptions, sleep.
    fn attend(&mut self, target: u64) -> Attention {
        if self.signals.cycles >= self.deadline || self.chip_is_due {
            self.run_timers();
        }
        if std::mem::take(&mut self.signals.reset) {
            return Attention::Stop(Stop::Reset(ResetSource::Chip));
        }
        if std::mem::take(&mut self.signals.nmi) {
            self.pend(exception::NMI);
        }
        if std::mem::take(&mut self.lines_changed) | self.signals.irq.take_changed() {
            self.recheck = true;
            if self.nvic.sample(&self.signals.irq) {
                self.note_new_pending();
            }
        }
        if self.signals.cycles >= target || std::mem::take(&mut self.signals.pause) {
            return Attention::Stop(Stop::Deadline);
        }
        if self.signals.stall > 0 {
            return self.stand_still(target);
        }
        if self.recheck {
            // An entry changes the priority: whatever is now due on top of it is looked at again.
            return match self.service_exceptions() {
                Ok(()) => Attention::Again,
                Err(stop) => Attention::Stop(stop),
            };
        }
        if self.sleep != Sleep::Awake {
            let wake = self.deadline.min(target).max(self.signals.cycles);
            self.wait(wake - self.signals.cycles);
            return Attention::Again;
        }
        if !self.thumb {
            let pc = self.registers[15];
            return match self.settle(Trap::InvalidState, pc) {
                Ok(()) => Attention::Again,
                Err(stop) => Attention::Stop(stop),
            };
        }
        let single = self.breakpoint.is_some() || self.recorder.is_some();
        self.pause_at = if single { 0 } else { self.deadline.min(target) };
        Attention::Run
    }

    /// A part of a stall: up to the next deadline, so that the chip goes on in time while the core waits.
    fn stand_still(&mut self, target: u64) -> Attention {
        let until = self.deadline.min(target).max(self.signals.cycles + 1);
        let part = self.signals.stall.min(until - self.signals.cycles);
        self.signals.stall -= part;
        self.wait(part);
        Attention::Again
    }

    fn run_timers(&mut self) {
        if self.systick.advance(self.signals.cycles) {
            self.pend(exception::SYS_TICK);
        }
        self.chip_is_due = false;
        let mut next = self.chip.tick(&mut self.signals);
        while self.move_data() {
            next = self.chip.tick(&mut self.signals);
        }
        self.deadline = next.min(self.systick.deadline());
    }

    fn move_data(&mut self) -> bool {
        let ram = self.recorder.as_mut().map_or(&mut self.ram, |recorder| &mut recorder.ram);
        let moved = self.chip.move_data(ram, &mut self.signals);
        if moved {
            self.record_outside();
        }
        moved
    }

    /// Runs at least one instruction, and on until attention is asked for. The error names the instruction.
    pub(super) fn burst(&mut self) -> Result<(), (Trap, u32)> {
        self.record_step();
        let before = self.signals.cycles - self.waited;
        let result = self.run_instructions();
        self.instructions += self.signals.cycles - self.waited - before;
        result
    }

    fn run_instructions(&mut self) -> Result<(), (Trap, u32)> {
        loop {
            let pc = self.registers[15];
            let index = (pc & !FLASH_START) as usize / 2;
            let mut instruction = match self.decoded.get(index) {
                Some(decoded) if decoded.operation != Operation::NotDecoded => *decoded,
                _ => match self.fetch(pc) {
                    Ok(instruction) => instruction,
                    Err(trap) => return Err((trap, pc)),
                },
            };
            self.signals.cycles += 1;
            self.registers[15] = pc.wrapping_add(u32::from(instruction.length));
            let it_state = self.it_state;
            let runs = it_state == 0 || self.step_it_block(&mut instruction);
            if runs && let Err(trap) = self.execute(instruction, pc) {
                if !trap.is_after_completion() {
                    self.it_state = it_state;
                }
                if trap == Trap::Checkpoint {
                    self.signals.cycles -= 1;
                }
                return Err((trap, pc));
            }
            if self.signals.cycles >= self.pause_at {
                return Ok(());
            }
        }
    }

    /// Advances the IT state; false when the instruction's condition fails.
    #[inline(always)]
    fn step_it_block(&mut self, instruction: &mut Instruction) -> bool {
        let condition = self.it_state >> 4;
        self.it_state = if self.it_state & 7 == 0 { 0 } else { self.it_state & 0xE0 | self.it_state << 1 & 0x1F };
        if instruction.set_flags == SetFlags::OutsideItBlock {
            instruction.set_flags = SetFlags::Never;
        }
        self.flags.pass(condition)
    }

    /// Reads and decodes the instruction at `pc`, and keeps it when it is in flash.
    #[cold]
    #[inline(never)]
    pub(super) fn fetch(&mut self, pc: u32) -> Result<Instruction, Trap> {
        if matches!(pc, 0x4000_0000..0x6000_0000 | 0xA000_0000..) {
            return Err(Trap::ExecuteNever);
        }
        let Signals { nmi: nmi_before, .. } = self.signals;
        let first = self.fetch_half(pc)?;
        let instruction = if decode::is_wide(first) {
            decode::wide(first, self.fetch_half(pc.wrapping_add(2))?)
        } else {
            decode::narrow(first)
        };
        let index = (pc & !FLASH_START) as usize / 2;
        // A word that raised NMI must raise it again at the next fetch.
        if self.signals.nmi == nmi_before && index < self.decoded.len() {
            Arc::make_mut(&mut self.decoded)[index] = instruction;
        }
        Ok(instruction)
    }

    fn fetch_half(&mut self, address: u32) -> Result<u16, Trap> {
        match self.read_half(address) {
            Ok(half) => Ok(half as u16),
            Err(Trap::DataBus) => Err(Trap::InstructionBus),
            Err(other) => Err(other),
        }
    }

    /// Does what a trap asks for: an exception, a return from one, or a stop.
    fn settle(&mut self, trap: Trap, pc: u32) -> Result<(), Stop> {
        match trap {
            Trap::SupervisorCall => self.call_supervisor(),
            Trap::ExceptionReturn => self.leave(self.return_value),
            Trap::SysResetReq => Err(Stop::Reset(ResetSource::SysResetReq)),
            Trap::ChipReset => Err(Stop::Reset(ResetSource::Chip)),
            Trap::PowerLost => Err(Stop::PowerLost),
            Trap::Checkpoint => {
                self.registers[15] = pc;
                self.stopped_at_checkpoint = Some(pc);
                Err(Stop::Checkpoint)
            }
            other => self.take_fault(other, pc),
        }
    }

    /// The stop behind a trap that is no exception.
    pub(super) fn stop_of(&mut self, trap: Trap, pc: u32) -> Stop {
        match trap {
            Trap::Breakpoint => Stop::Bkpt,
            Trap::UnknownInstruction => Stop::UnknownInstruction { pc, opcode: self.unknown_opcode },
            Trap::PowerLost => Stop::PowerLost,
            Trap::ChipReset => Stop::Reset(ResetSource::Chip),
            Trap::SysResetReq => Stop::Reset(ResetSource::SysResetReq),
            Trap::Unmodelled => Stop::Unmodelled { pc, what: std::mem::take(&mut self.unmodelled) },
            other => Stop::Unmodelled { pc, what: format!("{other:?} while stacking or unstacking a frame") },
        }
    }
}

/// What comes after looking around.
enum Attention {
    /// Something changed: look again.
    Again,
    /// Nothing is due: run instructions.
    Run,
    /// Back to the caller.
    Stop(Stop),
}
