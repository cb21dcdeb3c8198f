//! What faults leave in flash: torn, poisoned and full (`fault:P3`-`fault:P5`, `fault:P9`).

use protocol::boot_record::{RECORD_SIZE, RECORDS_PER_PAGE};
use protocol::layout::{ANCHORS_OFFSET, BOOT_LOG_OFFSETS, IDENTITY_OFFSET, PAGE_SIZE, Slot, WORD_SIZE};
use sonde_bootloader::model::FlashModel;

use crate::attack::{Attack, Control, Ends};
use crate::unit::{GOOD, IMAGE_SIZE, RECORDS_SO_FAR, last_word, log, next_place, next_record};

const FAULT: Attack = Attack {
    id: "P5",
    name: "",
    control: Control::Pair,
    did: "",
    must: "The confirmed image starts. Nothing is written at a boot that changes nothing.",
    ends: Ends::Runs(Slot::B),
    changes: &["poison"],
    change: |_| {},
};

pub(super) fn attacks() -> Vec<Attack> {
    [torn(), poisoned_slots(), poisoned_logs(), poisoned_facts(), full()].into_iter().flatten().collect()
}

fn torn() -> Vec<Attack> {
    vec![
        Attack {
            id: "P3",
            name: "half-a-record",
            did: "Power went after four of the eight words of a record: the first copy of the log has half of it.",
            changes: &["boot-log-1"],
            change: |flash| {
                let (place, record) = (next_place(0), next_record(flash, |state| state.floor = GOOD));
                flash.place(place, &record[..RECORD_SIZE / 2]);
            },
            ..FAULT
        },
        Attack {
            id: "P3",
            name: "torn-word-of-garbage",
            did: "Power went inside the last word of a record: it reads as something else.",
            changes: &["boot-log-1"],
            change: |flash| {
                let (place, mut record) = (next_place(0), next_record(flash, |state| state.floor = GOOD));
                record[RECORD_SIZE - 8..].copy_from_slice(&0x1234_5678_9ABC_DEF0_u64.to_le_bytes());
                flash.place(place, &record);
            },
            ..FAULT
        },
        Attack {
            id: "P3",
            name: "torn-word-that-faults",
            did: "Power went inside the last word of a record: reading it is a double ECC error.",
            changes: &["boot-log-1", "poison"],
            change: |flash| {
                let (place, record) = (next_place(0), next_record(flash, |state| state.floor = GOOD));
                flash.place(place, &record[..RECORD_SIZE - 8]);
                flash.poison(place + RECORD_SIZE as u32 - WORD_SIZE);
            },
            ..FAULT
        },
        Attack {
            id: "P4",
            name: "log-page-half-erased",
            did: "Power went inside the erase of the second copy of the log: its first half is erased, the rest is garbage.",
            changes: &["boot-log-2"],
            change: |flash| {
                let page = BOOT_LOG_OFFSETS[1];
                flash.wipe(page, page + PAGE_SIZE);
                let garbage: Vec<u8> = (0..PAGE_SIZE / 2).map(|index| (index * 21) as u8).collect();
                flash.place(page + PAGE_SIZE / 2, &garbage);
            },
            ..FAULT
        },
        Attack {
            id: "P4",
            name: "manifest-half-erased",
            did: "Power went inside the erase of slot A's manifest page: only the second half of the manifest is left.",
            changes: &["manifest-a"],
            change: |flash| {
                let mut rest = [0xFF; 224];
                rest[112..].fill(0xA5);
                flash.wipe(Slot::A.offset(), Slot::A.image_offset());
                flash.place(Slot::A.offset(), &rest);
            },
            ..FAULT
        },
    ]
}

fn poisoned_slots() -> Vec<Attack> {
    const SLOT: Attack = Attack {
        must: "The confirmed image never starts; the other one does, and the change is written down once.",
        ends: Ends::Runs(Slot::A),
        ..FAULT
    };
    vec![
        Attack {
            name: "manifest",
            did: "A word of the confirmed image's manifest has a double ECC error.",
            changes: &["manifest-b", "poison"],
            change: |flash| flash.poison(Slot::B.offset() + 32),
            ..SLOT
        },
        Attack {
            name: "signature",
            did: "The last word of the confirmed image's signature has a double ECC error.",
            changes: &["manifest-b", "poison"],
            change: |flash| flash.poison(Slot::B.offset() + 216),
            ..SLOT
        },
        Attack {
            name: "vectors",
            did: "The first word of the confirmed image has a double ECC error.",
            changes: &["image-b", "poison"],
            change: |flash| flash.poison(Slot::B.image_offset()),
            ..SLOT
        },
        Attack {
            name: "image",
            did: "The last word of the confirmed image has a double ECC error.",
            changes: &["image-b", "poison"],
            change: |flash| flash.poison(last_word(Slot::B)),
            ..SLOT
        },
        Attack {
            name: "both-slots",
            did: "A word of each image has a double ECC error.",
            must: "Nothing starts: the loader stays up. It does not reset over and over, and it writes nothing.",
            ends: Ends::Recovery,
            changes: &["image-a", "image-b", "poison"],
            change: |flash| {
                flash.poison(Slot::A.image_offset() + 0x200);
                flash.poison(Slot::B.image_offset() + 0x200);
            },
            ..SLOT
        },
        Attack {
            name: "behind-the-image",
            did: "A word right behind the confirmed image has a double ECC error.",
            must: "The confirmed image starts: nothing reads that word. A prefetch that does is told by its address.",
            ends: Ends::Runs(Slot::B),
            change: |flash| flash.poison(Slot::B.image_offset() + IMAGE_SIZE as u32),
            ..SLOT
        },
    ]
}

fn poison_newest(flash: &mut FlashModel, copy: usize) {
    let place = next_place(copy) - RECORD_SIZE as u32;
    flash.poison(place + 24);
}

fn poisoned_logs() -> Vec<Attack> {
    vec![
        Attack {
            name: "log-copy-1",
            did: "A word of the newest record in the first copy of the log has a double ECC error.",
            changes: &["boot-log-1", "poison"],
            change: |flash| poison_newest(flash, 0),
            ..FAULT
        },
        Attack {
            name: "log-copy-2",
            did: "A word of the newest record in the second copy of the log has a double ECC error.",
            changes: &["boot-log-2", "poison"],
            change: |flash| poison_newest(flash, 1),
            ..FAULT
        },
        Attack {
            name: "log-copy-1-whole",
            did: "Every word of the first copy of the log has a double ECC error.",
            changes: &["boot-log-1", "poison"],
            change: |flash| poison_page(flash, BOOT_LOG_OFFSETS[0]),
            ..FAULT
        },
        Attack {
            name: "log-both-copies",
            did: "Every word of both copies of the log has a double ECC error.",
            must: "Nobody knows any more what was confirmed: the higher version is tried, the other one is there to fall back \
                   on. Each copy is erased once.",
            changes: &["boot-log-1", "boot-log-2", "poison"],
            change: |flash| BOOT_LOG_OFFSETS.iter().for_each(|&page| poison_page(flash, page)),
            ..FAULT
        },
        Attack {
            name: "log-of-a-trial",
            control: Control::Trial,
            did: "A word of the newest record in the first copy of the log has a double ECC error. An image is on trial.",
            must: "The trial starts and is counted, in both copies.",
            changes: &["boot-log-1", "poison"],
            change: |flash| poison_newest(flash, 0),
            ..FAULT
        },
    ]
}

fn poison_page(flash: &mut FlashModel, page: u32) {
    (page..page + PAGE_SIZE).step_by(WORD_SIZE as usize).for_each(|word| flash.poison(word));
}

fn poisoned_facts() -> Vec<Attack> {
    const FACT: Attack = Attack {
        must: "Nothing starts: the unit cannot know what may run on it. It does not reset over and over, and it writes nothing.",
        ends: Ends::Recovery,
        ..FAULT
    };
    vec![
        Attack {
            name: "identity",
            did: "A word of the identity has a double ECC error.",
            changes: &["identity", "poison"],
            change: |flash| flash.poison(IDENTITY_OFFSET),
            ..FACT
        },
        Attack {
            name: "anchors",
            did: "A word of the trust anchors has a double ECC error.",
            changes: &["anchors", "poison"],
            change: |flash| flash.poison(ANCHORS_OFFSET + 64),
            ..FACT
        },
    ]
}

/// Fills both copies of the log to their last places with records that say what the newest one says.
fn fill_log(flash: &mut FlashModel) {
    for _ in RECORDS_SO_FAR..RECORDS_PER_PAGE {
        log(flash, |_| {});
    }
}

fn full() -> Vec<Attack> {
    vec![
        Attack {
            id: "P9",
            name: "log-full",
            did: "Both copies of the log are full to the last byte of their pages.",
            changes: &["boot-log-1", "boot-log-2"],
            change: fill_log,
            ..FAULT
        },
        Attack {
            id: "P9",
            name: "log-full-in-a-trial",
            control: Control::Trial,
            did: "Both copies of the log are full to the last byte of their pages, and a trial has to be counted.",
            must: "The trial starts and is counted: one copy is erased and written, then the other.",
            changes: &["boot-log-1", "boot-log-2"],
            change: fill_log,
            ..FAULT
        },
    ]
}
