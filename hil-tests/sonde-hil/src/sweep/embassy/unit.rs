//! A unit under embassy-boot: its partitions, and the calls that loader and application make, as embassy-boot's own
//! examples make them.

#![expect(clippy::redundant_closure_for_method_calls, reason = "a bare method is not general over its lifetimes")]

use std::cell::RefCell;

use bootloader::model::FlashModel;
use embassy_boot::{
    BlockingFirmwareUpdater, BootError, BootLoader, BootLoaderConfig, FirmwareUpdaterConfig, FirmwareUpdaterError,
    State,
};
use embassy_embedded_hal::flash::partition::BlockingPartition;
use embassy_sync::blocking_mutex::Mutex;
use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embedded_storage::nor_flash::ReadNorFlash as _;
use protocol::layout::{ERASED, PAGE_SIZE, WORD_SIZE};

/// Pages of the active partition.
pub(super) const PAGES: u32 = 8;
/// Bytes of an image, which fills the active partition.
pub(super) const IMAGE: usize = (PAGES * PAGE_SIZE) as usize;

const ACTIVE: u32 = 0x8000;
/// A page more than the active one, as the swap wants it.
const DFU: u32 = 0x4_0000;
const STATE: u32 = 0x7_8000;

/// Pages are the swap's unit; embassy-boot's examples for this family give it a buffer of that size too.
const BUFFER: usize = PAGE_SIZE as usize;

type Shared = Mutex<NoopRawMutex, RefCell<FlashModel>>;
type Partition<'a> = BlockingPartition<'a, NoopRawMutex, FlashModel>;

/// Bytes that look like code: mostly random, some words erased, some zero.
pub(super) fn image(seed: u64) -> Vec<u8> {
    let mut random = crate::random::Random::new(seed);
    let words = (0..IMAGE / WORD_SIZE as usize).map(|_| match random.below(32) {
        0 => [ERASED; 8],
        1 => [0; 8],
        _ => random.below(u64::MAX).to_le_bytes(),
    });
    words.flatten().collect()
}

/// A unit from the factory: this image, nothing to update from, marked booted.
pub(super) fn factory_unit(image: &[u8]) -> FlashModel {
    let mut flash = FlashModel::erased();
    flash.place(ACTIVE, image);
    mark_booted(&mut flash).expect("sound flash takes a mark");
    flash
}

/// The loader's turn: what it did before it would jump.
pub(super) fn boot(flash: &mut FlashModel) -> Result<State, BootError> {
    lend(flash, |flash| {
        let [active, dfu, state] = partitions(flash);
        BootLoader::new(BootLoaderConfig { active, dfu, state }).prepare_boot(&mut [0; BUFFER])
    })
}

/// What would run; `None` when the core faults on it.
pub(super) fn running(flash: &mut FlashModel) -> Option<Vec<u8>> {
    let mut bytes = vec![0; IMAGE];
    flash.read(ACTIVE, &mut bytes).ok().map(|()| bytes)
}

/// The application asks what the loader did.
pub(super) fn state(flash: &mut FlashModel) -> Result<State, FirmwareUpdaterError> {
    update(flash, |updater| updater.get_state())
}

/// The application writes an image to the other partition, a page at a time.
pub(super) fn write(flash: &mut FlashModel, image: &[u8]) -> Result<(), FirmwareUpdaterError> {
    update(flash, |updater| {
        let mut pages = (0..).step_by(PAGE_SIZE as usize).zip(image.chunks(PAGE_SIZE as usize));
        pages.try_for_each(|(offset, page)| updater.write_firmware(offset, page))
    })
}

/// The application asks for the swap.
pub(super) fn mark_updated(flash: &mut FlashModel) -> Result<(), FirmwareUpdaterError> {
    update(flash, |updater| updater.mark_updated())
}

/// The application says that it is well.
pub(super) fn mark_booted(flash: &mut FlashModel) -> Result<(), FirmwareUpdaterError> {
    update(flash, |updater| updater.mark_booted())
}

fn update<R>(
    flash: &mut FlashModel,
    call: impl FnOnce(&mut BlockingFirmwareUpdater<'_, Partition<'_>, Partition<'_>>) -> R,
) -> R {
    lend(flash, |flash| {
        let [_, dfu, state] = partitions(flash);
        let mut word = [0; WORD_SIZE as usize];
        call(&mut BlockingFirmwareUpdater::new(FirmwareUpdaterConfig { dfu, state }, &mut word))
    })
}

/// Puts the flash where partitions can share it, for the length of a call.
fn lend<R>(flash: &mut FlashModel, call: impl FnOnce(&Shared) -> R) -> R {
    let shared = Mutex::new(RefCell::new(std::mem::replace(flash, FlashModel::erased())));
    let result = call(&shared);
    *flash = shared.into_inner().into_inner();
    result
}

fn partitions(flash: &Shared) -> [Partition<'_>; 3] {
    [(ACTIVE, PAGES), (DFU, PAGES + 1), (STATE, 1)]
        .map(|(offset, pages)| BlockingPartition::new(flash, offset, pages * PAGE_SIZE))
}
