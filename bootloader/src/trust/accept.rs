//! Whether a unit takes a key set: one pure function, for the firmware and for recovery.

use protocol::boot_record::{BootState, ImageRef, Phase};
use protocol::identity::Serial;
use protocol::key_set::{AcceptanceNote, KeySet, SIGNED_SIZE, SignedKeySet};
use protocol::manifest::{Manifest, PRODUCT};
use protocol::message::{GiveUp, Refusal};

use super::Trust;
use crate::unit::Criteria;
use crate::verify::suits;

/// Highest step from one number to the next. A slip in one number must not use up those of all the sets to come
/// (`fault:R5`); a site that numbers its sets one by one never meets it.
pub const MAX_STEP: u16 = 1024;

/// What a set is judged against.
#[derive(Debug, Clone, Copy)]
pub struct Site<'a> {
    /// What images are judged against now; its trust is what the unit believes now.
    pub criteria: &'a Criteria,
    /// The boot state in force, if there is one.
    pub log: Option<BootState>,
    /// The unit's serial number, if it knows it.
    pub serial: Option<Serial>,
    /// The image that runs, or would without recovery; `None` when there is none to lose.
    pub runs: Option<&'a Manifest>,
}

/// What to do with a set that is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "no allocator to box with; one is alive at a time")]
pub enum Acceptance {
    /// It is in force already: see that both copies hold it.
    InForce,
    /// Write it.
    Install {
        /// What the unit believes from then on.
        trust: Trust,
        /// What to keep with it.
        note: AcceptanceNote,
    },
}

/// Judges a key set: form, signatures, product, number, then what would become of the image that runs.
///
/// # Errors
/// The first [`Refusal`] that applies.
pub fn accept(site: Site<'_>, offered: &SignedKeySet, give_up: GiveUp) -> Result<Acceptance, Refusal> {
    let now = &site.criteria.trust;
    if !now.has_roots() {
        return Err(Refusal::NoRoots);
    }
    let set = parse(offered)?;
    let needed = now.anchors().threshold();
    let next = now.with(offered, set).map_err(|valid| Refusal::KeySetSignatures { valid, needed })?;
    if set.product() != PRODUCT {
        return Err(Refusal::WrongProduct { unit: PRODUCT, image: set.product() });
    }
    if now.key_set() == Some(&set) {
        return Ok(Acceptance::InForce);
    }
    check_number(now, site.log, &set)?;
    let Some(runs) = site.runs else {
        return Ok(Acceptance::Install { trust: next, note: AcceptanceNote { number: set.number(), given_up: None } });
    };
    if let Some(BootState { active, phase: Phase::Trial { .. }, .. }) = site.log {
        return Err(Refusal::TrialPending { running: active.version });
    }
    let floor = next.floor(site.log, site.serial);
    let stays = suits(runs, &Criteria { trust: next, floor, ..*site.criteria }).is_ok();
    let given_up = match (stays, give_up) {
        (true, _) => None,
        (false, GiveUp::RunningImage) => Some(named(runs)),
        (false, GiveUp::Nothing) => return Err(Refusal::WouldNotBoot { slot: runs.slot, version: runs.version }),
    };
    Ok(Acceptance::Install { trust: next, note: AcceptanceNote { number: set.number(), given_up } })
}

fn parse(offered: &SignedKeySet) -> Result<KeySet, Refusal> {
    const _: () = assert!(SIGNED_SIZE <= u16::MAX as usize);
    offered.check_form().and_then(|()| KeySet::parse(offered.body())).map_err(|_| Refusal::BadKeySet)
}

/// Only ever upwards. When both copies are lost, the boot log still knows how far the unit had come: the set of that
/// number can be brought back, an older one cannot be played back.
fn check_number(now: &Trust, log: Option<BootState>, set: &KeySet) -> Result<(), Refusal> {
    let known = log.map_or(0, |state| state.floor_order);
    let unit = now.number().max(known);
    let offered = set.number();
    let highest = unit.saturating_add(MAX_STEP);
    if offered < unit || offered == now.number() {
        return Err(Refusal::KeySetOld { unit, offered });
    }
    if offered > highest {
        return Err(Refusal::KeySetAhead { unit, offered, highest });
    }
    Ok(())
}

fn named(manifest: &Manifest) -> ImageRef {
    ImageRef { slot: manifest.slot, version: manifest.version, tag: manifest.tag() }
}
