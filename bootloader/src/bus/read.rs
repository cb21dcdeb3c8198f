//! Functions 3, 4 and 23: reads of registers and of the mailbox windows. 4 reads what 3 reads: map C has holding registers
//! only, and an HMI that knows input registers only is served all the same.

use protocol::modbus::exception::Exception;
use protocol::modbus::function::Function;
use protocol::modbus::{MAX_READ, MAX_READ_WRITE};

use super::answer::{Answer, Fields, Out};
use super::unit::{Range, Unit};
use super::write::Words;

/// Function code and count of bytes.
const HEADER: usize = 2;

/// Functions 3 and 4.
pub(super) fn registers(unit: &impl Unit, code: u8, request: &[u8], out: &mut Out) -> Result<usize, Exception> {
    let mut fields = Fields::of(request);
    let (start, quantity) = (fields.u16()?, fields.u16()?);
    fields.end()?;
    read(unit, code, start, quantity, out)
}

/// Function 23: writes, then reads. Nothing is written when the read would be refused.
pub(super) fn after_write(unit: &mut impl Unit, request: &[u8], out: &mut Out) -> Result<usize, Exception> {
    let mut fields = Fields::of(request);
    let (read_start, read_quantity) = (fields.u16()?, fields.u16()?);
    let (write_start, write_quantity) = (fields.u16()?, fields.u16()?);
    let data = fields.registers(write_quantity)?;
    fields.end()?;
    if !(1..=MAX_READ_WRITE).contains(&write_quantity) {
        return Err(Exception::IllegalDataValue);
    }
    let code = Function::ReadWriteRegisters.code();
    read(unit, code, read_start, read_quantity, out)?;
    unit.write(write_start, Words::new(data))?;
    read(unit, code, read_start, read_quantity, out)
}

fn read(unit: &impl Unit, code: u8, start: u16, quantity: u16, out: &mut Out) -> Result<usize, Exception> {
    if !(1..=MAX_READ).contains(&quantity) {
        return Err(Exception::IllegalDataValue);
    }
    let bytes = usize::from(quantity) * 2;
    let end = Answer::new(out, code).u8(bytes as u8).end()? + bytes;
    let place = out.get_mut(HEADER..end).ok_or(Exception::IllegalDataValue)?;
    unit.read(Range { start, quantity }, place)?;
    Ok(end)
}
