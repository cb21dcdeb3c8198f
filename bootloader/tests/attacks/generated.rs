//! Attacks that are too many for folders: every bit, every length, every encoding.

use curve25519_dalek::edwards::CompressedEdwardsY;
use ed25519_dalek::{Signature, VerifyingKey};
use proptest::prelude::*;
use protocol::layout::{MAX_IMAGE, PAGE_SIZE, SEALS_IN_SLOT, Slot, WORD_SIZE};
use protocol::manifest::{BODY_SIZE, SIGNED_SIZE, SignedManifest};
use sonde_bootloader::model::FlashModel;
use sonde_bootloader::model::release::release_key;

use crate::attack::{Control, Ends};
use crate::forge;
use crate::unit::{self, IMAGE_SIZE, good, put_manifest, sign_anew, sign_vectors};
use crate::verdict::ends;

const MANIFEST: u32 = Slot::A.offset();
const IMAGE: u32 = Slot::A.image_offset();

fn stays_in_recovery(what: &str, change: impl FnOnce(&mut FlashModel)) {
    let mut flash = Control::Confirmed.flash();
    change(&mut flash);
    assert_eq!(ends(&flash), Ends::Recovery, "{what}");
}

#[test]
fn every_flipped_bit_of_manifest_and_signature_keeps_the_image_from_starting() {
    // fault:A1: all 224 bytes.
    for bit in 0..SIGNED_SIZE as u32 * 8 {
        stays_in_recovery(&format!("bit {bit}"), |flash| flash.flip_bit(MANIFEST, bit));
    }
}

#[test]
fn every_flipped_byte_of_the_image_keeps_it_from_starting() {
    // fault:A1
    for byte in 0..IMAGE_SIZE as u32 {
        stays_in_recovery(&format!("byte {byte}"), |flash| flash.flip_bit(IMAGE + byte, byte % 8));
    }
}

#[test]
fn a_manifest_that_ends_anywhere_keeps_the_image_from_starting() {
    // fault:A2: at every byte, with the rest erased or zero.
    let good = good().sign(&release_key()).0;
    for kept in 0..SIGNED_SIZE {
        for rest in [0xFF, 0x00] {
            let mut cut = good;
            cut[kept..].fill(rest);
            if cut != good {
                stays_in_recovery(&format!("{kept} bytes, then {rest:#x}"), |flash| {
                    put_manifest(flash, Slot::A, &SignedManifest(cut));
                });
            }
        }
    }
}

#[test]
fn an_image_that_ends_anywhere_does_not_start() {
    // fault:A2: at every byte, with the rest erased or zero.
    let good = good().image;
    for kept in 0..IMAGE_SIZE {
        for rest in [0xFF, 0x00] {
            let mut cut = good.clone();
            cut[kept..].fill(rest);
            if cut != good {
                stays_in_recovery(&format!("{kept} bytes, then {rest:#x}"), |flash| {
                    flash.wipe(IMAGE, IMAGE + PAGE_SIZE);
                    flash.place(IMAGE, &cut);
                });
            }
        }
    }
}

#[test]
fn no_signed_length_but_the_right_one_starts_the_image() {
    // fault:A3
    let near = |length: u32| [length.wrapping_sub(1), length, length.wrapping_add(1)];
    let lengths = [0, 64, IMAGE_SIZE as u32, PAGE_SIZE, MAX_IMAGE, IMAGE.wrapping_neg(), 1 << 31, u32::MAX];
    for length in lengths.into_iter().flat_map(near).filter(|&length| length != IMAGE_SIZE as u32) {
        stays_in_recovery(&format!("length {length}"), |flash| sign_anew(flash, |manifest| manifest.length = length));
    }
}

#[test]
fn the_forged_signatures_suit_the_equation_that_lax_checks_use() {
    // fault:A6: so it is the strict check that refuses them, and not a slip in forging them.
    let release = release_key().verifying_key().to_bytes();
    let forged = [
        forge::malleated(),
        forge::small_order_r(forge::IDENTITY),
        forge::small_order_r(forge::IDENTITY_NEGATED),
        forge::small_order_r(forge::IDENTITY_NOT_REDUCED),
    ];
    for signed in forged {
        assert!(forge::lax_check_accepts(&release, &signed));
        stays_in_recovery("a forged signature", |flash| put_manifest(flash, Slot::A, &signed));
    }
    let accepted_by_the_plain_check = |public_key: [u8; 32]| {
        let signed = forge::signed_by_nobody(public_key);
        let key = VerifyingKey::from_bytes(&public_key).expect("it is a point");
        ed25519_dalek::Verifier::verify(&key, signed.body(), &Signature::from_bytes(signed.signature())).is_ok()
    };
    assert!(accepted_by_the_plain_check(forge::IDENTITY), "what embassy-boot calls accepts it");
}

#[test]
fn a_key_of_small_order_signs_nothing_however_it_is_written() {
    // fault:A6: all fourteen encodings that a decoder may take.
    let encodings = forge::small_order_encodings();
    for public_key in encodings {
        let point = CompressedEdwardsY(public_key).decompress().expect("a decoder takes it");
        assert!(point.is_small_order());
        stays_in_recovery(&format!("{public_key:02x?}"), |flash| {
            unit::put_anchor(flash, public_key);
            put_manifest(flash, Slot::A, &forge::signed_by_nobody(public_key));
        });
    }
}

#[test]
fn an_anchor_that_is_no_point_signs_nothing() {
    // fault:A6
    for first in 0..=u8::MAX {
        let mut public_key = [0x11; 32];
        public_key[0] = first;
        let zero = SignedManifest::new(
            &protocol::manifest::Manifest { key_id: protocol::digest::KeyId::of(&public_key), ..good().manifest }
                .emit(),
            &[0; 64],
        );
        stays_in_recovery(&format!("{first:#x}"), |flash| {
            unit::put_anchor(flash, public_key);
            put_manifest(flash, Slot::A, &zero);
        });
    }
}

#[test]
fn every_poisoned_word_of_slot_log_and_facts_is_survived() {
    // fault:P5: the unit with two good images boots one of them, or stays up when it cannot know what may run.
    let parts = sonde_bootloader::model::fixture::Contents::of(&Control::Pair.flash());
    for (offset, bytes) in parts.pieces() {
        for word in (offset..offset + bytes.len() as u32).step_by(WORD_SIZE as usize) {
            let mut flash = Control::Pair.flash();
            flash.poison(word);
            // Marks of pages are for resumed transfers; of the marks a boot needs the one seal that a transfer leaves.
            let is_read = |slot: Slot| {
                (slot.offset()..slot.offset() + SIGNED_SIZE as u32).contains(&word)
                    || word == slot.offset() + SEALS_IN_SLOT
                    || (slot.image_offset()..slot.image_offset() + MAX_IMAGE).contains(&word)
            };
            let in_facts = [protocol::layout::ANCHORS_OFFSET, protocol::layout::IDENTITY_OFFSET].contains(&offset);
            let expected = match () {
                () if in_facts => Ends::Recovery,
                () if is_read(Slot::B) => Ends::Runs(Slot::A),
                () => Ends::Runs(Slot::B),
            };
            assert_eq!(ends(&flash), expected, "{word:#x}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_other_vectors_start_outside_the_image_or_with_a_stack_outside_ram(stack: u32, reset: u32) {
        // fault:A9, fault:A11: any two words, well signed.
        let mut flash = Control::Confirmed.flash();
        sign_vectors(&mut flash, Some(stack), Some(reset));
        prop_assert_eq!(ends(&flash), Ends::Recovery);
    }

    #[test]
    fn any_change_to_the_signed_bytes_keeps_the_image_from_starting(at in 0_usize..BODY_SIZE, bytes: [u8; 8]) {
        // fault:A4
        let mut signed = good().sign(&release_key());
        let end = (at + bytes.len()).min(BODY_SIZE);
        signed.0[at..end].copy_from_slice(&bytes[..end - at]);
        prop_assume!(signed != good().sign(&release_key()));
        let mut flash = Control::Confirmed.flash();
        put_manifest(&mut flash, Slot::A, &signed);
        prop_assert_eq!(ends(&flash), Ends::Recovery);
    }
}
