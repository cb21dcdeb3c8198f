//! Which sets a unit takes.

use super::super::accept::{Acceptance, MAX_STEP, Site, accept};
use super::*;
use crate::model::release::{Release, factory_unit};
use crate::unit::{Criteria, LOADER_VERSION};
use protocol::boot_record::{BootState, Phase};
use protocol::key_set::{FloorReset, Units};
use protocol::layout::Slot;
use protocol::manifest::{Manifest, PRODUCT};
use protocol::message::{GiveUp, Refusal as Told};

/// A unit with set 5 in force, of which the release key's image 1.2.0 runs.
struct Unit {
    criteria: Criteria,
    log: Option<BootState>,
    runs: Option<Manifest>,
}

fn unit() -> Unit {
    unit_with_set(Some(&sign_set(&numbered(5), &[0, 1])))
}

fn unit_with_set(signed: Option<&SignedKeySet>) -> Unit {
    let release = Release::new(Slot::A, Version::new(1, 2, 0));
    let log = crate::boot_log::BootLog::read(&mut factory_unit(&release)).state();
    let mut flash = unit_with_roots(2);
    if let Some(signed) = signed {
        put_key_set(&mut flash, signed);
    }
    let trust = Trust::read(&mut flash);
    let criteria = Criteria::of(&mut flash, trust, log, LOADER_VERSION);
    Unit { criteria, log, runs: Some(Manifest { key_id: id_of(&release_key()), ..release.manifest }) }
}

impl Unit {
    fn offered(&self, signed: &SignedKeySet, give_up: GiveUp) -> Result<Acceptance, Told> {
        let site = Site { criteria: &self.criteria, log: self.log, serial: None, runs: self.runs.as_ref() };
        accept(site, signed, give_up)
    }

    fn takes(&self, set: &KeySet) -> Result<(), Told> {
        self.offered(&sign_set(set, &[0, 1]), GiveUp::Nothing).map(|_| ())
    }
}

#[test]
fn only_a_higher_number_is_taken() {
    // boot:B10, fault:R1
    let unit = unit();
    assert_eq!(unit.takes(&numbered(6)), Ok(()));
    assert_eq!(unit.takes(&numbered(4)), Err(Told::KeySetOld { unit: 5, offered: 4 }));
    let other = key_set(5, &[], &[id_of(&unknown_key())], None);
    assert_eq!(unit.takes(&other), Err(Told::KeySetOld { unit: 5, offered: 5 }));
}

#[test]
fn the_set_in_force_is_taken_again_whoever_signed_it() {
    let unit = unit();
    for roots in [[0, 1], [1, 2]] {
        assert_eq!(unit.offered(&sign_set(&numbered(5), &roots), GiveUp::Nothing), Ok(Acceptance::InForce));
    }
}

#[test]
fn numbers_do_not_run_out_by_one_slip_and_their_end_is_told_before_anything_is_written() {
    // fault:R5
    let highest = 5 + MAX_STEP;
    assert_eq!(unit().takes(&numbered(highest)), Ok(()));
    let ahead = Told::KeySetAhead { unit: 5, offered: highest + 1, highest };
    assert_eq!(unit().takes(&numbered(highest + 1)), Err(ahead));
    let at_the_end = unit_with_set(Some(&sign_set(&numbered(u16::MAX), &[0, 1])));
    for offered in [1, u16::MAX - 1] {
        assert_eq!(at_the_end.takes(&numbered(offered)), Err(Told::KeySetOld { unit: u16::MAX, offered }));
    }
    let near_the_end = unit_with_set(Some(&sign_set(&numbered(u16::MAX - 1), &[0, 1])));
    assert_eq!(near_the_end.takes(&numbered(u16::MAX)), Ok(()));
}

#[test]
fn with_both_copies_lost_the_log_still_knows_how_far_the_unit_was() {
    let mut unit = unit_with_set(None);
    unit.log = unit.log.map(|state| BootState { floor_order: 5, ..state });
    assert_eq!(unit.takes(&numbered(4)), Err(Told::KeySetOld { unit: 5, offered: 4 }));
    assert_eq!(unit.takes(&numbered(5)), Ok(()));
    assert_eq!(unit.takes(&numbered(6)), Ok(()));
}

#[test]
fn too_few_signatures_are_counted_and_refused() {
    for (roots, valid) in [(&[][..], 0), (&[1], 1)] {
        let refused = unit().offered(&sign_set(&numbered(6), roots), GiveUp::RunningImage);
        assert_eq!(refused, Err(Told::KeySetSignatures { valid, needed: 2 }));
    }
}

#[test]
fn what_is_no_set_for_this_product_is_refused() {
    let mut malformed = sign_set(&numbered(6), &[0, 1]);
    malformed.0[27] = 1;
    assert_eq!(unit().offered(&malformed, GiveUp::Nothing), Err(Told::BadKeySet));
    let foreign = KeySet::new(6, 7, None, &[], &[]).unwrap();
    assert_eq!(unit().takes(&foreign), Err(Told::WrongProduct { unit: PRODUCT, image: 7 }));
}

#[test]
fn a_unit_without_roots_takes_none() {
    let mut unit = unit();
    unit.criteria.trust = Trust::read(&mut blank_unit());
    assert_eq!(unit.takes(&numbered(6)), Err(Told::NoRoots));
}

#[test]
fn no_set_is_taken_while_a_trial_is_pending() {
    // fault:S7
    let mut unit = unit();
    unit.log = unit.log.map(|state| BootState { phase: Phase::Trial { attempts: 1, fallback: None }, ..state });
    assert_eq!(unit.takes(&numbered(6)), Err(Told::TrialPending { running: Version::new(1, 2, 0) }));
    // In recovery nothing runs, whatever the log says.
    unit.runs = None;
    assert_eq!(unit.takes(&numbered(6)), Ok(()));
}

/// Every way in which a set can shut out the image that runs.
fn shutting_out() -> [KeySet; 4] {
    let expired = ReleaseKey { expires_at_floor: Some(V1), ..release_entry(&release_key()) };
    let development = ReleaseKey { stage: Stage::Development, ..release_entry(&release_key()) };
    let reset = FloorReset { to: V2, units: Units::Any };
    [
        key_set(6, &[release_entry(&next_release_key())], &[id_of(&release_key())], None),
        key_set(6, &[expired], &[], Some(FloorReset { to: V1, units: Units::Any })),
        key_set(6, &[development], &[], None),
        key_set(6, &[], &[], Some(reset)),
    ]
}

#[test]
fn the_image_that_runs_is_never_shut_out_without_an_explicit_choice_and_the_choice_is_kept() {
    // boot:B10
    let unit = unit();
    let running = unit.runs.clone().expect("one runs");
    for set in shutting_out() {
        let signed = sign_set(&set, &[0, 1]);
        let refused = unit.offered(&signed, GiveUp::Nothing);
        assert_eq!(refused, Err(Told::WouldNotBoot { slot: Slot::A, version: running.version }), "{set:?}");
        let Ok(Acceptance::Install { note, .. }) = unit.offered(&signed, GiveUp::RunningImage) else {
            panic!("not taken: {set:?}")
        };
        assert_eq!(note.given_up.map(|image| (image.slot, image.version)), Some((Slot::A, running.version)));
        assert_eq!(note.number, 6);
    }
}

#[test]
fn nothing_is_given_up_that_stays() {
    let signed = sign_set(&numbered(6), &[0, 1]);
    let Ok(Acceptance::Install { note, trust }) = unit().offered(&signed, GiveUp::RunningImage) else {
        panic!("not taken")
    };
    assert_eq!((note.given_up, trust.number()), (None, 6));
}

#[test]
fn without_an_image_to_lose_any_good_set_is_taken() {
    // In recovery: nothing runs.
    let mut unit = unit();
    unit.runs = None;
    for set in shutting_out() {
        assert_eq!(unit.takes(&set), Ok(()), "{set:?}");
    }
}

#[test]
fn an_image_that_would_shut_itself_out_when_confirmed_is_refused_from_the_start() {
    // Its own security floor is the floor at which its key expires.
    let expiring = ReleaseKey { expires_at_floor: Some(V2), ..release_entry(&release_key()) };
    let trust = Trust::read(&mut unit_with(&sign_set(&key_set(5, &[expiring], &[], None), &[0, 1])));
    let criteria = Criteria { trust, ..unit().criteria };
    let mut release = Release::new(Slot::A, V2);
    assert!(crate::verify::verify_manifest(&release.sign(&release_key()), &criteria).is_ok());
    release.manifest.security_floor = V2;
    let refused = Refusal::ExpiredKey { key: id_of(&release_key()), expires_at_floor: V2, floor: V2 };
    assert_eq!(crate::verify::verify_manifest(&release.sign(&release_key()), &criteria), Err(refused));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes_are_answered_and_never_taken(
        bytes in proptest::collection::vec(any::<u8>(), SIGNED_SIZE), mend: bool,
    ) {
        let mut signed = SignedKeySet(bytes.try_into().unwrap());
        if mend {
            signed.0[..BODY_SIZE].copy_from_slice(&numbered(6).emit());
        }
        prop_assert!(unit().offered(&signed, GiveUp::RunningImage).is_err());
    }
}
