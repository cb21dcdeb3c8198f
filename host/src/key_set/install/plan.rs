//! What a key set would change in a unit. The unit judges for itself; this saves a refusal and says it in advance.

use std::collections::BTreeMap;

use protocol::anchors::Stage;
use protocol::digest::KeyId;
use protocol::key_set::KeySet;
use protocol::message::{KeySetReport, KeyState};
use protocol::semver::Version;

use super::error::PrecheckError;
use super::{roots, serial_of};
use crate::key_set::file::KeySetFile;
use crate::key_set::unit::Standing;
use crate::session::Who;

/// Release keys and what they are worth, by id.
pub(super) type Standings = BTreeMap<[u8; 8], Standing>;

/// Refuses what the unit would refuse.
pub(super) fn check(file: &KeySetFile, who: &Who, unit: &KeySetReport) -> Result<(), PrecheckError> {
    let product = match who {
        Who::Firmware(hello) => hello.product,
        Who::Recovery(recovery) => recovery.product,
    };
    if file.set.product() != product {
        return Err(PrecheckError::WrongProduct { unit: product, set: file.set.product() });
    }
    if unit.threshold == 0 {
        return Err(PrecheckError::NoRoots);
    }
    if file.set.number() < unit.number {
        return Err(PrecheckError::Old { unit: unit.number, set: file.set.number() });
    }
    let (signed, missing): (Vec<KeyId>, Vec<KeyId>) =
        roots(unit).partition(|root| file.signed.signers().any(|signer| signer == *root));
    if signed.len() < usize::from(unit.threshold) {
        return Err(PrecheckError::Signatures { signed: signed.len(), needed: unit.threshold, missing });
    }
    Ok(())
}

/// What the unit said about its release keys.
pub(super) fn told(unit: &KeySetReport) -> Standings {
    let release = unit.keys.iter().filter(|key| key.state != KeyState::Root);
    release.map(|key| (key.key.0, key.state.into())).collect()
}

/// What it would say with the set in force.
pub(super) fn predict(set: &KeySet, unit: &KeySetReport, who: &Who) -> (Standings, Version) {
    let repeated = set.number() <= unit.number;
    let reset = set.floor_reset().filter(|reset| !repeated && reset.units.include(serial_of(who)));
    let floor = reset.map_or(unit.floor, |reset| reset.to);
    let mut after: Standings = BTreeMap::new();
    for key in unit.keys.iter().filter(|key| key.state != KeyState::Root) {
        let standing = match key.state {
            // In the old set only, as far as can be known.
            KeyState::Added => Standing::NotKnown,
            // Revoked no more: the anchors may name it, then it would be believed. Say the safe thing.
            KeyState::Revoked => Standing::NotKnown,
            other => other.into(),
        };
        after.insert(key.key.0, standing);
    }
    for key in set.keys() {
        let id = KeyId::of(&key.public_key);
        let told = unit.keys.iter().find(|told| told.key == id).map(|told| told.state);
        let standing = match (key.stage, told) {
            _ if key.expires_at_floor.is_some_and(|expiry| floor >= expiry) => Standing::Expired,
            // Only the unit knows how it was built.
            (Stage::Development, Some(KeyState::Anchored | KeyState::Added)) => Standing::Believed,
            (Stage::Development, _) => Standing::Development,
            (Stage::Production, _) => Standing::Believed,
        };
        after.insert(id.0, standing);
    }
    after.extend(set.revoked().map(|id| (id.0, Standing::Revoked)));
    (after, floor)
}
