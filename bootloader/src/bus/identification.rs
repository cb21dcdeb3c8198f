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
    let mut text = Text::default();
    text.version(plate.version).push(b" ").push(plate.serial.as_bytes());
    let id = PRODUCT.to_be_bytes();
    Answer::new(out, Function::ReportServerId.code())
        .u8((id.len() + 1 + text.bytes().len()) as u8)
        .bytes(&id)
        .u8(run)
        .bytes(text.bytes())
        .end()
}

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
    let asked = || OBJECTS.into_iter().filter(move |object| (first..=last).contains(object));
    let mut answer = Answer::new(out, Function::ReadDeviceIdentification.code())
        .bytes(&[READ_DEVICE_IDENTIFICATION, category, CONFORMITY])
        .bytes(&[0, 0, asked().count() as u8]);
    let plate = unit.nameplate();
    for object in asked() {
        let text = text_of(&plate, object);
        answer = answer.bytes(&[object, text.bytes().len() as u8]).bytes(text.bytes());
    }
    answer.end()
}

fn text_of(plate: &Nameplate, object: u8) -> Text {
    let mut text = Text::default();
    match object {
        0 => text.push(VENDOR.as_bytes()),
        1 => text.push(&PRODUCT.to_be_bytes()),
        2 => text.version(plate.version),
        4 => text.push(PRODUCT_NAME.as_bytes()),
        5 => text.push(b"revision ").number(u16::from(plate.hardware_revision)),
        _ => text.push(plate.serial.as_bytes()),
    };
    text
}

/// Longest text: a version (17), a blank and a serial number (16); the product's name is shorter.
#[derive(Default)]
struct Text(heapless::Vec<u8, 40>);

impl Text {
    fn push(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes).expect("every text is shorter than the buffer");
        self
    }

    fn number(&mut self, value: u16) -> &mut Self {
        if value >= 10 {
            self.number(value / 10);
        }
        self.push(&[b'0' + (value % 10) as u8])
    }

    fn version(&mut self, version: Version) -> &mut Self {
        self.number(version.major).push(b".").number(version.minor).push(b".").number(version.patch)
    }

    fn bytes(&self) -> &[u8] {
        &self.0
    }
}
