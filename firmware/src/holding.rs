//! The one address space that Modbus functions work on: the register map, and the mailbox windows beside it (`bus:M2`).
//!
//! A window is read and written from its first register only. What a request touches is checked whole before any of it
//! is done: a request that is refused has changed nothing.

use protocol::mailbox::{self, Chunk};
use protocol::modbus::exception::Exception;
use protocol::registers::{self, Access, At, Register, RegisterId};

use crate::modbus::server::Words;
use crate::registers as map;
use crate::transfer::Intake;
use crate::unit::Unit;

/// Consecutive registers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// First address.
    pub start: u16,
    /// How many, at least 1.
    pub quantity: u16,
}

impl Range {
    fn addresses(self) -> impl Iterator<Item = Option<u16>> {
        (0..self.quantity).map(move |index| self.start.checked_add(index))
    }
}

impl Unit {
    /// Reads registers into `out`, two bytes each, high byte first.
    ///
    /// # Errors
    /// Exception 2 when one of them does not exist or may not be read this way.
    pub fn read(&self, range: Range, out: &mut [u8]) -> Result<(), Exception> {
        match range.start {
            mailbox::RESPONSE if range.quantity <= mailbox::RESPONSE_REGISTERS => {
                self.session.read_response(out);
                Ok(())
            }
            mailbox::STATUS if range.quantity <= mailbox::STATUS_REGISTERS => {
                let words = self.status_window().emit();
                fill(out, words.into_iter().map(Ok))
            }
            _ => fill(out, range.addresses().map(|address| self.read_one(address))),
        }
    }

    /// The value of a register that can be written, for a function that changes some of its bits.
    ///
    /// # Errors
    /// Exception 2 when there is no such register.
    pub fn read_writable(&self, address: u16) -> Result<u16, Exception> {
        writable(address).map(|register| map::read(self, register.id, 0))
    }

    /// Writes registers.
    ///
    /// # Errors
    /// Exception 2 for an address, 3 for a value, 6 when there is no room for an image chunk just now.
    pub fn write(&mut self, start: u16, words: Words<'_>) -> Result<(), Exception> {
        match start {
            mailbox::REQUEST if words.quantity() <= mailbox::REQUEST_REGISTERS => self.request(words.bytes()),
            mailbox::CHUNK if words.quantity() <= mailbox::CHUNK_REGISTERS => self.chunk(words.bytes()),
            _ => self.write_map(start, words),
        }
    }

    /// Writes what was sent to all units. Obeyed are an emergency stop and image chunks; lifting a stop is not, since
    /// nobody could know of every unit that it is safe (`bus:M1`).
    pub fn write_broadcast(&mut self, start: u16, words: Words<'_>) {
        // There is nobody to tell: a chunk that found no room shows as a missing page, any other write is not obeyed.
        let _unanswered = match start {
            mailbox::CHUNK if words.quantity() <= mailbox::CHUNK_REGISTERS => self.chunk(words.bytes()),
            _ if is_emergency_stop(start, words) => self.write_map(start, words),
            _ => Ok(()),
        };
    }

    fn read_one(&self, address: Option<u16>) -> Result<u16, Exception> {
        match address.map(registers::at) {
            Some(At::Register { register, word }) => Ok(map::read(self, register.id, word)),
            Some(At::Reserved) => Ok(0),
            Some(At::Nothing) | None => Err(Exception::IllegalDataAddress),
        }
    }

    fn write_map(&mut self, start: u16, words: Words<'_>) -> Result<(), Exception> {
        let range = Range { start, quantity: words.quantity() };
        let targets =
            || range.addresses().map(|address| address.ok_or(Exception::IllegalDataAddress).and_then(writable));
        // Addresses first: a master that writes elsewhere is told so, whatever the values.
        targets().try_for_each(|target| target.map(drop))?;
        for (target, value) in targets().zip(words.values()) {
            map::check(target?, value)?;
        }
        for (target, value) in targets().zip(words.values()) {
            map::write(self, target?.id, value);
        }
        Ok(())
    }

    fn chunk(&mut self, window: &[u8]) -> Result<(), Exception> {
        let chunk = Chunk::parse(window).ok_or(Exception::IllegalDataValue)?;
        match self.transfer.take_chunk(&chunk) {
            Intake::Taken => Ok(()),
            Intake::NoRoom => Err(Exception::Busy),
            Intake::NotOfThisTransfer | Intake::OutsideImage => Err(Exception::IllegalDataValue),
        }
    }
}

fn is_emergency_stop(start: u16, words: Words<'_>) -> bool {
    let here = matches!(
        registers::at(start),
        At::Register { register: Register { id: RegisterId::EmergencyStop, .. }, word: 0 }
    );
    here && words.quantity() == 1 && words.values().all(|value| value != 0)
}

fn writable(address: u16) -> Result<&'static Register, Exception> {
    match registers::at(address) {
        At::Register { register, word: 0 } if register.access == Access::ReadWrite => Ok(register),
        At::Register { .. } | At::Reserved | At::Nothing => Err(Exception::IllegalDataAddress),
    }
}

fn fill(out: &mut [u8], words: impl Iterator<Item = Result<u16, Exception>>) -> Result<(), Exception> {
    for (place, word) in out.chunks_exact_mut(2).zip(words) {
        place.copy_from_slice(&word?.to_be_bytes());
    }
    Ok(())
}
