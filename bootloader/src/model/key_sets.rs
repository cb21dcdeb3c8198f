//! Root keys, key sets signed by them, and the unit that believes them.

use core::pin::pin;
use core::task::{Context, Poll, Waker};

use ed25519_dalek::{Signer as _, SigningKey};
use protocol::anchors::{Anchor, Anchors, Role, Stage};
use protocol::digest::KeyId;
use protocol::key_set::{AcceptanceNote, FloorReset, KeySet, ReleaseKey, SignedKeySet, copy};
use protocol::layout::{ANCHORS_OFFSET, KEY_SET_OFFSETS, PAGE_SIZE};
use protocol::manifest::PRODUCT;

use super::FlashModel;
use super::release::{blank_unit, release_key};

/// The root keys of the model's units, numbered from 0.
pub const ROOTS: u8 = 3;

/// One of them.
#[must_use]
pub fn root_key(number: u8) -> SigningKey {
    SigningKey::from_bytes(&[0x40 + number; 32])
}

/// A release key that the anchors do not name.
#[must_use]
pub fn next_release_key() -> SigningKey {
    SigningKey::from_bytes(&[4; 32])
}

/// The id of a key.
#[must_use]
pub fn id_of(key: &SigningKey) -> KeyId {
    KeyId::of(key.verifying_key().as_bytes())
}

/// The release key, and root keys of which `threshold` have to sign a key set.
#[must_use]
pub fn anchors_with_roots(threshold: u8, stage: Stage) -> Anchors {
    let root = |number| Anchor { role: Role::Root, stage, public_key: root_key(number).verifying_key().to_bytes() };
    let public_key = release_key().verifying_key().to_bytes();
    let mut keys = vec![Anchor { role: Role::Release, stage: Stage::Production, public_key }];
    keys.extend((0..ROOTS).map(root));
    Anchors::with_threshold(&keys, threshold).expect("four keys fit")
}

/// A unit without image and boot log, with root keys.
#[must_use]
pub fn unit_with_roots(threshold: u8) -> FlashModel {
    let mut flash = blank_unit();
    put_anchors(&mut flash, &anchors_with_roots(threshold, Stage::Production));
    flash
}

/// Gives a unit other anchors.
pub fn put_anchors(flash: &mut FlashModel, anchors: &Anchors) {
    flash.wipe(ANCHORS_OFFSET, ANCHORS_OFFSET + PAGE_SIZE);
    flash.place(ANCHORS_OFFSET, &anchors.emit());
}

/// A production key that never expires.
#[must_use]
pub fn release_entry(key: &SigningKey) -> ReleaseKey {
    let public_key = key.verifying_key().to_bytes();
    ReleaseKey { public_key, stage: Stage::Production, expires_at_floor: None }
}

/// A set of these parts for the model's product.
///
/// # Panics
/// When they do not fit.
#[must_use]
pub fn key_set(number: u16, keys: &[ReleaseKey], revoked: &[KeyId], reset: Option<FloorReset>) -> KeySet {
    KeySet::new(number, PRODUCT, reset, keys, revoked).expect("a good set")
}

/// Signs it with some of the root keys.
///
/// # Panics
/// When there is no such root key.
#[must_use]
pub fn sign_set(set: &KeySet, roots: &[u8]) -> SignedKeySet {
    let body = set.emit();
    roots.iter().fold(SignedKeySet::unsigned(&body), |signed, &number| {
        let key = root_key(number);
        signed.with_signature(id_of(&key), &key.sign(&body).to_bytes()).expect("a place for each root key")
    })
}

/// Puts a set into both copies, as if it had been installed.
///
/// # Panics
/// When the set is malformed.
pub fn put_key_set(flash: &mut FlashModel, signed: &SignedKeySet) {
    (0..KEY_SET_OFFSETS.len()).for_each(|place| put_key_set_copy(flash, place, signed));
}

/// Puts a set into one copy.
///
/// # Panics
/// When the set is malformed.
pub fn put_key_set_copy(flash: &mut FlashModel, place: usize, signed: &SignedKeySet) {
    let number = KeySet::parse(signed.body()).expect("a well-formed set").number();
    let page = KEY_SET_OFFSETS[place];
    flash.wipe(page, page + PAGE_SIZE);
    flash.place(page, &copy(signed, &AcceptanceNote { number, given_up: None }));
}

/// Runs what never has to wait in the model.
///
/// # Panics
/// When it waits.
pub fn at_once<T>(work: impl Future<Output = T>) -> T {
    match pin!(work).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => done,
        Poll::Pending => panic!("flash of the model is never busy"),
    }
}
