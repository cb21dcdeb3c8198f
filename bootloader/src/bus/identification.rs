//! Functions 17 and 43/14: who is there, for tools that know nothing of our registers.

use protocol::manifest::PRODUCT;
use protocol::modbus::exception::Exception;
use protocol::modbus::function::Function;
use protocol::semver::Version;

use super::answer::{Answer, Fields, Out};
use super::unit::{Nameplate, RunIndicator, Unit};

const VENDOR: &str = "sonde";
const PRODUCT_NAME: &str = "multi-sonicator controller";

/// Function 17: product code, run indicator, version and serial number as text.
pub(super) fn server_id(unit: &impl Unit, request: &[u8], out: &mut Out) -> Result<usize, Exception> {
    Fields::of(request).end()?;
    let plate = unit.nameplate();
    let run = match plate.run {
        RunIndicator::On => 0xFF,
        RunIndicator::Off => 0,
    };
    let answer = Answer::new(out, Function::ReportServerId.code()).u8(0).bytes(&PRODUCT.to_be_bytes()).u8(run);
    version(answer, plate.version).bytes(b" ").bytes(plate.serial.as_bytes()).counted(SERVER_ID_COUNT).end()
}

/// Where the count of bytes is, in the answer to function 17.
const SERVER_ID_COUNT: usize = 1;
/// The only MEI type served.
const READ_DEVICE_IDENTIFICATION: u8 = 14;
/// Basic, regular and extended objects, as a stream or one by one.
const CONFORMITY: u8 = 0x83;
/// First object of the extended category.
const EXTENDED: u8 = 0x80;
/// Object identifiers served, in ascending order.
const OBJECTS: [u8; 6] = [0, 1, 2, 4, 5, EXTENDED];

/// Function 43/14.
pub(super) fn objects(unit: &impl Unit, request: &[u8], out: &mut Out) -> Result<usize, Exception> {
    let mut fields = Fields::of(request);
    if fields.u8()? != READ_DEVICE_IDENTIFICATION {
        return Err(Exception::IllegalFunction);
    }
    let (category, from) = (fields.u8()?, fields.u8()?);
    fields.end()?;
    let last = match category {
        1 => 2,
        2 => EXTENDED - 1,
        3 => u8::MAX,
        4 if OBJECTS.contains(&from) => from,
        4 => return Err(Exception::IllegalDataAddress),
        _ => return Err(Exception::IllegalDataValue),
    };
    // A stream that begins at an unknown object begins at the first one (specification, section 6.21).
    let first = if OBJECTS.contains(&from) { from } else { 0 };
    let mut answer = Answer::new(out, Function::ReadDeviceIdentification.code())
        .bytes(&[READ_DEVICE_IDENTIFICATION, category, CONFORMITY])
        .bytes(&[0, 0, 0]);
    let plate = unit.nameplate();
    let mut count = 0;
    for &object in OBJECTS.iter().filter(|object| (first..=last).contains(*object)) {
        count += 1;
        answer = answer.u8(object);
        let at = answer.length();
        answer = text(answer.u8(0), &plate, object).counted(at);
    }
    answer.set(OBJECT_COUNT, count).end()
}

/// Where the count of objects is, in the answer to function 43/14.
const OBJECT_COUNT: usize = 6;

fn text<'a>(answer: Answer<'a>, plate: &Nameplate, object: u8) -> Answer<'a> {
    match object {
        0 => answer.bytes(VENDOR.as_bytes()),
        1 => answer.bytes(&PRODUCT.to_be_bytes()),
        2 => version(answer, plate.version),
        4 => answer.bytes(PRODUCT_NAME.as_bytes()),
        5 => number(answer.bytes(b"revision "), plate.hardware_revision.into()),
        _ => answer.bytes(plate.serial.as_bytes()),
    }
}

fn version(answer: Answer<'_>, version: Version) -> Answer<'_> {
    let answer = number(answer, version.major).u8(b'.');
    let answer = number(answer, version.minor).u8(b'.');
    number(answer, version.patch)
}

fn number(mut answer: Answer<'_>, value: u16) -> Answer<'_> {
    if value >= 10 {
        answer = number(answer, value / 10);
    }
    answer.u8(b'0' + (value % 10) as u8)
}
