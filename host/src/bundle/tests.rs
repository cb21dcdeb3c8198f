use proptest::prelude::*;
use protocol::bundle::BundleError;
use protocol::manifest::HardwareSet;
use protocol::semver::Version;

use super::build::{BuildError, ReleaseTerms, assemble};
use super::verify::verify;
use super::*;
use crate::elf::LinkedImage;
use crate::key::{ReleaseKey, Vouched};

fn key() -> ReleaseKey {
    ReleaseKey::from_secret(&[1; 32])
}

fn terms() -> ReleaseTerms {
    ReleaseTerms {
        version: Version::new(1, 1, 0),
        hardware: HardwareSet::only(1),
        security_floor: Version::ZERO,
        minimum_loader: Version::ZERO,
        last_day: None,
    }
}

fn images() -> [LinkedImage; 2] {
    let image = |slot, fill| LinkedImage { slot, bytes: vec![fill; 3000], build_id: None };
    [image(Slot::A, 1), image(Slot::B, 2)]
}

fn example() -> Vec<u8> {
    assemble(&key(), &terms(), &images()).expect("good terms")
}

/// The container's digest made good again after a change.
fn redigested(mut bytes: Vec<u8>) -> Vec<u8> {
    let end = bytes.len() - DIGEST_SIZE;
    let digest = sha256(&bytes[..end]);
    bytes[end..].copy_from_slice(&digest);
    bytes
}

#[test]
fn what_is_assembled_reads_back_and_is_believed() {
    let release = Release::parse(example()).expect("just assembled");
    let built = images();
    for (image, built) in release.images().iter().zip(&built) {
        assert_eq!(release.bytes_of(image), &built.bytes[..]);
        assert_eq!((image.manifest.slot, image.manifest.version), (built.slot, terms().version));
    }
    let verdicts = verify(&release, &[key().public()]);
    assert_eq!(verdicts.iter().filter_map(super::verify::ImageVerdict::believed).count(), 2);
}

#[test]
fn both_variants_of_a_release_carry_one_build_id() {
    let release = Release::parse(example()).expect("just assembled");
    assert_eq!(release.images()[0].manifest.build_id, release.images()[1].manifest.build_id);
    let [mut a, b] = images();
    a.build_id = Some([9; 20]);
    let named = Release::parse(assemble(&key(), &terms(), &[a, b]).expect("good terms")).expect("just assembled");
    assert_eq!(named.images()[0].manifest.build_id, [9; 20], "the linker's id is kept");
}

#[test]
fn one_flipped_byte_is_damage() {
    // fault:A1
    for at in [16, 40, 300, 2000, 5000] {
        let mut bytes = example();
        bytes[at] ^= 1;
        let error = Release::parse(bytes).expect_err("damaged");
        assert!(at < 32 || error.is_damage(), "{at}: {error}");
    }
}

#[test]
fn an_image_exchanged_under_a_good_container_is_still_noticed() {
    // fault:A1: an attacker can compute the container's digest; the manifest's hash is under the signature.
    let mut bytes = example();
    let last = bytes.len() - DIGEST_SIZE - 1;
    bytes[last] ^= 1;
    assert!(matches!(Release::parse(redigested(bytes)), Err(ReleaseError::Image { slot: Slot::B, .. })));
}

#[test]
fn manifests_exchanged_between_images_are_noticed() {
    let mut bytes = example();
    let (first, second) = (HEADER_SIZE + 2 * ENTRY_SIZE, HEADER_SIZE + 2 * ENTRY_SIZE + SIGNED_SIZE + 3000);
    for at in 0..SIGNED_SIZE {
        bytes.swap(first + at, second + at);
    }
    assert!(matches!(Release::parse(redigested(bytes)), Err(ReleaseError::Contradiction { index: 0, .. })));
}

#[test]
fn a_signature_by_another_key_or_over_other_bytes_is_not_believed() {
    // fault:A5
    let stranger = ReleaseKey::from_secret(&[2; 32]);
    let release = Release::parse(example()).expect("just assembled");
    assert!(matches!(verify(&release, &[stranger.public()])[0].vouched, Vouched::UnknownKey(_)));
    let mut bytes = example();
    bytes[HEADER_SIZE + 2 * ENTRY_SIZE + SIGNED_SIZE - 1] ^= 1;
    let release = Release::parse(redigested(bytes)).expect("well formed");
    let verdicts = verify(&release, &[key().public()]);
    assert!(matches!(verdicts[0].vouched, Vouched::BadSignature(_)));
    assert!(matches!(verdicts[1].vouched, Vouched::By(_)));
}

#[test]
fn terms_that_shut_the_release_out_are_refused() {
    let floor = ReleaseTerms { security_floor: Version::new(1, 1, 1), ..terms() };
    assert!(matches!(assemble(&key(), &floor, &images()), Err(BuildError::Floor { .. })));
    let nowhere = ReleaseTerms { hardware: HardwareSet(0), ..terms() };
    assert!(matches!(assemble(&key(), &nowhere, &images()), Err(BuildError::NoHardware)));
}

#[test]
fn a_truncated_file_names_both_lengths_and_the_next_step() {
    // fault:A2
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("cut.bundle");
    std::fs::write(&path, &example()[..1000]).expect("own folder");
    let error = Release::read(&path).expect_err("truncated");
    assert!(matches!(
        &error,
        ReadReleaseError::Wrong { source: ReleaseError::Container(BundleError::Length { found: 1000, .. }), .. }
    ));
    let text = error.to_string();
    assert!(text.contains("cut.bundle") && text.contains("1000 bytes, expected") && text.contains("fetch"), "{text}");
    assert_eq!(error.class(), Class::Usage);
}

proptest! {
    #[test]
    fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(Release::parse(bytes).is_err());
    }

    #[test]
    fn any_change_under_a_good_digest_is_answered(patch in proptest::collection::vec(any::<u8>(), 1..40), at in 0_usize..300) {
        let mut bytes = example();
        bytes[at..at + patch.len()].copy_from_slice(&patch);
        if let Ok(release) = Release::parse(redigested(bytes)) {
            prop_assert_eq!(release.images().len(), 2);
        }
    }
}
