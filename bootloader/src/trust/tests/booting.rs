//! A boot with a key set.

use super::*;
use crate::boot::{Asked, Boot, boot};
use crate::boot_log::BootLog;
use crate::model::release::{Release, factory_unit};
use protocol::boot_record::{BootState, Phase, Switch};
use protocol::key_set::{FloorReset, Units};
use protocol::layout::Slot;
use protocol::reset::ResetCause;

const VERSION: Version = Version::new(1, 2, 0);

/// A unit with roots whose release is confirmed.
fn running() -> FlashModel {
    let mut flash = factory_unit(&Release::new(Slot::A, VERSION));
    put_anchors(&mut flash, &anchors_with_roots(2, Stage::Production));
    flash
}

fn runs(flash: &mut FlashModel) -> Option<Version> {
    match boot(flash, ResetCause::PowerOn, None, Asked::Nothing) {
        Boot::Run { image, .. } => Some(image.manifest().version),
        Boot::Recovery { .. } => None,
    }
}

fn log(flash: &mut FlashModel) -> BootState {
    BootLog::read(flash).state().expect("a log")
}

#[test]
fn a_revoked_keys_image_does_not_boot() {
    // boot:B10, fault:A5
    let mut flash = running();
    assert_eq!(runs(&mut flash), Some(VERSION));
    put_key_set(&mut flash, &sign_set(&rotation(), &[0, 1]));
    assert_eq!(runs(&mut flash), None);
}

#[test]
fn an_image_of_a_key_that_the_set_adds_boots() {
    let mut flash = running();
    let release = Release::new(Slot::B, Version::new(1, 3, 0));
    release.install_signed(&mut flash, Slot::B, &release.sign(&next_release_key()));
    put_key_set(&mut flash, &sign_set(&rotation(), &[0, 1]));
    assert_eq!(runs(&mut flash), Some(Version::new(1, 3, 0)), "the image of the revoked key gives way");
}

#[test]
fn a_forged_set_neither_lets_in_nor_shuts_out() {
    let mut flash = running();
    let release = Release::new(Slot::B, Version::new(1, 3, 0));
    release.install_signed(&mut flash, Slot::B, &release.sign(&next_release_key()));
    put_key_set(&mut flash, &sign_set(&rotation(), &[0]));
    assert_eq!(runs(&mut flash), Some(VERSION));
}

#[test]
fn a_signed_reset_brings_back_a_unit_that_a_floor_has_shut_out() {
    // fault:R6
    let mut flash = running();
    let top = Version::new(u16::MAX, u16::MAX, u16::MAX);
    let shut = BootState { floor: top, ..log(&mut flash) };
    BootLog::append(&mut flash, shut).unwrap();
    assert_eq!(runs(&mut flash), None);
    let reset = Some(FloorReset { to: V1, units: Units::Any });
    put_key_set(&mut flash, &sign_set(&key_set(5, &[], &[], reset), &[0, 1]));
    assert_eq!(runs(&mut flash), Some(VERSION));
    // A confirmed image runs without a write: the reset is not taken in yet, and still counts.
    assert_eq!(log(&mut flash).floor, top);
    assert_eq!(runs(&mut flash), Some(VERSION));
}

#[test]
fn what_a_boot_appends_carries_the_floor_that_holds() {
    let mut flash = running();
    let new = Release::new(Slot::B, Version::new(1, 3, 0));
    new.install(&mut flash);
    let top = Version::new(u16::MAX, 0, 0);
    let trial = BootState {
        active: new.image_ref(),
        phase: Phase::Trial { attempts: 0, fallback: None },
        floor: top,
        floor_order: 0,
        last_switch: Switch::Activated { from: VERSION },
    };
    BootLog::append(&mut flash, trial).unwrap();
    let reset = Some(FloorReset { to: V1, units: Units::Any });
    put_key_set(&mut flash, &sign_set(&key_set(5, &[], &[], reset), &[0, 1]));
    assert_eq!(runs(&mut flash), Some(Version::new(1, 3, 0)));
    assert_eq!((log(&mut flash).floor, log(&mut flash).floor_order), (V1, 5));
}

#[test]
fn a_boot_without_a_log_takes_the_reset_in_with_its_first_record() {
    let mut flash = unit_with_roots(2);
    Release::new(Slot::A, VERSION).install(&mut flash);
    Release::new(Slot::B, Version::new(1, 3, 0)).install(&mut flash);
    let reset = Some(FloorReset { to: V1, units: Units::Any });
    put_key_set(&mut flash, &sign_set(&key_set(5, &[], &[], reset), &[0, 1]));
    assert_eq!(runs(&mut flash), Some(Version::new(1, 3, 0)));
    assert_eq!((log(&mut flash).floor, log(&mut flash).floor_order), (V1, 5));
}

#[test]
fn a_boot_writes_no_key_set_whatever_it_finds() {
    // boot:B1, fault:P13
    let mut flash = running();
    put_key_set_copy(&mut flash, 0, &sign_set(&numbered(5), &[0, 1]));
    flash.poison(KEY_SET_OFFSETS[1]);
    let before = flash.operations();
    for _ in 0..5 {
        assert_eq!(runs(&mut flash), Some(VERSION));
    }
    assert_eq!(flash.operations(), before);
}
