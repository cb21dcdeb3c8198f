use super::*;
use crate::model::FlashModel;
use crate::model::release::{Release, anchors, blank_unit, development_key, release_key, unknown_key};
use crate::trust::Trust;
use crate::unit::{Criteria, Hardware, KeyStages};
use proptest::prelude::*;
use protocol::anchors::{Anchor, Anchors, Role, Stage};
use protocol::layout::{FLASH_BASE, IMAGE_IN_SLOT, MAX_IMAGE, RAM_BASE, WORD_SIZE};
use protocol::manifest::{BODY_SIZE, PRODUCT};

fn criteria() -> Criteria {
    Criteria {
        trust: Trust::of_anchors(anchors(), KeyStages::ProductionOnly),
        hardware: Hardware { product: PRODUCT, revision: Some(1) },
        floor: Version::new(1, 0, 0),
        loader: Version::new(0, 1, 0),
    }
}

fn believing(anchors: Anchors) -> Trust {
    Trust::of_anchors(anchors, KeyStages::ProductionOnly)
}

fn release() -> Release {
    Release::new(Slot::A, Version::new(1, 2, 0))
}

/// A signed manifest after a change to its fields.
fn changed(change: impl FnOnce(&mut Manifest)) -> SignedManifest {
    let mut release = release();
    change(&mut release.manifest);
    release.sign(&release_key())
}

fn verify(flash: &mut FlashModel) -> Result<ImageRef, InvalidImage> {
    verify_image(flash, Slot::A, &criteria()).map(|image| image.image_ref())
}

fn installed(release: &Release) -> FlashModel {
    let mut flash = blank_unit();
    release.install(&mut flash);
    flash
}

#[test]
fn a_good_release_verifies_and_names_its_entry() {
    let release = release();
    let image = verify_image(&mut installed(&release), Slot::A, &criteria()).unwrap();
    assert_eq!(image.image_ref(), release.image_ref());
    assert_eq!(image.entry().vector_table, Slot::A.image_address());
    assert_eq!(image.entry().reset_vector, Slot::A.image_address() + 0x101);
    assert_eq!(image.entry().stack_pointer, HANDOVER_ADDRESS);
}

#[test]
fn every_flipped_bit_of_the_manifest_is_refused() {
    // fault:A1
    let good = release().sign(&release_key());
    for bit in 0..SIGNED_SIZE * 8 {
        let mut flipped = good.clone();
        flipped.0[bit / 8] ^= 1 << (bit % 8);
        assert!(verify_manifest(&flipped, &criteria()).is_err(), "bit {bit}");
    }
}

#[test]
fn every_flipped_byte_of_the_image_is_refused() {
    // fault:A1
    let good = installed(&release());
    for offset in 0..release().manifest.length {
        let mut flash = good.clone();
        flash.flip_bit(Slot::A.image_offset() + offset, offset % 8);
        assert!(matches!(verify(&mut flash), Err(InvalidImage::Hash { .. })), "offset {offset}");
    }
}

#[test]
fn a_truncated_image_is_refused() {
    // fault:A2
    let release = release();
    for kept in (0..release.image.len()).step_by(WORD_SIZE as usize) {
        let mut flash = blank_unit();
        flash.place(Slot::A.offset(), &release.sign(&release_key()).0);
        flash.place(Slot::A.image_offset(), &release.image[..kept]);
        assert!(matches!(verify(&mut flash), Err(InvalidImage::Hash { .. })), "{kept} bytes");
    }
}

#[test]
fn what_lies_behind_the_image_is_not_looked_at() {
    // fault:A2: not covered, never executed.
    let release = release();
    let mut flash = installed(&release);
    let behind = Slot::A.image_offset() + release.manifest.length.next_multiple_of(WORD_SIZE);
    flash.place(behind, &[0x5A; 64]);
    flash.poison(behind + 64);
    assert_eq!(verify(&mut flash), Ok(release.image_ref()));
}

#[test]
fn signed_lengths_at_every_border_never_reach_beyond_the_slot() {
    // fault:A3
    for length in [0, 1, IMAGE_IN_SLOT, MAX_IMAGE - 1, MAX_IMAGE, MAX_IMAGE + 1, u32::MAX] {
        let signed = changed(|manifest| manifest.length = length);
        let mut flash = blank_unit();
        release().install_signed(&mut flash, Slot::A, &signed);
        let expected_refusal = length == 0 || length > MAX_IMAGE;
        let refused =
            matches!(verify(&mut flash), Err(InvalidImage::Refused(Refusal::Malformed(ManifestError::Length { .. }))));
        assert_eq!(refused, expected_refusal, "{length}");
        assert!(verify(&mut flash).is_err());
    }
}

#[test]
fn the_largest_image_verifies() {
    // fault:P9
    let mut release = release();
    release.image.resize(MAX_IMAGE as usize, 0x11);
    let release = release.with_hash();
    assert_eq!(verify(&mut installed(&release)), Ok(release.image_ref()));
}

#[test]
fn keys_that_are_not_believed_here_are_told_apart() {
    // fault:A5, boot:B10
    let unknown = release().sign(&unknown_key());
    assert!(matches!(verify_manifest(&unknown, &criteria()), Err(Refusal::UnknownKey { .. })));

    let development = release().sign(&development_key());
    assert!(matches!(verify_manifest(&development, &criteria()), Err(Refusal::DevelopmentKey { .. })));
    let lenient = Criteria { trust: Trust::of_anchors(anchors(), KeyStages::DevelopmentToo), ..criteria() };
    assert!(verify_manifest(&development, &lenient).is_ok());

    // The manifest names the release key and is signed by another one.
    let release_id = KeyId::of(release_key().verifying_key().as_bytes());
    let mut confused = development.0;
    confused[80..88].copy_from_slice(&release_id.0);
    assert!(matches!(verify_manifest(&SignedManifest(confused), &criteria()), Err(Refusal::Signature { .. })));
}

#[test]
fn no_build_of_these_tests_believes_development_keys() {
    assert_eq!(KeyStages::OF_THIS_BUILD, KeyStages::ProductionOnly);
}

#[test]
fn a_unit_without_anchors_believes_nobody() {
    let nobody = Criteria { trust: believing(Anchors::NONE), ..criteria() };
    let signed = release().sign(&release_key());
    assert!(matches!(verify_manifest(&signed, &nobody), Err(Refusal::UnknownKey { .. })));
}

/// 2^252 + 27742317777372353535851937790883648493, the order of the group, little-endian (RFC 8032 section 5.1).
const GROUP_ORDER: [u8; 32] = [
    0xED, 0xD3, 0xF5, 0x5C, 0x1A, 0x63, 0x12, 0x58, 0xD6, 0x9C, 0xF7, 0xA2, 0xDE, 0xF9, 0xDE, 0x14, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

#[test]
fn a_malleated_signature_is_refused() {
    // fault:A6: S + L is another encoding of the same S.
    let mut signed = release().sign(&release_key());
    let mut carry = 0;
    for (byte, order) in signed.0[BODY_SIZE + 32..].iter_mut().zip(GROUP_ORDER) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        (*byte, carry) = (sum as u8, sum >> 8);
    }
    assert_eq!(carry, 0);
    assert!(matches!(verify_manifest(&signed, &criteria()), Err(Refusal::Signature { .. })));
}

#[test]
fn constant_signatures_are_refused() {
    // fault:A6
    for fill in [0x00, 0xFF] {
        let mut signed = release().sign(&release_key());
        signed.0[BODY_SIZE..].fill(fill);
        assert!(matches!(verify_manifest(&signed, &criteria()), Err(Refusal::Signature { .. })), "{fill:#x}");
    }
}

#[test]
fn a_small_order_key_vouches_for_nothing() {
    // fault:A6: with such a key R = identity, S = 0 satisfies the plain equation for any message.
    let identity = {
        let mut point = [0; 32];
        point[0] = 1;
        point
    };
    let order_two = {
        let mut point = [0xFF; 32];
        (point[0], point[31]) = (0xEC, 0x7F);
        point
    };
    let order_four = [0; 32];
    for public_key in [identity, order_two, order_four] {
        let anchor = Anchor { role: Role::Release, stage: Stage::Production, public_key };
        let weak = Criteria { trust: believing(Anchors::new(&[anchor]).unwrap()), ..criteria() };
        let mut manifest = release().manifest;
        manifest.key_id = KeyId::of(&public_key);
        let mut signature = [0; 64];
        signature[..32].copy_from_slice(&identity);
        let signed = SignedManifest::new(&manifest.emit(), &signature);
        assert!(matches!(verify_manifest(&signed, &weak), Err(Refusal::Signature { .. })), "{public_key:02x?}");
    }
}

#[test]
fn an_anchor_that_is_no_point_is_unusable() {
    // y = 2 is on no point of the curve.
    let mut public_key = [0; 32];
    public_key[0] = 2;
    let anchor = Anchor { role: Role::Release, stage: Stage::Production, public_key };
    let odd = Criteria { trust: believing(Anchors::new(&[anchor]).unwrap()), ..criteria() };
    let mut manifest = release().manifest;
    manifest.key_id = KeyId::of(&public_key);
    let signed = SignedManifest::new(&manifest.emit(), &[0; 64]);
    assert!(matches!(verify_manifest(&signed, &odd), Err(Refusal::UnusableKey { .. })));
}

#[test]
fn a_signature_made_for_another_purpose_is_refused() {
    // fault:A7: rightly signed, by the right key, but about something else.
    use ed25519_dalek::Signer as _;
    let mut body = *release().sign(&release_key()).body();
    body[..16].copy_from_slice(b"sonde.config.v1\0");
    let signature = release_key().sign(&body).to_bytes();
    let refused = verify_manifest(&SignedManifest::new(&body, &signature), &criteria());
    assert_eq!(refused, Err(Refusal::Malformed(ManifestError::Domain)));
}

#[test]
fn an_image_for_other_hardware_or_another_loader_is_refused_with_both_sides() {
    // fault:A8
    let refuse = |change: fn(&mut Manifest)| verify_manifest(&changed(change), &criteria()).unwrap_err();
    assert_eq!(refuse(|manifest| manifest.product = 7), Refusal::Product { unit: PRODUCT, image: 7 });
    let others = HardwareSet(!HardwareSet::only(1).0);
    assert_eq!(
        refuse(|manifest| manifest.hardware = HardwareSet(!HardwareSet::only(1).0)),
        Refusal::Revision { unit: Some(1), image: others }
    );
    assert_eq!(
        refuse(|manifest| manifest.minimum_loader = Version::new(0, 2, 0)),
        Refusal::Loader { loader: Version::new(0, 1, 0), needed: Version::new(0, 2, 0) }
    );
}

#[test]
fn a_unit_that_does_not_know_its_revision_runs_nothing() {
    let nameless = Criteria { hardware: Hardware { product: PRODUCT, revision: None }, ..criteria() };
    let signed = changed(|manifest| manifest.hardware = HardwareSet(u32::MAX));
    assert!(matches!(verify_manifest(&signed, &nameless), Err(Refusal::Revision { unit: None, .. })));
}

#[test]
fn the_floor_shuts_out_what_is_below_it_and_nothing_else() {
    // fault:R1, fault:R2, fault:R3
    let verify_version = |floor, version| {
        let criteria = Criteria { floor, ..criteria() };
        verify_manifest(&changed(|manifest| manifest.version = version), &criteria).map(|manifest| manifest.version)
    };
    let floor = Version::new(1, 2, 0);
    assert_eq!(verify_version(floor, floor), Ok(floor));
    let below = Version::new(1, 1, u16::MAX);
    assert_eq!(verify_version(floor, below), Err(Refusal::BelowFloor { floor, image: below }));
    // Compared as signed numbers 0x8000 would be below 1.
    let high = Version::new(0x8000, 0, 0);
    assert_eq!(verify_version(floor, high), Ok(high));
    assert!(verify_version(high, floor).is_err());
}

#[test]
fn an_image_in_the_wrong_slot_is_refused() {
    let mut flash = blank_unit();
    let for_b = Release::new(Slot::B, Version::new(1, 2, 0));
    for_b.install_signed(&mut flash, Slot::A, &for_b.sign(&release_key()));
    assert_eq!(verify(&mut flash), Err(InvalidImage::Slot { slot: Slot::A, manifest: Slot::B }));
}

#[test]
fn a_vector_table_that_makes_no_sense_is_refused() {
    // fault:A9, fault:A11
    let start = Slot::A.image_address();
    let (good_stack, good_reset) = (HANDOVER_ADDRESS, start + 0x101);
    for stack in [0, RAM_BASE, HANDOVER_ADDRESS + 8, HANDOVER_ADDRESS - 4, FLASH_BASE, !7] {
        let faulty = release().with_vectors(stack, good_reset);
        let expected = InvalidImage::Vectors(VectorFault::StackPointer { found: stack });
        assert_eq!(verify(&mut installed(&faulty)), Err(expected), "{stack:#x}");
    }
    let length = release().manifest.length;
    let alias = Slot::A.image_offset() + 0x101;
    let other_slot = Slot::B.image_address() + 0x101;
    for reset in [0, start + 0x100, start + 0x3F, start + length + 1, alias, other_slot, RAM_BASE + 1, u32::MAX] {
        let faulty = release().with_vectors(good_stack, reset);
        let expected = InvalidImage::Vectors(VectorFault::ResetVector { found: reset });
        assert_eq!(verify(&mut installed(&faulty)), Err(expected), "{reset:#x}");
    }
    let mut short = release();
    short.image.truncate(63);
    let expected = InvalidImage::Vectors(VectorFault::TooShort { length: 63 });
    assert_eq!(verify(&mut installed(&short.with_hash())), Err(expected));
}

#[test]
fn an_empty_slot_is_told_from_a_wrong_one() {
    assert_eq!(verify(&mut blank_unit()), Err(InvalidImage::Empty { slot: Slot::A }));
}

#[test]
fn a_poisoned_word_in_manifest_or_image_makes_the_slot_invalid() {
    // fault:P5
    let release = release();
    let good = installed(&release);
    let manifest = (0..SIGNED_SIZE as u32).map(|offset| Slot::A.offset() + offset);
    let image = (0..release.manifest.length).map(|offset| Slot::A.image_offset() + offset);
    for offset in manifest.chain(image).step_by(WORD_SIZE as usize) {
        let mut flash = good.clone();
        flash.poison(offset);
        let expected = InvalidImage::Unreadable(FlashError::Poisoned { offset });
        assert_eq!(verify(&mut flash), Err(expected), "{offset:#x}");
    }
}

#[test]
fn an_unreadable_identity_or_anchors_page_lets_nothing_run() {
    // fault:P5
    use protocol::layout::{ANCHORS_OFFSET, IDENTITY_OFFSET};
    for page in [ANCHORS_OFFSET, IDENTITY_OFFSET] {
        let mut flash = installed(&release());
        flash.poison(page + 8);
        let criteria = Criteria::read(&mut flash, Version::ZERO, Version::ZERO);
        assert!(matches!(verify_image(&mut flash, Slot::A, &criteria), Err(InvalidImage::Refused(_))));
    }
}

#[test]
fn refusals_say_both_sides_and_the_next_step() {
    let refusal = Refusal::BelowFloor { floor: Version::new(1, 1, 0), image: Version::new(1, 0, 0) };
    assert_eq!(refusal.to_string(), "version 1.0.0 is below the floor 1.1.0; choose a newer release");
    let refusal = Refusal::Revision { unit: Some(1), image: HardwareSet(0b110) };
    assert_eq!(
        refusal.to_string(),
        "the image is for hardware revisions 1,2, the unit is of revision 1; choose the release for it"
    );
}

proptest! {
    #[test]
    fn any_bytes_in_a_slot_are_answered(bytes in proptest::collection::vec(any::<u8>(), 1024)) {
        let mut flash = blank_unit();
        flash.place(Slot::A.offset(), &bytes);
        prop_assert!(verify(&mut flash).is_err());
    }

    #[test]
    fn a_signed_manifest_of_any_content_is_answered(at in 0_usize..BODY_SIZE, bytes: [u8; 16]) {
        use ed25519_dalek::Signer as _;
        let mut body = *release().sign(&release_key()).body();
        for (place, byte) in body[at..].iter_mut().zip(bytes) {
            *place = byte;
        }
        let signed = SignedManifest::new(&body, &release_key().sign(&body).to_bytes());
        let mut flash = blank_unit();
        release().install_signed(&mut flash, Slot::A, &signed);
        let _ = verify(&mut flash);
    }
}
