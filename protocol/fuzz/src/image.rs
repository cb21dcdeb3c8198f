//! A slot runs if and only if its bytes were signed with a release key and its manifest fits the unit (`boot:B5`,
//! `boot:B6`). The target reads the manifest by the table of offsets, on its own, and knows what it has signed.

use std::sync::OnceLock;

use bootloader::boot::{Asked, Boot, boot};
use bootloader::model::FlashModel;
use bootloader::model::release::{
    REVISION, Release, blank_unit, development_key, factory_unit, release_key, unknown_key,
};
use bootloader::unit::{Criteria, LOADER_VERSION};
use bootloader::verify::verify_image;
use ed25519_dalek::{Signer as _, SigningKey};
use embedded_storage::nor_flash::ReadNorFlash as _;
use protocol::digest::{KeyId, sha256};
use protocol::layout::{HANDOVER_ADDRESS, MAX_IMAGE, RAM_BASE, Slot, WORD_SIZE};
use protocol::manifest::{BODY_SIZE, DOMAIN, PRODUCT, SIGNED_SIZE, SignedManifest};
use protocol::reset::ResetCause;
use protocol::semver::Version;

use super::input::Input;

/// Everything that is slow to make.
struct Start {
    factory: FlashModel,
    blank: FlashModel,
    releases: [Release; 2],
    keys: [SigningKey; 4],
}

fn start() -> &'static Start {
    static START: OnceLock<Start> = OnceLock::new();
    START.get_or_init(|| Start {
        factory: factory_unit(&Release::new(Slot::A, Version::new(1, 0, 0))),
        blank: blank_unit(),
        releases: Slot::ALL.map(|slot| Release::new(slot, Version::new(2, 0, 0))),
        keys: [release_key(), release_key(), development_key(), unknown_key()],
    })
}

pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let start = start();
    let how = input.u8();
    let bit = |bit: u8| how >> bit & 1 == 1;
    let release = &start.releases[usize::from(bit(0))];
    let named = release.manifest.slot;
    let slot = if bit(1) { named.other() } else { named };
    let mut flash = if bit(2) { start.blank.clone() } else { start.factory.clone() };

    // What is signed, by whom, and what became of it.
    let which = usize::from(how >> 3 & 3);
    let mut body = release.manifest.emit();
    let claimed = if bit(5) { &start.keys[0] } else { &start.keys[which] };
    body[80..88].copy_from_slice(&KeyId::of(claimed.verifying_key().as_bytes()).0);
    input.damage(&mut body);
    let mut image = release.image.clone();
    if bit(6) {
        // Signed with its damage: the hash is good, the image may still be nonsense.
        input.damage(&mut image[..64]);
        let digest = sha256(&image);
        body[88..120].copy_from_slice(&digest);
    }
    let signed = SignedManifest::new(&body, &start.keys[which].sign(&body).to_bytes());
    let mut page = signed.0;
    input.damage(&mut page);
    input.damage(&mut image);
    let names_key = page[80..88] == KeyId::of(start.keys[0].verifying_key().as_bytes()).0;
    let genuine = which < 2 && names_key && page == signed.0;

    let there = SignedManifest(page);
    image.resize(image.len().next_multiple_of(WORD_SIZE as usize), 0xFF);
    Release { image, manifest: release.manifest.clone() }.install_signed(&mut flash, slot, &there);
    if bit(7) {
        flash.poison(slot.offset() + u32::from(input.u16()) % 3072 / WORD_SIZE * WORD_SIZE);
    }

    let criteria = Criteria::read(&mut flash, Version::ZERO, LOADER_VERSION);
    let verdict = verify_image(&mut flash, slot, &criteria);
    let may_run = genuine && fits(&mut flash, slot);
    assert_eq!(verdict.is_ok(), may_run, "signed as found: {genuine}; {verdict:?}");
    if let Err(error) = &verdict {
        assert!(!error.to_string().is_empty());
    }

    let verdicts = Slot::ALL.map(|slot| verify_image(&mut flash, slot, &criteria).is_ok());
    match boot(&mut flash, ResetCause::PowerOn, None, Asked::Nothing) {
        Boot::Run { image, .. } => assert!(verdicts[usize::from(image.manifest().slot.code())], "{image:?}"),
        Boot::Recovery { .. } => assert_eq!(verdicts, [false, false], "nothing runs although something could"),
    }
}

/// Whether what lies in the slot is right in everything but its signature.
fn fits(flash: &mut FlashModel, slot: Slot) -> bool {
    let mut page = [0; SIGNED_SIZE];
    if flash.read(slot.offset(), &mut page).is_err() {
        return false;
    }
    let u16_at = |place: usize| u16::from_le_bytes([page[place], page[place + 1]]);
    let u32_at = |place: usize| u32::from(u16_at(place)) | u32::from(u16_at(place + 2)) << 16;
    let version_at = |place: usize| Version::new(u16_at(place), u16_at(place + 2), u16_at(place + 4));
    let zeros = [19..20, 50..52, 58..60, 122..BODY_SIZE];
    let start = slot.image_address();
    let length = u32_at(32);
    let manifest_fits = page[..16] == DOMAIN
        && u16_at(16) == 1
        && page[18] == slot.code()
        && zeros.into_iter().flatten().all(|place| page[place] == 0)
        && u32_at(20) == PRODUCT
        && u32_at(24) >> REVISION & 1 == 1
        && u32_at(28) == start
        && (64..=MAX_IMAGE).contains(&length)
        && version_at(42) <= version_at(36)
        && version_at(52) <= LOADER_VERSION;
    if !manifest_fits {
        return false;
    }
    let mut image = vec![0; length as usize];
    if flash.read(slot.image_offset(), &mut image).is_err() || sha256(&image) != page[88..120] {
        return false;
    }
    let word = |place: usize| u32::from_le_bytes([image[place], image[place + 1], image[place + 2], image[place + 3]]);
    let (stack, reset) = (word(0), word(4));
    let stack_fits = stack.is_multiple_of(8) && stack > RAM_BASE && stack <= HANDOVER_ADDRESS;
    stack_fits && reset & 1 == 1 && (start + 64..start + length).contains(&(reset - 1))
}
