//! The fixed records (identity, anchors, hand-over, boot record): what parses is exactly what is emitted.

use protocol::anchors::{ANCHORS_SIZE, Anchors, MAX_ANCHORS};
use protocol::boot_record::{BootRecord, RECORD_SIZE};
use protocol::checksum::crc32;
use protocol::digest::KeyId;
use protocol::handover::{BootReport, MARK_SIZE, Mark, REPORT_SIZE};
use protocol::identity::{IDENTITY_SIZE, Identity};

use super::input::Input;

pub fn run(data: &[u8]) {
    twice(data, *b"SIDN\x01\0", identity);
    twice(data, *b"SBRP", report);
    twice(data, *b"SMRK", mark);
    twice(data, *b"SBL1", boot_record);
    twice(data, *b"STRU\x01\0", anchors);
    let mut with_ids = Input::new(data).array::<ANCHORS_SIZE>();
    for key in 0..MAX_ANCHORS {
        let entry = &mut with_ids[8 + key * 48..][..48];
        let public_key = entry.last_chunk::<32>().expect("an entry ends in its key");
        let id = KeyId::of(public_key);
        entry[..8].copy_from_slice(&id.0);
    }
    twice(&with_ids, *b"STRU\x01\0", anchors);
}

/// Shows the record as it is, then with magic and checksum mended.
fn twice<const N: usize, const M: usize>(data: &[u8], magic: [u8; M], check: fn(&[u8; N])) {
    let mut record = Input::new(data).array::<N>();
    check(&record);
    record[..M].copy_from_slice(&magic);
    close(&mut record);
    check(&record);
}

/// Makes the checksum good.
pub(super) fn close(record: &mut [u8]) {
    let (body, checksum) = record.split_last_chunk_mut::<4>().expect("a record is longer than its checksum");
    *checksum = crc32(body).to_le_bytes();
}

fn identity(bytes: &[u8; IDENTITY_SIZE]) {
    let Ok(identity) = Identity::parse(bytes) else { return };
    assert_eq!(&identity.emit(), bytes);
    assert!(identity.hardware_revision < 32 && (1..=247).contains(&identity.unit_id), "{identity:?}");
    let serial = identity.serial.as_str();
    assert!(!serial.is_empty() && serial.bytes().all(|byte| byte.is_ascii_graphic()), "{serial:?}");
}

fn anchors(bytes: &[u8; ANCHORS_SIZE]) {
    let Ok(anchors) = Anchors::parse(bytes) else { return };
    assert_eq!(&anchors.emit(), bytes);
    for anchor in anchors.iter() {
        let found = anchors.find(KeyId::of(&anchor.public_key)).expect("a key is found by its id");
        assert_eq!(found.public_key, anchor.public_key);
    }
}

fn report(bytes: &[u8; REPORT_SIZE]) {
    let Some(report) = BootReport::parse(bytes) else { return };
    assert_eq!(&report.emit(), bytes);
}

fn mark(bytes: &[u8; MARK_SIZE]) {
    let Some(mark) = Mark::parse(bytes) else { return };
    assert_eq!(&mark.emit(), bytes);
}

fn boot_record(bytes: &[u8; RECORD_SIZE]) {
    let Ok(record) = BootRecord::parse(bytes) else { return };
    assert_eq!(&record.emit(), bytes);
}
