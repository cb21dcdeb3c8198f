//! What a unit in recovery answers, and what it refuses.

use proptest::prelude::*;
use protocol::digest::KeyId;
use protocol::layout::Slot;
use protocol::mailbox::{CHUNK, Envelope, REQUEST, RESPONSE, STATUS};
use protocol::manifest::{HardwareSet, PRODUCT, SignedManifest};
use protocol::message::{Answer, ChannelPolicy, GiveUp, Refusal, Reply, Request, SlotContent};
use protocol::modbus::exception::Exception;
use protocol::modbus::{BROADCAST, MAX_PDU};
use protocol::semver::Version;
use protocol::version;

use super::bench::{ACTIVATE, Bench};
use crate::boot::Asked;
use crate::bus::{self, Range, Unit as _, Words};
use crate::model::release::{Release, blank_unit, development_key, factory_unit, padded, release_key, unknown_key};
use crate::unit::LOADER_VERSION;
use crate::update::PAGE;
use protocol::reset::ResetCause;

fn release() -> Release {
    Release::of_length(Slot::A, Version::new(1, 0, 0), PAGE + 100)
}

#[test]
fn it_says_who_it_is_and_why_it_stays() {
    let mut bench = Bench::new(blank_unit());
    bench.unit().observe(1_234);
    let told = bench.hello();
    assert_eq!((told.oldest_version, told.current_version), (version::MIN, version::RECOVERY));
    assert_eq!((told.product, told.loader, told.floor), (PRODUCT, LOADER_VERSION, Version::ZERO));
    assert_eq!(told.serial.map(|serial| serial.to_string()), Some("MODEL-1".to_owned()));
    assert_eq!((told.hardware_revision, told.uptime_ms), (Some(1), 1_234));
    assert_eq!((told.reset, told.log_copies_good), (ResetCause::PowerOn, [true, true]));
}

#[test]
fn what_only_a_running_image_can_do_is_refused() {
    let mut bench = Bench::new(blank_unit());
    assert_eq!(bench.refused(&Request::Confirm), Refusal::InRecovery);
    let roll_back = Request::RollBack { channels: ChannelPolicy::RefuseWhileRunning };
    assert_eq!(bench.refused(&roll_back), Refusal::InRecovery);
    // Key sets too: the firmware installs them.
    let part = Request::KeySetPart { offset: 0, bytes: core::iter::repeat_n(7, 192).collect() };
    for request in [part, Request::InstallKeySet { give_up: GiveUp::RunningImage }, Request::KeySetReport] {
        assert_eq!(bench.refused(&request), Refusal::InRecovery);
    }
}

#[test]
fn what_needs_a_transfer_is_refused_without_one() {
    let mut bench = Bench::new(blank_unit());
    assert_eq!(bench.refused(&Request::PageMap { first: 0 }), Refusal::NoTransfer);
    assert_eq!(bench.refused(&Request::Finish), Refusal::NoTransfer);
    assert_eq!(bench.refused(&ACTIVATE), Refusal::NothingStaged);
    assert_eq!(bench.done(&Request::Abort), Answer::Aborted);
    assert_eq!(bench.worker.flash().operations(), 0);
}

#[test]
fn wrong_manifests_are_refused_each_with_its_reason_and_nothing_is_changed() {
    // boot:U1, fault:A5, fault:A8, fault:R1
    let good = release();
    let with = |change: fn(&mut Release)| {
        let mut release = good.clone();
        change(&mut release);
        release.sign(&release_key())
    };
    let key_id = |key: ed25519_dalek::SigningKey| KeyId::of(key.verifying_key().as_bytes());
    let newer = Version::new(9, 0, 0);
    let mut flipped = good.sign(&release_key());
    flipped.0[40] ^= 1;
    let cases = [
        (flipped, Refusal::BadSignature),
        (SignedManifest([0; 224]), Refusal::UnknownKey { key: KeyId([0; 8]) }),
        (good.sign(&unknown_key()), Refusal::UnknownKey { key: key_id(unknown_key()) }),
        (good.sign(&development_key()), Refusal::DevelopmentKey { key: key_id(development_key()) }),
        (with(|release| release.manifest.product = 7), Refusal::WrongProduct { unit: PRODUCT, image: 7 }),
        (
            with(|release| release.manifest.hardware = HardwareSet::only(2)),
            Refusal::WrongHardware { unit: 1, image: 0b100 },
        ),
        (
            with(|release| release.manifest.minimum_loader = Version::new(9, 0, 0)),
            Refusal::LoaderTooOld { unit: LOADER_VERSION, needed: newer },
        ),
        (with(|release| release.manifest.length = 0), Refusal::BadManifest),
    ];
    let mut bench = Bench::new(blank_unit());
    for (manifest, refusal) in cases {
        assert_eq!(bench.refused(&Request::Begin { manifest }), refusal);
    }
    assert_eq!(bench.worker.flash().operations(), 0);
}

#[test]
fn a_version_below_the_floor_is_refused() {
    // fault:R1, boot:B8
    let mut flash = factory_unit(&release());
    flash.poison(Slot::A.image_offset());
    let mut state = crate::boot_log::BootLog::read(&mut flash).state().unwrap();
    state.floor = Version::new(1, 1, 0);
    crate::boot_log::BootLog::append(&mut flash, state).unwrap();
    let mut bench = Bench::new(flash);
    let refused = Refusal::BelowFloor { floor: state.floor, image: Version::new(1, 0, 0) };
    assert_eq!(bench.refused(&Request::Begin { manifest: release().sign(&release_key()) }), refused);
    assert!(bench.revive(&Release::of_length(Slot::A, state.floor, PAGE)));
}

#[test]
fn an_image_that_is_not_the_one_that_was_signed_is_found_out_and_can_be_sent_right() {
    let mut bench = Bench::new(blank_unit());
    let release = release();
    let mut image = padded(&release.image);
    let Answer::Began(began) = bench.done(&Request::Begin { manifest: release.sign(&release_key()) }) else { panic!() };
    image[300] ^= 1;
    bench.send_missing(began.tag, &image);
    assert_eq!(bench.refused(&Request::Finish), Refusal::ImageDiffers);
    assert_eq!(bench.refused(&ACTIVATE), Refusal::NothingStaged);
    assert!(bench.stage(&release));
}

#[test]
fn a_slot_report_tells_what_is_there() {
    let mut bench = Bench::after(factory_unit(&release()), ResetCause::Pin, Asked::PinHeld);
    let content = |bench: &mut Bench, slot| match bench.done(&Request::SlotReport { slot }) {
        Answer::SlotReport(report) => report.content,
        other => panic!("{other:?}"),
    };
    let image = release().image_ref();
    assert_eq!(content(&mut bench, Slot::A), SlotContent::Bootable { image, build_id: [0; 20] });
    assert_eq!(content(&mut bench, Slot::B), SlotContent::Empty);
}

#[test]
fn there_are_the_mailbox_windows_and_nothing_else() {
    // bus:M1
    let bench = Bench::new(blank_unit());
    let mut out = [0; 250];
    let readable = |address: u16, out: &mut [u8]| bench.unit().read(Range { start: address, quantity: 1 }, out).is_ok();
    for address in 0..=u16::MAX {
        assert_eq!(readable(address, &mut out[..2]), [RESPONSE, STATUS].contains(&address), "{address:#06x}");
    }
    let mut unit = bench.unit();
    assert_eq!(unit.read_writable(0), Err(Exception::IllegalDataAddress));
    for address in [0, 4, REQUEST - 1, REQUEST + 1, RESPONSE, CHUNK + 1, STATUS, u16::MAX] {
        assert_eq!(unit.write(address, Words::new(&[0, 1])), Err(Exception::IllegalDataAddress), "{address:#06x}");
    }
}

#[test]
fn echo_server_id_and_identification_are_served_and_the_run_indicator_is_off() {
    let bench = Bench::new(blank_unit());
    let mut out = [0; MAX_PDU];
    let mut ask = |pdu: &[u8]| bus::handle(&mut *bench.unit(), 2, pdu, &mut out).map(|length| out[..length].to_vec());
    assert_eq!(ask(&[8, 0, 0, 0x12, 0x34]).unwrap(), [8, 0, 0, 0x12, 0x34]);
    let id = ask(&[17]).unwrap();
    assert_eq!(id[6], 0, "run indicator");
    assert!(id.ends_with(b"0.1.0 MODEL-1"));
    let objects = ask(&[43, 14, 3, 0]).unwrap();
    assert!(objects.windows(7).any(|text| text == b"MODEL-1"));
    assert_eq!(ask(&[1, 0, 0, 0, 1]).unwrap(), [0x81, 1]);
    assert_eq!(ask(&[3, 0, 0, 0, 1]).unwrap(), [0x83, 2]);
    assert_eq!(ask(&[6, 0, 0, 0, 1]).unwrap(), [0x86, 2]);
    assert_eq!(ask(&[22, 0, 0, 0, 1, 0, 1]).unwrap(), [0x96, 2]);
}

#[test]
fn chunks_may_come_by_broadcast_and_nothing_else_may() {
    // fault:B3
    let mut bench = Bench::new(blank_unit());
    let release = release();
    let image = padded(&release.image);
    let Answer::Began(began) = bench.done(&Request::Begin { manifest: release.sign(&release_key()) }) else { panic!() };
    let mut out = [0; MAX_PDU];
    for start in (0..image.len()).step_by(128) {
        let mut pdu = vec![16, 0xF2, 0, 0, 66, 132, began.tag];
        pdu.extend(&(start as u32).to_le_bytes()[..3]);
        pdu.extend(&image[start..start + 128]);
        assert_eq!(bus::handle(&mut *bench.unit(), BROADCAST, &pdu, &mut out), None);
        bench.work();
    }
    assert!(matches!(bench.done(&Request::Finish), Answer::Staged(_)));
    let before = bench.read_reply();
    assert_eq!(bus::handle(&mut *bench.unit(), BROADCAST, &[16, 0xF0, 0, 0, 3, 6, 1, 0, 0, 0, 0, 0], &mut out), None);
    assert_eq!(bench.read_reply(), before);
}

#[test]
fn a_repeated_request_is_answered_again_and_not_executed_again() {
    // boot:U3
    let mut bench = Bench::new(blank_unit());
    assert!(bench.stage(&release()));
    let first = bench.request(&ACTIVATE);
    let (envelope, _) = bench.read_reply();
    let operations = bench.worker.flash().operations();
    bench.write_request(envelope, &ACTIVATE);
    bench.work();
    assert_eq!(bench.read_reply(), (envelope, first));
    assert_eq!(bench.worker.flash().operations(), operations);
}

#[test]
fn another_client_is_refused_until_it_says_hello() {
    let mut bench = Bench::new(blank_unit());
    let stranger = Envelope { session: 0x0BAD, sequence: 7 };
    bench.write_request(stranger, &Request::Status);
    assert!(matches!(bench.read_reply(), (_, Reply::Refused(Refusal::OtherSession { .. }))));
    bench.write_request(stranger, &Request::Hello);
    bench.work();
    assert!(matches!(bench.read_reply(), (_, Reply::Done(Answer::Recovery(_)))));
}

#[test]
fn a_message_that_nobody_knows_is_refused_under_its_number() {
    let mut bench = Bench::new(blank_unit());
    let (Envelope { session, sequence }, _) = bench.read_reply();
    let envelope = Envelope { session, sequence: sequence + 1 };
    let mut window = [0; 10];
    // Variant 200 of the requests.
    let length = envelope.emit(&[200, 1], &mut window).unwrap();
    bench.unit().write(REQUEST, Words::new(&window[..length])).unwrap();
    bench.work();
    assert_eq!(bench.read_reply(), (envelope, Reply::Refused(Refusal::NotUnderstood)));
}

proptest! {
    #[test]
    fn any_frames_are_survived(
        pdus in proptest::collection::vec((any::<bool>(), proptest::collection::vec(any::<u8>(), 0..252)), 1..6),
        windows in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..242), 1..6),
    ) {
        let mut bench = Bench::new(blank_unit());
        let mut out = [0; MAX_PDU];
        for (to_all, pdu) in pdus {
            let _ = bus::handle(&mut *bench.unit(), if to_all { BROADCAST } else { 2 }, &pdu, &mut out);
            bench.work();
        }
        for window in windows {
            let _ = bench.unit().write(REQUEST, Words::new(&window));
            let _ = bench.unit().write(CHUNK, Words::new(&window));
            bench.work();
        }
        bench.hello();
        prop_assert_eq!(bench.worker.flash().operations(), 0);
    }
}
