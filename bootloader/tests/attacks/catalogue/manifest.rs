//! Bytes of manifest and image (`fault:A1`-`fault:A4`), and manifests for something else (`fault:A8`).

use protocol::layout::{MAX_IMAGE, PAGE_SIZE, SLOT_SIZE, Slot};
use protocol::manifest::{HardwareSet, SIGNED_SIZE};
use protocol::semver::Version;
use sonde_bootloader::model::FlashModel;
use sonde_bootloader::model::release::{REVISION, release_key};

use crate::attack::{Attack, Control, Ends};
use crate::unit::{self, GOOD, IMAGE_SIZE, OLD, good, put_manifest, release, sign_anew, sign_bytes};

const MANIFEST: u32 = Slot::A.offset();
const IMAGE: u32 = Slot::A.image_offset();

/// An attack on the manifest of a confirmed image, with nothing to fall back on.
const ON_MANIFEST: Attack = Attack {
    id: "A1",
    name: "",
    control: Control::Confirmed,
    did: "",
    must: "The image never starts. Nothing else may run, so the loader stays up.",
    ends: Ends::Recovery,
    changes: &["manifest-a"],
    change: |_| {},
};

pub(super) fn attacks() -> Vec<Attack> {
    [flipped_bits(), lengths_of_bytes(), lengths_in_the_manifest(), fields(), for_something_else()]
        .into_iter()
        .flatten()
        .collect()
}

fn flipped_bits() -> Vec<Attack> {
    vec![
        Attack {
            name: "bit-of-domain",
            did: "One bit of the domain tag in the manifest is flipped.",
            change: |flash| flash.flip_bit(MANIFEST, 0),
            ..ON_MANIFEST
        },
        Attack {
            name: "bit-of-version",
            did: "One bit of the version in the manifest is flipped: 1.2.0 would become 1.3.0.",
            change: |flash| flash.flip_bit(MANIFEST + 38, 0),
            ..ON_MANIFEST
        },
        Attack {
            name: "bit-of-key-id",
            did: "One bit of the key id in the manifest is flipped.",
            change: |flash| flash.flip_bit(MANIFEST + 80, 0),
            ..ON_MANIFEST
        },
        Attack {
            name: "bit-of-hash",
            did: "One bit of the image's SHA-256 in the manifest is flipped.",
            change: |flash| flash.flip_bit(MANIFEST + 88, 0),
            ..ON_MANIFEST
        },
        Attack {
            name: "bit-of-signature-r",
            did: "One bit of the first half of the signature is flipped.",
            change: |flash| flash.flip_bit(MANIFEST + 160, 0),
            ..ON_MANIFEST
        },
        Attack {
            name: "bit-of-signature-s",
            did: "One bit of the second half of the signature is flipped.",
            change: |flash| flash.flip_bit(MANIFEST + 192, 0),
            ..ON_MANIFEST
        },
        Attack {
            name: "bit-of-vectors",
            did: "One bit of the first word of the image is flipped.",
            changes: &["image-a"],
            change: |flash| flash.flip_bit(IMAGE, 3),
            ..ON_MANIFEST
        },
        Attack {
            name: "bit-of-last-byte",
            did: "One bit of the last byte of the image is flipped.",
            changes: &["image-a"],
            change: |flash| flash.flip_bit(IMAGE + IMAGE_SIZE as u32 - 1, 7),
            ..ON_MANIFEST
        },
        Attack {
            name: "bit-beside-a-good-image",
            control: Control::Pair,
            did: "One bit of the confirmed image is flipped. The release before it is in the other slot.",
            must: "The image never starts; the other one does, and the change is written down once.",
            ends: Ends::Runs(Slot::A),
            changes: &["image-b"],
            change: |flash| flash.flip_bit(Slot::B.image_offset() + 0x150, 4),
            ..ON_MANIFEST
        },
        Attack {
            name: "bit-of-a-trial",
            control: Control::Trial,
            did: "One bit of an image that was just activated is flipped.",
            must: "The image never starts; the other one does, and the change is written down once.",
            ends: Ends::Runs(Slot::A),
            changes: &["image-b"],
            change: |flash| flash.flip_bit(Slot::B.image_offset() + 0x150, 4),
            ..ON_MANIFEST
        },
    ]
}

/// Leaves the first `kept` bytes of an image.
fn cut_image(flash: &mut FlashModel, kept: usize) {
    let image = good().image;
    flash.wipe(IMAGE, IMAGE + PAGE_SIZE);
    flash.place(IMAGE, &image[..kept]);
}

fn lengths_of_bytes() -> Vec<Attack> {
    const TRUNCATED: Attack = Attack { id: "A2", ..ON_MANIFEST };
    vec![
        Attack {
            name: "image-without-its-end",
            did: "The last 8 bytes of the image were never written.",
            changes: &["image-a"],
            change: |flash| cut_image(flash, IMAGE_SIZE - 8),
            ..TRUNCATED
        },
        Attack {
            name: "image-of-vectors-only",
            did: "Only the vector table of the image was written.",
            changes: &["image-a"],
            change: |flash| cut_image(flash, 64),
            ..TRUNCATED
        },
        Attack {
            name: "no-image",
            did: "The manifest was written, of the image nothing.",
            changes: &["image-a"],
            change: |flash| flash.wipe(IMAGE, IMAGE + PAGE_SIZE),
            ..TRUNCATED
        },
        Attack {
            name: "manifest-without-its-end",
            did: "The last 8 bytes of the signature were never written.",
            change: |flash| cut_manifest(flash, SIGNED_SIZE - 8),
            ..TRUNCATED
        },
        Attack {
            name: "manifest-without-signature",
            did: "The manifest was written, of its signature nothing.",
            change: |flash| cut_manifest(flash, SIGNED_SIZE - 64),
            ..TRUNCATED
        },
        Attack {
            name: "no-manifest",
            did: "The image was written, of its manifest nothing.",
            change: |flash| cut_manifest(flash, 0),
            ..TRUNCATED
        },
        Attack {
            name: "bytes-behind-the-image",
            did: "Code was written behind the image, where the signature does not reach.",
            must: "The image starts: signed code never jumps there, and nothing of it is copied. The bytes have no effect \
                   on the decision.",
            ends: Ends::Runs(Slot::A),
            changes: &["image-a"],
            change: |flash| flash.place(IMAGE + IMAGE_SIZE as u32, &[0x5A; 64]),
            ..TRUNCATED
        },
    ]
}

/// Leaves the first `kept` bytes of a manifest.
fn cut_manifest(flash: &mut FlashModel, kept: usize) {
    flash.wipe(MANIFEST, IMAGE);
    flash.place(MANIFEST, &good().sign(&release_key()).0[..kept]);
}

/// A well-signed manifest that names another length; with the hash of as many bytes where the image has them.
macro_rules! length {
    ($name:literal, $length:expr, $did:literal) => {
        Attack {
            id: "A3",
            name: $name,
            did: $did,
            change: |flash| {
                sign_anew(flash, |manifest| {
                    manifest.length = $length;
                    let image = good().image;
                    manifest.sha256 = protocol::digest::sha256(&image[..image.len().min($length as usize)]);
                });
            },
            ..ON_MANIFEST
        }
    };
}

fn lengths_in_the_manifest() -> Vec<Attack> {
    vec![
        length!("length-0", 0, "A release tool gone wrong signed a length of 0, with the hash of nothing."),
        length!("length-1", 1, "A release tool gone wrong signed a length of 1, with the hash of that byte."),
        length!("length-of-vectors", 63, "A release tool gone wrong signed a length of 63, with the hash of 63 bytes."),
        length!(
            "length-max-minus-1",
            MAX_IMAGE - 1,
            "A release tool gone wrong signed the longest length that fits a slot, less 1."
        ),
        length!("length-max", MAX_IMAGE, "A release tool gone wrong signed the longest length that fits a slot."),
        length!(
            "length-max-plus-1",
            MAX_IMAGE + 1,
            "A release tool gone wrong signed the longest length that fits a slot, and 1 more."
        ),
        length!("length-of-slot", SLOT_SIZE, "A release tool gone wrong signed the length of the whole slot."),
        length!(
            "length-that-wraps",
            0_u32.wrapping_sub(IMAGE),
            "A release tool gone wrong signed a length whose sum with the image's offset is 2^32."
        ),
        length!("length-u32-max", u32::MAX, "A release tool gone wrong signed a length of 2^32 - 1."),
    ]
}

fn fields() -> Vec<Attack> {
    const FIELD: Attack = Attack { id: "A4", ..ON_MANIFEST };
    vec![
        Attack {
            name: "reserved-byte",
            did: "A byte that has to be zero is 1, well signed: an old loader must not guess what it would mean.",
            change: |flash| sign_bytes(flash, |body| body[130] = 1),
            ..FIELD
        },
        Attack {
            name: "unknown-format",
            did: "The manifest is of format 2, well signed.",
            change: |flash| sign_bytes(flash, |body| body[16] = 2),
            ..FIELD
        },
        Attack {
            name: "slot-that-is-none",
            did: "The manifest names slot number 2, well signed.",
            change: |flash| sign_bytes(flash, |body| body[18] = 2),
            ..FIELD
        },
        Attack {
            name: "load-address",
            did: "The manifest names a load address 2 KB higher than the slot's, well signed.",
            change: |flash| sign_bytes(flash, |body| body[29] += 8),
            ..FIELD
        },
        Attack {
            name: "floor-above-version",
            did: "The manifest asks for a floor above its own version, well signed: confirmed, it would shut itself out.",
            change: |flash| sign_anew(flash, |manifest| manifest.security_floor = Version::new(1, 2, 1)),
            ..FIELD
        },
        Attack {
            name: "second-manifest",
            did: "A second good manifest, of another version, lies right behind the first one, where no signature covers.",
            must: "The image starts under the first manifest. There is one place for a manifest and one size.",
            ends: Ends::Runs(Slot::A),
            change: |flash| {
                flash.place(MANIFEST + SIGNED_SIZE as u32, &release(Slot::A, OLD).sign(&release_key()).0);
            },
            ..FIELD
        },
    ]
}

fn for_something_else() -> Vec<Attack> {
    const OTHER: Attack = Attack { id: "A8", ..ON_MANIFEST };
    vec![
        Attack {
            name: "other-product",
            did: "The image is well signed, for another product.",
            change: |flash| sign_anew(flash, |manifest| manifest.product = 0x534D_5332),
            ..OTHER
        },
        Attack {
            name: "other-revision",
            did: "The image is well signed, for another revision of the board: its pins may be something else here.",
            change: |flash| sign_anew(flash, |manifest| manifest.hardware = HardwareSet::only(REVISION + 1)),
            ..OTHER
        },
        Attack {
            name: "no-revision",
            did: "The image is well signed, for no revision at all.",
            change: |flash| sign_anew(flash, |manifest| manifest.hardware = HardwareSet(0)),
            ..OTHER
        },
        Attack {
            name: "board-replaced",
            did: "The identity page was copied from a unit of another revision.",
            changes: &["identity"],
            change: |flash| unit::put_revision(flash, REVISION + 1),
            ..OTHER
        },
        Attack {
            name: "loader-too-old",
            did: "The image is well signed and needs a newer loader.",
            change: |flash| sign_anew(flash, |manifest| manifest.minimum_loader = Version::new(99, 0, 0)),
            ..OTHER
        },
        Attack {
            name: "manifest-of-the-other-slot",
            did: "The manifest in slot A is that of the same release for slot B.",
            change: |flash| put_manifest(flash, Slot::A, &release(Slot::B, GOOD).sign(&release_key())),
            ..OTHER
        },
        Attack {
            name: "image-of-the-other-slot",
            control: Control::Pair,
            did: "Manifest and image in slot A are those of the release for slot B, whole and well signed.",
            must: "Slot A's image never starts: it is linked for other addresses. Slot B's does, as before.",
            ends: Ends::Runs(Slot::B),
            changes: &["image-a", "manifest-a"],
            change: |flash| {
                let release = release(Slot::B, GOOD);
                release.install_signed(flash, Slot::A, &release.sign(&release_key()));
            },
            ..OTHER
        },
    ]
}
