use super::*;
use proptest::prelude::*;

#[test]
fn codes_are_places_and_names_are_unique() {
    for kind in [Kind::Setting, Kind::Calibration] {
        let entries = TABLE.iter().filter(|entry| entry.kind == kind);
        for (code, entry) in (0..).zip(entries) {
            assert_eq!(entry.code, code, "{}", entry.name);
            assert!(usize::from(code) < MAX_VALUES);
        }
    }
    for entry in TABLE {
        assert_eq!(by_name(entry.name), Some(entry), "{} is there twice", entry.name);
        assert!(entry.allowed.permits(entry.default), "{}", entry.name);
        assert!((1..=SETTINGS_SCHEMA).contains(&entry.since), "{}", entry.name);
        assert!(entry.number(&entry.default.to_string()).is_some());
    }
}

#[test]
fn later_schemas_only_append() {
    for pair in TABLE.windows(2).filter(|pair| pair[0].kind == pair[1].kind) {
        assert!(pair[0].since <= pair[1].since, "{} before {}", pair[0].name, pair[1].name);
    }
}

#[test]
fn a_change_is_made_as_a_whole_or_not_at_all() {
    let values = Values::new(Kind::Setting);
    let change = |setting: Setting, number| Change { code: setting.code(), number: Some(number) };
    let good = change(Setting::Amplitude, 70);
    for (bad, error) in [
        (change(Setting::ResetPulse, 101), ChangeError::OutOfRange { code: 4, number: 101 }),
        (change(Setting::Baud, 10_000), ChangeError::OutOfRange { code: 1, number: 10_000 }),
        (change(Setting::UnitId, i32::MIN), ChangeError::OutOfRange { code: 0, number: i32::MIN }),
        (change(Setting::Amplitude, 70), ChangeError::Twice { code: 3 }),
        (Change { code: 31, number: None }, ChangeError::Unknown { code: 31 }),
        (Change { code: 255, number: Some(0) }, ChangeError::Unknown { code: 255 }),
    ] {
        assert_eq!(values.changed(&[good, bad], SETTINGS_SCHEMA), Err(error));
    }
    let changed = values.changed(&[good], SETTINGS_SCHEMA).unwrap();
    assert_eq!((changed.get(good.code), changed.set(good.code)), (70, Some(70)));
    let back = changed.changed(&[Change { number: None, ..good }], SETTINGS_SCHEMA).unwrap();
    assert_eq!((back.get(good.code), back.set(good.code)), (50, None));
}

/// As firmware of schema 1 wrote it: unit 7, 19200 baud even, amplitude 65 %, the rest never set but the lock.
const SCHEMA_1: [u8; 40] = [
    1, 0, 1, 9, // schema 1, settings, nine numbers
    7, 0, 0, 0, // unit_id
    0, 0x4B, 0, 0, // baud
    1, 0, 0, 0, // parity
    65, 0, 0, 0, // amplitude
    0, 0, 0, 0x80, // reset_pulse_ms, never set
    0, 0, 0, 0x80, // power_limit_w
    0, 0, 0, 0x80, // present
    0, 0, 0, 0x80, // lock_start_ms
    0x88, 0x13, 0, 0, // lock_lost_ms
];

/// The same unit, after firmware of schema 2 was told `stagger_ms=800` and `plc_writes=set-points`.
const SCHEMA_2: [u8; 48] = [
    2, 0, 1, 11, // schema 2, settings, eleven numbers
    7, 0, 0, 0, 0, 0x4B, 0, 0, 1, 0, 0, 0, 65, 0, 0, 0, //
    0, 0, 0, 0x80, 0, 0, 0, 0x80, 0, 0, 0, 0x80, 0, 0, 0, 0x80, 0x88, 0x13, 0, 0, //
    0x20, 0x03, 0, 0, // stagger_ms
    1, 0, 0, 0, // plc_writes
];

fn emitted(values: &Values) -> Vec<u8> {
    let mut bytes = [0; VALUES_SIZE];
    let length = values.emit(&mut bytes);
    bytes[..length].to_vec()
}

#[test]
fn an_update_to_schema_2_keeps_every_setting_and_begins_with_the_defaults_of_the_new_ones() {
    // If this fails, revert the change, not the test: units in the field have these bytes.
    let values = Values::parse(Kind::Setting, &SCHEMA_1).unwrap();
    assert_eq!((values.schema(), values.get(Setting::UnitId.code()), values.get(Setting::Baud.code())), (1, 7, 19_200));
    assert_eq!((values.get(Setting::Parity.code()), values.get(Setting::Amplitude.code())), (1, 65));
    assert_eq!((values.set(Setting::ResetPulse.code()), values.get(Setting::ResetPulse.code())), (None, 50));
    assert_eq!(values.get(Setting::LockLost.code()), 5_000);
    assert_eq!((values.set(Setting::Stagger.code()), values.get(Setting::Stagger.code())), (None, 500));
    assert_eq!(values.get(Setting::PlcWrites.code()), 0);
    let changes = [Change { code: 9, number: Some(800) }, Change { code: 10, number: Some(1) }];
    assert_eq!(emitted(&values.changed(&changes, 2).unwrap()), SCHEMA_2);
}

#[test]
fn a_rollback_to_schema_1_works_on_and_the_next_update_finds_what_schema_2_had() {
    let values = Values::parse(Kind::Setting, &SCHEMA_2).unwrap();
    // What schema 1 does not know it cannot change ...
    let unknown = values.changed(&[Change { code: 9, number: Some(100) }], 1);
    assert_eq!(unknown, Err(ChangeError::Unknown { code: 9 }));
    // ... and what it changes leaves the rest as it was, marked as schema 2's.
    let changed = values.changed(&[Change { code: 3, number: Some(80) }], 1).unwrap();
    let mut expected = SCHEMA_2;
    expected[16] = 80;
    assert_eq!(emitted(&changed), expected);
    let again = Values::parse(Kind::Setting, &expected).unwrap();
    assert_eq!((again.get(3), again.get(9), again.get(10)), (80, 800, 1));
}

#[test]
fn a_record_of_a_schema_to_come_is_read_as_far_as_it_is_known_and_kept_whole() {
    let mut newer = SCHEMA_2.to_vec();
    (newer[0], newer[3]) = (9, 13);
    newer.extend([1, 2, 3, 4, 5, 6, 7, 8]);
    // And an amplitude that only a later firmware allows.
    newer[16] = 150;
    let values = Values::parse(Kind::Setting, &newer).unwrap();
    assert_eq!((values.schema(), values.get(0), values.get(3), values.set(3)), (9, 7, 50, None));
    assert_eq!((values.get(11), values.set(12)), (0, None));
    let changed = values.changed(&[Change { code: 0, number: Some(8) }], SETTINGS_SCHEMA).unwrap();
    newer[4] = 8;
    assert_eq!(emitted(&changed), newer);
}

#[test]
fn anything_else_is_no_record() {
    assert_eq!(Values::parse(Kind::Calibration, &SCHEMA_1), None);
    for length in 0..SCHEMA_1.len() {
        assert_eq!(Values::parse(Kind::Setting, &SCHEMA_1[..length]), None, "{length}");
    }
    let mut long = vec![1, 0, 1, 33];
    long.extend([0; 33 * 4]);
    assert_eq!(Values::parse(Kind::Setting, &long), None);
    assert_eq!(Values::parse(Kind::Setting, &[0, 0, 1, 0]), None, "schema 0 is nobody's");
}

proptest! {
    #[test]
    fn any_bytes_are_answered_and_what_is_taken_is_in_range(bytes in proptest::collection::vec(any::<u8>(), 0..140)) {
        if let Some(values) = Values::parse(Kind::Setting, &bytes) {
            for entry in TABLE.iter().filter(|entry| entry.kind == Kind::Setting) {
                prop_assert!(entry.allowed.permits(values.get(entry.code)));
            }
        }
    }

    #[test]
    fn changes_come_back(numbers in proptest::collection::vec(proptest::option::of(any::<i32>()), 11)) {
        let changes: Vec<Change> = (0..).zip(&numbers).map(|(code, &number)| Change { code, number }).collect();
        let changed = Values::new(Kind::Setting).changed(&changes, SETTINGS_SCHEMA);
        let all_allowed = changes.iter().all(|change| {
            change.number.is_none_or(|number| entry(Kind::Setting, change.code, 2).unwrap().allowed.permits(number))
        });
        prop_assert_eq!(changed.is_ok(), all_allowed);
        if let Ok(values) = changed {
            prop_assert_eq!(Values::parse(Kind::Setting, &emitted(&values)), Some(values));
        }
    }
}
