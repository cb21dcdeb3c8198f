//! `fault:P3`, `fault:P4`: what was not finished is not started, and one torn word neither starts nor stops an image.

use protocol::boot_record::ImageRef;
use protocol::layout::PAGE_SIZE;
use protocol::semver::Version;

use super::*;
use crate::model::release::{Release, blank_unit};
use crate::model::{FlashModel, Tear};
use crate::unit::{Criteria, LOADER_VERSION};
use crate::update::marks::Marks;
use crate::verify::{InvalidImage, verify_image};

const SLOT: Slot = Slot::B;

fn release() -> Release {
    Release::new(SLOT, Version::new(1, 1, 0))
}

fn tag() -> ImageTag {
    release().manifest.tag()
}

fn place(index: u32) -> u32 {
    SLOT.offset() + SEALS_IN_SLOT + index * WORD_SIZE
}

/// A unit whose slot B holds an image under its marks, with so many seals.
fn sealed(seals: u32) -> FlashModel {
    let mut flash = unmarked();
    Marks::of(&release().manifest).of_pages(&release().image).for_each(|(offset, mark)| flash.place(offset, &mark));
    (0..seals).for_each(|index| flash.place(place(index), &tag().0));
    flash
}

/// A unit whose slot B holds an image that no transfer brought.
fn unmarked() -> FlashModel {
    let mut flash = blank_unit();
    release().install(&mut flash);
    let mut manifest = [0; protocol::manifest::SIGNED_SIZE];
    embedded_storage::nor_flash::ReadNorFlash::read(&mut flash, SLOT.offset(), &mut manifest).expect("it is there");
    flash.wipe(SLOT.offset(), SLOT.offset() + PAGE_SIZE);
    flash.place(SLOT.offset(), &manifest);
    flash
}

fn verify(flash: &mut FlashModel) -> Result<ImageRef, InvalidImage> {
    let criteria = Criteria::read(flash, Version::ZERO, LOADER_VERSION);
    verify_image(flash, SLOT, &criteria).map(|image| image.image_ref())
}

const UNFINISHED: Result<ImageRef, InvalidImage> = Err(InvalidImage::Unfinished { slot: SLOT });

#[test]
fn an_image_under_marks_is_started_only_with_a_seal_and_one_without_marks_as_it_is() {
    assert_eq!(verify(&mut sealed(0)), UNFINISHED);
    assert_eq!(verify(&mut sealed(1)), Ok(release().image_ref()));
    assert_eq!(verify(&mut unmarked()), Ok(release().image_ref()));
    let mut other = sealed(0);
    other.place(place(0), &Release::new(SLOT, Version::new(1, 2, 0)).manifest.tag().0);
    assert_eq!(verify(&mut other), UNFINISHED, "a seal of another image");
}

#[test]
fn whatever_one_mark_reads_as_an_image_without_a_seal_is_not_started() {
    // The first mark, and that of its one page: either is enough to tell.
    for mark in [MARKS_IN_SLOT, MARKS_IN_SLOT + WORD_SIZE] {
        for word in [BLANK, [0x5A; 8]] {
            let mut flash = sealed(0);
            flash.place(SLOT.offset() + mark, &word);
            assert_eq!(verify(&mut flash), UNFINISHED, "{mark} reads as {word:02x?}");
        }
        let mut flash = sealed(0);
        flash.poison(SLOT.offset() + mark);
        assert_eq!(verify(&mut flash), UNFINISHED, "{mark} is poisoned");
    }
}

#[test]
fn no_one_word_behind_the_manifest_stops_an_image_that_was_confirmed() {
    let mut confirmed = sealed(1);
    keep(&mut confirmed, SLOT, tag()).expect("there is room");
    assert_eq!(count(&mut confirmed, SLOT, tag()), 2);
    for offset in (SLOT.offset() + MARKS_IN_SLOT..SLOT.image_offset()).step_by(WORD_SIZE as usize) {
        let mut flash = confirmed.clone();
        flash.poison(offset);
        assert_eq!(verify(&mut flash), Ok(release().image_ref()), "{offset:#x}");
    }
}

#[test]
fn what_is_confirmed_does_not_rest_on_a_seal_that_was_torn() {
    for holds in 0..=u64::from(Tear::LONGEST) {
        let mut flash = sealed(0);
        flash.plan_cut(0, Tear::Weak(holds));
        assert!(add(&mut flash, SLOT, tag()).is_err());
        flash.power_on();
        if verify(&mut flash) != Ok(release().image_ref()) {
            // It has decayed before anybody could confirm.
            continue;
        }
        keep(&mut flash, SLOT, tag()).expect("there is room");
        while flash.may_decay() {
            flash.power_on();
        }
        assert_eq!(count(&mut flash, SLOT, tag()), 1, "the torn one is gone");
        assert_eq!(verify(&mut flash), Ok(release().image_ref()));
    }
}

#[test]
fn a_place_that_was_torn_is_passed_over() {
    // One in eight looks as erased as before, and does not take the word.
    for tear in (0..32).map(Tear::Garbage).chain([Tear::Poison(0), Tear::Unstable(0), Tear::Half(0), Tear::Before]) {
        let mut flash = sealed(0);
        flash.plan_cut(0, tear);
        assert!(add(&mut flash, SLOT, tag()).is_err());
        flash.power_on();
        add(&mut flash, SLOT, tag()).expect("there is room");
        assert_eq!(verify(&mut flash), Ok(release().image_ref()), "{tear:?}");
    }
}

#[test]
fn a_row_without_room_is_enough_with_two_seals_and_not_with_one() {
    let mut full = sealed(SEAL_PLACES);
    let before = full.operations();
    assert_eq!(keep(&mut full, SLOT, tag()), Ok(()));
    assert_eq!(full.operations(), before);
    let mut torn = sealed(SEAL_PLACES);
    (1..SEAL_PLACES).for_each(|index| torn.place(place(index), &[0x5A; 8]));
    assert_eq!(keep(&mut torn, SLOT, tag()), Err(FlashError::NotErased { offset: place(0) }));
}

#[test]
fn an_image_without_marks_is_kept_without_a_write() {
    let mut flash = unmarked();
    assert_eq!(keep(&mut flash, SLOT, tag()), Ok(()));
    assert_eq!(flash.operations(), 0);
}

#[test]
fn no_manifest_that_was_not_finished_survives_a_torn_erase() {
    // Half an erase may leave the manifest and take the marks.
    for seed in 0..16 {
        for tear in Tear::kinds(seed) {
            let mut flash = sealed(0);
            spoil_unfinished(&mut flash, SLOT);
            flash.plan_cut(0, tear);
            let erased = embedded_storage::nor_flash::NorFlash::erase(&mut flash, SLOT.offset(), SLOT.image_offset());
            assert!(erased.is_err());
            flash.power_on();
            assert!(verify(&mut flash).is_err(), "{tear:?}");
        }
    }
}

#[test]
fn spoiling_touches_nothing_but_a_manifest_under_marks_without_a_seal() {
    for (mut flash, operations) in [(sealed(0), 1), (sealed(1), 0), (unmarked(), 0), (blank_unit(), 0)] {
        spoil_unfinished(&mut flash, SLOT);
        assert_eq!(flash.operations(), operations);
        // Power lost in it: as before, not to be started.
        let mut flash = sealed(0);
        flash.plan_cut(0, Tear::Unstable(operations));
        spoil_unfinished(&mut flash, SLOT);
        flash.power_on();
        assert!(verify(&mut flash).is_err());
    }
}
