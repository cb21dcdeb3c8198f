//! The update session from the mailbox to flash, over the flash model.

mod keys;
mod log;
mod power_cuts;
mod settings;
mod switching;

use bootloader::model::release::{Release, development_key, padded, release_key, unknown_key};
use bootloader::update::PAGE;
use protocol::boot_record::Phase;
use protocol::digest::{KeyId, PageHash};
use protocol::layout::{PAGE_SIZE, Slot};
use protocol::manifest::{HardwareSet, SignedManifest};
use protocol::message::{Answer, Refusal, Request, SlotContent, Staging, Transfer};
use protocol::modbus::exception::Exception;
use protocol::semver::Version;

use crate::fixture::{Bench, V1_0, V1_1, V1_2, release};

fn example() -> Release {
    release(Slot::B, V1_1, 3 * PAGE + 500)
}

fn begin(manifest: SignedManifest) -> Request {
    Request::Begin { manifest }
}

fn page_map(bench: &mut Bench, first: u8) -> Vec<PageHash> {
    match bench.done(Request::PageMap { first }) {
        Answer::PageMap(map) => {
            assert_eq!(map.first, first);
            map.hashes.to_vec()
        }
        other => panic!("{other:?}"),
    }
}

/// Pages of the image that the page map shows to be missing or other ones, as a host finds them.
fn differing(bench: &mut Bench, image: &[u8]) -> Vec<usize> {
    let hashes = page_map(bench, 0);
    let wanted = image.chunks(PAGE).map(PageHash::of);
    wanted.zip(hashes).enumerate().filter(|(_, (wanted, found))| wanted != found).map(|(page, _)| page).collect()
}

/// Sends the pages that differ.
fn send_differing(bench: &mut Bench, tag: u8, image: &[u8]) -> usize {
    let pages = differing(bench, image);
    for page in &pages {
        bench.send(tag, image, page * PAGE, (page + 1) * PAGE);
    }
    pages.len()
}

#[test]
fn an_image_is_staged_page_by_page() {
    let mut bench = Bench::new();
    let release = example();
    let image = padded(&release.image);
    let tag = bench.begin(&release);
    assert_eq!(differing(&mut bench, &image), [0, 1, 2, 3]);
    bench.send(tag, &image, 0, 2 * PAGE);
    assert_eq!(differing(&mut bench, &image), [2, 3]);
    assert_eq!(send_differing(&mut bench, tag, &image), 2);
    let Answer::Staged(staged) = bench.done(Request::Finish) else { panic!("not staged") };
    assert_eq!(staged.image, release.image_ref());
    // The answer was lost: the same again, and nothing is written.
    let operations = bench.worker.flash().operations();
    assert_eq!(bench.done(Request::Finish), Answer::Staged(staged));
    assert_eq!(bench.worker.flash().operations(), operations);
    let Answer::SlotReport(report) = bench.done(Request::SlotReport { slot: Slot::B }) else { panic!("no report") };
    assert_eq!(report.content, SlotContent::Bootable { image: release.image_ref(), build_id: [1; 20] });
}

#[test]
fn what_does_not_fit_is_refused_with_its_own_reason_before_anything_is_erased() {
    // boot:U1
    let good = example();
    let with = |change: fn(&mut Release)| {
        let mut release = good.clone();
        change(&mut release);
        release.sign(&release_key())
    };
    let mut flipped = good.sign(&release_key());
    flipped.0[40] ^= 1;
    let key_id = |key: ed25519_dalek::SigningKey| KeyId::of(key.verifying_key().as_bytes());
    let loader = Version::new(0, 1, 0);
    let newer = Version::new(9, 0, 0);
    let cases = [
        (flipped, Refusal::BadSignature),
        (SignedManifest([0; 224]), Refusal::UnknownKey { key: KeyId([0; 8]) }),
        (good.sign(&unknown_key()), Refusal::UnknownKey { key: key_id(unknown_key()) }),
        (good.sign(&development_key()), Refusal::DevelopmentKey { key: key_id(development_key()) }),
        (
            with(|release| release.manifest.product = 7),
            Refusal::WrongProduct { unit: protocol::manifest::PRODUCT, image: 7 },
        ),
        (
            with(|release| release.manifest.hardware = HardwareSet::only(2)),
            Refusal::WrongHardware { unit: 1, image: 0b100 },
        ),
        (with(|release| release.manifest.slot = Slot::A), Refusal::SlotRuns { slot: Slot::A }),
        (
            with(|release| release.manifest.minimum_loader = Version::new(9, 0, 0)),
            Refusal::LoaderTooOld { unit: loader, needed: newer },
        ),
        (with(|release| release.manifest.length = 0), Refusal::BadManifest),
    ];
    let mut bench = Bench::new();
    for (manifest, refusal) in cases {
        let before = bench.worker.flash().operations();
        assert_eq!(bench.refused(begin(manifest)), refusal);
        assert_eq!(bench.worker.flash().operations(), before, "{refusal:?} has touched flash");
        assert_eq!(bench.unit.borrow().update.transfer.progress(), Transfer::Idle);
    }
}

#[test]
fn requests_that_need_a_transfer_are_refused_without_one() {
    let mut bench = Bench::new();
    assert_eq!(bench.refused(Request::PageMap { first: 0 }), Refusal::NoTransfer);
    assert_eq!(bench.refused(Request::Finish), Refusal::NoTransfer);
    assert_eq!(bench.done(Request::Abort), Answer::Aborted);
    bench.begin(&example());
    assert_eq!(bench.refused(Request::PageMap { first: 4 }), Refusal::NoSuchPage { page: 4, pages: 4 });
    assert_eq!(page_map(&mut bench, 3).len(), 1);
    assert_eq!(bench.done(Request::Abort), Answer::Aborted);
    assert_eq!(bench.refused(Request::Finish), Refusal::NoTransfer);
}

#[test]
fn a_long_image_needs_more_than_one_page_map() {
    let mut bench = Bench::new();
    let release = release(Slot::B, V1_1, 30 * PAGE);
    bench.begin(&release);
    assert_eq!((page_map(&mut bench, 0).len(), page_map(&mut bench, 28).len()), (28, 2));
}

#[test]
fn finishing_too_early_shows_what_is_missing_and_can_be_repaired() {
    let mut bench = Bench::new();
    let release = example();
    let image = padded(&release.image);
    let tag = bench.begin(&release);
    bench.send(tag, &image, 0, PAGE);
    let operations = bench.worker.flash().operations();
    assert_eq!(bench.refused(Request::Finish), Refusal::ImageDiffers);
    assert_eq!(bench.worker.flash().operations(), operations, "no manifest in front of an image that is not whole");
    assert_eq!(send_differing(&mut bench, tag, &image), 3);
    assert!(matches!(bench.done(Request::Finish), Answer::Staged(_)));
}

#[test]
fn a_page_sent_wrong_is_found_and_sent_again() {
    let mut bench = Bench::new();
    let release = example();
    let image = padded(&release.image);
    let mut wrong = image.clone();
    wrong[PAGE + 7] ^= 1;
    let tag = bench.begin(&release);
    bench.send(tag, &wrong, 0, wrong.len());
    assert_eq!(bench.refused(Request::Finish), Refusal::ImageDiffers);
    assert_eq!(differing(&mut bench, &image), [1]);
    assert_eq!(send_differing(&mut bench, tag, &image), 1);
    assert!(matches!(bench.done(Request::Finish), Answer::Staged(_)));
}

#[test]
fn a_transfer_goes_on_after_a_reset_of_the_unit_and_sends_nothing_twice() {
    // boot:U2, fault:B2
    let release = example();
    let image = padded(&release.image);
    let mut bench = Bench::new();
    let tag = bench.begin(&release);
    bench.send(tag, &image, 0, 2 * PAGE + 1000);
    let mut bench = bench.restart(protocol::reset::ResetCause::BrownOut);
    assert_eq!(bench.chunk(tag, 0, &[0; 2]), Err(Exception::IllegalDataValue), "no transfer is armed after a reset");
    assert_eq!(bench.begin(&release), tag);
    assert_eq!(send_differing(&mut bench, tag, &image), 2);
    assert!(matches!(bench.done(Request::Finish), Answer::Staged(_)));
}

#[test]
fn an_image_that_is_there_already_need_not_be_sent() {
    let mut bench = Bench::new();
    let release = example();
    bench.stage(&release);
    let mut bench = bench.restart(protocol::reset::ResetCause::Pin);
    let operations = bench.worker.flash().operations();
    for _ in 0..3 {
        let Answer::Began(began) = bench.done(begin(release.sign(&release_key()))) else { panic!("not begun") };
        assert_eq!(began.staging, Staging::Complete);
        assert!(matches!(bench.done(Request::Finish), Answer::Staged(_)));
    }
    // A second seal, as the one there is could have been torn; once.
    assert_eq!(bench.worker.flash().operations(), operations + 1);
}

#[test]
fn the_old_manifest_goes_before_the_first_page_comes() {
    // fault:S1: with the old manifest in front, a mixed body would look like an image to be hashed at every boot.
    let mut bench = Bench::new();
    bench.stage(&example());
    let next = release(Slot::B, V1_2, 3 * PAGE);
    let tag = bench.begin(&next);
    let image = padded(&next.image);
    let Answer::SlotReport(report) = bench.done(Request::SlotReport { slot: Slot::B }) else { panic!("no report") };
    assert!(matches!(report.content, SlotContent::Bootable { .. }), "arming alone erases nothing");
    bench.send(tag, &image, 0, PAGE);
    let Answer::SlotReport(report) = bench.done(Request::SlotReport { slot: Slot::B }) else { panic!("no report") };
    assert_eq!(report.content, SlotContent::Empty);
}

#[test]
fn an_image_with_nonsense_vectors_is_not_staged_and_its_manifest_goes_again() {
    // fault:A9
    let mut bench = Bench::new();
    let release = example().with_vectors(0x2000_0000, 1);
    let tag = bench.begin(&release);
    let image = padded(&release.image);
    bench.send(tag, &image, 0, image.len());
    assert_eq!(bench.refused(Request::Finish), Refusal::BadVectors);
    let Answer::SlotReport(report) = bench.done(Request::SlotReport { slot: Slot::B }) else { panic!("no report") };
    assert_eq!(report.content, SlotContent::Empty);
    // And a good one can follow.
    bench.stage(&example());
}

#[test]
fn flash_that_fails_is_told_with_its_place() {
    // boot:U6, fault:P7
    let release = example();
    let image = padded(&release.image);
    let stuck = Slot::B.image_offset() + PAGE_SIZE;
    let mut bench = Bench::new();
    bench.stage(&self::release(Slot::B, V1_2, 4 * PAGE));
    bench.worker.flash().make_stuck(stuck);
    let tag = bench.begin(&release);
    bench.send(tag, &image, 0, image.len());
    assert_eq!(bench.refused(Request::Finish), Refusal::FlashFailed { offset: stuck });
    assert_eq!(bench.refused(Request::Finish), Refusal::ImageDiffers);
    assert_eq!(differing(&mut bench, &image), [1]);
}

#[test]
fn a_poisoned_page_is_unreadable_in_the_map_and_sent_again() {
    // boot:B3, fault:P5
    let mut bench = Bench::new();
    let release = example();
    let image = padded(&release.image);
    bench.stage(&release);
    bench.worker.flash().poison(Slot::B.image_offset() + 2 * PAGE_SIZE + 64);
    let tag = bench.begin(&release);
    assert_eq!(page_map(&mut bench, 0)[2], PageHash::UNREADABLE);
    assert_eq!(send_differing(&mut bench, tag, &image), 1);
    assert!(matches!(bench.done(Request::Finish), Answer::Staged(_)));
}

#[test]
fn broadcast_chunks_are_taken_and_pages_that_were_missed_show_in_the_map() {
    // bus:M7
    let mut bench = Bench::new();
    let release = example();
    let image = padded(&release.image);
    let tag = bench.begin(&release);
    for (index, start) in (0..image.len()).step_by(200).enumerate() {
        let end = image.len().min(start + 200);
        let mut pdu = vec![16, 0xF2, 0, 0, ((end - start + 4) / 2) as u8, (end - start + 4) as u8];
        pdu.extend([tag, start as u8, (start >> 8) as u8, (start >> 16) as u8]);
        pdu.extend(&image[start..end]);
        // One frame is lost on the way.
        if index != 25 {
            assert_eq!(bootloader::bus::handle(&mut *bench.unit.borrow_mut(), 0, &pdu, &mut [0; 252]), None);
            bench.work();
        }
    }
    assert_eq!(differing(&mut bench, &image), [2]);
    assert_eq!(send_differing(&mut bench, tag, &image), 1);
    assert!(matches!(bench.done(Request::Finish), Answer::Staged(_)));
}

#[test]
fn slots_are_reported_as_the_loader_would_see_them() {
    let mut bench = Bench::new();
    let report = |bench: &mut Bench, slot| match bench.done(Request::SlotReport { slot }) {
        Answer::SlotReport(report) => report.content,
        other => panic!("{other:?}"),
    };
    let running = Release::new(Slot::A, V1_0).image_ref();
    assert_eq!(report(&mut bench, Slot::A), SlotContent::Bootable { image: running, build_id: [0; 20] });
    assert_eq!(report(&mut bench, Slot::B), SlotContent::Empty);
    bench.stage(&example());
    bench.worker.flash().flip_bit(Slot::B.image_offset() + 900, 3);
    assert_eq!(report(&mut bench, Slot::B), SlotContent::Invalid);
}

#[test]
fn status_follows_the_transfer() {
    let mut bench = Bench::new();
    let release = example();
    let image = padded(&release.image);
    let transfer = |bench: &mut Bench| match bench.done(Request::Status) {
        Answer::Status(status) => {
            assert_eq!((status.phase, status.running.version), (Phase::Confirmed, V1_0));
            status.transfer
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(transfer(&mut bench), Transfer::Idle);
    let tag = bench.begin(&release);
    bench.send(tag, &image, 0, PAGE);
    assert_eq!(transfer(&mut bench), Transfer::Receiving { slot: Slot::B, pages_done: 1, pages: 4 });
    let window = bench.unit.borrow().update.status_window();
    assert_eq!((window.transfer, window.pages_done, window.pages), (u16::from(tag), 1, 4));
    bench.send(tag, &image, PAGE, image.len());
    bench.done(Request::Finish);
    assert_eq!(transfer(&mut bench), Transfer::Staged { image: release.image_ref() });
}
