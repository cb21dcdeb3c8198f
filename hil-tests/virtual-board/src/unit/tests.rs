//! Factory units from made-up loaders and releases.

use ed25519_dalek::pkcs8::EncodePublicKey;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::{Signer, SigningKey};
use protocol::bundle::{HEADER_SIZE, MAX_ENTRIES, emit_head};
use protocol::identity::IDENTITY_SIZE;
use protocol::layout::MAX_IMAGE;
use protocol::manifest::{HardwareSet, PRODUCT, SignedManifest};

use protocol::key_set::{KeySet, ReleaseKey, SignedKeySet};

use super::*;

fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

fn public(seed: u8) -> [u8; 32] {
    key(seed).verifying_key().to_bytes()
}

/// A bundle with one image for slot A.
fn bundle(signer: u8, revision: u8) -> Vec<u8> {
    let image = vec![0x5A; 4000];
    let manifest = Manifest {
        slot: Slot::A,
        product: PRODUCT,
        hardware: HardwareSet::only(revision),
        length: image.len() as u32,
        version: Version::new(1, 0, 0),
        security_floor: Version::new(0, 0, 0),
        register_map: 1,
        minimum_loader: Version::new(0, 0, 0),
        last_day: None,
        build_id: [1; 20],
        key_id: KeyId::of(&public(signer)),
        sha256: sha256(&image),
    };
    let body = manifest.emit();
    let signed = SignedManifest::new(&body, &key(signer).sign(&body).to_bytes());
    let mut head = [0; HEADER_SIZE + 8 * MAX_ENTRIES];
    let length = emit_head(&[(Slot::A, image.len() as u32)], &mut head).unwrap();
    let mut bytes = head[..length].to_vec();
    bytes.extend(signed.0);
    bytes.extend(image);
    let digest = sha256(&bytes);
    bytes.extend(digest);
    bytes
}

/// An ELF file with one loadable segment.
fn elf(address: u32, bytes: &[u8]) -> Vec<u8> {
    let mut file = b"\x7fELF\x01\x01\x01".to_vec();
    file.resize(16, 0);
    for half in [2u16, 40] {
        file.extend(half.to_le_bytes());
    }
    for word in [1, address | 1, 52, 0, 0x0500_0000] {
        file.extend(u32::to_le_bytes(word));
    }
    for half in [52u16, 32, 1, 40, 0, 0] {
        file.extend(half.to_le_bytes());
    }
    let length = bytes.len() as u32;
    for word in [1, 84, address, address, length, length, 5, 4] {
        file.extend(u32::to_le_bytes(word));
    }
    file.extend(bytes);
    file
}

fn loader() -> Vec<u8> {
    elf(0x0800_0000, &[0xC3; 1000])
}

#[test]
fn a_new_unit_has_loader_anchors_identity_and_the_release_and_nothing_else() {
    let factory = Factory::new(&loader(), &bundle(1, 1), &[public(1)], 1).unwrap();
    let flash = factory.flash(7);
    assert_eq!(flash.len(), FLASH_SIZE as usize);
    assert_eq!(flash[..1000], [0xC3; 1000]);
    let anchors = Anchors::parse(flash[ANCHORS_OFFSET as usize..].first_chunk().unwrap()).unwrap();
    assert!(anchors.find(KeyId::of(&public(1))).is_some());
    let identity: &[u8; IDENTITY_SIZE] = flash[IDENTITY_OFFSET as usize..].first_chunk().unwrap();
    let identity = Identity::parse(identity).unwrap();
    assert_eq!((identity.unit_id, identity.hardware_revision), (7, 1));
    assert_eq!(identity.serial.as_str(), "MS-000007");
    let image = Slot::A.image_offset() as usize;
    assert_eq!(flash[image..image + 4000], [0x5A; 4000]);
    assert!(flash[image + 4000..IDENTITY_OFFSET as usize].iter().all(|byte| *byte == ERASED));
    assert!(flash[IDENTITY_OFFSET as usize + IDENTITY_SIZE..].iter().all(|byte| *byte == ERASED));
}

#[test]
fn parts_that_the_unit_would_not_boot_are_refused() {
    let made = |bundle: &[u8], trusted: &[[u8; 32]], revision| Factory::new(&loader(), bundle, trusted, revision);
    let signer = KeyId::of(&public(1));
    let refused = |made: Result<Factory, FactoryError>| made.err();
    assert_eq!(refused(made(&bundle(1, 1), &[public(2)], 1)), Some(FactoryError::UnknownKey { signer }));
    assert_eq!(refused(made(&bundle(1, 1), &[public(1)], 2)), Some(FactoryError::NoVariant { revision: 2 }));
    assert_eq!(refused(made(&bundle(1, 1), &[public(1); 5], 1)), Some(FactoryError::TooManyKeys { found: 5 }));
    assert_eq!(refused(made(&bundle(1, 1), &[public(1)], 32)), Some(FactoryError::Revision { found: 32 }));
    let cut = &bundle(1, 1)[..2000];
    assert!(matches!(refused(made(cut, &[public(1)], 1)), Some(FactoryError::Bundle(_))));
}

#[test]
fn an_image_that_was_not_signed_is_refused_even_in_a_whole_container() {
    for at in [HEADER_SIZE + 8 + 90, HEADER_SIZE + 8 + 170, HEADER_SIZE + 8 + 224 + 5] {
        let mut forged = bundle(1, 1);
        forged[at] ^= 1;
        let end = forged.len() - 32;
        let digest = sha256(&forged[..end]);
        forged[end..].copy_from_slice(&digest);
        let error = Factory::new(&loader(), &forged, &[public(1)], 1).unwrap_err();
        assert!(matches!(error, FactoryError::Forged { slot: Slot::A, .. }), "{at}: {error}");
    }
}

#[test]
fn a_loader_that_is_none_or_lies_elsewhere_is_refused() {
    let made = |elf: &[u8]| Factory::new(elf, &bundle(1, 1), &[public(1)], 1).unwrap_err();
    assert!(matches!(made(b"hello"), FactoryError::Loader(_)));
    assert!(matches!(made(&elf(0x0801_0800, &[1; 16])), FactoryError::LoaderRange { start: 0x1_0800, .. }));
    let long = vec![1; ANCHORS_OFFSET as usize + 1];
    assert!(matches!(made(&elf(0x0800_0000, &long)), FactoryError::LoaderRange { end: 0xF801, .. }));
    assert!(long.len() < MAX_IMAGE as usize);
}

#[test]
fn a_public_key_is_read_from_pem_and_other_text_is_refused() {
    let pem = key(3).verifying_key().to_public_key_pem(LineEnding::LF).unwrap();
    assert_eq!(public_key_from_pem(&pem), Ok(public(3)));
    for wrong in ["", "hello", &pem[..60], &pem.replace("PUBLIC", "PRIVATE")] {
        let error = public_key_from_pem(wrong).unwrap_err();
        assert!(error.to_string().contains(".pub.pem"), "{error}");
    }
}

/// A key set by root keys 11 and 12 that adds release key 2 and revokes release key 3.
fn key_set(signers: &[u8]) -> Vec<u8> {
    let stage = protocol::anchors::Stage::Production;
    let added = ReleaseKey { public_key: public(2), stage, expires_at_floor: None };
    let set = KeySet::new(1, PRODUCT, None, &[added], &[KeyId::of(&public(3))]).unwrap();
    let sign = |set: SignedKeySet, signer: &u8| {
        let signature = key(*signer).sign(set.body()).to_bytes();
        set.with_signature(KeyId::of(&public(*signer)), &signature).unwrap()
    };
    signers.iter().fold(SignedKeySet::unsigned(&set.emit()), sign).0.to_vec()
}

#[test]
fn a_unit_comes_with_a_key_set_in_both_copies_and_a_release_that_only_the_set_vouches_for() {
    let anchors = anchors(&[public(3)], &[public(11), public(12)], 2).unwrap();
    let (loader, set) = (loader(), key_set(&[11, 12]));
    let parts = Parts { loader: &loader, anchors: &anchors, key_set: Some(&set), bundle: None, hardware_revision: 1 };
    let by = |signer| Factory::of(&Parts { bundle: Some(&bundle(signer, 1)), ..parts });
    let flash = by(2).unwrap().flash(2);
    for offset in KEY_SET_OFFSETS {
        assert_eq!(flash[offset as usize..][..set.len()], set);
    }
    assert_eq!(by(3).unwrap_err(), FactoryError::RevokedKey { signer: KeyId::of(&public(3)) });
    // A root key signs no image.
    assert_eq!(by(11).unwrap_err(), FactoryError::UnknownKey { signer: KeyId::of(&public(11)) });
    let one = key_set(&[11, 13]);
    let few = Factory::of(&Parts { key_set: Some(&one), ..parts }).unwrap_err();
    assert_eq!(few, FactoryError::KeySetSignatures { valid: 1, needed: 2 });
}

#[test]
fn an_empty_unit_has_nothing_in_its_slots() {
    let anchors = anchors(&[public(1)], &[], 0).unwrap();
    let parts = Parts { loader: &loader(), anchors: &anchors, key_set: None, bundle: None, hardware_revision: 1 };
    let factory = Factory::of(&parts).unwrap();
    assert_eq!(factory.version(), None);
    let flash = factory.flash(2);
    assert!(flash[Slot::A.offset() as usize..IDENTITY_OFFSET as usize].iter().all(|byte| *byte == ERASED));
}

#[test]
fn a_root_key_is_told_from_a_release_key() {
    let pem = key(3).verifying_key().to_public_key_pem(LineEnding::LF).unwrap();
    let root = format!("Sonde-Key-Role: root\n{pem}");
    assert_eq!(root_key_from_pem(&root), Ok(public(3)));
    assert_eq!(root_key_from_pem(&pem), Err(TrustError::OtherRole { is_root: false }));
    assert_eq!(public_key_from_pem(&root), Err(TrustError::OtherRole { is_root: true }));
}
