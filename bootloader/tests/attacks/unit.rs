//! Units that boot, and the hands that change them.
//!
//! The keys are those of the flash model's units: constants, known to everybody, for tests only.

use ed25519_dalek::SigningKey;
use protocol::anchors::{Anchor, Anchors, Role, Stage};
use protocol::boot_record::{BootState, ImageRef, Phase, RECORD_SIZE, Switch};
use protocol::identity::{DEFAULT_UNIT_ID, Identity, Serial};
use protocol::key_set::KeySet;
use protocol::layout::{ANCHORS_OFFSET, BOOT_LOG_OFFSETS, IDENTITY_OFFSET, PAGE_SIZE, SLOT_SIZE, Slot, WORD_SIZE};
use protocol::manifest::{Manifest, SignedManifest};
use protocol::semver::Version;
use sonde_bootloader::boot_log::BootLog;
use sonde_bootloader::model::FlashModel;
use sonde_bootloader::model::key_sets::{
    anchors_with_roots, id_of, key_set, next_release_key, put_anchors, put_key_set, release_entry, sign_set,
};
use sonde_bootloader::model::release::{Release, blank_unit, factory_unit, release_key};

/// Below the floor.
pub(crate) const BELOW: Version = Version::new(1, 0, 9);
/// The version before, and the floor.
pub(crate) const OLD: Version = Version::new(1, 1, 0);
/// The version that runs.
pub(crate) const GOOD: Version = Version::new(1, 2, 0);
/// Bytes of every good image.
pub(crate) const IMAGE_SIZE: usize = 1024;
/// Records in each copy of a control's log: the factory's, and the one in force.
pub(crate) const RECORDS_SO_FAR: usize = 2;
/// Where its code begins.
const CODE: usize = 0x100;

/// A good release: a program that does nothing for ever, so that the virtual board can see it run.
pub(crate) fn release(slot: Slot, version: Version) -> Release {
    const BRANCH_TO_ITSELF: [u8; 2] = 0xE7FE_u16.to_le_bytes();
    let mut release = Release::new(slot, version);
    let entry = (slot.image_address() + CODE as u32) | 1;
    let stack: [u8; 4] = *release.image.first_chunk().expect("an image has vectors");
    let mut image = stack.to_vec();
    image.extend(entry.to_le_bytes().repeat(15));
    image.extend(format!("sonde fixture {version} for slot {slot}").bytes());
    image.resize(CODE, 0);
    image.extend(BRANCH_TO_ITSELF.repeat((IMAGE_SIZE - CODE) / 2));
    release.image = image;
    release.with_hash()
}

pub(crate) fn good() -> Release {
    release(Slot::A, GOOD)
}

pub(crate) fn factory() -> FlashModel {
    let mut flash = blank_unit();
    good().install(&mut flash);
    flash
}

pub(crate) fn confirmed() -> FlashModel {
    let mut flash = factory_unit(&good());
    log(&mut flash, |state| state.floor = OLD);
    flash
}

pub(crate) fn pair() -> FlashModel {
    let new = release(Slot::B, GOOD);
    let mut flash = factory_unit(&release(Slot::A, OLD));
    new.install(&mut flash);
    log(&mut flash, |state| {
        state.active = new.image_ref();
        state.floor = OLD;
        state.last_switch = Switch::Activated { from: OLD };
    });
    flash
}

pub(crate) fn trial() -> FlashModel {
    let old = release(Slot::A, OLD);
    let mut new = release(Slot::B, GOOD);
    new.manifest.security_floor = GOOD;
    let mut flash = factory_unit(&old);
    new.install(&mut flash);
    log(&mut flash, |state| {
        state.active = new.image_ref();
        state.phase = Phase::Trial { attempts: 0, fallback: Some(old.image_ref()) };
        state.floor = OLD;
        state.last_switch = Switch::Activated { from: OLD };
    });
    flash
}

/// A set that adds the next release key, number 5.
pub(crate) fn rotated_set() -> KeySet {
    key_set(5, &[release_entry(&next_release_key())], &[], None)
}

/// Gives a unit root keys, of which two have to sign, and a key set.
fn with_set(flash: &mut FlashModel, set: &KeySet) {
    put_anchors(flash, &anchors_with_roots(2, Stage::Production));
    put_key_set(flash, &sign_set(set, &[0, 1]));
    let number = set.number();
    log(flash, |state| state.floor_order = number);
}

pub(crate) fn roots() -> FlashModel {
    let mut flash = confirmed();
    with_set(&mut flash, &rotated_set());
    flash
}

pub(crate) fn rotated() -> FlashModel {
    let mut flash = roots();
    sign_with(&mut flash, &next_release_key());
    flash
}

pub(crate) fn revoked() -> FlashModel {
    let mut flash = pair();
    put_manifest(&mut flash, Slot::A, &release(Slot::A, OLD).sign(&next_release_key()));
    let revoked = [id_of(&release_key())];
    with_set(&mut flash, &key_set(6, &[release_entry(&next_release_key())], &revoked, None));
    flash
}

/// What the log says.
pub(crate) fn state(flash: &FlashModel) -> BootState {
    BootLog::read(&mut flash.clone()).state().expect("this unit has a log")
}

/// Appends a changed state to both copies of the log.
pub(crate) fn log(flash: &mut FlashModel, change: impl FnOnce(&mut BootState)) {
    let mut state = state(flash);
    change(&mut state);
    BootLog::append(flash, state).expect("sound flash");
}

/// Where a copy of a control's log takes its next record.
pub(crate) fn next_place(copy: usize) -> u32 {
    BOOT_LOG_OFFSETS[copy] + (RECORDS_SO_FAR * RECORD_SIZE) as u32
}

/// The record that comes next in a control's log.
pub(crate) fn next_record(flash: &FlashModel, change: impl FnOnce(&mut BootState)) -> [u8; RECORD_SIZE] {
    let mut after = flash.clone();
    log(&mut after, change);
    BootLog::read(&mut after).newest.expect("just appended").emit()
}

/// Makes the log say that this image is the confirmed one, whatever it is.
pub(crate) fn call_confirmed(flash: &mut FlashModel, image: ImageRef) {
    log(flash, |state| (state.active, state.phase) = (image, Phase::Confirmed));
}

/// Erases both copies of the log.
pub(crate) fn forget_log(flash: &mut FlashModel) {
    BOOT_LOG_OFFSETS.iter().for_each(|&page| flash.wipe(page, page + PAGE_SIZE));
}

/// Erases a slot.
pub(crate) fn empty(flash: &mut FlashModel, slot: Slot) {
    flash.wipe(slot.offset(), slot.offset() + SLOT_SIZE);
}

/// Replaces a slot's manifest page.
pub(crate) fn put_manifest(flash: &mut FlashModel, slot: Slot, signed: &SignedManifest) {
    flash.wipe(slot.offset(), slot.image_offset());
    flash.place(slot.offset(), &signed.0);
}

/// Replaces the manifest in slot A by that of a changed release, well signed.
pub(crate) fn sign_anew(flash: &mut FlashModel, change: impl FnOnce(&mut Manifest)) {
    let mut release = good();
    change(&mut release.manifest);
    put_manifest(flash, Slot::A, &release.sign(&release_key()));
}

/// Replaces the manifest in slot A by one whose bytes are changed before they are signed.
pub(crate) fn sign_bytes(flash: &mut FlashModel, change: impl FnOnce(&mut [u8])) {
    use ed25519_dalek::Signer as _;
    let mut body = *good().sign(&release_key()).body();
    change(&mut body);
    put_manifest(flash, Slot::A, &SignedManifest::new(&body, &release_key().sign(&body).to_bytes()));
}

/// Replaces the image in slot A by one with other vectors, and signs it well.
pub(crate) fn sign_vectors(flash: &mut FlashModel, stack_pointer: Option<u32>, reset: Option<u32>) {
    let release = good();
    let word = |at: usize| u32::from_le_bytes(*release.image[at..].first_chunk().expect("an image has vectors"));
    let (stack_pointer, reset) = (stack_pointer.unwrap_or(word(0)), reset.unwrap_or(word(4)));
    release.with_vectors(stack_pointer, reset).install(flash);
}

/// Replaces the page of anchors by one that believes one key.
pub(crate) fn put_anchor(flash: &mut FlashModel, public_key: [u8; 32]) {
    let anchor = Anchor { role: Role::Release, stage: Stage::Production, public_key };
    let anchors = Anchors::new(&[anchor]).expect("one key fits");
    flash.wipe(ANCHORS_OFFSET, ANCHORS_OFFSET + PAGE_SIZE);
    flash.place(ANCHORS_OFFSET, &anchors.emit());
}

/// Makes the unit one of another revision.
pub(crate) fn put_revision(flash: &mut FlashModel, hardware_revision: u8) {
    let serial = Serial::parse("MODEL-1").expect("a good serial");
    let identity = Identity { hardware_revision, unit_id: DEFAULT_UNIT_ID, serial };
    flash.wipe(IDENTITY_OFFSET, IDENTITY_OFFSET + PAGE_SIZE);
    flash.place(IDENTITY_OFFSET, &identity.emit());
}

/// Signs the good release with a key, whoever believes it.
pub(crate) fn sign_with(flash: &mut FlashModel, key: &SigningKey) {
    put_manifest(flash, Slot::A, &good().sign(key));
}

/// The last word of an image of [`IMAGE_SIZE`].
pub(crate) fn last_word(slot: Slot) -> u32 {
    slot.image_offset() + IMAGE_SIZE as u32 - WORD_SIZE
}
