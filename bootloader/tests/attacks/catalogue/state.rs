//! States in which a unit has nothing, too much, or half of something (`fault:S5`, `fault:S6`, `fault:S9`, `fault:S10`).

use protocol::boot_record::{Phase, RECORD_SIZE};
use protocol::layout::{ANCHORS_OFFSET, IDENTITY_OFFSET, PAGE_SIZE, Slot};
use sonde_bootloader::decide::MAX_STARTS;
use sonde_bootloader::model::FlashModel;

use crate::attack::{Attack, Control, Ends};
use crate::unit::{GOOD, empty, forget_log, log, next_place, next_record, release};

const STATE: Attack = Attack {
    id: "S9",
    name: "",
    control: Control::Pair,
    did: "",
    must: "Nothing starts: the loader stays up and writes nothing.",
    ends: Ends::Recovery,
    changes: &[],
    change: |_| {},
};

pub(super) fn attacks() -> Vec<Attack> {
    [slots(), trials()].into_iter().flatten().collect()
}

fn slots() -> Vec<Attack> {
    vec![
        Attack {
            name: "both-slots-invalid",
            did: "One bit of each image is flipped.",
            changes: &["image-a", "image-b"],
            change: |flash| Slot::ALL.iter().for_each(|slot| flash.flip_bit(slot.image_offset() + 0x123, 1)),
            ..STATE
        },
        Attack {
            name: "both-slots-empty",
            did: "Both slots were erased; the log still names an image.",
            changes: &["image-a", "image-b", "manifest-a", "manifest-b"],
            change: |flash| Slot::ALL.iter().for_each(|&slot| empty(flash, slot)),
            ..STATE
        },
        Attack {
            name: "one-version-twice",
            did: "Both slots hold a good image of one version, and the log is empty.",
            must: "One of them is tried, with the other one to fall back on.",
            ends: Ends::Runs(Slot::A),
            changes: &["boot-log-1", "boot-log-2", "image-a", "manifest-a"],
            change: |flash| {
                release(Slot::A, GOOD).install(flash);
                forget_log(flash);
            },
            ..STATE
        },
        Attack {
            name: "empty-device",
            control: Control::Factory,
            did: "Only the loader was ever written.",
            changes: &["anchors", "identity", "image-a", "manifest-a"],
            change: |flash| *flash = FlashModel::erased(),
            ..STATE
        },
        Attack {
            name: "no-image-yet",
            control: Control::Factory,
            did: "Loader, anchors and identity were written, no image.",
            changes: &["image-a", "manifest-a"],
            change: |flash| empty(flash, Slot::A),
            ..STATE
        },
        Attack {
            name: "no-identity",
            did: "The identity page was erased: the unit does not know its revision.",
            changes: &["identity"],
            change: |flash| flash.wipe(IDENTITY_OFFSET, IDENTITY_OFFSET + PAGE_SIZE),
            ..STATE
        },
        Attack {
            name: "loader-page-of-anchors-erased",
            did: "The page of trust anchors was erased in a unit with two good images.",
            changes: &["anchors"],
            change: |flash| flash.wipe(ANCHORS_OFFSET, ANCHORS_OFFSET + PAGE_SIZE),
            ..STATE
        },
    ]
}

fn trials() -> Vec<Attack> {
    const TRIAL: Attack = Attack { control: Control::Trial, ends: Ends::Runs(Slot::B), ..STATE };
    vec![
        Attack {
            id: "S5",
            name: "fallback-invalid",
            did: "The starts of a trial are used up, and one bit of the image to fall back on is flipped.",
            must: "The trial runs on, since it verifies and nothing else does. Nothing is written.",
            changes: &["boot-log-1", "boot-log-2", "image-a"],
            change: |flash| {
                flash.flip_bit(Slot::A.image_offset() + 0x123, 1);
                use_up_starts(flash);
            },
            ..TRIAL
        },
        Attack {
            id: "S6",
            name: "fallback-missing",
            did: "The starts of a trial are used up, and the slot to fall back on was erased.",
            must: "The trial runs on, since it verifies and nothing else does. Nothing is written.",
            changes: &["boot-log-1", "boot-log-2", "image-a", "manifest-a"],
            change: |flash| {
                empty(flash, Slot::A);
                use_up_starts(flash);
            },
            ..TRIAL
        },
        Attack {
            id: "S10",
            name: "torn-confirm",
            did: "Power went inside the record that confirms a trial: the first copy of the log has half of it.",
            must: "The trial goes on; it can be confirmed again.",
            changes: &["boot-log-1"],
            change: |flash| {
                let (place, record) = confirmation(flash);
                flash.place(place, &record[..RECORD_SIZE / 2]);
            },
            ..TRIAL
        },
        Attack {
            id: "S10",
            name: "confirm-in-one-copy",
            did: "Power went between the two copies of the record that confirms a trial.",
            must: "The image starts as the confirmed one: the newest whole record counts.",
            changes: &["boot-log-1"],
            change: |flash| {
                let (place, record) = confirmation(flash);
                flash.place(place, &record);
            },
            ..TRIAL
        },
    ]
}

fn use_up_starts(flash: &mut FlashModel) {
    log(flash, |state| {
        let Phase::Trial { fallback, .. } = state.phase else { return };
        state.phase = Phase::Trial { attempts: MAX_STARTS, fallback };
    });
}

/// The record that confirms the trial, and where the first copy takes it.
fn confirmation(flash: &FlashModel) -> (u32, [u8; RECORD_SIZE]) {
    (next_place(0), next_record(flash, |state| (state.phase, state.floor) = (Phase::Confirmed, GOOD)))
}
