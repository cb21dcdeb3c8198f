//! Key sets (`boot:B10`): who signed them, whom they name, and floors that they reset (`fault:R6`).

use ed25519_dalek::{Signer as _, SigningKey};
use protocol::anchors::Stage;
use protocol::identity::Serial;
use protocol::key_set::{FloorReset, KeySet, ReleaseKey, SEAL_OFFSET, SignedKeySet, Units};
use protocol::layout::{ERASED, KEY_SET_OFFSETS, PAGE_SIZE, WORD_SIZE};
use protocol::manifest::PRODUCT;
use protocol::semver::Version;
use sonde_bootloader::model::FlashModel;
use sonde_bootloader::model::key_sets::{
    id_of, key_set, next_release_key, put_key_set, put_key_set_copy, release_entry, root_key, sign_set,
};
use sonde_bootloader::model::release::{release_key, unknown_key};

use crate::attack::{Attack, Control, Ends};
use crate::forge::add_group_order;
use crate::unit::{OLD, log, rotated_set};
use protocol::layout::Slot;

const TOP: Version = Version::new(u16::MAX, u16::MAX, u16::MAX);

/// The image is signed by a key that only the key set names.
const SET: Attack = Attack {
    id: "A5",
    name: "",
    control: Control::Rotated,
    did: "",
    must: "The set does not count, so nobody believes the image's key: the image never starts.",
    ends: Ends::Recovery,
    changes: &["key-set-1", "key-set-2"],
    change: |_| {},
};

pub(super) fn attacks() -> Vec<Attack> {
    [signers(), forged(), keys(), copies(), floors()].into_iter().flatten().collect()
}

fn signed_by(set: &KeySet, keys: &[SigningKey]) -> SignedKeySet {
    let body = set.emit();
    keys.iter().fold(SignedKeySet::unsigned(&body), |signed, key| {
        signed.with_signature(id_of(key), &key.sign(&body).to_bytes()).expect("a place for each")
    })
}

fn signers() -> Vec<Attack> {
    vec![
        Attack {
            name: "set-signed-by-one-root",
            did: "The key set is signed by one root key. Two have to.",
            change: |flash| put_key_set(flash, &sign_set(&rotated_set(), &[0])),
            ..SET
        },
        Attack {
            name: "set-signed-by-one-root-twice",
            did: "The key set carries two signatures, both good, both by one root key.",
            change: |flash| {
                let mut twice = sign_set(&rotated_set(), &[0]);
                let entry = 512..512 + 72;
                twice.0.copy_within(entry, 512 + 72);
                twice.0[504] = 2;
                put_key_set(flash, &twice);
            },
            ..SET
        },
        Attack {
            name: "set-signed-by-release-keys",
            did: "The key set is signed by the release key and by the key that it adds.",
            change: |flash| put_key_set(flash, &signed_by(&rotated_set(), &[release_key(), next_release_key()])),
            ..SET
        },
        Attack {
            name: "set-signed-by-a-root-and-a-stranger",
            did: "The key set is signed by one root key and by a key that the unit does not know.",
            change: |flash| put_key_set(flash, &signed_by(&rotated_set(), &[root_key(0), unknown_key()])),
            ..SET
        },
        Attack {
            name: "set-signed-by-nobody",
            did: "The key set carries no signature.",
            change: |flash| put_key_set(flash, &sign_set(&rotated_set(), &[])),
            ..SET
        },
    ]
}

/// Writes the same changed bytes over both copies.
fn change_copies(flash: &mut FlashModel, change: impl Fn(&mut SignedKeySet)) {
    let mut signed = sign_set(&rotated_set(), &[0, 1]);
    change(&mut signed);
    put_key_set(flash, &signed);
}

fn forged() -> Vec<Attack> {
    vec![
        Attack {
            id: "A1",
            name: "bit-of-key-set",
            did: "One bit of the key that the set adds is flipped, in both copies.",
            change: |flash| KEY_SET_OFFSETS.iter().for_each(|&page| flash.flip_bit(page + 60, 0)),
            ..SET
        },
        Attack {
            id: "A2",
            name: "key-set-without-its-end",
            did: "The seals of both copies of the key set were never written: power went before the set was whole.",
            change: |flash| KEY_SET_OFFSETS.iter().for_each(|&page| unseal(flash, page)),
            ..SET
        },
        Attack {
            id: "A2",
            name: "key-set-with-half-a-seal",
            did: "The seals of both copies of the key set are half written.",
            change: |flash| {
                for page in KEY_SET_OFFSETS {
                    unseal(flash, page);
                    flash.place(page + SEAL_OFFSET, &[b'S', b'K', b'S', b'-', ERASED, ERASED, ERASED, ERASED]);
                }
            },
            ..SET
        },
        Attack {
            id: "A6",
            name: "key-set-s-plus-l",
            did: "In one of the two signatures on the key set, S is written as S + L.",
            change: |flash| change_copies(flash, |signed| add_group_order(&mut signed.0[512 + 8 + 32..512 + 72])),
            ..SET
        },
        Attack {
            id: "A6",
            name: "key-set-signatures-all-zero",
            did: "All bytes of the two signatures on the key set are 0x00.",
            change: |flash| {
                change_copies(flash, |signed| {
                    signed.0[512 + 8..512 + 72].fill(0);
                    signed.0[512 + 72 + 8..512 + 144].fill(0);
                });
            },
            ..SET
        },
        Attack {
            id: "A7",
            name: "key-set-signed-as-configuration",
            did: "The root keys signed these very bytes as a configuration: they carry its tag.",
            change: |flash| {
                let mut body = rotated_set().emit();
                body[..16].copy_from_slice(b"sonde.config.v1\0");
                put_raw(flash, &body, &body);
            },
            ..SET
        },
        Attack {
            id: "A7",
            name: "key-set-signature-of-a-configuration",
            did: "The root keys signed a configuration of the same bytes; their signatures stand under the key set.",
            change: |flash| {
                let body = rotated_set().emit();
                let mut configuration = body;
                configuration[..16].copy_from_slice(b"sonde.config.v1\0");
                put_raw(flash, &body, &configuration);
            },
            ..SET
        },
        Attack {
            id: "A8",
            name: "key-set-of-another-product",
            did: "The key set is well signed, for another product.",
            change: |flash| {
                let entry = release_entry(&next_release_key());
                let other = KeySet::new(5, PRODUCT + 1, None, &[entry], &[]).expect("a good set");
                put_key_set(flash, &sign_set(&other, &[0, 1]));
            },
            ..SET
        },
    ]
}

/// Puts a body into both copies with signatures by two root keys over another one.
fn put_raw(flash: &mut FlashModel, body: &[u8; 504], signed_bytes: &[u8; 504]) {
    let mut signed = SignedKeySet::unsigned(body);
    for key in [root_key(0), root_key(1)] {
        let signature = key.sign(signed_bytes).to_bytes();
        signed = signed.with_signature(id_of(&key), &signature).expect("a place for each");
    }
    for page in KEY_SET_OFFSETS {
        let mut rest = [0; 48];
        let end = page + SEAL_OFFSET - 32;
        embedded_storage::nor_flash::ReadNorFlash::read(flash, end, &mut rest[..40]).expect("a sound page");
        flash.wipe(page, page + PAGE_SIZE);
        flash.place(page, &signed.0);
        flash.place(end, &rest[..40]);
    }
}

/// Takes the seals of a copy away.
fn unseal(flash: &mut FlashModel, page: u32) {
    let mut bytes = vec![0; SEAL_OFFSET as usize];
    embedded_storage::nor_flash::ReadNorFlash::read(flash, page, &mut bytes).expect("a sound page");
    flash.wipe(page, page + PAGE_SIZE);
    flash.place(page, &bytes);
}

fn keys() -> Vec<Attack> {
    const KEY: Attack =
        Attack { must: "The set counts, and it says that the image's key does not: the image never starts.", ..SET };
    vec![
        Attack {
            name: "revoked-key",
            did: "A newer key set revokes the key that the image is signed by.",
            change: |flash| {
                let entry = release_entry(&next_release_key());
                put_key_set(flash, &sign_set(&key_set(6, &[entry], &[id_of(&next_release_key())], None), &[0, 1]));
            },
            ..KEY
        },
        Attack {
            name: "revoked-key-of-the-anchors",
            control: Control::Roots,
            did: "A newer key set revokes the release key of the anchors, which the image is signed by.",
            change: |flash| {
                let entry = release_entry(&next_release_key());
                put_key_set(flash, &sign_set(&key_set(6, &[entry], &[id_of(&release_key())], None), &[0, 1]));
            },
            ..KEY
        },
        Attack {
            name: "expired-key",
            did: "A newer key set lets the image's key expire at floor 1.1.0, which the unit has reached.",
            change: |flash| {
                let entry = ReleaseKey { expires_at_floor: Some(OLD), ..release_entry(&next_release_key()) };
                put_key_set(flash, &sign_set(&key_set(6, &[entry], &[], None), &[0, 1]));
            },
            ..KEY
        },
        Attack {
            name: "development-key-of-a-set",
            did: "A newer key set names the image's key for development only. The loader is a release build.",
            change: |flash| {
                let entry = ReleaseKey { stage: Stage::Development, ..release_entry(&next_release_key()) };
                put_key_set(flash, &sign_set(&key_set(6, &[entry], &[], None), &[0, 1]));
            },
            ..KEY
        },
    ]
}

fn copies() -> Vec<Attack> {
    const ONE_IS_ENOUGH: Attack =
        Attack { must: "The image starts: one whole copy of the set is enough.", ends: Ends::Runs(Slot::A), ..SET };
    vec![
        Attack {
            name: "revoked-in-the-newer-copy",
            did: "The first copy is a newer set that revokes the image's key, the second one still the set before.",
            must: "The newer set counts: the image never starts.",
            changes: &["key-set-1"],
            change: |flash| {
                let entry = release_entry(&next_release_key());
                let newer = key_set(6, &[entry], &[id_of(&next_release_key())], None);
                put_key_set_copy(flash, 0, &sign_set(&newer, &[0, 1]));
            },
            ..SET
        },
        Attack {
            name: "older-set-in-one-copy",
            did: "The first copy was replaced by an older, well signed set that does not name the image's key.",
            changes: &["key-set-1"],
            change: |flash| put_key_set_copy(flash, 0, &sign_set(&key_set(4, &[], &[], None), &[0, 1])),
            ..ONE_IS_ENOUGH
        },
        Attack {
            name: "newer-set-signed-by-too-few-in-one-copy",
            did: "The first copy was replaced by a newer set that revokes the image's key, signed by one root key. Two have to.",
            changes: &["key-set-1"],
            change: |flash| {
                let newer = key_set(6, &[], &[id_of(&next_release_key())], None);
                put_key_set_copy(flash, 0, &sign_set(&newer, &[0]));
            },
            ..ONE_IS_ENOUGH
        },
        Attack {
            id: "P5",
            name: "key-set-copy-1",
            did: "A word of the first copy of the key set has a double ECC error.",
            changes: &["key-set-1", "poison"],
            change: |flash| flash.poison(KEY_SET_OFFSETS[0] + 64),
            ..ONE_IS_ENOUGH
        },
        Attack {
            id: "P5",
            name: "key-set-copy-2",
            did: "A word of the second copy of the key set has a double ECC error.",
            changes: &["key-set-2", "poison"],
            change: |flash| flash.poison(KEY_SET_OFFSETS[1] + 520),
            ..ONE_IS_ENOUGH
        },
        Attack {
            id: "P5",
            name: "key-set-both-copies",
            did: "A word of each copy of the key set has a double ECC error.",
            must: "The anchors alone count. They do not name the image's key: the image never starts, and nothing is written.",
            changes: &["key-set-1", "key-set-2", "poison"],
            change: |flash| KEY_SET_OFFSETS.iter().for_each(|&page| flash.poison(page + 8 * WORD_SIZE)),
            ..SET
        },
        Attack {
            id: "P5",
            name: "key-set-both-copies-anchored-image",
            control: Control::Roots,
            did: "A word of each copy of the key set has a double ECC error. The image is signed by the key of the anchors.",
            must: "The anchors alone count, and they name the image's key: it starts.",
            changes: &["key-set-1", "key-set-2", "poison"],
            change: |flash| KEY_SET_OFFSETS.iter().for_each(|&page| flash.poison(page + 8 * WORD_SIZE)),
            ..ONE_IS_ENOUGH
        },
    ]
}

/// Makes the floor of the log the highest there is, stamped with that number of a key set.
fn shut_out(flash: &mut FlashModel, floor_order: u16) {
    log(flash, |state| (state.floor, state.floor_order) = (TOP, floor_order));
}

fn reset(number: u16, units: Units, roots: &[u8]) -> SignedKeySet {
    sign_set(&key_set(number, &[], &[], Some(FloorReset { to: OLD, units })), roots)
}

fn serial(text: &str) -> Serial {
    Serial::parse(text).expect("a good serial")
}

fn floors() -> Vec<Attack> {
    const FLOOR: Attack = Attack {
        id: "R6",
        control: Control::Roots,
        must: "The floor stays where it was: the image never starts.",
        changes: &["boot-log-1", "boot-log-2", "key-set-1", "key-set-2"],
        ..SET
    };
    const WAY_BACK: Attack =
        Attack { must: "The floor is 1.1.0 again: the image starts.", ends: Ends::Runs(Slot::A), ..FLOOR };
    vec![
        Attack {
            name: "floor-reset",
            did: "The floor is 65535.65535.65535. A key set by two root keys resets it to 1.1.0 for any unit.",
            change: |flash| {
                shut_out(flash, 5);
                put_key_set(flash, &reset(6, Units::Any, &[0, 1]));
            },
            ..WAY_BACK
        },
        Attack {
            name: "floor-reset-for-this-unit",
            did: "The floor is 65535.65535.65535. A key set by two root keys resets it to 1.1.0 for this unit.",
            change: |flash| {
                shut_out(flash, 5);
                put_key_set(flash, &reset(6, Units::One(serial("MODEL-1")), &[0, 1]));
            },
            ..WAY_BACK
        },
        Attack {
            name: "floor-reset-for-another-unit",
            did: "The floor is 65535.65535.65535. A key set by two root keys resets it for a unit with another serial number.",
            change: |flash| {
                shut_out(flash, 5);
                put_key_set(flash, &reset(6, Units::One(serial("MODEL-2")), &[0, 1]));
            },
            ..FLOOR
        },
        Attack {
            name: "floor-reset-signed-by-one-root",
            did: "The floor is 65535.65535.65535. A key set by one root key resets it. Two have to sign.",
            change: |flash| {
                shut_out(flash, 5);
                put_key_set(flash, &reset(6, Units::Any, &[2]));
            },
            ..FLOOR
        },
        Attack {
            name: "floor-reset-played-back",
            did: "The unit has taken the reset of key set 6 in and its floor has risen since; the same set is written once more.",
            change: |flash| {
                shut_out(flash, 6);
                put_key_set(flash, &reset(6, Units::Any, &[0, 1]));
            },
            ..FLOOR
        },
        Attack {
            name: "older-floor-reset-played-back",
            did: "The unit has taken key set 7 in; an older set that resets the floor is written over both copies.",
            change: |flash| {
                shut_out(flash, 7);
                put_key_set(flash, &reset(6, Units::Any, &[0, 1]));
            },
            ..FLOOR
        },
        Attack {
            id: "R8",
            name: "both-key-sets-erased",
            control: Control::Revoked,
            did: "The key set revokes the key of the anchors. Both copies of it were erased.",
            must: "The image that the revoked key signed starts again: the anchors alone count. Only who can write flash can do \
                   that.",
            ends: Ends::Runs(Slot::B),
            changes: &["key-set-1", "key-set-2"],
            change: |flash| KEY_SET_OFFSETS.iter().for_each(|&page| flash.wipe(page, page + PAGE_SIZE)),
        },
        Attack {
            id: "R1",
            name: "older-key-set-in-both-copies",
            control: Control::Revoked,
            did: "The key set revokes the key of the anchors. Both copies were replaced by the well signed set before it.",
            must: "The image that the revoked key signed starts again: nothing else in the unit tells that there was a newer \
                   set. Only who can write flash can do that; over the bus a lower number is refused.",
            ends: Ends::Runs(Slot::B),
            change: |flash| put_key_set(flash, &sign_set(&rotated_set(), &[0, 1])),
            ..SET
        },
    ]
}
