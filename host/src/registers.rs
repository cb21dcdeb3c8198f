//! A run of a unit's registers, read in one go and taken apart by the one table (`protocol::registers`).

use protocol::registers::RegisterId;

use crate::bus::{Bus, BusError, UnitId};

/// Registers from one address on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Block {
    start: u16,
    words: Vec<u16>,
}

impl Block {
    /// Reads everything from one register to another; what lies between has to be in the map or reserved.
    pub(crate) async fn read(bus: &Bus, unit: UnitId, first: RegisterId, last: RegisterId) -> Result<Self, BusError> {
        let (start, last) = (first.address(), last.register());
        let words = bus.read_holding(unit, start, last.address + last.words - start).await?;
        Ok(Self { start, words })
    }

    /// The first word of a register.
    pub(crate) fn get(&self, id: RegisterId) -> u16 {
        self.word(id.address())
    }

    /// The word at an address; 0 outside of the block.
    pub(crate) fn word(&self, address: u16) -> u16 {
        let index = address.checked_sub(self.start).map(usize::from);
        index.and_then(|index| self.words.get(index)).copied().unwrap_or_default()
    }
}
