//! The next key set from the one before: keys added, dropped, revoked; perhaps a floor to start from again.

use protocol::digest::KeyId;
use protocol::key_set::{FloorReset, KeySet, KeySetError, MAX_RELEASE_KEYS, MAX_REVOKED, ReleaseKey};

use crate::failure::{Class, Failure};

/// What is to be different.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// The number of the new set; `None`: the next one.
    pub number: Option<u16>,
    /// Release keys to add; one that is there is restated with its new stage and expiry.
    pub add: Vec<ReleaseKey>,
    /// Keys to take out of the set. Such a key is believed no more, unless the unit's anchors name it.
    pub drop: Vec<KeyId>,
    /// Keys to revoke, wherever they stand.
    pub revoke: Vec<KeyId>,
    /// Revoked keys to list no more. Such a key is believed again if the unit's anchors name it.
    pub forget: Vec<KeyId>,
    /// The floor to start from again.
    pub floor_reset: Option<FloorReset>,
}

/// Why there is no such set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// It would say the same as before.
    #[error(
        "the new key set would say the same as number {number}; name what is to change, see: sonde key rotate --help"
    )]
    Nothing {
        /// Number of the set before.
        number: u16,
    },
    /// Not above the set before.
    #[error("number {asked} is not above number {previous}, and units take only a higher one; leave --number out")]
    Number {
        /// Number of the set before; 0 when there is none.
        previous: u16,
        /// The number asked for.
        asked: u16,
    },
    /// There is no higher number.
    #[error(
        "number {previous} is the last one there is; units that have it can take no other key set: provision them anew"
    )]
    LastNumber {
        /// Number of the set before.
        previous: u16,
    },
    /// To be taken out, and not in.
    #[error("key {key} is not in the key set; list what is with: sonde key list")]
    NotThere {
        /// The key.
        key: KeyId,
    },
    /// Added and revoked.
    #[error("key {key} is revoked; a revoked key does not come back: add another one")]
    Revoked {
        /// The key.
        key: KeyId,
    },
    /// Too many keys.
    #[error("{found} release keys, a key set has room for {MAX_RELEASE_KEYS}; take some out with --drop")]
    TooManyKeys {
        /// Keys there would be.
        found: usize,
    },
    /// Too many revoked keys.
    #[error(
        "{found} revoked keys, a key set has room for {MAX_REVOKED}; take out with --forget those that no unit's anchors name"
    )]
    TooManyRevoked {
        /// Revoked keys there would be.
        found: usize,
    },
    /// Something else that a set cannot say.
    #[error("{0}; see: sonde key rotate --help")]
    Set(KeySetError),
}

impl Failure for ChangeError {
    fn class(&self) -> Class {
        Class::Usage
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Nothing { .. } => "key_set.nothing",
            Self::Number { .. } | Self::LastNumber { .. } => "key_set.number",
            Self::NotThere { .. } => "key_set.not_there",
            Self::Revoked { .. } => "key_set.revoked",
            Self::TooManyKeys { .. } | Self::TooManyRevoked { .. } => "key_set.full",
            Self::Set(_) => "key_set.terms",
        }
    }
}

/// The set after `previous`, or the first one. A floor reset is not carried on: repeated under a higher number it would
/// lower the floor once more.
///
/// # Errors
/// [`ChangeError`].
pub fn next(previous: Option<&KeySet>, product: u32, change: &Change) -> Result<KeySet, ChangeError> {
    let number = next_number(previous.map_or(0, KeySet::number), change.number)?;
    let mut keys: Vec<ReleaseKey> = previous.into_iter().flat_map(KeySet::keys).collect();
    let mut revoked: Vec<KeyId> = previous.into_iter().flat_map(KeySet::revoked).collect();
    let id = |key: &ReleaseKey| KeyId::of(&key.public_key);
    for key in &change.drop {
        take_out(&mut keys, *key, id)?;
    }
    for key in &change.forget {
        take_out(&mut revoked, *key, |key| *key)?;
    }
    for key in &change.revoke {
        // What is revoked needs no place among the keys.
        keys.retain(|other| id(other) != *key);
        if !revoked.contains(key) {
            revoked.push(*key);
        }
    }
    for key in &change.add {
        if revoked.contains(&id(key)) {
            return Err(ChangeError::Revoked { key: id(key) });
        }
        keys.retain(|other| other.public_key != key.public_key);
        keys.push(*key);
    }
    if keys.len() > MAX_RELEASE_KEYS {
        return Err(ChangeError::TooManyKeys { found: keys.len() });
    }
    if revoked.len() > MAX_REVOKED {
        return Err(ChangeError::TooManyRevoked { found: revoked.len() });
    }
    let product = previous.map_or(product, KeySet::product);
    let set = KeySet::new(number, product, change.floor_reset, &keys, &revoked).map_err(ChangeError::Set)?;
    match previous {
        Some(previous) if says_the_same(previous, &set) => Err(ChangeError::Nothing { number: previous.number() }),
        _ => Ok(set),
    }
}

fn next_number(previous: u16, asked: Option<u16>) -> Result<u16, ChangeError> {
    match asked {
        Some(asked) if asked <= previous => Err(ChangeError::Number { previous, asked }),
        Some(asked) => Ok(asked),
        None => previous.checked_add(1).ok_or(ChangeError::LastNumber { previous }),
    }
}

fn take_out<T>(list: &mut Vec<T>, key: KeyId, id: impl Fn(&T) -> KeyId) -> Result<(), ChangeError> {
    let place = list.iter().position(|item| id(item) == key).ok_or(ChangeError::NotThere { key })?;
    list.remove(place);
    Ok(())
}

fn says_the_same(one: &KeySet, other: &KeySet) -> bool {
    one.floor_reset() == other.floor_reset() && one.keys().eq(other.keys()) && one.revoked().eq(other.revoked())
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::anchors::Stage;
    use protocol::key_set::Units;
    use protocol::manifest::PRODUCT;
    use protocol::semver::Version;

    fn key(fill: u8) -> ReleaseKey {
        ReleaseKey { public_key: [fill; 32], stage: Stage::Production, expires_at_floor: None }
    }

    fn id(fill: u8) -> KeyId {
        KeyId::of(&[fill; 32])
    }

    fn first() -> KeySet {
        next(None, PRODUCT, &Change { add: vec![key(1), key(2)], ..Change::default() }).expect("two keys")
    }

    fn after(change: &Change) -> Result<KeySet, ChangeError> {
        next(Some(&first()), PRODUCT, change)
    }

    #[test]
    fn each_set_has_the_next_number() {
        assert_eq!(first().number(), 1);
        let second = after(&Change { add: vec![key(3)], ..Change::default() }).expect("a third key");
        assert_eq!((second.number(), second.keys().count()), (2, 3));
        let jumped = after(&Change { number: Some(40), drop: vec![id(1)], ..Change::default() }).expect("one key");
        assert_eq!((jumped.number(), jumped.keys().count()), (40, 1));
        let stays = after(&Change { number: Some(1), drop: vec![id(1)], ..Change::default() });
        assert_eq!(stays, Err(ChangeError::Number { previous: 1, asked: 1 }));
        let last = after(&Change { number: Some(u16::MAX), drop: vec![id(1)], ..Change::default() }).expect("one key");
        let beyond = next(Some(&last), PRODUCT, &Change { drop: vec![id(2)], ..Change::default() });
        assert_eq!(beyond, Err(ChangeError::LastNumber { previous: u16::MAX }));
    }

    #[test]
    fn a_revoked_key_leaves_the_set_and_does_not_come_back() {
        let revoked = after(&Change { revoke: vec![id(1), id(1)], ..Change::default() }).expect("one is left");
        assert_eq!(revoked.keys().map(|key| key.public_key[0]).collect::<Vec<_>>(), [2]);
        assert_eq!(revoked.revoked().collect::<Vec<_>>(), [id(1)]);
        let back = next(Some(&revoked), PRODUCT, &Change { add: vec![key(1)], ..Change::default() });
        assert_eq!(back, Err(ChangeError::Revoked { key: id(1) }));
        let forgotten = next(Some(&revoked), PRODUCT, &Change { forget: vec![id(1)], ..Change::default() });
        assert_eq!(forgotten.expect("none is revoked").revoked().count(), 0);
    }

    #[test]
    fn a_key_is_restated_with_an_expiry() {
        let expires_at_floor = Some(Version::new(2, 0, 0));
        let restated = after(&Change { add: vec![ReleaseKey { expires_at_floor, ..key(1) }], ..Change::default() });
        let restated = restated.expect("the same keys");
        assert_eq!(restated.find(id(1)).map(|key| key.expires_at_floor), Some(expires_at_floor));
        assert_eq!(restated.keys().count(), 2);
    }

    #[test]
    fn a_floor_reset_is_not_repeated_by_the_next_set() {
        // fault:R6
        let reset = FloorReset { to: Version::new(1, 0, 0), units: Units::Any };
        let with_reset = after(&Change { floor_reset: Some(reset), ..Change::default() }).expect("something changes");
        let next = next(Some(&with_reset), PRODUCT, &Change::default()).expect("the reset is gone, that is a change");
        assert_eq!(next.floor_reset(), None);
    }

    #[test]
    fn what_makes_no_set_is_named() {
        assert_eq!(after(&Change::default()), Err(ChangeError::Nothing { number: 1 }));
        let unknown = Change { drop: vec![id(9)], ..Change::default() };
        assert_eq!(after(&unknown), Err(ChangeError::NotThere { key: id(9) }));
        let many = Change { add: (10..17).map(key).collect(), ..Change::default() };
        assert_eq!(after(&many), Err(ChangeError::TooManyKeys { found: 9 }));
        let many = Change { revoke: (10..27).map(id).collect(), ..Change::default() };
        assert_eq!(after(&many), Err(ChangeError::TooManyRevoked { found: 17 }));
        let at_once =
            Change { add: vec![ReleaseKey { expires_at_floor: Some(Version::ZERO), ..key(1) }], ..Change::default() };
        assert_eq!(after(&at_once), Err(ChangeError::Set(KeySetError::Expiry)));
    }
}
