//! The floor and its reset.

use super::*;
use crate::model::release::{Release, factory_unit};
use crate::unit::{Criteria, LOADER_VERSION};
use protocol::boot_record::BootState;
use protocol::identity::Serial;
use protocol::key_set::{FloorReset, Units};
use protocol::layout::Slot;

const TOP: Version = Version::new(u16::MAX, u16::MAX, u16::MAX);

fn state(floor: Version, floor_order: u16) -> BootState {
    let mut flash = factory_unit(&Release::new(Slot::A, V1));
    let state = crate::boot_log::BootLog::read(&mut flash).state().expect("a unit with a log");
    BootState { floor, floor_order, ..state }
}

/// A set that resets the floor to 1.0.0.
fn reset(number: u16, units: Units) -> SignedKeySet {
    sign_set(&key_set(number, &[], &[], Some(FloorReset { to: V1, units })), &[0, 1])
}

fn criteria(signed: &SignedKeySet, log: Option<BootState>) -> Criteria {
    let mut flash = unit_with(signed);
    let trust = Trust::read(&mut flash);
    Criteria::of(&mut flash, trust, log, LOADER_VERSION)
}

#[test]
fn a_reset_counts_until_a_state_has_taken_it_in() {
    // fault:R6, boot:B8
    let set = reset(5, Units::Any);
    for (floor, order, expected) in [(TOP, 0, V1), (TOP, 4, V1), (TOP, 5, TOP), (TOP, 6, TOP), (Version::ZERO, 0, V1)] {
        assert_eq!(criteria(&set, Some(state(floor, order))).floor, expected, "{floor} of order {order}");
    }
    assert_eq!(criteria(&set, None).floor, V1);
}

#[test]
fn a_reset_for_another_unit_leaves_the_floor() {
    let other = Units::One(Serial::parse("MODEL-2").unwrap());
    assert_eq!(criteria(&reset(5, other), Some(state(TOP, 0))).floor, TOP);
    let this = Units::One(Serial::parse("MODEL-1").unwrap());
    assert_eq!(criteria(&reset(5, this), Some(state(TOP, 0))).floor, V1);
}

#[test]
fn a_settled_state_is_not_reset_again() {
    let criteria_before = criteria(&reset(5, Units::Any), Some(state(TOP, 0)));
    let settled = criteria_before.settle(state(TOP, 0));
    assert_eq!((settled.floor, settled.floor_order), (V1, 5));
    // The floor rises by a confirmation; the same set is still there.
    let risen = BootState { floor: V2, ..settled };
    let criteria_after = criteria(&reset(5, Units::Any), Some(risen));
    assert_eq!(criteria_after.floor, V2);
    assert_eq!(criteria_after.settle(risen), risen);
    assert_eq!(criteria_after.stamp(risen), risen);
}

#[test]
fn an_older_set_that_is_played_back_resets_nothing() {
    // fault:R1: both copies replaced by an older, well signed set.
    let settled = criteria(&reset(6, Units::Any), Some(state(TOP, 0))).settle(state(TOP, 0));
    let risen = BootState { floor: V2, ..settled };
    assert_eq!(criteria(&reset(5, Units::Any), Some(risen)).floor, V2);
    assert_eq!(criteria(&reset(6, Units::Any), Some(risen)).floor, V2);
}

#[test]
fn a_set_without_a_reset_takes_an_earlier_reset_nothing_back() {
    let settled = criteria(&reset(5, Units::Any), Some(state(TOP, 0))).settle(state(TOP, 0));
    assert_eq!(criteria(&sign_set(&numbered(6), &[0, 1]), Some(settled)).floor, V1);
}

#[test]
fn a_first_record_keeps_what_it_was_made_with() {
    // No log, a reset to 1.0.0, and the image that is confirmed asks for 2.0.0.
    let now = criteria(&reset(5, Units::Any), None);
    let first = now.stamp(state(V2, 0));
    assert_eq!((first.floor, first.floor_order), (V2, 5));
    assert_eq!(criteria(&reset(5, Units::Any), Some(first)).floor, V2);
    // And it does not fall behind the reset.
    assert_eq!(now.stamp(state(Version::ZERO, 0)).floor, V1);
}
