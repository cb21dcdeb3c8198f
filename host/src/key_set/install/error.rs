//! How an installation fails.

use protocol::digest::KeyId;

use crate::failure::{Class, Failure};
use crate::key_set::unit::UnitKeysError;
use crate::session::SessionError;

/// Why a key set is not for a unit, found before it is sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PrecheckError {
    /// For another product.
    #[error("the key set is for product {set:#010x}, the unit is product {unit:#010x}; use a key set for this product")]
    WrongProduct {
        /// The unit's.
        unit: u32,
        /// The set's.
        set: u32,
    },
    /// Nobody can sign for this unit.
    #[error(
        "the unit has no root keys, so nobody can sign a key set for it; provision it with an anchors page that names them, over SWD: sonde key root anchors"
    )]
    NoRoots,
    /// Below the set in force.
    #[error(
        "the key set is number {set}, the unit has number {unit} and takes only higher ones; make the next set from the one the unit has: sonde key rotate"
    )]
    Old {
        /// The unit's.
        unit: u16,
        /// The set's.
        set: u16,
    },
    /// Too few of its root keys have signed.
    #[error(
        "signed by {signed} of the unit's root keys, {needed} have to; get more signatures with: sonde key sign (root keys that have not signed: {})",
        list(missing)
    )]
    Signatures {
        /// Root keys that have signed.
        signed: usize,
        /// Root keys that have to.
        needed: u8,
        /// Root keys that have not.
        missing: Vec<KeyId>,
    },
}

fn list(keys: &[KeyId]) -> String {
    keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

impl Failure for PrecheckError {
    fn class(&self) -> Class {
        Class::No
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::WrongProduct { .. } => "precheck.wrong_product",
            Self::NoRoots => "precheck.no_roots",
            Self::Old { .. } => "precheck.key_set_old",
            Self::Signatures { .. } => "precheck.key_set_signatures",
        }
    }
}

/// Why a key set was not installed.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// It does not fit this unit; nothing was sent.
    #[error(transparent)]
    Precheck(#[from] PrecheckError),
    /// What the unit believes is not known.
    #[error(transparent)]
    Keys(#[from] UnitKeysError),
    /// The unit refused, or could not be asked.
    #[error(transparent)]
    Session(#[from] SessionError),
}

impl Failure for InstallError {
    fn class(&self) -> Class {
        match self {
            Self::Precheck(error) => error.class(),
            Self::Keys(error) => error.class(),
            Self::Session(error) => error.class(),
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Precheck(error) => error.kind(),
            Self::Keys(error) => error.kind(),
            Self::Session(error) => error.kind(),
        }
    }
}
