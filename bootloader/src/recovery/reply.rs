//! Replies, written by hand: the loader has no room for code that knows every reply there is (docs/decisions/recovery.md).
//!
//! The bytes are those of [`protocol::message::Reply`]; the tests read each of them back with it. Numbers of variants are
//! their places in those enums, which only grow at the end.

use protocol::boot_record::ImageRef;
use protocol::layout::Slot;
use protocol::mailbox::MAX_REPLY;
use protocol::semver::Version;

use crate::unit::UNKNOWN_REVISION;
use crate::verify;

/// A kind of answer, by its place in [`protocol::message::Answer`].
#[derive(Debug, Clone, Copy)]
#[repr(u8)]
pub(super) enum Kind {
    SlotReport = 2,
    Began = 3,
    PageMap = 4,
    Staged = 5,
    Activating = 6,
    Aborted = 8,
    Recovery = 12,
}

/// A refusal that says no more than its name, by its place in [`protocol::message::Refusal`].
#[derive(Debug, Clone, Copy)]
#[repr(u8)]
pub(super) enum Plain {
    NotUnderstood = 0,
    BadSignature = 5,
    BadManifest = 6,
    NoTransfer = 14,
    ImageDiffers = 16,
    BadVectors = 17,
    NothingStaged = 18,
    Busy = 24,
    InRecovery = 25,
}

const OTHER_SESSION: u8 = 1;
const OUT_OF_SEQUENCE: u8 = 2;
const UNKNOWN_KEY: u8 = 3;
const DEVELOPMENT_KEY: u8 = 4;
const WRONG_PRODUCT: u8 = 7;
const WRONG_HARDWARE: u8 = 8;
const SLOT_RUNS: u8 = 9;
const BELOW_FLOOR: u8 = 10;
const LOADER_TOO_OLD: u8 = 11;
const NO_SUCH_PAGE: u8 = 15;
const FLASH_FAILED: u8 = 23;
const REVOKED_KEY: u8 = 26;
const EXPIRED_KEY: u8 = 27;

/// The reply says that the request is refused.
#[derive(Debug)]
pub(super) struct Refused;

/// A reply in the making.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reply {
    bytes: [u8; MAX_REPLY],
    length: usize,
}

impl Reply {
    /// The worker is at it.
    #[inline(never)]
    pub(super) fn new() -> Self {
        Self { bytes: [0; MAX_REPLY], length: 1 }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// An answer of that kind; what it says follows.
    pub(super) fn done(&mut self, kind: Kind) -> &mut Self {
        self.start(1, kind as u8)
    }

    fn start(&mut self, reply: u8, variant: u8) -> &mut Self {
        self.length = 0;
        self.u8(reply).u8(variant)
    }

    #[inline(never)]
    pub(super) fn u8(&mut self, value: u8) -> &mut Self {
        // Every reply is shorter than the window: the tests hold the longest of each kind to that.
        if let Some(place) = self.bytes.get_mut(self.length) {
            *place = value;
            self.length += 1;
        }
        self
    }

    #[inline(never)]
    pub(super) fn number(&mut self, mut value: u32) -> &mut Self {
        while value >= 0x80 {
            self.u8(value as u8 | 0x80);
            value >>= 7;
        }
        self.u8(value as u8)
    }

    #[inline(never)]
    pub(super) fn array(&mut self, bytes: &[u8]) -> &mut Self {
        for &byte in bytes {
            self.u8(byte);
        }
        self
    }

    #[inline(never)]
    pub(super) fn version(&mut self, version: Version) -> &mut Self {
        self.number(version.major.into()).number(version.minor.into()).number(version.patch.into())
    }

    pub(super) fn slot(&mut self, slot: Slot) -> &mut Self {
        self.u8(slot.code())
    }

    #[inline(never)]
    pub(super) fn image(&mut self, image: &ImageRef) -> &mut Self {
        self.slot(image.slot).version(image.version).array(&image.tag.0)
    }
}

/// Refusals.
impl Reply {
    #[inline(never)]
    fn refusal(&mut self, variant: u8) -> &mut Self {
        self.start(2, variant)
    }

    #[inline(never)]
    pub(super) fn refuse(&mut self, plain: Plain) -> Refused {
        self.refusal(plain as u8);
        Refused
    }

    pub(super) fn other_session(&mut self, open: u16) -> Refused {
        self.refusal(OTHER_SESSION).number(open.into());
        Refused
    }

    pub(super) fn out_of_sequence(&mut self, expected: u16, found: u16) -> Refused {
        self.refusal(OUT_OF_SEQUENCE).number(expected.into()).number(found.into());
        Refused
    }

    pub(super) fn slot_runs(&mut self, slot: Slot) -> Refused {
        self.refusal(SLOT_RUNS).slot(slot);
        Refused
    }

    pub(super) fn no_such_page(&mut self, page: u8, pages: u8) -> Refused {
        self.refusal(NO_SUCH_PAGE).u8(page).u8(pages);
        Refused
    }

    #[inline(never)]
    pub(super) fn flash_failed(&mut self, offset: u32) -> Refused {
        self.refusal(FLASH_FAILED).number(offset);
        Refused
    }

    #[inline(never)]
    pub(super) fn below_floor(&mut self, floor: Version, image: Version) -> Refused {
        self.refusal(BELOW_FLOOR).version(floor).version(image);
        Refused
    }

    /// Why a manifest is refused.
    pub(super) fn manifest(&mut self, refusal: &verify::Refusal) -> Refused {
        use verify::Refusal;
        match refusal {
            // An anchor that is no key believes nobody.
            Refusal::UnknownKey { key } | Refusal::UnusableKey { key } => self.refusal(UNKNOWN_KEY).array(&key.0),
            Refusal::DevelopmentKey { key } => self.refusal(DEVELOPMENT_KEY).array(&key.0),
            Refusal::RevokedKey { key } => self.refusal(REVOKED_KEY).array(&key.0),
            Refusal::ExpiredKey { key, expires_at_floor, floor } => {
                self.refusal(EXPIRED_KEY).array(&key.0).version(*expires_at_floor).version(*floor)
            }
            Refusal::Signature { .. } => return self.refuse(Plain::BadSignature),
            Refusal::Malformed(_) => return self.refuse(Plain::BadManifest),
            Refusal::Product { unit, image } => self.refusal(WRONG_PRODUCT).number(*unit).number(*image),
            Refusal::Revision { unit, image } => {
                self.refusal(WRONG_HARDWARE).u8(unit.unwrap_or(UNKNOWN_REVISION)).number(image.0)
            }
            Refusal::BelowFloor { floor, image } => return self.below_floor(*floor, *image),
            Refusal::Loader { loader, needed } => self.refusal(LOADER_TOO_OLD).version(*loader).version(*needed),
        };
        Refused
    }
}
