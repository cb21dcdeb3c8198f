//! What the registers of a unit say that has just been switched on for the first time.

use protocol::handover::BootReason;
use protocol::identity::Serial;
use protocol::layout::Slot;
use protocol::manifest::PRODUCT;
use protocol::registers::{ChannelRegister, Register, RegisterId};
use protocol::reset::ResetCause;
use protocol::semver::Version;

use crate::releases::{HARDWARE, releases};
use crate::rig::UNIT;

/// Its serial number, as the factory gives it to that unit.
pub(crate) fn serial() -> Serial {
    Serial::parse(&format!("MS-{UNIT:06}")).expect("a good serial number")
}

/// The words of a register; `None` for one that counts or measures.
pub(crate) fn words(register: &Register) -> Option<Vec<u16>> {
    Some(match register.id {
        RegisterId::FirmwareVersion => version(releases().factory.version().expect("the factory installs a release")),
        RegisterId::HardwareRevision => vec![u16::from(HARDWARE)],
        RegisterId::Product => pairs(&PRODUCT.to_be_bytes()),
        RegisterId::Serial => pairs(serial().bytes()),
        RegisterId::BuildId => pairs(&releases().first.image(Slot::A).manifest.build_id),
        RegisterId::LastShutdownReason => vec![2],
        RegisterId::ResetCause => vec![u16::from(ResetCause::PowerOn.code())],
        RegisterId::BootReason => vec![u16::from(BootReason::OnlyImage.code())],
        // All packages of the workspace have one version.
        RegisterId::LoaderVersion => version(Version::parse(env!("CARGO_PKG_VERSION")).expect("cargo's own form")),
        RegisterId::SystemUptime
        | RegisterId::FramesReceived
        | RegisterId::ExceptionsSent
        | RegisterId::Temperature
        | RegisterId::LoopMax
        | RegisterId::StackFree
        // The converter's noise is about a watt, also where nothing runs.
        | RegisterId::Channel(_, ChannelRegister::Power | ChannelRegister::Watts) => return None,
        _ => vec![register.default; usize::from(register.words)],
    })
}

fn version(version: Version) -> Vec<u16> {
    vec![version.major, version.minor, version.patch]
}

fn pairs(bytes: &[u8]) -> Vec<u16> {
    bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect()
}
