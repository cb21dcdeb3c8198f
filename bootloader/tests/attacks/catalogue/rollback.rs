//! Old images, floors and what is left when their record is gone (`fault:R1`-`fault:R8`).

use protocol::boot_record::{BootRecord, Phase};
use protocol::layout::{BOOT_LOG_OFFSETS, PAGE_SIZE, Slot};
use protocol::semver::Version;
use sonde_bootloader::decide::MAX_STARTS;

use crate::attack::{Attack, Control, Ends};
use crate::unit::{self, BELOW, GOOD, OLD, forget_log, log, release, state};

const HIGH: Version = Version::new(0x8000, 0, 0);

const ROLLBACK: Attack = Attack {
    id: "R1",
    name: "",
    control: Control::Confirmed,
    did: "",
    must: "The image never starts. Nothing else may run, so the loader stays up.",
    ends: Ends::Recovery,
    changes: &["image-a", "manifest-a"],
    change: |_| {},
};

pub(super) fn attacks() -> Vec<Attack> {
    [old_images(), versions(), floors()].into_iter().flatten().collect()
}

fn old_images() -> Vec<Attack> {
    vec![
        Attack {
            name: "old-image-restored",
            did: "Over SWD, the slot was written with a well-signed release below the floor.",
            change: |flash| release(Slot::A, BELOW).install(flash),
            ..ROLLBACK
        },
        Attack {
            name: "old-image-called-confirmed",
            control: Control::Pair,
            did: "A well-signed release below the floor is in slot A, and the log calls it the confirmed one.",
            must: "The image never starts, whatever the log says; the other one does.",
            ends: Ends::Runs(Slot::B),
            changes: &["boot-log-1", "boot-log-2", "image-a", "manifest-a"],
            change: |flash| {
                let old = release(Slot::A, BELOW);
                old.install(flash);
                unit::call_confirmed(flash, old.image_ref());
            },
            ..ROLLBACK
        },
        Attack {
            name: "old-image-to-fall-back-on",
            control: Control::Trial,
            did: "The image that a trial would fall back on is one below the floor, and the trial's starts are used up.",
            must: "The old image never starts. There is nothing to fall back on, so the trial runs on, and nothing is written.",
            ends: Ends::Runs(Slot::B),
            changes: &["boot-log-1", "boot-log-2", "image-a", "manifest-a"],
            change: |flash| {
                let old = release(Slot::A, BELOW);
                old.install(flash);
                let fallback = Some(old.image_ref());
                log(flash, |state| state.phase = Phase::Trial { attempts: MAX_STARTS, fallback });
            },
            ..ROLLBACK
        },
        Attack {
            name: "old-image-without-a-log",
            control: Control::Factory,
            did: "A well-signed old release is in a unit that was never confirmed: its log is empty.",
            must: "The image starts: a unit without a record has no floor. Known and accepted: who can erase both copies of the \
                   log can write flash.",
            ends: Ends::Runs(Slot::A),
            change: |flash| release(Slot::A, BELOW).install(flash),
            ..ROLLBACK
        },
    ]
}

fn versions() -> Vec<Attack> {
    vec![
        Attack {
            id: "R2",
            name: "version-of-the-floor",
            did: "The image has exactly the version of the floor.",
            must: "The image starts: the floor is the lowest version that may run.",
            ends: Ends::Runs(Slot::A),
            change: |flash| release(Slot::A, OLD).install(flash),
            ..ROLLBACK
        },
        Attack {
            id: "R2",
            name: "other-image-of-the-same-version",
            control: Control::Pair,
            did: "Slot A holds other bytes, well signed, of the version that is confirmed in slot B.",
            must: "The confirmed image starts: the log names it by its hash, not only by its version.",
            ends: Ends::Runs(Slot::B),
            change: |flash| release(Slot::A, GOOD).install(flash),
            ..ROLLBACK
        },
        Attack {
            id: "R3",
            name: "version-above-2-15",
            did: "The image has version 32768.0.0, which is negative when it is taken for a signed number.",
            must: "The image starts: it is above the floor.",
            ends: Ends::Runs(Slot::A),
            change: |flash| release(Slot::A, HIGH).install(flash),
            ..ROLLBACK
        },
        Attack {
            id: "R3",
            name: "floor-above-2-15",
            did: "The floor is 32768.0.0, which is negative when it is taken for a signed number.",
            changes: &["boot-log-1", "boot-log-2"],
            change: |flash| log(flash, |state| state.floor = HIGH),
            ..ROLLBACK
        },
    ]
}

fn floors() -> Vec<Attack> {
    vec![
        Attack {
            id: "R4",
            name: "trial-that-is-never-confirmed",
            control: Control::Trial,
            did: "The starts of a trial are used up. Confirmed, it would have raised the floor above the image before it.",
            must: "The image before it starts: a trial raises no floor.",
            ends: Ends::Runs(Slot::A),
            changes: &["boot-log-1", "boot-log-2"],
            change: |flash| {
                log(flash, |state| {
                    let Phase::Trial { fallback, .. } = state.phase else { return };
                    state.phase = Phase::Trial { attempts: MAX_STARTS, fallback };
                });
            },
        },
        Attack {
            id: "R5",
            name: "sequence-at-its-end",
            control: Control::Trial,
            did: "The newest record of the log has the highest sequence number there is.",
            must: "The trial starts and is counted: numbers are compared modulo 2^32.",
            ends: Ends::Runs(Slot::B),
            changes: &["boot-log-1", "boot-log-2"],
            change: |flash| {
                let record = BootRecord { sequence: u32::MAX, state: state(flash) };
                forget_log(flash);
                BOOT_LOG_OFFSETS.iter().for_each(|&page| flash.place(page, &record.emit()));
            },
        },
        Attack {
            id: "R6",
            name: "floor-above-everything",
            did: "The floor is 65535.65535.65535: a release of that version was confirmed.",
            must: "Nothing starts: the loader stays up and can be talked to.",
            changes: &["boot-log-1", "boot-log-2"],
            change: |flash| log(flash, |state| state.floor = Version::new(u16::MAX, u16::MAX, u16::MAX)),
            ..ROLLBACK
        },
        Attack {
            id: "R8",
            name: "newer-slot-erased",
            control: Control::Pair,
            did: "The slot of the confirmed, newest image was erased.",
            must: "The other image starts: the floor comes from the log, never from what a slot once held.",
            ends: Ends::Runs(Slot::A),
            changes: &["image-b", "manifest-b"],
            change: |flash| unit::empty(flash, Slot::B),
        },
        Attack {
            id: "R8",
            name: "one-log-copy-erased",
            did: "The first copy of the log was erased.",
            must: "The confirmed image starts: the other copy says so.",
            ends: Ends::Runs(Slot::A),
            changes: &["boot-log-1"],
            change: |flash| flash.wipe(BOOT_LOG_OFFSETS[0], BOOT_LOG_OFFSETS[0] + PAGE_SIZE),
            ..ROLLBACK
        },
        Attack {
            id: "R8",
            name: "both-log-copies-erased",
            did: "Both copies of the log were erased.",
            must: "The only image starts. The floor is lost with its record; only who can write flash can do that.",
            ends: Ends::Runs(Slot::A),
            changes: &["boot-log-1", "boot-log-2"],
            change: forget_log,
            ..ROLLBACK
        },
    ]
}
