//! What is believed, and which of the copies in flash it comes from.

mod accepting;
mod booting;
mod floor;
mod storing;

use super::*;
use crate::model::FlashModel;
use crate::model::key_sets::{
    ROOTS, anchors_with_roots, id_of, key_set, next_release_key, put_anchors, put_key_set, put_key_set_copy,
    release_entry, root_key, sign_set, unit_with_roots,
};
use crate::model::release::{blank_unit, development_key, release_key, unknown_key};
use ed25519_dalek::Signer as _;
use proptest::prelude::*;
use protocol::key_set::{BODY_SIZE, ReleaseKey, SEAL_OFFSET, SIGNED_SIZE};
use protocol::layout::KEY_SET_OFFSETS;

const V1: Version = Version::new(1, 0, 0);
const V2: Version = Version::new(2, 0, 0);

/// Set 5: adds the next release key, revokes the first one.
fn rotation() -> KeySet {
    key_set(5, &[release_entry(&next_release_key())], &[id_of(&release_key())], None)
}

/// A set of a number that says nothing else.
fn numbered(number: u16) -> KeySet {
    key_set(number, &[], &[], None)
}

fn unit_with(signed: &SignedKeySet) -> FlashModel {
    let mut flash = unit_with_roots(2);
    put_key_set(&mut flash, signed);
    flash
}

fn number(flash: &mut FlashModel) -> u16 {
    let first = Trust::read(flash);
    let again = Trust::read_again(flash, &first);
    assert_eq!(again.key_set(), first.key_set(), "a second look without a fault sees the same");
    first.number()
}

#[test]
fn a_unit_without_roots_looks_at_no_key_set() {
    let mut flash = blank_unit();
    put_key_set(&mut flash, &sign_set(&rotation(), &[0, 1, 2]));
    let trust = Trust::read(&mut flash);
    assert_eq!((trust.number(), trust.has_roots()), (0, false));
    assert!(trust.believe(id_of(&release_key()), V1).is_ok());
}

#[test]
fn a_set_adds_and_revokes() {
    // boot:B10, fault:A5
    let mut flash = unit_with(&sign_set(&rotation(), &[0, 2]));
    let trust = Trust::read(&mut flash);
    assert_eq!(trust.number(), 5);
    let (first, next) = (id_of(&release_key()), id_of(&next_release_key()));
    assert_eq!(trust.believe(next, V1), Ok(next_release_key().verifying_key().to_bytes()));
    assert_eq!(trust.believe(first, V1), Err(Refusal::RevokedKey { key: first }));
    let unknown = id_of(&unknown_key());
    assert_eq!(trust.believe(unknown, V1), Err(Refusal::UnknownKey { key: unknown }));
}

#[test]
fn a_key_that_is_added_and_revoked_is_revoked() {
    let next = id_of(&next_release_key());
    let set = key_set(5, &[release_entry(&next_release_key())], &[next], None);
    let trust = Trust::read(&mut unit_with(&sign_set(&set, &[0, 1])));
    assert_eq!(trust.believe(next, V1), Err(Refusal::RevokedKey { key: next }));
}

#[test]
fn a_key_expires_at_its_floor_and_the_set_speaks_for_keys_of_the_anchors_too() {
    // boot:B10: expiry by floor; here of a key that the anchors name without one.
    let expiring = ReleaseKey { expires_at_floor: Some(V2), ..release_entry(&release_key()) };
    let trust = Trust::read(&mut unit_with(&sign_set(&key_set(5, &[expiring], &[], None), &[0, 1])));
    let key = id_of(&release_key());
    assert!(trust.believe(key, Version::new(1, u16::MAX, u16::MAX)).is_ok());
    for floor in [V2, Version::new(2, 0, 1)] {
        assert_eq!(trust.believe(key, floor), Err(Refusal::ExpiredKey { key, expires_at_floor: V2, floor }));
    }
}

#[test]
fn a_root_key_signs_no_image() {
    // fault:A5: key-slot confusion.
    let trust = Trust::read(&mut unit_with_roots(2));
    let root = id_of(&root_key(0));
    assert_eq!(trust.believe(root, V1), Err(Refusal::UnknownKey { key: root }));
}

#[test]
fn so_many_different_roots_have_to_sign_as_the_anchors_say() {
    // boot:B10: k of n.
    for threshold in 1..=ROOTS {
        for signers in [&[][..], &[0], &[2], &[0, 1], &[1, 2], &[0, 1, 2]] {
            let mut flash = unit_with_roots(threshold);
            put_key_set(&mut flash, &sign_set(&rotation(), signers));
            let expected = if signers.len() >= usize::from(threshold) { 5 } else { 0 };
            assert_eq!(number(&mut flash), expected, "{signers:?} of {threshold}");
        }
    }
}

#[test]
fn one_root_is_counted_once_however_often_it_signs() {
    let body = rotation().emit();
    let signature = root_key(0).sign(&body).to_bytes();
    // The form does not allow it, so by hand: the same entry twice, and twice under two names.
    let twice = |names: [KeyId; 2]| {
        let mut signed = SignedKeySet::unsigned(&body);
        signed.0[BODY_SIZE] = 2;
        for (entry, name) in signed.0[BODY_SIZE + 8..].chunks_exact_mut(72).zip(names) {
            entry[..8].copy_from_slice(&name.0);
            entry[8..].copy_from_slice(&signature);
        }
        signed
    };
    let (one, other) = (id_of(&root_key(0)), id_of(&root_key(1)));
    for names in [[one, one], [one, other], [other, one]] {
        assert_eq!(number(&mut unit_with(&twice(names))), 0, "{names:?}");
    }
}

#[test]
fn strangers_and_release_keys_are_no_roots() {
    let body = rotation().emit();
    for stranger in [unknown_key(), release_key(), development_key()] {
        let signed = sign_set(&rotation(), &[0])
            .with_signature(id_of(&stranger), &stranger.sign(&body).to_bytes())
            .expect("a place is free");
        assert_eq!(number(&mut unit_with(&signed)), 0);
    }
}

#[test]
fn a_root_of_the_development_stage_does_not_count_in_a_release_build() {
    // fault:A5, boot:B10
    let mut flash = unit_with_roots(2);
    put_anchors(&mut flash, &anchors_with_roots(2, Stage::Development));
    put_key_set(&mut flash, &sign_set(&rotation(), &[0, 1, 2]));
    assert_eq!(Trust::read_for(&mut flash, KeyStages::ProductionOnly).number(), 0);
    assert_eq!(Trust::read_for(&mut flash, KeyStages::DevelopmentToo).number(), 5);
    assert_eq!(KeyStages::OF_THIS_BUILD, KeyStages::ProductionOnly);
}

#[test]
fn a_development_key_in_a_set_is_not_believed_in_a_release_build() {
    let entry = ReleaseKey { stage: Stage::Development, ..release_entry(&next_release_key()) };
    let mut flash = unit_with(&sign_set(&key_set(5, &[entry], &[], None), &[0, 1]));
    let key = id_of(&next_release_key());
    let strict = Trust::read_for(&mut flash, KeyStages::ProductionOnly);
    assert_eq!(strict.believe(key, V1), Err(Refusal::DevelopmentKey { key }));
    assert!(Trust::read_for(&mut flash, KeyStages::DevelopmentToo).believe(key, V1).is_ok());
}

#[test]
fn every_flipped_bit_of_a_set_is_refused() {
    // fault:A1: of fields, and of the signatures that are needed.
    let good = sign_set(&rotation(), &[0, 1]);
    for bit in (0..(BODY_SIZE + 8 + 2 * 72) * 8).step_by(5) {
        let mut flipped = good.clone();
        flipped.0[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(number(&mut unit_with_flash(&flipped)), 0, "bit {bit}");
    }
}

/// Also for what does not parse.
fn unit_with_flash(signed: &SignedKeySet) -> FlashModel {
    let mut flash = unit_with(&sign_set(&rotation(), &[0, 1]));
    for page in KEY_SET_OFFSETS {
        flash.place(page, &signed.0);
    }
    flash
}

#[test]
fn a_signature_for_another_purpose_is_worth_nothing() {
    // fault:A7: the roots signed the same bytes as something else.
    let mut body = rotation().emit();
    body[..16].copy_from_slice(b"sonde.deploy.v1\0");
    let signed = (0..3).fold(SignedKeySet::unsigned(&body), |signed, root| {
        let key = root_key(root);
        signed.with_signature(id_of(&key), &key.sign(&body).to_bytes()).expect("a place is free")
    });
    assert_eq!(number(&mut unit_with_flash(&signed)), 0);
    let mut renamed = signed;
    renamed.0[..BODY_SIZE].copy_from_slice(&rotation().emit());
    assert_eq!(number(&mut unit_with_flash(&renamed)), 0);
}

#[test]
fn of_two_sets_the_newer_one_that_counts_is_in_force() {
    let good = |number| sign_set(&numbered(number), &[0, 1]);
    let forged = |number| sign_set(&numbered(number), &[0]);
    for (copies, expected) in [
        ([good(5), good(6)], 6),
        ([good(6), good(5)], 6),
        ([good(5), forged(u16::MAX)], 5),
        ([forged(u16::MAX), good(5)], 5),
        ([forged(4), good(5)], 5),
        ([forged(5), good(5)], 5),
        ([forged(7), forged(8)], 0),
    ] {
        let mut flash = unit_with_roots(2);
        (0..2).for_each(|copy| put_key_set_copy(&mut flash, copy, &copies[copy]));
        assert_eq!(number(&mut flash), expected);
    }
}

#[test]
fn any_poisoned_word_of_either_copy_leaves_the_other() {
    // fault:P5
    for page in KEY_SET_OFFSETS {
        for word in (0..SEAL_OFFSET + 8).step_by(8) {
            let mut flash = unit_with(&sign_set(&rotation(), &[0, 1]));
            flash.poison(page + word);
            assert_eq!(number(&mut flash), 5, "copy at {page:#x}, word {word}");
        }
    }
}

#[test]
fn both_copies_gone_leave_the_anchors() {
    // fault:P5
    let mut flash = unit_with(&sign_set(&rotation(), &[0, 1]));
    KEY_SET_OFFSETS.iter().for_each(|&page| flash.poison(page));
    let trust = Trust::read(&mut flash);
    assert_eq!(trust.number(), 0);
    assert!(trust.believe(id_of(&release_key()), V1).is_ok());
    assert!(trust.believe(id_of(&next_release_key()), V1).is_err());
}

#[test]
fn a_second_look_believes_no_signatures_of_another_set() {
    // What a slip in the first look could leave behind: votes for a set that is not the one in flash.
    let mut good = unit_with(&sign_set(&rotation(), &[0, 1]));
    let first = Trust::read(&mut good);
    let mut forged = unit_with_roots(2);
    put_key_set(&mut forged, &sign_set(&numbered(5), &[0]));
    assert_eq!(Trust::read_again(&mut forged, &first).number(), 0);
    assert_eq!(Trust::read_again(&mut unit_with_roots(2), &first).number(), 0);
    assert_eq!(Trust::read_again(&mut blank_unit(), &first).number(), 0);
}

#[test]
fn a_second_look_takes_no_stages_from_the_first() {
    // What a slip in the first look could leave behind there is anything.
    let mut flash = unit_with(&sign_set(&rotation(), &[0, 1]));
    let first = Trust::read(&mut flash);
    let fooled = Trust { stages: KeyStages::DevelopmentToo, ..first };
    assert_eq!(Trust::read_again(&mut flash, &fooled), first);
}

#[test]
fn a_second_look_finds_a_set_that_the_first_one_missed() {
    let mut flash = unit_with(&sign_set(&rotation(), &[0, 1]));
    let blind = Trust { in_force: None, ..Trust::read(&mut flash) };
    let key = id_of(&release_key());
    assert!(blind.believe(key, V1).is_ok());
    assert_eq!(Trust::read_again(&mut flash, &blind).believe(key, V1), Err(Refusal::RevokedKey { key }));
}

#[test]
fn a_second_look_finds_a_revocation_that_the_first_one_missed() {
    let mut flash = unit_with(&sign_set(&rotation(), &[0, 1]));
    let first = Trust::read(&mut flash);
    let without = key_set(5, &[release_entry(&next_release_key())], &[], None);
    let blind = Trust { in_force: first.in_force.map(|in_force| InForce { set: without, ..in_force }), ..first };
    let key = id_of(&release_key());
    assert_eq!(Trust::read_again(&mut flash, &blind).believe(key, V1), Err(Refusal::RevokedKey { key }));
}

#[test]
fn one_word_too_few_is_found_by_the_second_look() {
    // The first look let a set pass that one root has signed: one slip at the comparison of numbers.
    let mut flash = unit_with(&sign_set(&rotation(), &[0]));
    let first = Trust::read(&mut flash);
    assert_eq!(first.number(), 0);
    let signed = sign_set(&rotation(), &[0]);
    let votes = Votes::on(&signed, first.anchors(), KeyStages::ProductionOnly);
    assert_eq!(votes.count(), 1);
    let fooled = Trust { in_force: Some(InForce { set: rotation(), votes, copy: 0 }), ..first };
    assert_eq!(Trust::read_again(&mut flash, &fooled).number(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever stands in one copy, the other one is in force.
    #[test]
    fn any_bytes_in_one_copy_hide_nothing(
        copy in 0_usize..2,
        bytes in proptest::collection::vec(any::<u8>(), SIGNED_SIZE),
        poison in proptest::collection::vec(0_u32..105, 0..4),
    ) {
        let mut flash = unit_with(&sign_set(&rotation(), &[0, 1]));
        flash.place(KEY_SET_OFFSETS[copy], &bytes);
        poison.into_iter().for_each(|word| flash.poison(KEY_SET_OFFSETS[copy] + word * 8));
        prop_assert_eq!(number(&mut flash), 5);
    }
}
