//! Places at which the core stops: as many as one likes, at no cost to the instructions between them.

use std::sync::Arc;

use super::bus::Chip;
use super::instruction::{Instruction, Operation};
use super::trap::Trap;
use super::{Core, FLASH_START};

impl<C: Chip> Core<C> {
    /// Stops with [`Stop::Checkpoint`](super::Stop::Checkpoint) before the instruction at each of these addresses of flash,
    /// unless it lies in an IT block whose condition fails. Running on from there executes it. A reset forgets them, and so
    /// does a change of flash there.
    pub fn set_checkpoints(&mut self, addresses: impl IntoIterator<Item = u32>) {
        for address in addresses {
            self.set_checkpoint(address);
        }
    }

    /// Executes the one instruction at a checkpoint.
    pub(super) fn step_over_checkpoint(&mut self, address: u32) -> Result<(), (Trap, u32)> {
        self.flash_changed(flash_offset(address), 2);
        self.pause_at = 0;
        let result = self.burst();
        self.set_checkpoint(address);
        result
    }

    fn set_checkpoint(&mut self, address: u32) {
        let index = flash_offset(address) / 2;
        let decoded = match self.decoded.get(index) {
            Some(decoded) if decoded.operation != Operation::NotDecoded => *decoded,
            Some(_) => match self.fetch(address) {
                Ok(decoded) => decoded,
                Err(_) => return,
            },
            None => return,
        };
        Arc::make_mut(&mut self.decoded)[index] = Instruction { operation: Operation::Checkpoint, ..decoded };
    }
}

impl<C: Chip + Clone> Core<C> {
    /// Becomes a clone of `to`, but keeps what it has decoded, checkpoints included. Flash must be the same.
    pub(crate) fn rewind(&mut self, to: &Self) {
        let decoded = Arc::clone(&self.decoded);
        *self = to.clone();
        self.decoded = decoded;
    }
}

fn flash_offset(address: u32) -> usize {
    (address & !FLASH_START) as usize
}
