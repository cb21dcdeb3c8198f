//! Why a unit says no. Append-only. A refusal has changed nothing.

use crate::digest::KeyId;
use crate::layout::Slot;
use crate::manifest::HardwareSet;
use crate::semver::Version;
use crate::settings::{Kind, Named, entry};

/// A reason, with both sides of what does not fit. New ones go last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Refusal {
    /// The bytes are no request that this unit knows.
    NotUnderstood,
    /// Another client's session is open.
    OtherSession {
        /// That session.
        open: u16,
    },
    /// The sequence number is neither the last nor the next one.
    OutOfSequence {
        /// The next one.
        expected: u16,
        /// The one received.
        found: u16,
    },
    /// The manifest names a key that the unit does not hold.
    UnknownKey {
        /// The key it names.
        key: KeyId,
    },
    /// The key is for development and this is a release build (`boot:B10`).
    DevelopmentKey {
        /// The key it names.
        key: KeyId,
    },
    /// The signature does not fit the manifest.
    BadSignature,
    /// Signed, but not a manifest this unit understands.
    BadManifest,
    /// For another product.
    WrongProduct {
        /// The unit's.
        unit: u32,
        /// The image's.
        image: u32,
    },
    /// Not for this hardware revision.
    WrongHardware {
        /// The unit's revision.
        unit: u8,
        /// The image's revisions, bit n = revision n.
        image: u32,
    },
    /// Linked for the slot that runs.
    SlotRuns {
        /// That slot.
        slot: Slot,
    },
    /// Below the lowest version that may run.
    BelowFloor {
        /// That version.
        floor: Version,
        /// The image's.
        image: Version,
    },
    /// Needs a newer loader.
    LoaderTooOld {
        /// The unit's.
        unit: Version,
        /// What the image needs.
        needed: Version,
    },
    /// The running image is itself on trial: confirm it or roll it back first (`fault:S7`).
    TrialPending {
        /// Its version.
        running: Version,
    },
    /// A channel emits power (`boot:U5`).
    ChannelsRunning {
        /// START outputs that are high, bit 0 = channel 1.
        outputs: u8,
    },
    /// No transfer is armed.
    NoTransfer,
    /// No such page in this transfer.
    NoSuchPage {
        /// The page asked for.
        page: u8,
        /// Pages there are.
        pages: u8,
    },
    /// The image in flash is not the one that the manifest describes: ask for the page map again.
    ImageDiffers,
    /// The image's vector table is nonsense (`fault:A9`).
    BadVectors,
    /// Nothing is staged.
    NothingStaged,
    /// The other slot holds no image that would boot.
    NothingToRollBackTo,
    /// The other slot's image failed its trial.
    FailedItsTrial {
        /// Its version.
        version: Version,
    },
    /// The running image is not on trial.
    NotOnTrial,
    /// The running image failed its self-test.
    SelfTestFailed {
        /// Checks that failed, one bit each.
        failed: u16,
    },
    /// Flash did not take what was written.
    FlashFailed {
        /// Where, from the start of flash.
        offset: u32,
    },
    /// Another request is still being worked on.
    Busy,
    /// The loader answers, in recovery: no image runs. (2)
    InRecovery,
    /// The key was revoked (`boot:B10`). (2)
    RevokedKey {
        /// The key the manifest names.
        key: KeyId,
    },
    /// The floor has reached the one at which the key expires (`boot:B10`), or would when the image is confirmed. (2)
    ExpiredKey {
        /// The key the manifest names.
        key: KeyId,
        /// The floor it expires at.
        expires_at_floor: Version,
        /// The unit's floor, or the security floor of the image when that is higher.
        floor: Version,
    },
    /// The unit has no root keys: nobody can sign a key set for it. (2)
    NoRoots,
    /// What was sent is not a key set that this unit understands. (2)
    BadKeySet,
    /// Not all of the key set has arrived. (2)
    KeySetIncomplete {
        /// Bytes that have.
        have: u16,
        /// Bytes of a key set.
        need: u16,
    },
    /// Too few of the unit's root keys have signed the key set. (2)
    KeySetSignatures {
        /// Root keys whose signatures hold.
        valid: u8,
        /// Root keys that have to sign.
        needed: u8,
    },
    /// Not newer than the key set in force; equal numbers: the same number, another content. (2)
    KeySetOld {
        /// Number of the set in force.
        unit: u16,
        /// Number of the set sent.
        offered: u16,
    },
    /// So far ahead that hardly a number would be left for the sets after it (`fault:R5`). (2)
    KeySetAhead {
        /// Number of the set in force.
        unit: u16,
        /// Number of the set sent.
        offered: u16,
        /// The highest number that the unit would take now.
        highest: u16,
    },
    /// The image that runs would not boot any more, and the request does not give it up. (2)
    WouldNotBoot {
        /// Its slot.
        slot: Slot,
        /// Its version.
        version: Version,
    },
    /// The unit has no value with that code. (3)
    NoSuchValue {
        /// What for.
        kind: Kind,
        /// The code.
        code: u8,
    },
    /// A value may not have that number. (3)
    ValueOutOfRange {
        /// What for.
        kind: Kind,
        /// The value's code.
        code: u8,
        /// The number.
        number: i32,
    },
    /// A value is changed twice in one request. (3)
    ValueTwice {
        /// What for.
        kind: Kind,
        /// The value's code.
        code: u8,
    },
    /// A page would have to be erased, which would stop the core for 22 ms: not while a channel may emit power. (3)
    NoRoomWhileRunning {
        /// Channels that are on or to be started, bit 0 = channel 1.
        channels: u8,
    },
}

impl core::fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::NotUnderstood => formatter.write_str("the unit does not know this request"),
            Self::OtherSession { open } => write!(formatter, "another client's session {open:#06x} is open"),
            Self::OutOfSequence { expected, found } => write!(formatter, "request {found}, expected {expected}"),
            Self::UnknownKey { key } => write!(formatter, "signed by key {key}, which the unit does not know"),
            Self::DevelopmentKey { key } => write!(formatter, "key {key} is for development; this is a release unit"),
            Self::BadSignature => formatter.write_str("the signature does not fit the manifest"),
            Self::BadManifest => formatter.write_str("signed, but not a manifest that the unit understands"),
            Self::WrongProduct { unit, image } => {
                write!(formatter, "for product {image:#010x}, the unit is product {unit:#010x}")
            }
            Self::WrongHardware { unit, image } => {
                write!(formatter, "for hardware revision {}, the unit is revision {unit}", HardwareSet(*image))
            }
            Self::SlotRuns { slot } => write!(formatter, "linked for slot {slot}, which is running"),
            Self::BelowFloor { floor, image } => write!(formatter, "version {image} is below the floor {floor}"),
            Self::LoaderTooOld { unit, needed } => write!(formatter, "needs loader {needed}, the unit has {unit}"),
            Self::TrialPending { running } => write!(formatter, "version {running} is still on trial"),
            Self::ChannelsRunning { outputs } => write!(formatter, "channels are running (mask {outputs:#06b})"),
            Self::NoTransfer => formatter.write_str("no transfer is armed"),
            Self::NoSuchPage { page, pages } => write!(formatter, "page {page} of {pages}"),
            Self::ImageDiffers => formatter.write_str("the image in flash is not the one the manifest describes"),
            Self::BadVectors => formatter.write_str("the image's vector table is nonsense"),
            Self::NothingStaged => formatter.write_str("nothing is staged"),
            Self::NothingToRollBackTo => formatter.write_str("the other slot holds no image that would boot"),
            Self::FailedItsTrial { version } => {
                write!(formatter, "the other slot holds version {version}, which failed its trial")
            }
            Self::NotOnTrial => formatter.write_str("the running image is not on trial"),
            Self::SelfTestFailed { failed } => write!(formatter, "the self-test failed (mask {failed:#06x})"),
            Self::FlashFailed { offset } => write!(formatter, "flash failed at offset {offset:#07x}"),
            Self::Busy => formatter.write_str("the unit is still at work on another request"),
            Self::InRecovery => formatter.write_str("the loader is in recovery; no image runs"),
            Self::RevokedKey { key } => write!(formatter, "signed by key {key}, which was revoked"),
            Self::ExpiredKey { key, expires_at_floor, floor } => {
                write!(formatter, "key {key} is not believed from floor {expires_at_floor} on; the floor is {floor}")
            }
            Self::NoRoots => formatter.write_str("the unit has no root keys, so nobody can sign a key set for it"),
            Self::BadKeySet => formatter.write_str("this is no key set that the unit understands"),
            Self::KeySetIncomplete { have, need } => write!(formatter, "{have} of {need} bytes of the key set arrived"),
            Self::KeySetSignatures { valid, needed } => {
                write!(formatter, "{valid} of the unit's root keys signed the key set, {needed} have to")
            }
            Self::KeySetOld { unit, offered } if unit == offered => {
                write!(formatter, "the unit has another key set with number {unit}")
            }
            Self::KeySetOld { unit, offered } => {
                write!(formatter, "key set {offered} is older than the unit's, number {unit}")
            }
            Self::KeySetAhead { unit, offered, highest } => {
                write!(formatter, "key set {offered} is too far ahead of the unit's, number {unit}; at most {highest}")
            }
            Self::WouldNotBoot { slot, version } => {
                write!(formatter, "version {version} in slot {slot}, which runs, would not boot any more")
            }
            Self::NoSuchValue { kind, code } => write!(formatter, "the unit has no {kind} with number {code}"),
            Self::ValueOutOfRange { kind, code, number } => {
                write!(formatter, "{} may not be {number}", Named(*kind, *code))?;
                entry(*kind, *code, u16::MAX).map_or(Ok(()), |entry| write!(formatter, "; allowed: {}", entry.allowed))
            }
            Self::ValueTwice { kind, code } => write!(formatter, "{} is changed twice", Named(*kind, *code)),
            Self::NoRoomWhileRunning { channels } => {
                write!(formatter, "a page has to be erased first, not while channels run (mask {channels:#06b})")
            }
        }
    }
}
