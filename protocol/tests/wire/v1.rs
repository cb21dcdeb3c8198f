//! The bytes of every message of version 1 of the mailbox protocol.

use sonde_protocol::boot_record::{FallbackCause, Phase, Switch};
use sonde_protocol::digest::{KeyId, PageHash};
use sonde_protocol::handover::BootReason;
use sonde_protocol::identity::Serial;
use sonde_protocol::layout::Slot;
use sonde_protocol::mailbox::{Chunk, Envelope, StatusWindow};
use sonde_protocol::manifest::{SIGNED_SIZE, SignedManifest};
use sonde_protocol::message::{
    Activating, Answer, Began, ChannelPolicy, Confirmed, Hello, PageMap, Refusal, Reply, Request, SelfTest,
    SlotContent, SlotReport, Staged, Staging, Transfer, UnitStatus,
};
use sonde_protocol::reset::ResetCause;
use sonde_protocol::semver::Version;

use crate::frozen::{IMAGE, answer_is, image, refusal_is, reply_is, request_is};

#[test]
fn requests() {
    request_is(&Request::Hello, &[0]);
    request_is(&Request::Status, &[1]);
    request_is(&Request::SlotReport { slot: Slot::A }, &[2, 0]);
    request_is(&Request::PageMap { first: 200 }, &[4, 200]);
    request_is(&Request::Finish, &[5]);
    request_is(&Request::Activate { channels: ChannelPolicy::RefuseWhileRunning }, &[6, 0]);
    request_is(&Request::Confirm, &[7]);
    request_is(&Request::RollBack { channels: ChannelPolicy::RefuseWhileRunning }, &[8, 0]);
    request_is(&Request::Abort, &[9]);
}

#[test]
fn begin_carries_the_manifest_whole() {
    let manifest: [u8; SIGNED_SIZE] = core::array::from_fn(|index| index as u8);
    let mut bytes = vec![
        3, // Begin
        0xE0, 0x01, // 224 bytes follow, varint
    ];
    bytes.extend(manifest);
    request_is(&Request::Begin { manifest: SignedManifest(manifest) }, &bytes);
    assert!(bytes.len() <= sonde_protocol::mailbox::MAX_REQUEST, "boot:U1: it fits one message");
}

#[test]
fn replies_without_an_answer() {
    reply_is(&Reply::Pending, &[0]);
    answer_is(Answer::Aborted, &[8]);
}

#[test]
fn hello() {
    let hello = Hello {
        oldest_version: 1,
        current_version: 1,
        product: 0x534D_5331,
        hardware_revision: 1,
        serial: Serial::parse("MS-42").expect("a good serial"),
        running: image(),
    };
    let mut bytes = vec![
        0, // Hello
        1, // oldest version
        1, // current version
        0xB1, 0xA6, 0xB5, 0x9A, 0x05, // product, varint
        1,    // hardware revision
        b'M', b'S', b'-', b'4', b'2', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, // serial, zero-padded
    ];
    bytes.extend(IMAGE);
    answer_is(Answer::Hello(hello), &bytes);
}

#[test]
fn status_of_a_trial() {
    let status = UnitStatus {
        running: image(),
        phase: Phase::Trial { attempts: 2, fallback: Some(image()) },
        floor: Version::new(1, 0, 0),
        last_switch: Switch::FellBack {
            from: Version::new(1, 3, 0),
            cause: FallbackCause::AttemptsUsed,
            reset: ResetCause::Watchdog,
        },
        boot_reason: BootReason::FellBack,
        reset: ResetCause::Requested,
        loader: Version::new(0, 1, 0),
        boot_us: 128,
        log_copies_good: [true, false],
        self_test: SelfTest { ran: 0x3F, failed: 0x01 },
        outputs: 0,
        transfer: Transfer::Receiving { slot: Slot::A, pages_done: 3, pages: 87 },
        uptime_ms: 1000,
    };
    let mut bytes = vec![1]; // Status
    bytes.extend(IMAGE);
    bytes.extend([
        1, 2, 1, // trial, 2 attempts, some fallback
    ]);
    bytes.extend(IMAGE);
    bytes.extend([
        1, 0, 0, // floor
        3, 1, 3, 0, // fell back from 1.3.0
        0, // attempts used
        6, // watchdog
        2, // boot reason: fell back
        4, // reset: requested
        0, 1, 0, // loader
        0x80, 0x01, // boot time 128 us, varint
        1, 0, // log copies
        0x3F, 0x01, // self-test: ran, failed
        0,    // outputs
        1, 0, 3, 87, // receiving into A, 3 of 87
        0xE8, 0x07, // uptime 1000 ms, varint
    ]);
    answer_is(Answer::Status(status), &bytes);
}

#[test]
fn every_switch_phase_and_transfer() {
    let mut buffer = [0; 64];
    for (switch, bytes) in [
        (Switch::Factory, &[0][..]),
        (Switch::Activated { from: Version::new(1, 2, 3) }, &[1, 1, 2, 3]),
        (Switch::RolledBack { from: Version::new(1, 2, 3) }, &[2, 1, 2, 3]),
        (
            Switch::FellBack { from: Version::ZERO, cause: FallbackCause::ImageInvalid, reset: ResetCause::Unknown },
            &[3, 0, 0, 0, 1, 0],
        ),
    ] {
        assert_eq!(postcard::to_slice(&switch, &mut buffer).unwrap(), bytes);
    }
    assert_eq!(postcard::to_slice(&Phase::Confirmed, &mut buffer).unwrap(), [0]);
    assert_eq!(postcard::to_slice(&Transfer::Idle, &mut buffer).unwrap(), [0]);
    let mut staged = vec![2];
    staged.extend(IMAGE);
    assert_eq!(postcard::to_slice(&Transfer::Staged { image: image() }, &mut buffer).unwrap(), staged);
}

#[test]
fn reset_causes_and_boot_reasons_keep_their_places() {
    let mut buffer = [0; 4];
    for (place, cause) in ResetCause::ALL.iter().enumerate() {
        assert_eq!(postcard::to_slice(cause, &mut buffer).unwrap(), [place as u8]);
        assert_eq!(usize::from(cause.code()), place);
    }
    assert_eq!(ResetCause::ALL.len(), 11);
    for (place, reason) in BootReason::ALL.iter().enumerate() {
        assert_eq!(postcard::to_slice(reason, &mut buffer).unwrap(), [place as u8]);
        assert_eq!(usize::from(reason.code()), place + 1);
    }
    assert_eq!(BootReason::ALL.len(), 5);
}

#[test]
fn slot_reports() {
    let report = |content| Answer::SlotReport(SlotReport { slot: Slot::A, content });
    answer_is(report(SlotContent::Empty), &[2, 0, 0]);
    answer_is(report(SlotContent::Invalid), &[2, 0, 1]);
    let mut bytes = vec![2, 0, 2];
    bytes.extend(IMAGE);
    bytes.extend([9; 20]); // build id
    answer_is(report(SlotContent::Bootable { image: image(), build_id: [9; 20] }), &bytes);
}

#[test]
fn answers_of_a_transfer() {
    let began = |staging| Answer::Began(Began { tag: 7, slot: Slot::B, pages: 35, staging });
    answer_is(began(Staging::Open), &[3, 7, 1, 35, 0]);
    answer_is(began(Staging::Complete), &[3, 7, 1, 35, 1]);

    let hashes = [PageHash([1; 8]), PageHash([2; 8])].into_iter().collect();
    let mut bytes = vec![4, 28, 2]; // page map, first page 28, 2 hashes
    bytes.extend([1; 8]);
    bytes.extend([2; 8]);
    answer_is(Answer::PageMap(PageMap { first: 28, hashes }), &bytes);

    let mut bytes = vec![5]; // staged
    bytes.extend(IMAGE);
    answer_is(Answer::Staged(Staged { image: image() }), &bytes);

    let mut bytes = vec![6]; // activating
    bytes.extend(IMAGE);
    bytes.push(50); // in 50 ms
    answer_is(Answer::Activating(Activating { image: image(), reset_in_ms: 50 }), &bytes);

    let mut bytes = vec![7]; // confirmed
    bytes.extend(IMAGE);
    bytes.extend([1, 0, 0]); // floor
    answer_is(Answer::Confirmed(Confirmed { image: image(), floor: Version::new(1, 0, 0) }), &bytes);
}

#[test]
fn a_full_page_map_fits_the_window() {
    let hashes = core::iter::repeat_n(PageHash([0xFF; 8]), sonde_protocol::message::MAX_PAGE_HASHES).collect();
    let mut buffer = [0; sonde_protocol::mailbox::MAX_REPLY];
    assert!(Reply::Done(Answer::PageMap(PageMap { first: 255, hashes })).emit(&mut buffer).is_ok());
}

#[test]
fn refusals() {
    let key = KeyId([1, 2, 3, 4, 5, 6, 7, 8]);
    let version = Version::new(1, 2, 3);
    refusal_is(Refusal::NotUnderstood, &[0]);
    refusal_is(Refusal::OtherSession { open: 0x1234 }, &[1, 0xB4, 0x24]);
    refusal_is(Refusal::OutOfSequence { expected: 2, found: 9 }, &[2, 2, 9]);
    refusal_is(Refusal::UnknownKey { key }, &[3, 1, 2, 3, 4, 5, 6, 7, 8]);
    refusal_is(Refusal::DevelopmentKey { key }, &[4, 1, 2, 3, 4, 5, 6, 7, 8]);
    refusal_is(Refusal::BadSignature, &[5]);
    refusal_is(Refusal::BadManifest, &[6]);
    refusal_is(Refusal::WrongProduct { unit: 1, image: 2 }, &[7, 1, 2]);
    refusal_is(Refusal::WrongHardware { unit: 1, image: 4 }, &[8, 1, 4]);
    refusal_is(Refusal::SlotRuns { slot: Slot::B }, &[9, 1]);
    refusal_is(Refusal::BelowFloor { floor: version, image: Version::ZERO }, &[10, 1, 2, 3, 0, 0, 0]);
    refusal_is(Refusal::LoaderTooOld { unit: Version::ZERO, needed: version }, &[11, 0, 0, 0, 1, 2, 3]);
    refusal_is(Refusal::TrialPending { running: version }, &[12, 1, 2, 3]);
    refusal_is(Refusal::ChannelsRunning { outputs: 5 }, &[13, 5]);
    refusal_is(Refusal::NoTransfer, &[14]);
    refusal_is(Refusal::NoSuchPage { page: 9, pages: 8 }, &[15, 9, 8]);
    refusal_is(Refusal::ImageDiffers, &[16]);
    refusal_is(Refusal::BadVectors, &[17]);
    refusal_is(Refusal::NothingStaged, &[18]);
    refusal_is(Refusal::NothingToRollBackTo, &[19]);
    refusal_is(Refusal::FailedItsTrial { version }, &[20, 1, 2, 3]);
    refusal_is(Refusal::NotOnTrial, &[21]);
    refusal_is(Refusal::SelfTestFailed { failed: 3 }, &[22, 3]);
    refusal_is(Refusal::FlashFailed { offset: 128 }, &[23, 0x80, 0x01]);
    refusal_is(Refusal::Busy, &[24]);
}

#[test]
fn windows() {
    let mut window = [0; 250];
    let used = Envelope { session: 0x1234, sequence: 5 }.emit(&[7, 8, 9], &mut window).unwrap();
    let bytes = [
        3, // payload bytes
        0, // flags
        0x34, 0x12, // session
        5, 0, // sequence
        7, 8, 9, // payload
        0, // to whole registers
    ];
    assert_eq!(window[..used], bytes);

    let mut window = [0; 246];
    let used = Chunk { tag: 9, offset: 0x01_F402, data: &[1, 2] }.emit(&mut window).unwrap();
    let bytes = [
        9, // tag
        0x02, 0xF4, 0x01, // offset
        1, 2, // data
    ];
    assert_eq!(window[..used], bytes);

    let status = StatusWindow {
        oldest_version: 1,
        current_version: 2,
        max_chunk: 3,
        free_buffers: 4,
        transfer: 5,
        pages_done: 6,
        pages: 7,
        sequence: 8,
    };
    assert_eq!(status.emit(), [1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(StatusWindow::parse(&status.emit()), status);
}
