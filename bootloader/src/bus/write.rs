//! Functions 6, 16 and 22, and what a broadcast may do.

use protocol::modbus::MAX_WRITE;
use protocol::modbus::exception::Exception;
use protocol::modbus::function::Function;

use super::answer::{Answer, Fields, Out};
use super::unit::Unit;

/// Values of consecutive registers as they came, high byte first; an even number of bytes.
#[derive(Debug, Clone, Copy)]
pub struct Words<'a>(&'a [u8]);

impl<'a> Words<'a> {
    /// The values in `bytes`; a byte too many is not looked at.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(&bytes[..bytes.len() & !1])
    }

    /// How many registers.
    #[must_use]
    pub fn quantity(self) -> u16 {
        (self.0.len() / 2) as u16
    }

    /// Their bytes, as a mailbox window takes them.
    #[must_use]
    pub fn bytes(self) -> &'a [u8] {
        self.0
    }

    /// Their values.
    pub fn values(self) -> impl Iterator<Item = u16> + use<'a> {
        self.0.chunks_exact(2).map(|word| u16::from_be_bytes([word[0], word[1]]))
    }
}

/// Function 6.
pub(super) fn single(unit: &mut impl Unit, request: &[u8], out: &mut Out) -> Result<usize, Exception> {
    let (address, data) = parse_single(request)?;
    unit.write(address, data)?;
    Answer::new(out, Function::WriteSingleRegister.code()).bytes(request).end()
}

/// Function 16.
pub(super) fn multiple(unit: &mut impl Unit, request: &[u8], out: &mut Out) -> Result<usize, Exception> {
    let (start, data) = parse_multiple(request)?;
    unit.write(start, data)?;
    Answer::new(out, Function::WriteMultipleRegisters.code()).u16(start).u16(data.quantity()).end()
}

/// Function 22: bits to keep, bits to set.
pub(super) fn mask(unit: &mut impl Unit, request: &[u8], out: &mut Out) -> Result<usize, Exception> {
    let mut fields = Fields::of(request);
    let (address, keep, set) = (fields.u16()?, fields.u16()?, fields.u16()?);
    fields.end()?;
    let value = (unit.read_writable(address)? & keep) | (set & !keep);
    unit.write(address, Words::new(&value.to_be_bytes()))?;
    Answer::new(out, Function::MaskWriteRegister.code()).bytes(request).end()
}

/// What was sent to all units: obeyed where the map says so, otherwise ignored, never answered.
pub(super) fn broadcast(unit: &mut impl Unit, code: u8, request: &[u8]) {
    let parsed = match Function::from_code(code) {
        Some(Function::WriteSingleRegister) => parse_single(request),
        Some(Function::WriteMultipleRegisters) => parse_multiple(request),
        _ => return,
    };
    if let Ok((start, data)) = parsed {
        unit.write_broadcast(start, data);
    }
}

fn parse_single(request: &[u8]) -> Result<(u16, Words<'_>), Exception> {
    let mut fields = Fields::of(request);
    let address = fields.u16()?;
    let data = fields.rest();
    if data.len() == 2 { Ok((address, Words::new(data))) } else { Err(Exception::IllegalDataValue) }
}

fn parse_multiple(request: &[u8]) -> Result<(u16, Words<'_>), Exception> {
    let mut fields = Fields::of(request);
    let (start, quantity) = (fields.u16()?, fields.u16()?);
    let data = fields.registers(quantity)?;
    fields.end()?;
    if (1..=MAX_WRITE).contains(&quantity) { Ok((start, Words::new(data))) } else { Err(Exception::IllegalDataValue) }
}
