//! Flash of units with a past: what an update or a factory left, without the time that it took.

use bootloader::update::marks::Marks;
use protocol::boot_record::{BootRecord, BootState, Phase, Switch};
use protocol::layout::{BOOT_LOG_OFFSETS, ERASED, PAGE_SIZE, SLOT_SIZE, Slot};
use protocol::semver::Version;
use virtual_board::unit::FIRST_UNIT_ID;

use crate::releases::{Image, Release, releases};

/// Contents of a unit's flash.
#[derive(Clone)]
pub(crate) struct UnitFlash(Vec<u8>);

impl UnitFlash {
    /// As it leaves the factory: 1.0.0 in slot A, no boot log.
    pub(crate) fn new() -> Self {
        Self(releases().factory.flash(FIRST_UNIT_ID))
    }

    /// With the image of a release in a slot, as a transfer leaves it.
    pub(crate) fn holding(mut self, release: &Release, slot: Slot) -> Self {
        let image = release.image(slot);
        self.put(slot.offset(), image.manifest_bytes());
        self.put(slot.image_offset(), &image.bytes);
        for (offset, mark) in Marks::of(&image.manifest).of_whole(&image.bytes) {
            self.put(offset, &mark);
        }
        self
    }

    /// With the image of a release in a slot, as a transfer leaves it that has still to be finished.
    pub(crate) fn holding_pages(mut self, release: &Release, slot: Slot) -> Self {
        let image = release.image(slot);
        self.put(slot.offset(), &[ERASED; PAGE_SIZE as usize]);
        self.put(slot.image_offset(), &image.bytes);
        for (offset, mark) in Marks::of(&image.manifest).of_pages(&image.bytes) {
            self.put(offset, &mark);
        }
        self
    }

    /// With nothing in a slot.
    pub(crate) fn without(mut self, slot: Slot) -> Self {
        self.put(slot.offset(), &vec![ERASED; SLOT_SIZE as usize]);
        self
    }

    /// With one record in both copies of the boot log.
    pub(crate) fn logging(mut self, state: BootState) -> Self {
        let record = BootRecord { sequence: 1, state }.emit();
        for copy in BOOT_LOG_OFFSETS {
            self.put(copy, &vec![ERASED; PAGE_SIZE as usize]);
            self.put(copy, &record);
        }
        self
    }

    /// With that image confirmed, after an update from 1.0.0.
    pub(crate) fn confirmed(self, image: &Image) -> Self {
        self.logging(BootState { phase: Phase::Confirmed, ..activated(image) })
    }

    /// With that image activated in slot B and never started, 1.0.0 in slot A to fall back on.
    pub(crate) fn on_trial(self, image: &Image) -> Self {
        self.logging(activated(image))
    }

    /// With a byte turned.
    pub(crate) fn damaged(mut self, offset: u32) -> Self {
        self.0[offset as usize] ^= 0x40;
        self
    }

    /// Its bytes.
    pub(crate) fn bytes(self) -> Vec<u8> {
        self.0
    }

    fn put(&mut self, offset: u32, bytes: &[u8]) {
        self.0[offset as usize..offset as usize + bytes.len()].copy_from_slice(bytes);
    }
}

fn activated(image: &Image) -> BootState {
    let first = releases().first.image(Slot::A).named();
    BootState {
        active: image.named(),
        phase: Phase::Trial { attempts: 0, fallback: Some(first) },
        floor: Version::ZERO,
        floor_order: 0,
        last_switch: Switch::Activated { from: first.version },
    }
}
