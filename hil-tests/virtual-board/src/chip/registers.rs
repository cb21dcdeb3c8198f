//! Plain storage for registers, strict about what software may write.
//!
//! Every peripheral describes its registers in one table; the rules for reserved bits, read-only registers and holes
//! in the address range are the same for all of them and live here.

use crate::core::bus::Refused;

/// One register of a peripheral's table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Register {
    offset: u32,
    name: &'static str,
    reset: u32,
    writable: u32,
    ignored: u32,
}

impl Register {
    /// A register whose `writable` bits software sets and reads back; all others are reserved.
    pub(crate) const fn new(offset: u32, name: &'static str, reset: u32, writable: u32) -> Self {
        Self { offset, name, reset, writable, ignored: 0 }
    }

    /// A register that software only reads.
    pub(crate) const fn read_only(offset: u32, name: &'static str, reset: u32) -> Self {
        Self::new(offset, name, reset, 0)
    }

    /// Bits that hardware owns: a write to them is legal and changes nothing by itself.
    pub(crate) const fn hardware(mut self, bits: u32) -> Self {
        self.ignored = bits;
        self
    }
}

/// Registers lie on multiples of four in the first 256 bytes of their block.
const PLACES: usize = 64;
const NOWHERE: u8 = u8::MAX;

/// The values of a table of registers.
#[derive(Debug, Clone)]
pub(crate) struct Bank {
    table: &'static [Register],
    values: Vec<u32>,
    /// Where in the table the register of each place is: the chip asks for values all the time.
    places: [u8; PLACES],
}

impl Bank {
    /// All registers at their reset values.
    pub(crate) fn new(table: &'static [Register]) -> Self {
        let mut places = [NOWHERE; PLACES];
        for (index, register) in (0u8..).zip(table) {
            places[register.offset as usize / 4] = index;
        }
        Self { table, values: table.iter().map(|register| register.reset).collect(), places }
    }

    /// All registers back to their reset values.
    pub(crate) fn reset(&mut self) {
        for (value, register) in self.values.iter_mut().zip(self.table) {
            *value = register.reset;
        }
    }

    /// What software reads.
    pub(crate) fn read(&self, offset: u32) -> Result<u32, Refused> {
        Ok(self.values[self.index(offset)?])
    }

    /// Stores the writable bits of what software writes.
    pub(crate) fn write(&mut self, offset: u32, value: u32) -> Result<(), Refused> {
        let index = self.index(offset)?;
        let register = &self.table[index];
        if register.writable == 0 && register.ignored == 0 {
            return unmodelled(format!("{}: a write of {value:#010x} to a read-only register", register.name));
        }
        let old = self.values[index];
        // Writing back what a register reads as is what every read-modify-write does.
        let reserved = value & !(register.writable | register.ignored) & !old;
        if reserved != 0 {
            return unmodelled(format!("{}: reserved bits {reserved:#010x} set", register.name));
        }
        self.values[index] = (old & !register.writable) | (value & register.writable);
        Ok(())
    }

    /// The value of a register of the table.
    pub(crate) fn get(&self, offset: u32) -> u32 {
        self.position(offset).map_or(0, |index| self.values[index])
    }

    /// Hardware changes a register of the table.
    pub(crate) fn set(&mut self, offset: u32, value: u32) {
        if let Some(index) = self.position(offset) {
            self.values[index] = value;
        }
    }

    /// Hardware changes some bits of a register.
    pub(crate) fn set_bits(&mut self, offset: u32, bits: u32, on: bool) {
        let old = self.get(offset);
        self.set(offset, if on { old | bits } else { old & !bits });
    }

    /// The register's name in the reference manual.
    pub(crate) fn name(&self, offset: u32) -> &'static str {
        self.position(offset).map_or("?", |index| self.table[index].name)
    }

    fn index(&self, offset: u32) -> Result<usize, Refused> {
        self.position(offset)
            .ok_or_else(|| Refused::Unmodelled(format!("offset {offset:#05x}: no register is modelled there")))
    }

    fn position(&self, offset: u32) -> Option<usize> {
        let place = self.places.get(offset as usize / 4).copied().filter(|&place| place != NOWHERE)?;
        Some(usize::from(place))
    }
}

/// The machine stops and says why.
pub(crate) fn unmodelled<T>(what: impl Into<String>) -> Result<T, Refused> {
    Err(Refused::Unmodelled(what.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    static TABLE: [Register; 2] =
        [Register::new(0, "CR", 0x10, 0x0F).hardware(0x100), Register::read_only(4, "SR", 0xC0)];

    #[test]
    fn reserved_bits_read_only_registers_and_holes_name_themselves() {
        let mut bank = Bank::new(&TABLE);
        assert_eq!(bank.write(0, 0x20), unmodelled("CR: reserved bits 0x00000020 set"));
        assert_eq!(bank.write(4, 1), unmodelled("SR: a write of 0x00000001 to a read-only register"));
        assert_eq!(bank.read(8), unmodelled("offset 0x008: no register is modelled there"));
    }

    #[test]
    fn writing_back_what_was_read_is_legal() {
        let mut bank = Bank::new(&TABLE);
        assert_eq!(bank.write(0, 0x10 | 0x100 | 5), Ok(()));
        assert_eq!(bank.read(0), Ok(0x15));
        bank.reset();
        assert_eq!(bank.read(0), Ok(0x10));
    }
}
