//! Function 8, sub-function 0: gives back what it was sent. The host drains the line with it after a timeout (`bus:M4`).

use protocol::modbus::exception::Exception;
use protocol::modbus::function::Function;

use super::answer::{Answer, Fields, Out};

const RETURN_QUERY_DATA: u16 = 0;

pub(super) fn echo(request: &[u8], out: &mut Out) -> Result<usize, Exception> {
    let mut fields = Fields::of(request);
    if fields.u16()? != RETURN_QUERY_DATA {
        return Err(Exception::IllegalFunction);
    }
    let data = fields.rest();
    if data.is_empty() || !data.len().is_multiple_of(2) {
        return Err(Exception::IllegalDataValue);
    }
    Answer::new(out, Function::Diagnostics.code()).bytes(request).end().map_err(|_| Exception::IllegalDataValue)
}
