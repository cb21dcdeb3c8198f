//! The one address space that Modbus functions work on: the register map, and the mailbox windows beside it (`bus:M2`).
//!
//! A window is read and written from its first register only. What a request touches is checked whole before any of it
//! is done: a request that is refused has changed nothing.

mod lock;

use protocol::mailbox;
use protocol::message::{Answer, Request};
use protocol::modbus::exception::Exception;
use protocol::registers::{self, Access, At, Register, RegisterId};

use bootloader::bus::unit::RunIndicator;
use bootloader::bus::{self, Nameplate, Range, Words};
use bootloader::update::{Updatable, Update};

use crate::registers as map;
use crate::status;
use crate::unit::Unit;

impl Updatable for Unit {
    fn update(&mut self) -> &mut Update {
        &mut self.update
    }
}

impl bus::Unit for Unit {
    fn unit_id(&self) -> u8 {
        self.line().unit_id
    }

    fn nameplate(&self) -> Nameplate {
        let facts = self.facts();
        Nameplate {
            version: facts.version,
            hardware_revision: facts.hardware_revision(),
            serial: facts.serial(),
            run: RunIndicator::On,
        }
    }

    fn read(&self, range: Range, out: &mut [u8]) -> Result<(), Exception> {
        match self.update.read_window(range.start, out) {
            Some(()) => Ok(()),
            None => fill(out, range.addresses().map(|address| self.read_one(address))),
        }
    }

    fn read_writable(&self, address: u16) -> Result<u16, Exception> {
        writable(address).map(|register| map::read(self, register.id, 0))
    }

    fn write(&mut self, start: u16, words: Words<'_>) -> Result<(), Exception> {
        match start {
            mailbox::REQUEST if words.quantity() <= mailbox::REQUEST_REGISTERS => self.request(words.bytes()),
            mailbox::CHUNK if words.quantity() <= mailbox::CHUNK_REGISTERS => {
                self.update.transfer.take_window(words.bytes())
            }
            _ => {
                lock::check(self.settings.plc_writes(), start, words)?;
                self.write_map(start, words)
            }
        }
    }

    /// Obeyed are an emergency stop and image chunks; lifting a stop is not, since nobody could know of every unit that
    /// it is safe (`bus:M1`).
    fn write_broadcast(&mut self, start: u16, words: Words<'_>) {
        self.channels.hear_master(self.live.uptime_ms);
        // There is nobody to tell: a chunk that found no room shows as a missing page, any other write is not obeyed.
        let _unanswered = match start {
            mailbox::CHUNK if words.quantity() <= mailbox::CHUNK_REGISTERS => {
                self.update.transfer.take_window(words.bytes())
            }
            _ if is_emergency_stop(start, words) => self.write_map(start, words),
            _ => Ok(()),
        };
    }

    fn frame_received(&mut self) {
        self.counters.frame_received();
        self.channels.hear_master(self.live.uptime_ms);
        self.settings.hear_master(self.live.uptime_ms);
    }

    fn exception_sent(&mut self) {
        self.counters.exception_sent();
    }
}

impl Unit {
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
            map::check(self, target?, value)?;
        }
        for (target, value) in targets().zip(words.values()) {
            map::write(self, target?.id, value);
        }
        Ok(())
    }

    /// Takes a message. What needs neither flash nor a signature is answered at once.
    fn request(&mut self, window: &[u8]) -> Result<(), Exception> {
        let Some(new) = self.update.session.take(window)? else { return Ok(()) };
        let answer = match new.request() {
            Some(Request::Hello) if self.log_to_repair().is_none() && !self.keys_to_look_after() => {
                Some(Answer::Hello(status::hello(self)))
            }
            Some(Request::Status) => Some(Answer::Status(status::status(self))),
            _ => None,
        };
        self.update.session.start(new, answer);
        Ok(())
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

#[cfg(test)]
mod functions;
#[cfg(test)]
mod mailboxes;
