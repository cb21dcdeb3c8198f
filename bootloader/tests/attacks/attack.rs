//! One attack: a unit that boots, and what was done to it.

use protocol::layout::Slot;
use sonde_bootloader::model::FlashModel;

use crate::unit;

/// One attack or fault.
pub(crate) struct Attack {
    /// Its id in the list of attacks: `A1`.
    pub(crate) id: &'static str,
    /// Its short name, with the id the folder's.
    pub(crate) name: &'static str,
    /// The unit before.
    pub(crate) control: Control,
    /// What was done.
    pub(crate) did: &'static str,
    /// What must happen.
    pub(crate) must: &'static str,
    /// The same, for the test.
    pub(crate) ends: Ends,
    /// The files that differ from the control's, without offset and ending.
    pub(crate) changes: &'static [&'static str],
    /// Does it.
    pub(crate) change: fn(&mut FlashModel),
}

/// How a boot ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ends {
    /// An image runs.
    Runs(Slot),
    /// The loader stays up.
    Recovery,
}

/// A unit that boots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Control {
    /// 1.2.0 confirmed in slot A, nothing in slot B.
    Confirmed,
    /// 1.2.0 confirmed in slot B, 1.1.0 in slot A.
    Pair,
    /// 1.2.0 on trial in slot B, never started; 1.1.0 in slot A.
    Trial,
    /// 1.2.0 in slot A, no boot log.
    Factory,
    /// As [`Control::Confirmed`], with root keys and a key set that adds a key.
    Roots,
    /// The same, and the image is signed by the added key.
    Rotated,
    /// 1.2.0 in slot B is signed by a revoked key, 1.1.0 in slot A by the one that came after it.
    Revoked,
}

impl Control {
    pub(crate) const ALL: [Self; 7] =
        [Self::Confirmed, Self::Pair, Self::Trial, Self::Factory, Self::Roots, Self::Rotated, Self::Revoked];

    pub(crate) fn folder(self) -> &'static str {
        match self {
            Self::Confirmed => "control-confirmed",
            Self::Pair => "control-pair",
            Self::Trial => "control-trial",
            Self::Factory => "control-factory",
            Self::Roots => "control-roots",
            Self::Rotated => "control-rotated",
            Self::Revoked => "control-revoked",
        }
    }

    pub(crate) fn is(self) -> &'static str {
        match self {
            Self::Confirmed => "1.2.0 is confirmed in slot A, slot B is empty, the floor is 1.1.0.",
            Self::Pair => "1.2.0 is confirmed in slot B, 1.1.0 is in slot A, the floor is 1.1.0.",
            Self::Trial => {
                "1.2.0 is on trial in slot B and was never started, 1.1.0 is in slot A, the floor is 1.1.0. The manifest \
                 of 1.2.0 asks for a floor of 1.2.0 once it is confirmed."
            }
            Self::Factory => "1.2.0 is in slot A, as a factory leaves it: slot B and the boot log are empty.",
            Self::Roots => {
                "1.2.0 is confirmed in slot A and signed by the key of the anchors, slot B is empty, the floor is 1.1.0. There \
                 are three root keys, of which two have to sign; they signed key set 5, which adds a release key."
            }
            Self::Rotated => {
                "As `control-roots`, but the image is signed by the key that only the key set names: it runs because the set \
                 counts."
            }
            Self::Revoked => {
                "Key set 6 adds a release key and revokes the one of the anchors. 1.2.0 in slot B is confirmed and signed by \
                 the revoked key, 1.1.0 in slot A by the added one."
            }
        }
    }

    pub(crate) fn runs(self) -> Slot {
        match self {
            Self::Confirmed | Self::Factory | Self::Roots | Self::Rotated | Self::Revoked => Slot::A,
            Self::Pair | Self::Trial => Slot::B,
        }
    }

    pub(crate) fn flash(self) -> FlashModel {
        match self {
            Self::Confirmed => unit::confirmed(),
            Self::Pair => unit::pair(),
            Self::Trial => unit::trial(),
            Self::Factory => unit::factory(),
            Self::Roots => unit::roots(),
            Self::Rotated => unit::rotated(),
            Self::Revoked => unit::revoked(),
        }
    }
}

impl Attack {
    pub(crate) fn folder(&self) -> String {
        format!("{}-{}", self.id, self.name)
    }

    pub(crate) fn flash(&self) -> FlashModel {
        let mut flash = self.control.flash();
        (self.change)(&mut flash);
        flash
    }
}
