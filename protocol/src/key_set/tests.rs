use super::*;
use proptest::prelude::*;

fn serial() -> Serial {
    Serial::parse("MS-42").expect("a good serial")
}

fn key(fill: u8) -> ReleaseKey {
    ReleaseKey { public_key: [fill; 32], stage: Stage::Production, expires_at_floor: None }
}

fn example() -> KeySet {
    let expiring = ReleaseKey { expires_at_floor: Some(Version::new(2, 0, 0)), ..key(1) };
    let development = ReleaseKey { stage: Stage::Development, ..key(3) };
    let reset = FloorReset { to: Version::new(1, 4, 0), units: Units::One(serial()) };
    KeySet::new(7, 0x534D_5331, Some(reset), &[development, expiring], &[KeyId([9; 8]), KeyId([8; 8])])
        .expect("a good set")
}

fn any_version() -> impl Strategy<Value = Version> {
    any::<[u16; 3]>().prop_map(|[major, minor, patch]| Version { major, minor, patch })
}

fn any_set() -> impl Strategy<Value = KeySet> {
    let key = (any::<[u8; 32]>(), any::<bool>(), any_version()).prop_map(|(public_key, production, expiry)| {
        let stage = if production { Stage::Production } else { Stage::Development };
        let expires_at_floor = (expiry != Version::ZERO).then_some(expiry);
        ReleaseKey { public_key, stage, expires_at_floor }
    });
    let units = prop_oneof![Just(Units::Any), Just(Units::One(serial()))];
    let reset = proptest::option::of((any_version(), units).prop_map(|(to, units)| FloorReset { to, units }));
    let keys = proptest::collection::vec(key, 0..=MAX_RELEASE_KEYS);
    let revoked = proptest::collection::hash_set(any::<[u8; 8]>(), 0..=MAX_REVOKED);
    (1_u16.., any::<u32>(), reset, keys, revoked).prop_map(|(number, product, reset, keys, revoked)| {
        let revoked: Vec<KeyId> = revoked.into_iter().map(KeyId).collect();
        KeySet::new(number, product, reset, &keys, &revoked).expect("no two random keys are equal")
    })
}

#[test]
fn lists_are_sorted_whatever_order_they_come_in() {
    let set = example();
    assert_eq!(set.keys().map(|key| key.public_key[0]).collect::<Vec<_>>(), [1, 3]);
    assert_eq!(set.revoked().map(|id| id.0[0]).collect::<Vec<_>>(), [8, 9]);
    assert_eq!(set.find(KeyId::of(&[3; 32])).map(|key| key.stage), Some(Stage::Development));
    assert_eq!(set.find(KeyId::of(&[4; 32])), None);
}

#[test]
fn what_does_not_fit_or_stands_twice_is_no_set() {
    let new = |number, keys: &[ReleaseKey], revoked: &[KeyId]| KeySet::new(number, 1, None, keys, revoked);
    assert_eq!(new(0, &[], &[]), Err(KeySetError::Number));
    let nine: Vec<_> = (0..9).map(key).collect();
    assert_eq!(new(1, &nine, &[]), Err(KeySetError::Count { most: 8, found: 9 }));
    assert_eq!(new(1, &[], &[KeyId([1; 8]); 17]), Err(KeySetError::Count { most: 16, found: 17 }));
    assert_eq!(new(1, &[key(1), key(1)], &[]), Err(KeySetError::Order));
    assert_eq!(new(1, &[], &[KeyId([1; 8]); 2]), Err(KeySetError::Order));
    let at_once = ReleaseKey { expires_at_floor: Some(Version::ZERO), ..key(1) };
    assert_eq!(new(1, &[at_once], &[]), Err(KeySetError::Expiry));
}

#[test]
fn each_wrong_field_is_named() {
    // fault:A4, fault:A7
    let wrong = |at: usize, value: u8| {
        let mut body = example().emit();
        body[at] = value;
        KeySet::parse(&body)
    };
    assert_eq!(wrong(6, b'i'), Err(KeySetError::Domain));
    assert_eq!(wrong(16, 2), Err(KeySetError::Format { found: 2 }));
    assert_eq!(wrong(18, 0), Err(KeySetError::Number));
    assert_eq!(wrong(24, 9), Err(KeySetError::Count { most: 8, found: 9 }));
    assert_eq!(wrong(25, 17), Err(KeySetError::Count { most: 16, found: 17 }));
    assert_eq!(wrong(26, 3), Err(KeySetError::FloorReset));
    assert_eq!(wrong(26, 0), Err(KeySetError::FloorReset), "none, but a floor stands there");
    assert_eq!(wrong(26, 1), Err(KeySetError::FloorReset), "for any unit, but a serial stands there");
    assert_eq!(wrong(40, b' '), Err(KeySetError::FloorReset));
    assert_eq!(wrong(56, 4), Err(KeySetError::Order));
    assert_eq!(wrong(56 + 32, 0), Err(KeySetError::Stage { found: 0 }));
    for reserved in [27, 34, 39, 56 + 33, 56 + 2 * 40, 56 + 8 * 40 - 1, 376 + 2 * 8, 503] {
        assert_eq!(wrong(reserved, 1), Err(KeySetError::Reserved), "byte {reserved}");
    }
}

#[test]
fn a_floor_reset_is_for_the_units_it_names() {
    let other = Serial::parse("MS-43").expect("a good serial");
    for (units, serial, meant) in [
        (Units::Any, Some(other), true),
        (Units::Any, None, true),
        (Units::One(serial()), Some(serial()), true),
        (Units::One(serial()), Some(other), false),
        (Units::One(serial()), None, false),
    ] {
        assert_eq!(units.include(serial), meant, "{units:?} {serial:?}");
    }
}

#[test]
fn signatures_are_sorted_found_by_their_key_and_never_twice_by_one() {
    let unsigned = SignedKeySet::unsigned(&example().emit());
    assert_eq!((unsigned.check_form(), unsigned.signers().count()), (Ok(()), 0));
    let mut signed = unsigned.clone();
    for root in [3, 1, 4, 2, 1] {
        signed = signed.with_signature(KeyId([root; 8]), &[root; 64]).expect("four places");
        assert_eq!(signed.check_form(), Ok(()));
    }
    assert_eq!(signed.signers().map(|id| id.0[0]).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert_eq!(signed.signature_by(KeyId([3; 8])), Some(&[3; 64]));
    assert_eq!(signed.signature_by(KeyId([5; 8])), None);
    assert_eq!(signed.with_signature(KeyId([5; 8]), &[5; 64]), None, "all places are taken");
    assert_eq!(signed.body(), unsigned.body());
    // boot:B10: the same root key twice.
    let mut twice = signed.clone();
    twice.0.copy_within(512..512 + 72, 512 + 72);
    assert_eq!(twice.check_form(), Err(KeySetError::Order));
    let mut five = signed.clone();
    five.0[BODY_SIZE] = 5;
    assert_eq!(five.check_form(), Err(KeySetError::Count { most: 4, found: 5 }));
    let mut hidden = signed;
    hidden.0[BODY_SIZE] = 3;
    assert_eq!(hidden.check_form(), Err(KeySetError::Reserved), "a fourth entry behind three");
}

#[test]
fn any_count_of_signatures_is_looked_at_without_harm() {
    for count in 0..=u8::MAX {
        let mut signed = SignedKeySet::unsigned(&example().emit());
        signed.0[BODY_SIZE] = count;
        assert!(signed.signers().count() <= MAX_SIGNATURES);
        assert_eq!(signed.signature_by(KeyId([1; 8])), None);
    }
}

#[test]
fn a_note_is_exact() {
    use crate::boot_record::ImageRef;
    use crate::digest::ImageTag;
    use crate::layout::Slot;
    let image = ImageRef { slot: Slot::B, version: Version::new(1, 2, 3), tag: ImageTag([7; 8]) };
    for given_up in [None, Some(image)] {
        let note = AcceptanceNote { number: 7, given_up };
        assert_eq!(AcceptanceNote::parse(&note.emit()), Some(note));
        for bit in 0..NOTE_SIZE * 8 {
            let mut bytes = note.emit();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(AcceptanceNote::parse(&bytes), None, "bit {bit}");
        }
    }
    assert_eq!(AcceptanceNote::parse(&[0xFF; NOTE_SIZE]), None);
}

proptest! {
    #[test]
    fn what_is_emitted_parses_back(set in any_set()) {
        prop_assert_eq!(KeySet::parse(&set.emit()), Ok(set));
    }

    #[test]
    fn what_is_accepted_is_exactly_what_is_emitted(set in any_set(), at in 0..BODY_SIZE, value: u8) {
        let mut body = set.emit();
        body[at] = value;
        if let Ok(parsed) = KeySet::parse(&body) {
            prop_assert_eq!(parsed.emit(), body);
        }
    }

    #[test]
    fn any_bytes_behind_the_head_are_answered(rest in proptest::collection::vec(any::<u8>(), SIGNED_SIZE)) {
        let mut bytes: [u8; SIGNED_SIZE] = rest.try_into().unwrap();
        let _ = SignedKeySet(bytes).check_form();
        bytes[..16].copy_from_slice(&DOMAIN);
        bytes[16..18].copy_from_slice(&FORMAT.to_le_bytes());
        bytes[24] %= 9;
        bytes[25] %= 17;
        bytes[26] %= 3;
        let signed = SignedKeySet(bytes);
        if let Ok(parsed) = KeySet::parse(signed.body()) {
            prop_assert_eq!(&parsed.emit(), signed.body());
        }
    }
}
