//! Which keys the unit believes (`boot:B10`): the release keys of its anchors and of the key set in force, without those
//! that were revoked or that the floor has left behind.
//!
//! - A key set counts when so many different root keys have signed it as the anchors ask for, strictly. Of the copies in
//!   flash the newest that counts is in force; a copy that is torn, poisoned or forged never hides the other one.
//! - A unit without root keys looks at no key set, and boots as fast as before there were any.
//! - [`store`] writes the copies, [`accept`] says whether a set is taken, [`floor`] what it does to the floor.
//!
//! What one skipped instruction could do (`docs/instruction-skips.md`):
//!
//! - *Believe a set that nobody signed.* Each root key's word is a number of many bits, not a flag; where one signature is
//!   enough it is checked twice and the two words are put together. One slip gives one word at most, and the words are
//!   counted once more in the second look.
//! - *Miss the set, or a revocation in it.* The second look reads anchors and copies again and parses them again. What
//!   agrees to the last bit with what the first look checked is not checked again, everything else is.
//! - *Believe a key that neither names.* Each look asks [`Trust::believe`] of its own [`Trust`].

pub mod accept;
pub mod floor;
pub mod report;
pub mod store;

mod votes;

use protocol::anchors::{Anchors, Role, Stage};
use protocol::digest::KeyId;
use protocol::key_set::{KeySet, SignedKeySet};
use protocol::manifest::PRODUCT;
use protocol::semver::Version;

use self::store::{KeyStore, Known};
use self::votes::Votes;
use crate::flash::CheckedRead;
use crate::unit::{KeyStages, read_anchors};
use crate::verify::Refusal;

/// The keys that a unit believes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trust {
    anchors: Anchors,
    stages: KeyStages,
    in_force: Option<InForce>,
}

/// A key set that enough root keys have signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct InForce {
    set: KeySet,
    votes: Votes,
    /// The copy it was read from; the other one may hold it as well.
    copy: usize,
}

impl Trust {
    /// What anchors alone say.
    #[must_use]
    pub const fn of_anchors(anchors: Anchors, stages: KeyStages) -> Self {
        Self { anchors, stages, in_force: None }
    }

    /// Reads anchors and key set, and checks the signatures of the set: 10 ms each.
    pub fn read<F: CheckedRead>(flash: &mut F) -> Self {
        Self::read_for(flash, KeyStages::OF_THIS_BUILD)
    }

    /// The same for a build that believes other stages.
    pub fn read_for<F: CheckedRead>(flash: &mut F, stages: KeyStages) -> Self {
        Self::gather(flash, stages, None)
    }

    /// Reads all of it again, for a second look: signatures that `first` has found good are not checked again, if they
    /// are still about the same set.
    #[inline(never)]
    pub fn read_again<F: CheckedRead>(flash: &mut F, first: &Self) -> Self {
        // Not the stages of `first`: where one instruction was left out, these may be anything.
        Self::gather(flash, KeyStages::OF_THIS_BUILD, first.in_force.as_ref())
    }

    fn gather<F: CheckedRead>(flash: &mut F, stages: KeyStages, seen: Option<&InForce>) -> Self {
        let anchors = read_anchors(flash);
        let mut trust = Self { anchors, stages, in_force: None };
        if anchors.threshold() == 0 {
            return trust;
        }
        // One at a time, and read again: two sets would take 3 KB of stack.
        let mut number = |copy| read_ours(flash, copy).map_or(0, |(_, set)| set.number());
        let newer = usize::from(number(1) > number(0));
        trust.in_force = [newer, 1 - newer].into_iter().find_map(|copy| {
            let (signed, set) = read_ours(flash, copy)?;
            let votes = match seen {
                Some(seen) if seen.votes.are_enough(&anchors) && same(&signed, &seen.set) => seen.votes,
                _ => Votes::on(&signed, &anchors, stages),
            };
            votes.are_enough(&anchors).then_some(InForce { set, votes, copy })
        });
        trust
    }

    /// What the copies hold, of sets that count: both are checked, which takes longer than finding the newest.
    pub fn known<F: CheckedRead>(&self, flash: &mut F) -> Known {
        [0, 1].map(|copy| {
            let (signed, _) = read_ours(flash, copy)?;
            Votes::on(&signed, &self.anchors, self.stages).are_enough(&self.anchors).then_some(signed)
        })
    }

    /// What the unit would believe with `offered` in force instead.
    ///
    /// # Errors
    /// How many root keys have signed it, when these are too few.
    fn with(&self, offered: &SignedKeySet, set: KeySet) -> Result<Self, u8> {
        let votes = Votes::on(offered, &self.anchors, self.stages);
        if votes.are_enough(&self.anchors) {
            Ok(Self { in_force: Some(InForce { set, votes, copy: 0 }), ..*self })
        } else {
            Err(votes.count())
        }
    }

    /// The key set in force.
    #[must_use]
    pub fn key_set(&self) -> Option<&KeySet> {
        self.in_force.as_ref().map(|in_force| &in_force.set)
    }

    /// Its number; 0 when none is in force.
    #[must_use]
    pub fn number(&self) -> u16 {
        self.key_set().map_or(0, KeySet::number)
    }

    /// The copy that the key set in force was read from, 0 or 1.
    #[must_use]
    pub fn copy(&self) -> Option<usize> {
        self.in_force.as_ref().map(|in_force| in_force.copy)
    }

    /// The trust anchors.
    #[must_use]
    pub const fn anchors(&self) -> &Anchors {
        &self.anchors
    }

    /// Whether anybody can sign a key set for this unit.
    #[must_use]
    pub const fn has_roots(&self) -> bool {
        self.anchors.threshold() > 0
    }

    /// The public key of a release key that is believed at a floor. What the key set says of a key counts more than what
    /// the anchors say.
    ///
    /// # Errors
    /// Why it is not believed.
    pub fn believe(&self, key: KeyId, floor: Version) -> Result<[u8; 32], Refusal> {
        if self.key_set().is_some_and(|set| set.revoked().any(|revoked| revoked == key)) {
            return Err(Refusal::RevokedKey { key });
        }
        let added = self.key_set().and_then(|set| set.find(key));
        let anchored = || self.anchors.find(key).filter(|anchor| anchor.role == Role::Release);
        let (public_key, stage, expiry) = match added {
            Some(added) => (added.public_key, added.stage, added.expires_at_floor),
            None => {
                let anchor = anchored().ok_or(Refusal::UnknownKey { key })?;
                (anchor.public_key, anchor.stage, None)
            }
        };
        if stage == Stage::Development && self.stages == KeyStages::ProductionOnly {
            return Err(Refusal::DevelopmentKey { key });
        }
        match expiry {
            Some(expires_at_floor) if floor >= expires_at_floor => {
                Err(Refusal::ExpiredKey { key, expires_at_floor, floor })
            }
            _ => Ok(public_key),
        }
    }
}

/// A copy, if it is for this product: root keys may sign for several (`fault:A8`).
fn read_ours<F: CheckedRead>(flash: &mut F, copy: usize) -> Option<(SignedKeySet, KeySet)> {
    KeyStore::read_copy(flash, copy).filter(|(_, set)| set.product() == PRODUCT)
}

/// Whether a signed set says exactly what `set` says. Every bit of it, put together in one number: there is no way out of
/// the middle of the comparison.
fn same(signed: &SignedKeySet, set: &KeySet) -> bool {
    let fold = |sum, (one, other): (&u8, &u8)| core::hint::black_box(sum | (one ^ other));
    signed.body().iter().zip(&set.emit()).fold(0, fold) == 0
}

#[cfg(test)]
mod tests;
