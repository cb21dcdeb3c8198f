//! Answers one request (`bus:M1`).
//!
//! Exceptions: 1 function not served, 2 address, 3 value or quantity, 4 device failure, 6 busy. A request that is not
//! exactly as long as its own fields say is answered with exception 3.

use protocol::modbus::BROADCAST;
use protocol::modbus::exception::{EXCEPTION_FLAG, Exception};
use protocol::modbus::function::Function;

use super::answer::Out;
use super::unit::Unit;
use super::{diagnostics, identification, read, write};

/// Serves the request `pdu` that was sent to `address`; returns the length of the answer in `out`, `None` when there is
/// to be none: for another unit, broadcast, or empty.
pub fn handle(unit: &mut impl Unit, address: u8, pdu: &[u8], out: &mut Out) -> Option<usize> {
    let (&code, request) = pdu.split_first()?;
    if address == BROADCAST {
        write::broadcast(unit, code, request);
        return None;
    }
    if address != unit.unit_id() {
        return None;
    }
    unit.frame_received();
    let length = serve(unit, code, request, out).unwrap_or_else(|exception| {
        unit.exception_sent();
        out[..2].copy_from_slice(&[code | EXCEPTION_FLAG, exception.code()]);
        2
    });
    Some(length)
}

fn serve(unit: &mut impl Unit, code: u8, request: &[u8], out: &mut Out) -> Result<usize, Exception> {
    match Function::from_code(code).ok_or(Exception::IllegalFunction)? {
        Function::ReadHoldingRegisters | Function::ReadInputRegisters => read::registers(unit, code, request, out),
        Function::WriteSingleRegister => write::single(unit, request, out),
        Function::WriteMultipleRegisters => write::multiple(unit, request, out),
        Function::MaskWriteRegister => write::mask(unit, request, out),
        Function::ReadWriteRegisters => read::after_write(unit, request, out),
        Function::Diagnostics => diagnostics::echo(request, out),
        Function::ReportServerId => identification::server_id(unit, request, out),
        Function::ReadDeviceIdentification => identification::objects(unit, request, out),
    }
}
