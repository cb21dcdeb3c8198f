//! Reads the fields of a request and writes those of an answer. Modbus sends the high byte first.

use protocol::modbus::MAX_PDU;
use protocol::modbus::exception::Exception;

/// Where the answer to a request goes.
pub type Out = [u8; MAX_PDU];

/// Takes fields off the front of a request. What is missing or left over makes the request illegal.
pub(super) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(super) fn of(request: &'a [u8]) -> Self {
        Self { rest: request }
    }

    pub(super) fn u8(&mut self) -> Result<u8, Exception> {
        let (first, rest) = self.rest.split_first().ok_or(Exception::IllegalDataValue)?;
        self.rest = rest;
        Ok(*first)
    }

    pub(super) fn u16(&mut self) -> Result<u16, Exception> {
        Ok(u16::from_be_bytes([self.u8()?, self.u8()?]))
    }

    /// A count of bytes that has to be twice `registers`, and those bytes.
    pub(super) fn registers(&mut self, registers: u16) -> Result<&'a [u8], Exception> {
        let count = usize::from(self.u8()?);
        let (data, rest) = self.rest.split_at_checked(count).ok_or(Exception::IllegalDataValue)?;
        self.rest = rest;
        if count == usize::from(registers) * 2 { Ok(data) } else { Err(Exception::IllegalDataValue) }
    }

    /// Everything that is left.
    pub(super) fn rest(self) -> &'a [u8] {
        self.rest
    }

    /// Nothing may be left.
    pub(super) fn end(self) -> Result<(), Exception> {
        if self.rest.is_empty() { Ok(()) } else { Err(Exception::IllegalDataValue) }
    }
}

/// Appends to an answer. An answer that does not fit is a mistake of its function, never sent in part.
pub(super) struct Answer<'a> {
    out: &'a mut Out,
    length: usize,
}

impl<'a> Answer<'a> {
    pub(super) fn new(out: &'a mut Out, function: u8) -> Self {
        out[0] = function;
        Self { out, length: 1 }
    }

    pub(super) fn bytes(mut self, bytes: &[u8]) -> Self {
        let end = self.length + bytes.len();
        if let Some(place) = self.out.get_mut(self.length..end) {
            place.copy_from_slice(bytes);
        }
        self.length = end;
        self
    }

    pub(super) fn u8(self, value: u8) -> Self {
        self.bytes(&[value])
    }

    pub(super) fn u16(self, value: u16) -> Self {
        self.bytes(&value.to_be_bytes())
    }

    /// How long it is so far.
    pub(super) fn length(&self) -> usize {
        self.length
    }

    /// Changes a byte that was appended before.
    pub(super) fn set(self, at: usize, value: u8) -> Self {
        if let Some(place) = self.out.get_mut(at) {
            *place = value;
        }
        self
    }

    /// Makes the byte at `at`, appended before, the count of those behind it.
    pub(super) fn counted(self, at: usize) -> Self {
        let count = self.length - at - 1;
        self.set(at, count as u8)
    }

    pub(super) fn end(self) -> Result<usize, Exception> {
        if self.length <= MAX_PDU { Ok(self.length) } else { Err(Exception::DeviceFailure) }
    }
}
