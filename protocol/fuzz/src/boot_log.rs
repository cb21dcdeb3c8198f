//! Whatever both pages of the boot log hold, reading answers, and an append is in force afterwards (`boot:B2`, `boot:B3`).
//!
//! The input places things: a byte says where (bits 0-5: place) and what (bits 6-7: raw bytes, a record with its
//! checksum mended, a record that is good, a poisoned word), and a last part says what is appended.

use std::sync::OnceLock;

use bootloader::boot::{Asked, Boot, boot};
use bootloader::boot_log::{AppendError, BootLog};
use bootloader::decide::blames_image;
use bootloader::model::FlashModel;
use bootloader::model::release::{Release, factory_unit};
use embedded_storage::nor_flash::ReadNorFlash as _;
use protocol::boot_record::{BootRecord, BootState, Phase, RECORD_SIZE, RECORDS_PER_PAGE, Switch};
use protocol::layout::{BOOT_LOG_OFFSETS, PAGE_SIZE, Slot, WORD_SIZE};
use protocol::recovery::RecoveryReason;
use protocol::reset::ResetCause;
use protocol::semver::Version;

use super::input::Input;
use super::records::close;

/// How often something is appended: a page is full after 32.
const MAX_APPENDS: u8 = 40;

fn unit() -> &'static (FlashModel, BootState) {
    static UNIT: OnceLock<(FlashModel, BootState)> = OnceLock::new();
    UNIT.get_or_init(|| {
        let release = Release::new(Slot::A, Version::new(1, 0, 0));
        let mut flash = factory_unit(&release);
        for page in BOOT_LOG_OFFSETS {
            flash.wipe(page, page + PAGE_SIZE);
        }
        let state = BootState {
            active: release.image_ref(),
            phase: Phase::Confirmed,
            floor: Version::ZERO,
            floor_order: 0,
            last_switch: Switch::Factory,
        };
        (flash, state)
    })
}

pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let (flash, state) = unit();
    let (mut flash, state) = (flash.clone(), *state);
    let appends = input.u8() % MAX_APPENDS;
    let reset = ResetCause::ALL[usize::from(input.u8()) % ResetCause::ALL.len()];
    while !input.is_empty() {
        place(&mut flash, &mut input, state);
    }

    let view = BootLog::read(&mut flash);
    let records = records(&mut flash);
    match view.newest {
        Some(newest) => assert!(records.contains(&newest), "{newest:?} is in no page"),
        None => assert!(records.is_empty(), "not read: {records:?}"),
    }
    boots(flash.clone(), reset);
    for count in 0..appends {
        append(&mut flash, BootState { floor: Version::new(0, 0, u16::from(count)), ..state });
    }
}

fn place(flash: &mut FlashModel, input: &mut Input<'_>, state: BootState) {
    let what = input.u8();
    let (copy, index) = (usize::from(what >> 5 & 1), u32::from(what & 31));
    let offset = BOOT_LOG_OFFSETS[copy] + index * RECORD_SIZE as u32;
    match what >> 6 {
        0 => flash.place(offset, &input.array::<RECORD_SIZE>()),
        1 => {
            let mut record = input.array::<RECORD_SIZE>();
            record[..4].copy_from_slice(b"SBL1");
            close(&mut record);
            flash.place(offset, &record);
        }
        2 => {
            let sequence = u32::from_le_bytes(input.array());
            flash.place(offset, &BootRecord { sequence, state }.emit());
        }
        _ => flash.poison(offset + u32::from(input.u8() & 7) * WORD_SIZE),
    }
}

/// Every record of both pages, found without the boot log's own rules.
fn records(flash: &mut FlashModel) -> Vec<BootRecord> {
    let places = BOOT_LOG_OFFSETS
        .into_iter()
        .flat_map(|page| (0..RECORDS_PER_PAGE).map(move |index| page + (index * RECORD_SIZE) as u32));
    let mut bytes = [0; RECORD_SIZE];
    places
        .filter_map(|place| {
            flash.read(place, &mut bytes).ok()?;
            BootRecord::parse(&bytes).ok()
        })
        .collect()
}

/// Flash is sound (nothing tears, everything erases), so an append must reach at least one copy, and the next one both.
fn append(flash: &mut FlashModel, state: BootState) {
    let before = BootLog::read(flash).newest;
    // A lower floor is refused.
    let floor = before.map_or(state.floor, |before| state.floor.max(before.state.floor));
    let state = BootState { floor, ..state };
    if let Err(error @ AppendError::NoCopy { .. }) = BootLog::append(flash, state) {
        panic!("sound flash did not take a record: {error}");
    }
    let sequence = before.map_or(1, |before| before.sequence.wrapping_add(1));
    let record = Some(BootRecord { sequence, state });
    assert_eq!(BootLog::read(flash).newest, record, "what was appended is not in force");
}

/// The one good image runs, whatever the log says (`boot:B6`): there is no log that leaves the unit without one.
fn boots(mut flash: FlashModel, reset: ResetCause) {
    match boot(&mut flash, reset, None, Asked::Nothing) {
        Boot::Run { image, .. } => assert_eq!(image.manifest().version, Version::new(1, 0, 0)),
        // It was on trial and crashed too often, with nothing to fall back on.
        Boot::Recovery { why: RecoveryReason::TrialCrashed, .. } => assert!(blames_image(reset)),
        // Only a floor above the image keeps it out.
        Boot::Recovery { slots: [a, b], .. } => {
            let floor = BootLog::read(&mut flash).state().map(|state| state.floor);
            assert!(floor > Some(Version::new(1, 0, 0)), "recovery with a good image: {a}; {b}");
        }
    }
}
