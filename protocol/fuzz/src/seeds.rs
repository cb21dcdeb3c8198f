//! Where the fuzzer starts: a few small inputs for each target, good ones, so that it need not guess magic numbers.
//! Committed under `corpus/`; `UPDATE_CORPUS=1 cargo test -p sonde-firmware --test fuzz_corpus` writes them again.

use bootloader::model::key_sets::{id_of, key_set, next_release_key, release_entry, sign_set};
use bootloader::model::release::{REVISION, Release, anchors, release_key};
use protocol::boot_record::{BootRecord, BootState, Phase, Switch};
use protocol::bundle::{ENTRY_SIZE, HEADER_SIZE, MAX_ENTRIES, emit_head};
use protocol::digest::sha256;
use protocol::handover::{BootReason, BootReport, Mark, MarkKind};
use protocol::identity::{DEFAULT_UNIT_ID, Identity, Serial};
use protocol::key_set::{AcceptanceNote, FloorReset, Units};
use protocol::layout::Slot;
use protocol::mailbox::{CHUNK_REGISTERS, Chunk, Envelope};
use protocol::message::{Answer, ChannelPolicy, Hello, Refusal, Reply, Request};
use protocol::modbus::MAX_FRAME;
use protocol::modbus::rtu::Frame;
use protocol::reset::ResetCause;
use protocol::semver::Version;

/// One file of the corpus.
pub struct Seed {
    /// Target it is for.
    pub target: &'static str,
    /// Its file name; says what it is.
    pub name: &'static str,
    /// Contents.
    pub bytes: Vec<u8>,
}

/// All of them.
#[must_use]
pub fn seeds() -> Vec<Seed> {
    let release = Release::new(Slot::B, Version::new(1, 1, 0));
    let mut seeds = records(&release);
    let mut add = |target, name, bytes| seeds.push(Seed { target, name, bytes });
    add("manifest", "good", release.sign(&release_key()).body().to_vec());
    add("bundle", "one-image", bundle(&release));

    // One byte says who signs what for which slot; then changes of body, vectors, page and image.
    for (name, how) in [("good-a", 0), ("good-b", 1), ("other-slot", 2), ("development-key", 16), ("unknown-key", 24)] {
        add("image", name, vec![how]);
    }
    add("image", "signed-revision-0", vec![0, 1, 24, 0, 3]);
    add("image", "damaged-image", vec![1, 0, 0, 1, 100, 0, 1]);
    add("image", "signed-nonsense-vectors", vec![64, 0, 1, 3, 0, 1]);
    add("image", "poisoned", vec![128, 0, 0, 0, 8, 8]);

    key_sets(&mut add);

    add("boot_log", "empty", vec![34, 1]);
    add("boot_log", "two-records", vec![5, 1, 0x80, 1, 0, 0, 0, 0xA0, 2, 0, 0, 0]);
    add("boot_log", "wrap", vec![35, 1, 0x9F, 255, 255, 255, 255, 0xBF, 254, 255, 255, 255]);
    add("boot_log", "poisoned", vec![3, 6, 0x80, 1, 0, 0, 0, 0xC1, 3, 0xE0, 0]);

    add("framing", "read", framed(2, &[3, 5, 0, 0, 1]));
    add("framing", "identification", framed(2, &[43, 14, 1, 1, 0, 0, 2, 0, 3, b'a', b'b', b'c', 1, 1, b'd']));
    add("framing", "write-and-read", framed(2, &[23, 0xF1, 0, 0, 16, 0xF0, 0, 0, 2, 4, 1, 2, 3, 4]));
    add("receiver", "frames", [&[0x52, 3, 5, 0, 0, 1][..], &[0x80 | 40], &[0x53, 3, 2, 0, 7, 9]].concat());
    add("receiver", "noise", [&[0x07][..], &framed(2, &[3, 5, 0, 0, 1]), &[0xC6, 0x03, 2, 3, 5, 0]].concat());
    server(&mut add);
    session(&mut add);
    seeds
}

fn records(release: &Release) -> Vec<Seed> {
    let state = BootState {
        active: release.image_ref(),
        phase: Phase::Trial { attempts: 1, fallback: Some(release.image_ref()) },
        floor: Version::ZERO,
        floor_order: 0,
        last_switch: Switch::Activated { from: Version::new(1, 0, 0) },
    };
    let report = BootReport {
        slot: Slot::B,
        reason: BootReason::Trial,
        reset: ResetCause::Requested,
        attempts: 1,
        log_copies_good: [true, false],
        loader: Version::new(0, 1, 0),
        boot_us: 41_000,
        mark_detail: 0,
    };
    let serial = Serial::parse("MODEL-1").expect("a good serial");
    let identity = Identity { hardware_revision: REVISION, unit_id: DEFAULT_UNIT_ID, serial };
    let hello = Reply::Done(Answer::Hello(Hello {
        oldest_version: 1,
        current_version: 1,
        product: release.manifest.product,
        hardware_revision: REVISION,
        serial,
        running: release.image_ref(),
    }));
    let begin = Request::Begin { manifest: release.sign(&release_key()) };
    let activate = Request::Activate { channels: ChannelPolicy::RefuseWhileRunning };
    let mut buffer = [0; 250];
    let mut window = [0; CHUNK_REGISTERS as usize * 2];
    let chunk = Chunk { tag: 1, offset: 242, data: &[1, 2, 3, 4] }.emit(&mut window).expect("a good chunk");
    let message = |emitted: &[u8]| envelope(emitted);
    let files = [
        ("records", "identity", identity.emit().to_vec()),
        ("records", "anchors", anchors().emit().to_vec()),
        ("records", "report", report.emit().to_vec()),
        ("records", "mark", Mark { kind: MarkKind::Panic, detail: 7 }.emit().to_vec()),
        ("records", "boot-record", BootRecord { sequence: 7, state }.emit().to_vec()),
        ("messages", "begin", message(begin.emit(&mut buffer).expect("fits"))),
        ("messages", "activate", message(activate.emit(&mut buffer).expect("fits"))),
        ("messages", "hello-reply", message(hello.emit(&mut buffer).expect("fits"))),
        ("messages", "refusal", message(Reply::Refused(Refusal::Busy).emit(&mut buffer).expect("fits"))),
        ("messages", "chunk", window[..chunk].to_vec()),
    ];
    files.into_iter().map(|(target, name, bytes)| Seed { target, name, bytes }).collect()
}

/// A set that parses; then orders: how, by whom, number, version, twice for the copies with how they are torn, once for
/// the set that is sent.
fn key_sets(add: &mut impl FnMut(&'static str, &'static str, Vec<u8>)) {
    let reset = Some(FloorReset { to: Version::new(1, 0, 0), units: Units::Any });
    let set = key_set(7, &[release_entry(&next_release_key())], &[id_of(&release_key())], reset);
    add("key_set", "whole", sign_set(&set, &[0, 2]).0.to_vec());
    add("key_set", "note", AcceptanceNote { number: 7, given_up: None }.emit().to_vec());
    const BOTH: u8 = 0b011;
    const ONE: u8 = 0b001;
    add("key_set", "newer-copy-forged", vec![4, BOTH, 6, 1, 0, 4, ONE, 9, 1, 0, 4, BOTH, 8, 1, 0, 0]);
    add("key_set", "older-copy-torn", vec![4, BOTH, 6, 1, 1, 40, 20, BOTH, 7, 1, 0, 16, BOTH, 8, 1, 0, 1]);
    add("key_set", "copy-poisoned", vec![4, BOTH, 6, 1, 2, 13, 4, 0b111, 6, 1, 0, 64, BOTH, 8, 1, 0, 0]);
    add(
        "key_set",
        "damaged-signature",
        vec![132, BOTH, 6, 1, 1, 2, 2, 1, 0, 4, 0b1011, 9, 1, 0, 132, 7, 9, 1, 1, 3, 2, 9, 0, 0],
    );
    add("key_set", "running-image-revoked", vec![0, 0, 0, 0, 0, 0, 0, 0, 32, BOTH, 8, 1, 0, 0]);
    add("key_set", "running-image-given-up", vec![0, 0, 0, 0, 0, 0, 0, 0, 32, BOTH, 8, 1, 0, 1]);
    add("key_set", "far-ahead", vec![0, 0, 0, 0, 0, 0, 0, 0, 1, BOTH, 255, 255, 1, 0, 0]);
}

/// Requests, each behind a byte for its address and one for its length.
fn server(add: &mut impl FnMut(&'static str, &'static str, Vec<u8>)) {
    let asked = |to: u8, pdus: &[&[u8]]| -> Vec<u8> {
        pdus.iter().flat_map(|pdu| [&[to, pdu.len() as u8], *pdu].concat()).collect()
    };
    let reads: &[&[u8]] = &[&[3, 5, 0, 0, 32], &[4, 0, 0, 0, 9], &[3, 0xF1, 0, 0, 125], &[3, 0xF3, 0, 0, 8]];
    let writes: &[&[u8]] = &[
        &[6, 0, 0x13, 0, 5],
        &[16, 0, 0x10, 0, 2, 4, 0, 1, 0, 0],
        &[22, 0, 0x13, 0, 0x0C, 0, 2],
        &[6, 0, 0x12, 0xA5, 0xC3],
    ];
    let others: &[&[u8]] = &[
        &[8, 0, 0, 0x12, 0x34],
        &[17],
        &[43, 14, 1, 0],
        &[43, 14, 4, 1],
        &[23, 0, 0x10, 0, 1, 0, 0x10, 0, 1, 2, 0, 0],
    ];
    let wrong: &[&[u8]] = &[&[6, 0, 0x10, 0, 2], &[3, 0, 0x20, 0, 1], &[65, 1], &[16, 0, 0x10, 0, 2, 3, 0, 1, 0]];
    add("server", "reads", asked(2, reads));
    add("server", "writes", asked(2, writes));
    add("server", "others", asked(2, others));
    add("server", "refused", asked(2, wrong));
    add("server", "stop-all", asked(0, &[&[6, 0, 0x11, 0, 7]]));
}

/// One byte for each step, with the release or the reset cause in its high half.
fn session(add: &mut impl FnMut(&'static str, &'static str, Vec<u8>)) {
    const REQUESTED: u8 = 4 << 4;
    add("session", "update-and-confirm", vec![0, 3, 10, 5, 6, 15 | REQUESTED, 0, 7, 1]);
    add("session", "update-and-roll-back", vec![0, 3, 10, 5, 6, 15 | REQUESTED, 0, 7, 8, 15 | REQUESTED, 0, 1]);
    add("session", "raise-floor", vec![0, 0x23, 10, 5, 6, 15 | REQUESTED, 0, 7, 2, 18]);
    add("session", "trial-given-up", vec![0, 3, 10, 5, 6, 0x6F, 0x6F, 0x6F, 0x6F, 0, 1]);
    add("session", "refused-keys", vec![0, 0xA3, 10, 5, 0xC3, 10, 5, 6]);
    add("session", "damaged", vec![0, 0x13, 1, 30, 0, 1, 3, 11, 1, 9, 0, 1, 0, 0, 0, 4, 0, 10, 5, 6, 15]);
}

fn bundle(release: &Release) -> Vec<u8> {
    let image = &release.image[..96];
    let mut head = [0; HEADER_SIZE + MAX_ENTRIES * ENTRY_SIZE];
    let used = emit_head(&[(Slot::B, image.len() as u32)], &mut head).expect("one short image");
    let mut file = head[..used].to_vec();
    file.extend(release.sign(&release_key()).0);
    file.extend(image);
    file.extend(sha256(&file));
    file
}

fn envelope(message: &[u8]) -> Vec<u8> {
    let mut window = [0; 260];
    let used = Envelope { session: 0x1234, sequence: 1 }.emit(message, &mut window).expect("fits");
    window[..used].to_vec()
}

fn framed(address: u8, pdu: &[u8]) -> Vec<u8> {
    let mut out = [0; MAX_FRAME];
    let length = Frame { address, pdu }.emit(&mut out).expect("fits");
    out[..length].to_vec()
}
