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
}

impl Control {
    pub(crate) const ALL: [Self; 4] = [Self::Confirmed, Self::Pair, Self::Trial, Self::Factory];

    pub(crate) fn folder(self) -> &'static str {
        match self {
            Self::Confirmed => "control-confirmed",
            Self::Pair => "control-pair",
            Self::Trial => "control-trial",
            Self::Factory => "control-factory",
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
        }
    }

    pub(crate) fn runs(self) -> Slot {
        match self {
            Self::Confirmed | Self::Factory => Slot::A,
            Self::Pair | Self::Trial => Slot::B,
        }
    }

    pub(crate) fn flash(self) -> FlashModel {
        match self {
            Self::Confirmed => unit::confirmed(),
            Self::Pair => unit::pair(),
            Self::Trial => unit::trial(),
            Self::Factory => unit::factory(),
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
