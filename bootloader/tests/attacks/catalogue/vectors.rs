//! Where an image would start (`fault:A9`), and the two addresses of one flash (`fault:A11`). All of it is well signed: a
//! build gone wrong, or a key in wrong hands.

use protocol::layout::{FLASH_BASE, HANDOVER_ADDRESS, RAM_BASE, Slot};

use crate::attack::{Attack, Control, Ends};
use crate::unit::{IMAGE_SIZE, sign_bytes, sign_vectors};

const START: u32 = Slot::A.image_address();

const NONSENSE: Attack = Attack {
    id: "A9",
    name: "",
    control: Control::Confirmed,
    did: "",
    must: "The image never starts. Nothing else may run, so the loader stays up.",
    ends: Ends::Recovery,
    changes: &["image-a", "manifest-a"],
    change: |_| {},
};

macro_rules! stack {
    ($name:literal, $value:expr, $did:literal) => {
        Attack { name: $name, did: $did, change: |flash| sign_vectors(flash, Some($value), None), ..NONSENSE }
    };
}

macro_rules! reset {
    ($id:literal, $name:literal, $value:expr, $did:literal) => {
        Attack { id: $id, name: $name, did: $did, change: |flash| sign_vectors(flash, None, Some($value)), ..NONSENSE }
    };
}

pub(super) fn attacks() -> Vec<Attack> {
    [stacks(), resets(), aliases()].into_iter().flatten().collect()
}

fn stacks() -> Vec<Attack> {
    vec![
        stack!("stack-null", 0, "The initial stack pointer is 0."),
        stack!("stack-all-ff", u32::MAX, "The initial stack pointer is 0xFFFFFFFF."),
        stack!(
            "stack-at-the-start-of-ram",
            RAM_BASE,
            "The initial stack pointer is the start of RAM: the first push leaves it."
        ),
        stack!(
            "stack-in-the-hand-over",
            HANDOVER_ADDRESS + 8,
            "The initial stack pointer is inside the hand-over area."
        ),
        stack!("stack-unaligned", HANDOVER_ADDRESS - 4, "The initial stack pointer is no multiple of 8."),
        stack!("stack-in-flash", START + 0x200, "The initial stack pointer is in flash."),
    ]
}

fn resets() -> Vec<Attack> {
    vec![
        reset!("A9", "reset-null", 0, "The reset vector is 0."),
        reset!("A9", "reset-all-ff", u32::MAX, "The reset vector is 0xFFFFFFFF."),
        reset!("A9", "reset-even", START + 0x100, "The reset vector lacks the Thumb bit."),
        reset!("A9", "reset-in-the-vectors", START + 0x3D, "The reset vector leads into the vector table."),
        reset!(
            "A9",
            "reset-behind-the-image",
            START + IMAGE_SIZE as u32 + 1,
            "The reset vector leads right behind the image's last byte."
        ),
        reset!(
            "A9",
            "reset-in-the-other-slot",
            Slot::B.image_address() + 0x101,
            "The reset vector leads into the other slot."
        ),
        reset!("A9", "reset-in-the-loader", FLASH_BASE + 0x401, "The reset vector leads into the loader."),
        reset!("A9", "reset-in-ram", RAM_BASE + 0x101, "The reset vector leads into RAM."),
    ]
}

fn aliases() -> Vec<Attack> {
    vec![
        reset!(
            "A11",
            "reset-through-the-alias",
            Slot::A.image_offset() + 0x101,
            "The reset vector leads to the right code through the alias of flash at address 0."
        ),
        Attack {
            id: "A11",
            name: "load-address-of-the-alias",
            did: "The manifest names the right place through the alias of flash at address 0.",
            changes: &["manifest-a"],
            change: |flash| {
                sign_bytes(flash, |body| body[28..32].copy_from_slice(&Slot::A.image_offset().to_le_bytes()));
            },
            ..NONSENSE
        },
        reset!("A11", "reset-in-system-memory", 0x1FFF_0001, "The reset vector leads into the chip's own boot loader."),
    ]
}
