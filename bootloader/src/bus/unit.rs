//! What the functions of Modbus need from whoever answers.

use protocol::identity::Serial;
use protocol::modbus::exception::Exception;
use protocol::semver::Version;

use super::write::Words;

/// Consecutive registers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// First address.
    pub start: u16,
    /// How many, at least 1.
    pub quantity: u16,
}

impl Range {
    /// The addresses; `None` for those beyond the last one there is.
    pub fn addresses(self) -> impl Iterator<Item = Option<u16>> {
        (0..self.quantity).map(move |index| self.start.checked_add(index))
    }
}

/// What the unit says of itself to tools that know nothing of its registers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Nameplate {
    /// Version of the program that answers.
    pub version: Version,
    /// Revision of the board.
    pub hardware_revision: u8,
    /// Serial number.
    pub serial: Serial,
    /// Whether it does its work, or only waits to be given an image.
    pub run: RunIndicator,
}

/// The run indicator of function 17 (Modbus application protocol V1.1b3, section 6.13).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunIndicator {
    /// The firmware runs.
    On,
    /// The loader is in recovery.
    Off,
}

/// A unit on the bus: its registers, its address, its counters.
pub trait Unit {
    /// Address on the bus.
    fn unit_id(&self) -> u8;

    /// What it says of itself.
    fn nameplate(&self) -> Nameplate;

    /// Reads registers into `out`, two bytes each, high byte first.
    ///
    /// # Errors
    /// Exception 2 when one of them does not exist or may not be read this way.
    fn read(&self, range: Range, out: &mut [u8]) -> Result<(), Exception>;

    /// The value of a register that can be written, for a function that changes some of its bits.
    ///
    /// # Errors
    /// Exception 2 when there is no such register.
    fn read_writable(&self, address: u16) -> Result<u16, Exception>;

    /// Writes registers: all or none.
    ///
    /// # Errors
    /// Exception 2 for an address, 3 for a value, 6 when there is no room just now.
    fn write(&mut self, start: u16, words: Words<'_>) -> Result<(), Exception>;

    /// Writes what was sent to all units. There is nobody to tell.
    fn write_broadcast(&mut self, start: u16, words: Words<'_>);

    /// A frame for this unit has come.
    fn frame_received(&mut self);

    /// An exception is the answer.
    fn exception_sent(&mut self);
}
