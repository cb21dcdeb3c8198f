//! What a core does, instruction by instruction: for those who look for parts of a run that they need not run again.
//!
//! Costs the run loop nothing while nobody records: a core that records keeps its SRAM elsewhere, so that every access
//! takes the slow path, where it is written down.

use super::bus::{Chip, Width};
use super::{Core, RAM_START};

/// Instructions in the order of their execution, and what they touched.
#[derive(Debug, Clone, Default)]
pub struct Recording {
    /// The instructions.
    pub steps: Vec<Step>,
    /// Their accesses, in order. Reads of flash that anybody may read at any time are not among them.
    pub accesses: Vec<Access>,
}

/// One instruction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Its cycle, since the recording began. The next one has the next cycle, unless something came between.
    pub cycle: u32,
    /// Where it lies.
    pub address: u32,
}

/// One access.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access {
    /// The instruction, by its number among the steps.
    pub step: u32,
    /// What was touched, and how.
    pub kind: AccessKind,
}

/// What an access touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessKind {
    /// Bytes of the SRAM were read.
    Read {
        /// First byte, from the start of the SRAM.
        offset: u32,
        /// How many.
        bytes: u8,
    },
    /// Bytes of the SRAM were written.
    Write {
        /// First byte, from the start of the SRAM.
        offset: u32,
        /// How many.
        bytes: u8,
    },
    /// Chip, system registers, masks or exceptions had a part.
    Outside,
}

/// A recording that goes on, and the SRAM meanwhile.
#[derive(Debug, Clone)]
pub(super) struct Recorder {
    pub(super) ram: Vec<u8>,
    begin: u64,
    recording: Recording,
}

impl Recorder {
    /// The value of aligned bytes of the SRAM; `None` when the address is elsewhere.
    fn read(&mut self, address: u32, width: Width) -> Option<u32> {
        let (offset, bytes) = (address.wrapping_sub(RAM_START), bytes_of(width));
        let found = self.ram.get(offset as usize..offset as usize + usize::from(bytes))?;
        let value = found.iter().rev().fold(0, |value, &byte| value << 8 | u32::from(byte));
        self.note(AccessKind::Read { offset, bytes });
        Some(value)
    }

    fn write(&mut self, address: u32, width: Width, value: u32) -> Option<()> {
        let (offset, bytes) = (address.wrapping_sub(RAM_START), bytes_of(width));
        let place = self.ram.get_mut(offset as usize..offset as usize + usize::from(bytes))?;
        place.copy_from_slice(&value.to_le_bytes()[..usize::from(bytes)]);
        self.note(AccessKind::Write { offset, bytes });
        Some(())
    }

    fn note(&mut self, kind: AccessKind) {
        let step = self.recording.steps.len().saturating_sub(1) as u32;
        self.recording.accesses.push(Access { step, kind });
    }
}

impl<C: Chip> Core<C> {
    /// Records from here on, slowly.
    pub fn start_recording(&mut self) {
        let ram = std::mem::take(&mut self.ram);
        self.recorder = Some(Box::new(Recorder { ram, begin: self.signals.cycles, recording: Recording::default() }));
    }

    /// Ends the recording; `None` when there was none.
    pub fn take_recording(&mut self) -> Option<Recording> {
        let recorder = self.recorder.take()?;
        self.ram = recorder.ram;
        Some(recorder.recording)
    }

    /// The next instruction is about to be executed.
    pub(super) fn record_step(&mut self) {
        if let Some(recorder) = &mut self.recorder {
            let cycle = (self.signals.cycles - recorder.begin) as u32;
            recorder.recording.steps.push(Step { cycle, address: self.registers[15] });
        }
    }

    /// Something other than SRAM and clean flash has a part in the instruction.
    pub(super) fn record_outside(&mut self) {
        if let Some(recorder) = &mut self.recorder {
            recorder.note(AccessKind::Outside);
        }
    }

    /// An aligned read while recording; `None` when it is not for the SRAM, or nobody records.
    pub(super) fn read_recorded(&mut self, address: u32, width: Width) -> Option<u32> {
        let recorder = self.recorder.as_mut()?;
        let value = recorder.read(address, width);
        if value.is_none() {
            recorder.note(AccessKind::Outside);
        }
        value
    }

    /// An aligned write while recording; `None` when it is not for the SRAM, or nobody records.
    pub(super) fn write_recorded(&mut self, address: u32, width: Width, value: u32) -> Option<()> {
        let recorder = self.recorder.as_mut()?;
        let done = recorder.write(address, width, value);
        if done.is_none() {
            recorder.note(AccessKind::Outside);
        }
        done
    }
}

fn bytes_of(width: Width) -> u8 {
    match width {
        Width::Byte => 1,
        Width::Half => 2,
        Width::Word => 4,
    }
}
