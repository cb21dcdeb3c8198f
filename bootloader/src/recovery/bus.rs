//! A unit in recovery on the bus: the mailbox windows. There is no register map, since nothing is measured or driven.

use protocol::identity::{DEFAULT_UNIT_ID, Serial};
use protocol::mailbox;
use protocol::modbus::exception::Exception;

use super::Recovery;
use crate::bus::unit::RunIndicator;
use crate::bus::{Nameplate, Range, Unit, Words};
use crate::unit::{LOADER_VERSION, UNKNOWN_REVISION};

impl Unit for Recovery {
    fn unit_id(&self) -> u8 {
        self.identity.map_or(DEFAULT_UNIT_ID, |identity| identity.unit_id)
    }

    fn nameplate(&self) -> Nameplate {
        let unknown = || Serial::parse("unknown").expect("a good serial");
        Nameplate {
            version: LOADER_VERSION,
            hardware_revision: self.identity.map_or(UNKNOWN_REVISION, |identity| identity.hardware_revision),
            serial: self.identity.map_or_else(unknown, |identity| identity.serial),
            run: RunIndicator::Off,
        }
    }

    fn read(&self, range: Range, out: &mut [u8]) -> Result<(), Exception> {
        match range.start {
            mailbox::RESPONSE if range.quantity <= mailbox::RESPONSE_REGISTERS => self.mailbox.read(out),
            mailbox::STATUS if range.quantity <= mailbox::STATUS_REGISTERS => {
                self.transfer.status_window(self.mailbox.sequence()).read(out);
            }
            _ => return Err(Exception::IllegalDataAddress),
        }
        Ok(())
    }

    fn read_writable(&self, _address: u16) -> Result<u16, Exception> {
        Err(Exception::IllegalDataAddress)
    }

    fn write(&mut self, start: u16, words: Words<'_>) -> Result<(), Exception> {
        match start {
            mailbox::REQUEST if words.quantity() <= mailbox::REQUEST_REGISTERS => self.mailbox.take(words.bytes()),
            mailbox::CHUNK if words.quantity() <= mailbox::CHUNK_REGISTERS => self.transfer.take_window(words.bytes()),
            _ => Err(Exception::IllegalDataAddress),
        }
    }

    /// Chunks only. All channels are off already, so an emergency stop has nothing to stop.
    fn write_broadcast(&mut self, start: u16, words: Words<'_>) {
        if start == mailbox::CHUNK {
            // There is nobody to tell: a chunk that found no room shows as a missing page.
            let _unanswered = self.write(start, words);
        }
    }

    fn frame_received(&mut self) {}

    fn exception_sent(&mut self) {}
}
