use protocol::settings::Change;

use super::*;

fn with(changes: &[(Setting, i32)]) -> Values {
    let changes: Vec<Change> =
        changes.iter().map(|&(which, number)| Change { code: which.code(), number: Some(number) }).collect();
    Values::new(Kind::Setting).changed(&changes, SETTINGS_SCHEMA).unwrap()
}

fn unit(changes: &[(Setting, i32)]) -> Settings {
    let stored = Stored { values: with(changes), sequence: 1, copies_good: [true; 2] };
    Settings::stored(stored, Stored::nothing(Kind::Calibration), 9)
}

const FACTORY: Line = Line { unit_id: 9, baud: 115_200, parity: Parity::None };

#[test]
fn a_unit_that_nobody_has_set_has_the_address_of_its_production() {
    assert_eq!(unit(&[(Setting::Amplitude, 70)]).line(0), FACTORY);
    let told = unit(&[]).tell(Kind::Setting, 0);
    assert_eq!(told.values[0], ToldValue { number: 9, is_set: false });
    let told = unit(&[(Setting::UnitId, 4)]).tell(Kind::Setting, 0);
    assert_eq!(told.values[0], ToldValue { number: 4, is_set: true });
    assert_eq!((told.schema, told.values.len()), (SETTINGS_SCHEMA, 11));
    assert_eq!(unit(&[]).tell(Kind::Calibration, 0).values.len(), 17);
}

#[test]
fn a_new_line_is_tried_after_the_answer_and_stored_when_a_master_was_heard_over_it() {
    let mut settings = unit(&[]);
    let slower = with(&[(Setting::Baud, 19_200), (Setting::Parity, 1)]);
    assert!(settings.changes_line(&slower) && !settings.changes_line(&with(&[(Setting::Amplitude, 20)])));
    settings.try_line(slower, 1_000);
    // The answer goes out over the old line, and a frame over that one proves nothing.
    settings.hear_master(1_000 + SWITCH_DELAY_MS - 1);
    assert_eq!((settings.line(1_000 + SWITCH_DELAY_MS - 1), settings.proven(1_000)), (FACTORY, None));
    let from = 1_000 + SWITCH_DELAY_MS;
    assert_eq!(settings.line(from), Line { baud: 19_200, parity: Parity::Even, ..FACTORY });
    assert_eq!(settings.proven(from), None);
    settings.hear_master(from + 5_000);
    assert_eq!(settings.proven(from + 5_000), Some(slower));
    // Until it is stored it stays in force.
    assert_eq!(settings.line(from + 2 * TRIAL_MS).baud, 19_200);
    settings.take_in(Kind::Setting, Stored { values: slower, sequence: 2, copies_good: [true; 2] });
    assert_eq!((settings.line(from + 5_001).baud, settings.proven(from + 5_001)), (19_200, None));
}

#[test]
fn a_new_line_that_nobody_uses_goes_after_thirty_seconds() {
    let mut settings = unit(&[]);
    settings.try_line(with(&[(Setting::UnitId, 200)]), 0);
    assert_eq!(settings.line(SWITCH_DELAY_MS + TRIAL_MS - 1).unit_id, 200);
    let over = SWITCH_DELAY_MS + TRIAL_MS;
    assert_eq!(settings.line(over), FACTORY);
    // Too late.
    settings.hear_master(over);
    assert_eq!((settings.proven(over), settings.line(over)), (None, FACTORY));
    assert_eq!(settings, unit(&[]));
}

#[test]
fn what_this_firmware_does_not_understand_leaves_the_defaults_and_no_good_copy() {
    let view =
        |newest, sequence| View { newest, sequence, copies: [crate::store::CopyHealth::Current { bad_places: 0 }; 2] };
    let stored = Stored::of(Kind::Setting, view(crate::store::Newest::Unknown, 7), |SettingsRecord(values)| values);
    assert_eq!((stored.sequence, stored.copies_good, stored.values), (7, [false; 2], Values::new(Kind::Setting)));
}
