//! Who has signed a key set.

use core::hint::black_box;

use protocol::anchors::{Anchor, Anchors, MAX_ANCHORS, Role, Stage};
use protocol::digest::KeyId;
use protocol::key_set::SignedKeySet;

use crate::ed25519::{self, Valid};
use crate::unit::KeyStages;

/// One word for each anchor: [`Valid::YES`] when it is a root key that counts and its signature holds. By anchor and not by
/// signature, so that nobody is counted twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Votes([u32; MAX_ANCHORS]);

impl Votes {
    /// Checks signatures until enough hold; each takes 10 ms.
    #[inline(never)]
    pub(super) fn on(signed: &SignedKeySet, anchors: &Anchors, stages: KeyStages) -> Self {
        let mut votes = Self([0; MAX_ANCHORS]);
        if signed.check_form().is_err() {
            return votes;
        }
        for (place, anchor) in anchors.iter().enumerate() {
            if votes.are_enough(anchors) {
                break;
            }
            if !counts(anchor, stages) {
                continue;
            }
            // A step to the next anchor that is left out would count one key in two places.
            if !anchors.iter().nth(black_box(place)).is_some_and(|here| core::ptr::eq(here, black_box(anchor))) {
                break;
            }
            // Where one signature is enough, one slip would be. So it has to hold twice.
            let again = if anchors.threshold() == 1 { word(black_box(anchor), black_box(signed)) } else { Valid::YES };
            votes.0[place] = again & word(black_box(anchor), black_box(signed));
        }
        votes
    }

    /// Root keys whose signatures hold.
    pub(super) fn count(&self) -> u8 {
        self.0.iter().filter(|&&vote| black_box(vote) == Valid::YES).count() as u8
    }

    /// Whether these are as many as have to sign. Never when nobody has to: then there is nobody who could.
    pub(super) fn are_enough(&self, anchors: &Anchors) -> bool {
        anchors.threshold() > 0 && self.count() >= anchors.threshold()
    }
}

/// A root key that is believed in this build (`fault:A5`).
pub(super) fn counts(anchor: &Anchor, stages: KeyStages) -> bool {
    match (anchor.role, anchor.stage, stages) {
        (Role::Root, Stage::Production, _) | (Role::Root, Stage::Development, KeyStages::DevelopmentToo) => true,
        (Role::Release, _, _) | (Role::Root, Stage::Development, KeyStages::ProductionOnly) => false,
    }
}

/// [`Valid::YES`] when the root key's signature is there and holds.
#[inline(never)]
fn word(anchor: &Anchor, signed: &SignedKeySet) -> u32 {
    let Some(signature) = signed.signature_by(KeyId::of(&anchor.public_key)) else { return 0 };
    match ed25519::verify(&anchor.public_key, signed.body(), signature) {
        Ok(valid) => valid.word(),
        Err(_) => 0,
    }
}
