//! Key sets: bytes that parse are exactly what is emitted; a set is in force, and a set is taken, if and only if two of the
//! unit's root keys signed it as it is (`boot:B10`). The target knows what it has signed.

use std::sync::OnceLock;

use bootloader::boot_log::BootLog;
use bootloader::model::FlashModel;
use bootloader::model::key_sets::{
    ROOTS, anchors_with_roots, at_once, id_of, key_set, next_release_key, put_anchors, put_key_set, release_entry,
    root_key, sign_set,
};
use bootloader::model::release::{Release, factory_unit, release_key, unknown_key};
use bootloader::trust::Trust;
use bootloader::trust::store::KeyStore;
use bootloader::unit::{Criteria, LOADER_VERSION, read_anchors};
use bootloader::update::{KeySite, Keys};
use ed25519_dalek::{Signature, VerifyingKey};
use protocol::anchors::Stage;
use protocol::boot_record::BootState;
use protocol::digest::KeyId;
use protocol::key_set::{
    AcceptanceNote, DOMAIN, FORMAT, FloorReset, KeySet, MAX_SIGNATURES, NOTE_SIZE, ReleaseKey, SIGNED_SIZE,
    SignedKeySet, Units, copy,
};
use protocol::layout::{KEY_SET_OFFSETS, PAGE_SIZE, Slot, WORD_SIZE};
use protocol::manifest::{Manifest, PRODUCT};
use protocol::message::{GiveUp, MAX_KEY_SET_PART, Refusal};
use protocol::semver::Version;

use super::input::Input;

/// Root keys that have to sign.
const THRESHOLD: u8 = 2;
/// What the unit that is asked has in force.
const IN_FORCE: u16 = 5;

struct Start {
    /// With root keys, without a set; its log.
    blank: FlashModel,
    log: Option<BootState>,
    /// What runs on it.
    runs: Manifest,
    /// The set in force.
    first: SignedKeySet,
}

fn start() -> &'static Start {
    static START: OnceLock<Start> = OnceLock::new();
    START.get_or_init(|| {
        let release = Release::new(Slot::A, Version::new(1, 2, 0));
        let mut blank = factory_unit(&release);
        put_anchors(&mut blank, &anchors_with_roots(THRESHOLD, Stage::Production));
        let log = BootLog::read(&mut blank).state();
        let runs = Manifest { key_id: id_of(&release_key()), ..release.manifest };
        Start { blank, log, runs, first: sign_set(&key_set(IN_FORCE, &[], &[], None), &[0, 1]) }
    })
}

pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let mut bytes = input.array::<SIGNED_SIZE>();
    exact(&bytes);
    bytes[..16].copy_from_slice(&DOMAIN);
    bytes[16..18].copy_from_slice(&FORMAT.to_le_bytes());
    exact(&bytes);

    // The same input once more, as orders what to make, sign and damage.
    let mut input = Input::new(data);
    copies(&mut input);
    offered(&mut input);
}

fn exact(bytes: &[u8; SIGNED_SIZE]) {
    let signed = SignedKeySet(*bytes);
    match KeySet::parse(signed.body()) {
        Ok(set) => {
            assert_eq!(&set.emit(), signed.body());
            assert!(set.number() > 0);
            assert!(set.keys().all(|key| set.find(KeyId::of(&key.public_key)) == Some(key)));
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    let signers: Vec<_> = signed.signers().collect();
    assert!(signers.len() <= MAX_SIGNATURES);
    if signed.check_form().is_ok() {
        // By its own form it can be put together again, in any order.
        let again = signers.iter().rev().fold(SignedKeySet::unsigned(signed.body()), |again, &root| {
            let signature = signed.signature_by(root).expect("a signer has signed");
            again.with_signature(root, signature).expect("a place for each")
        });
        assert_eq!(again, signed);
    }
    let note: &[u8; NOTE_SIZE] = bytes.first_chunk().expect("a note is shorter");
    if let Some(parsed) = AcceptanceNote::parse(note) {
        assert_eq!(&parsed.emit(), note);
    }
}

/// A set as the input orders it, and whether enough root keys have signed it as it is.
fn make(input: &mut Input<'_>) -> Option<(SignedKeySet, bool)> {
    let (how, signers) = (input.u8(), input.u8());
    let number = if how & 1 == 1 { input.u16() } else { u16::from(input.u8() % 16) };
    let version = Version::new(u16::from(input.u8() % 4), 0, 0);
    let expires_at_floor = (how & 2 != 0).then_some(version);
    let known = [release_entry(&next_release_key()), ReleaseKey { expires_at_floor, ..release_entry(&release_key()) }];
    let keys = &known[..usize::from(how >> 2 & 3).min(2)];
    let stale = [id_of(&unknown_key()), id_of(&release_key())];
    let revoked = &stale[..usize::from(how >> 4 & 3).min(2)];
    let reset = (how & 64 != 0).then_some(FloorReset { to: version, units: Units::Any });
    let made = KeySet::new(number, PRODUCT, reset, keys, revoked);
    let set = match made {
        Ok(set) => set,
        Err(error) => {
            assert!(number == 0 || expires_at_floor == Some(Version::ZERO), "{error}");
            return None;
        }
    };
    let roots: Vec<u8> = (0..ROOTS).filter(|root| signers >> root & 1 == 1).collect();
    let mut signed = sign_set(&set, &roots);
    if signers & 8 != 0 {
        let stranger = unknown_key();
        let signature = *signed.signature_by(id_of(&root_key(0))).unwrap_or(&[7; 64]);
        signed = signed.with_signature(id_of(&stranger), &signature).expect("three roots and a stranger");
    }
    let whole = signed.clone();
    if how & 128 != 0 {
        input.damage(&mut signed.0);
    }
    // A signature too many may be damaged; this target does not count that finely.
    let counts = roots.len() >= usize::from(THRESHOLD) && signed == whole;
    Some((signed, counts))
}

/// Both copies hold something: the newest that counts is in force, whatever the other one is.
fn copies(input: &mut Input<'_>) {
    let mut flash = start().blank.clone();
    let mut good = Vec::new();
    let mut damaged = false;
    for page in KEY_SET_OFFSETS {
        let Some((signed, counts)) = make(input) else { continue };
        let number = KeySet::parse(signed.body()).map_or(0, |set| set.number());
        let mut bytes = copy(&signed, &AcceptanceNote { number, given_up: None }).to_vec();
        let torn = input.u8();
        if torn & 1 == 1 {
            bytes.truncate(usize::from(input.u8()) * 8 % bytes.len());
        }
        flash.wipe(page, page + PAGE_SIZE);
        flash.place(page, &bytes);
        if torn & 2 == 2 {
            flash.poison(page + u32::from(input.u8()) % (SIGNED_SIZE as u32 / WORD_SIZE) * WORD_SIZE);
        }
        let readable = torn & 3 == 0;
        damaged |= !readable;
        if counts && readable {
            good.push(number);
        }
    }
    let trust = Trust::read(&mut flash);
    let expected = good.iter().copied().max().unwrap_or(0);
    // What is cut behind its first seal, or loses a signature it does not need, counts as well.
    assert!(trust.number() == expected || (trust.number() > expected && (damaged || spare(&mut flash))));
    assert_eq!(Trust::read_again(&mut flash, &trust).key_set(), trust.key_set());
}

/// Whether a copy that was damaged still has enough signatures: three had signed.
fn spare(flash: &mut FlashModel) -> bool {
    let anchors = read_anchors(flash);
    (0..2).filter_map(|place| KeyStore::read_copy(flash, place)).any(|(signed, _)| {
        let held = anchors.roots().filter(|root| {
            let key = VerifyingKey::from_bytes(&root.public_key).expect("a root key");
            let signature = signed.signature_by(KeyId::of(&root.public_key));
            signature
                .is_some_and(|signature| key.verify_strict(signed.body(), &Signature::from_bytes(signature)).is_ok())
        });
        held.count() >= usize::from(THRESHOLD)
    })
}

/// Asks a unit to take a set, in parts.
fn offered(input: &mut Input<'_>) {
    let Some((signed, counts)) = make(input) else { return };
    let start = start();
    let mut flash = start.blank.clone();
    put_key_set(&mut flash, &start.first);
    let mut keys = Keys::new();
    for (offset, part) in (0_u16..).step_by(MAX_KEY_SET_PART).zip(signed.0.chunks(MAX_KEY_SET_PART)) {
        keys.part(offset, part).expect("whole words inside a set");
    }
    // And one more, from anywhere.
    if input.u8() & 1 == 1 {
        let (offset, length) = (input.u16(), usize::from(input.u8()));
        let taken = keys.part(offset, input.take(length));
        assert!(taken.is_err() || usize::from(offset) < SIGNED_SIZE, "{taken:?}");
        return;
    }
    let give_up = if input.u8() & 1 == 1 { GiveUp::RunningImage } else { GiveUp::Nothing };
    let site = KeySite { log: start.log, loader: LOADER_VERSION, runs: Some(&start.runs) };
    let before = flash.operations();
    let answer = at_once(keys.install(&mut flash, site, give_up));
    let trust = Trust::read(&mut flash);
    match answer {
        Ok(installed) => {
            assert!(counts || spare(&mut flash), "taken: {signed:?}");
            assert!(installed.number >= IN_FORCE && trust.number() == installed.number);
            let criteria = Criteria::of(&mut flash, trust, start.log, LOADER_VERSION);
            let runs = trust.believe(start.runs.key_id, criteria.floor).is_ok() && start.runs.version >= criteria.floor;
            assert!(runs || give_up == GiveUp::RunningImage, "the running image is shut out: {installed:?}");
            assert_eq!(installed.floor, criteria.floor);
        }
        Err(refusal) => {
            assert_eq!((flash.operations(), trust.number()), (before, IN_FORCE), "{refusal}");
            let number = KeySet::parse(signed.body()).map_or(0, |set| set.number());
            let for_other_reasons = matches!(refusal, Refusal::WouldNotBoot { .. }) || number <= IN_FORCE;
            assert!(!counts || for_other_reasons || matches!(refusal, Refusal::KeySetAhead { .. }), "{refusal}");
        }
    }
}
