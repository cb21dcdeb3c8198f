//! The bytes of what version 2 added to the mailbox protocol, and of the fixed records that came with it.

use sonde_protocol::anchors::{ANCHORS_SIZE, Anchor, Anchors, Role, Stage};
use sonde_protocol::boot_record::{BootRecord, BootState, ImageRef, Phase, Switch};
use sonde_protocol::digest::KeyId;
use sonde_protocol::handover::{Mark, MarkKind};
use sonde_protocol::identity::Serial;
use sonde_protocol::key_set::{
    AcceptanceNote, FloorReset, KeySet, NOTE_SIZE, ReleaseKey, SIGNED_SIZE, SignedKeySet, Units, copy,
};
use sonde_protocol::layout::{KEY_SET_OFFSETS, Slot};
use sonde_protocol::mailbox::{MAX_REPLY, MAX_REQUEST};
use sonde_protocol::message::{
    Answer, GiveUp, KeyReport, KeySetInstalled, KeySetPart, KeySetReport, KeyState, MAX_KEY_REPORTS, MAX_KEY_SET_PART,
    Recovery, RecoveryReason, Refusal, Reply, Request, SlotTrouble, Transfer,
};
use sonde_protocol::reset::ResetCause;
use sonde_protocol::semver::Version;

use crate::frozen::{IMAGE, answer_is, image, refusal_is, request_is};

const LAST: Version = Version::new(u16::MAX, u16::MAX, u16::MAX);

#[test]
fn requests() {
    let bytes = [1, 2, 3, 4, 5, 6, 7, 8].into_iter().collect();
    request_is(
        &Request::KeySetPart { offset: 192, bytes },
        &[
            10, // key set part
            0xC0, 0x01, // offset 192, varint
            8,    // bytes
            1, 2, 3, 4, 5, 6, 7, 8,
        ],
    );
    request_is(&Request::InstallKeySet { give_up: GiveUp::Nothing }, &[11, 0]);
    request_is(&Request::InstallKeySet { give_up: GiveUp::RunningImage }, &[11, 1]);
    request_is(&Request::KeySetReport, &[12]);
}

#[test]
fn the_longest_part_of_a_key_set_fits_the_window() {
    let mut buffer = [0; MAX_REQUEST];
    let bytes = core::iter::repeat_n(0xFF, MAX_KEY_SET_PART).collect();
    assert!(Request::KeySetPart { offset: u16::MAX, bytes }.emit(&mut buffer).is_ok());
    let mut long = vec![10, 0, 193, 1];
    long.extend([0; 193]);
    assert!(Request::parse(&long).is_err(), "a part of 193 bytes");
}

#[test]
fn answers_about_keys() {
    answer_is(Answer::KeySetPart(KeySetPart { received: 800 }), &[9, 0xA0, 0x06]);
    let installed = KeySetInstalled { number: 7, floor: Version::new(1, 0, 0) };
    answer_is(Answer::KeySetInstalled(installed), &[10, 7, 1, 0, 0]);
    let report = KeySetReport {
        number: 7,
        copies_good: [true, false],
        given_up: Some(image()),
        threshold: 2,
        floor: Version::new(1, 0, 0),
        total: 28,
        keys: [KeyReport { key: KeyId([9; 8]), state: KeyState::Root }].into_iter().collect(),
    };
    let mut bytes = vec![11, 7, 1, 0, 1]; // report, number, copies, an image was given up
    bytes.extend(IMAGE);
    bytes.extend([2, 1, 0, 0, 28, 1]); // threshold, floor, total, one key follows
    bytes.extend([9; 8]);
    bytes.push(0); // root
    answer_is(Answer::KeySetReport(report), &bytes);
}

#[test]
fn a_full_report_about_keys_fits_the_window() {
    let key = KeyReport { key: KeyId([0xFF; 8]), state: KeyState::Revoked };
    let report = KeySetReport {
        number: u16::MAX,
        copies_good: [true; 2],
        given_up: Some(ImageRef { version: LAST, ..image() }),
        threshold: 4,
        floor: LAST,
        total: u8::MAX,
        keys: core::iter::repeat_n(key, MAX_KEY_REPORTS).collect(),
    };
    let mut buffer = [0; MAX_REPLY];
    assert!(Reply::Done(Answer::KeySetReport(report)).emit(&mut buffer).is_ok());
}

#[test]
fn recovery() {
    let recovery = Recovery {
        oldest_version: 1,
        current_version: 2,
        product: 0x534D_5331,
        hardware_revision: Some(1),
        serial: Some(Serial::parse("MS-42").expect("a good serial")),
        loader: Version::new(0, 1, 0),
        floor: Version::new(1, 0, 0),
        why: RecoveryReason::NoImage,
        slots: [SlotTrouble::Empty, SlotTrouble::CrashedOnTrial],
        reset: ResetCause::Watchdog,
        log_copies_good: [true, false],
        key_set: 7,
        transfer: Transfer::Idle,
        uptime_ms: 1000,
    };
    let head = [
        12, // Recovery
        1,  // oldest version
        2,  // current version
        0xB1, 0xA6, 0xB5, 0x9A, 0x05, // product, varint
    ];
    let tail = [
        0, 1, 0, // loader
        1, 0, 0, // floor
        0, // no image
        1, 15, // slot A is empty, the image in slot B crashed
        6,  // reset: watchdog
        1, 0, // log copies
        7, // key set
        0, // no transfer
        0xE8, 0x07, // uptime 1000 ms, varint
    ];
    let mut bytes = head.to_vec();
    bytes.extend([1, 1, 1]); // hardware revision 1, a serial follows
    bytes.extend([b'M', b'S', b'-', b'4', b'2', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    bytes.extend(tail);
    answer_is(Answer::Recovery(recovery), &bytes);

    let nameless = Recovery { hardware_revision: None, serial: None, ..recovery };
    let mut bytes = head.to_vec();
    bytes.extend([0, 0]);
    bytes.extend(tail);
    answer_is(Answer::Recovery(nameless), &bytes);
}

#[test]
fn reasons_troubles_and_states_keep_their_places() {
    let mut buffer = [0; 4];
    for (place, reason) in RecoveryReason::ALL.iter().enumerate() {
        assert_eq!(postcard::to_slice(reason, &mut buffer).unwrap(), [place as u8]);
        assert_eq!(usize::from(reason.code()), place + 1);
    }
    for (place, trouble) in SlotTrouble::ALL.iter().enumerate() {
        assert_eq!(postcard::to_slice(trouble, &mut buffer).unwrap(), [place as u8]);
        assert_eq!(usize::from(trouble.code()), place);
    }
    for (place, state) in KeyState::ALL.iter().enumerate() {
        assert_eq!(postcard::to_slice(state, &mut buffer).unwrap(), [place as u8]);
        assert_eq!(usize::from(state.code()), place + 1);
    }
    assert_eq!((RecoveryReason::ALL.len(), SlotTrouble::ALL.len(), KeyState::ALL.len()), (4, 16, 6));
}

#[test]
fn refusals() {
    let key = KeyId([1, 2, 3, 4, 5, 6, 7, 8]);
    let version = Version::new(1, 2, 3);
    refusal_is(Refusal::InRecovery, &[25]);
    refusal_is(Refusal::RevokedKey { key }, &[26, 1, 2, 3, 4, 5, 6, 7, 8]);
    refusal_is(
        Refusal::ExpiredKey { key, expires_at_floor: version, floor: Version::new(2, 0, 0) },
        &[27, 1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 2, 0, 0],
    );
    refusal_is(Refusal::NoRoots, &[28]);
    refusal_is(Refusal::BadKeySet, &[29]);
    refusal_is(Refusal::KeySetIncomplete { have: 192, need: 800 }, &[30, 0xC0, 0x01, 0xA0, 0x06]);
    refusal_is(Refusal::KeySetSignatures { valid: 1, needed: 2 }, &[31, 1, 2]);
    refusal_is(Refusal::KeySetOld { unit: 7, offered: 6 }, &[32, 7, 6]);
    refusal_is(Refusal::KeySetAhead { unit: 7, offered: 3, highest: 2 }, &[33, 7, 3, 2]);
    refusal_is(Refusal::WouldNotBoot { slot: Slot::B, version }, &[34, 1, 1, 2, 3]);
}

#[test]
fn a_key_set_in_flash() {
    let reset = FloorReset { to: Version::new(1, 4, 0), units: Units::One(Serial::parse("MS-42").unwrap()) };
    let expiry = Some(Version::new(2, 0, 0x0100));
    let key = ReleaseKey { public_key: [0x11; 32], stage: Stage::Production, expires_at_floor: expiry };
    let set = KeySet::new(0x0207, 0x534D_5331, Some(reset), &[key], &[KeyId([9; 8])]).expect("a good set");
    let signed = SignedKeySet::unsigned(&set.emit()).with_signature(KeyId([5; 8]), &[6; 64]).expect("a place is free");
    let mut bytes = b"sonde.keys.v1\0\0\0".to_vec(); // domain
    bytes.extend([1, 0]); // format
    bytes.extend([0x07, 0x02]); // number
    bytes.extend(*b"1SMS"); // product, little-endian
    bytes.extend([1, 1]); // one release key, one revoked key
    bytes.extend([2, 0]); // the floor of one unit is reset
    bytes.extend([1, 0, 4, 0, 0, 0]); // to 1.4.0
    bytes.extend([0; 6]);
    bytes.extend(*b"MS-42\0\0\0\0\0\0\0\0\0\0\0");
    bytes.extend([0x11; 32]); // public key
    bytes.extend([1, 0]); // production
    bytes.extend([2, 0, 0, 0, 0, 1]); // expires at floor 2.0.256
    bytes.extend([0; 7 * 40]);
    bytes.extend([9; 8]); // revoked
    bytes.extend([0; 15 * 8]);
    bytes.extend([1, 0, 0, 0, 0, 0, 0, 0]); // one signature
    bytes.extend([5; 8]); // by
    bytes.extend([6; 64]);
    bytes.extend([0; 3 * 72]);
    assert_eq!(signed.0[..], bytes);
    assert_eq!(SIGNED_SIZE, 800);
    assert_eq!(KEY_SET_OFFSETS, [0x3_C800, 0x7_C800]);

    let note = AcceptanceNote { number: 0x0207, given_up: Some(image()) }.emit();
    let bytes = [
        b'S', b'K', b'S', b'N', // magic
        0x07, 0x02, // number
        1, 0, // an image was given up
        1, 0, 1, 0, 2, 0, 0x2C, 0x01, 1, 2, 3, 4, 5, 6, 7, 8, // image
        0, 0, 0, 0,
    ];
    assert_eq!(note[..NOTE_SIZE - 4], bytes);
    let copy = copy(&signed, &AcceptanceNote { number: 0x0207, given_up: Some(image()) });
    assert_eq!((&copy[..800], &copy[800..832], &copy[832..]), (&signed.0[..], &note[..], &b"SKS-sealSKS-seal"[..]));
}

#[test]
fn root_keys_among_the_anchors() {
    let root = Anchor { role: Role::Root, stage: Stage::Production, public_key: [1; 32] };
    let bytes = Anchors::with_threshold(&[root], 1).expect("one of one").emit();
    assert_eq!(bytes[8..16], KeyId::of(&[1; 32]).0);
    assert_eq!(bytes[16..24], [2, 1, 0, 0, 0, 0, 0, 0]); // role root, stage production
    assert_eq!(bytes[200..204], [1, 0, 0, 0]); // threshold
    assert_eq!(bytes.len(), ANCHORS_SIZE);
}

#[test]
fn the_floor_order_of_a_boot_record() {
    let state = BootState {
        active: image(),
        phase: Phase::Confirmed,
        floor: Version::ZERO,
        floor_order: 0x0207,
        last_switch: Switch::Factory,
    };
    assert_eq!(BootRecord { sequence: 1, state }.emit()[58..60], [0x07, 0x02]);
}

#[test]
fn the_mark_that_asks_for_recovery() {
    assert_eq!(Mark { kind: MarkKind::Recovery, detail: 0 }.emit()[..8], *b"SMRK\x04\0\0\0");
}
