//! Keys, signatures and what they are about (`fault:A5`-`fault:A7`).

use ed25519_dalek::Signer as _;
use protocol::digest::KeyId;
use protocol::layout::{ANCHORS_OFFSET, PAGE_SIZE, Slot};
use protocol::manifest::SignedManifest;
use sonde_bootloader::model::release::{development_key, release_key, unknown_key};

use crate::attack::{Attack, Control, Ends};
use crate::forge;
use crate::unit::{good, put_anchor, put_manifest, sign_bytes, sign_with};

const FORGED: Attack = Attack {
    id: "A5",
    name: "",
    control: Control::Confirmed,
    did: "",
    must: "The image never starts. Nothing else may run, so the loader stays up.",
    ends: Ends::Recovery,
    changes: &["manifest-a"],
    change: |_| {},
};

pub(super) fn attacks() -> Vec<Attack> {
    [keys(), signatures(), weak_keys(), domains()].into_iter().flatten().collect()
}

fn keys() -> Vec<Attack> {
    vec![
        Attack {
            name: "unknown-key",
            did: "The image is signed by a key that the unit does not know.",
            change: |flash| sign_with(flash, &unknown_key()),
            ..FORGED
        },
        Attack {
            name: "development-key",
            did: "The image is signed by a key that the unit knows for development. The loader is a release build.",
            change: |flash| sign_with(flash, &development_key()),
            ..FORGED
        },
        Attack {
            name: "key-confused",
            did: "The image is signed by the development key, its manifest names the release key.",
            change: |flash| {
                let release_id = KeyId::of(release_key().verifying_key().as_bytes());
                let mut body = *good().sign(&development_key()).body();
                body[80..88].copy_from_slice(&release_id.0);
                let signed = SignedManifest::new(&body, &development_key().sign(&body).to_bytes());
                put_manifest(flash, Slot::A, &signed);
            },
            ..FORGED
        },
        Attack {
            name: "no-anchors",
            did: "The page of trust anchors is erased.",
            changes: &["anchors"],
            change: |flash| flash.wipe(ANCHORS_OFFSET, ANCHORS_OFFSET + PAGE_SIZE),
            ..FORGED
        },
        Attack {
            name: "bit-of-anchors",
            did: "One bit of the release key in the page of trust anchors is flipped.",
            changes: &["anchors"],
            change: |flash| flash.flip_bit(ANCHORS_OFFSET + 24, 0),
            ..FORGED
        },
        Attack {
            name: "other-anchors",
            did: "The page of trust anchors is that of another site.",
            changes: &["anchors"],
            change: |flash| put_anchor(flash, unknown_key().verifying_key().to_bytes()),
            ..FORGED
        },
    ]
}

fn signatures() -> Vec<Attack> {
    const SIGNATURE: Attack = Attack { id: "A6", ..FORGED };
    vec![
        Attack {
            name: "s-plus-l",
            did: "The second half of a good signature is written as S + L, another encoding of the same number.",
            change: |flash| put_manifest(flash, Slot::A, &forge::malleated()),
            ..SIGNATURE
        },
        Attack {
            name: "r-of-small-order",
            did: "The release key signed with R = the neutral point, so that the signature says nothing about the message.",
            change: |flash| put_manifest(flash, Slot::A, &forge::small_order_r(forge::IDENTITY)),
            ..SIGNATURE
        },
        Attack {
            name: "r-not-reduced",
            did: "The release key signed with R = the neutral point, written with y = p + 1.",
            change: |flash| put_manifest(flash, Slot::A, &forge::small_order_r(forge::IDENTITY_NOT_REDUCED)),
            ..SIGNATURE
        },
        Attack {
            name: "r-of-another-signature",
            did: "The first half of the signature is that of another good signature by the same key.",
            change: |flash| put_manifest(flash, Slot::A, &forge::with_r_of_another(&release_key())),
            ..SIGNATURE
        },
        Attack {
            name: "signature-all-zero",
            did: "All bytes of the signature are 0x00.",
            change: |flash| put_manifest(flash, Slot::A, &forge::constant(0x00)),
            ..SIGNATURE
        },
        Attack {
            name: "signature-all-ff",
            did: "All bytes of the signature are 0xFF.",
            change: |flash| put_manifest(flash, Slot::A, &forge::constant(0xFF)),
            ..SIGNATURE
        },
        Attack {
            name: "manifest-all-zero",
            did: "All bytes of the manifest and its signature are 0x00.",
            change: |flash| put_manifest(flash, Slot::A, &SignedManifest([0; 224])),
            ..SIGNATURE
        },
        Attack {
            name: "manifest-all-ff",
            did: "All bytes of the manifest and its signature are 0xFF: an erased page.",
            change: |flash| put_manifest(flash, Slot::A, &SignedManifest([0xFF; 224])),
            ..SIGNATURE
        },
    ]
}

/// The unit was made to believe a key for which anybody can sign: nobody has to be asked.
macro_rules! weak_key {
    ($name:literal, $key:expr, $did:literal) => {
        Attack {
            id: "A6",
            name: $name,
            did: $did,
            changes: &["anchors", "manifest-a"],
            change: |flash| {
                put_anchor(flash, $key);
                put_manifest(flash, Slot::A, &forge::signed_by_nobody($key));
            },
            ..FORGED
        }
    };
}

fn weak_keys() -> Vec<Attack> {
    vec![
        weak_key!(
            "identity-key",
            forge::IDENTITY,
            "The unit was provisioned with the neutral point as its key. R = the neutral point, S = 0 then suits any message."
        ),
        weak_key!("identity-key-negated", forge::IDENTITY_NEGATED, "The same, with the sign bit of that key set."),
        weak_key!(
            "identity-key-not-reduced",
            forge::IDENTITY_NOT_REDUCED,
            "The same, with that key written as y = p + 1."
        ),
        weak_key!(
            "key-of-order-8",
            forge::order_eight(),
            "The unit was provisioned with a point of order 8 as its key. R = the neutral point, S = 0 then suits one message \
             in eight."
        ),
    ]
}

fn domains() -> Vec<Attack> {
    const DOMAIN: Attack = Attack { id: "A7", ..FORGED };
    vec![
        Attack {
            name: "signed-as-configuration",
            did: "The release key signed these very bytes as a configuration: they carry its tag.",
            change: |flash| sign_bytes(flash, |body| body[..16].copy_from_slice(b"sonde.config.v1\0")),
            ..DOMAIN
        },
        Attack {
            name: "signature-of-a-configuration",
            did: "The release key signed a configuration of the same bytes; its signature stands under the image's manifest.",
            change: |flash| {
                let body = *good().sign(&release_key()).body();
                let mut configuration = body;
                configuration[..16].copy_from_slice(b"sonde.config.v1\0");
                let signature = release_key().sign(&configuration).to_bytes();
                put_manifest(flash, Slot::A, &SignedManifest::new(&body, &signature));
            },
            ..DOMAIN
        },
        Attack {
            name: "signature-of-the-image-only",
            did: "The release key signed the image's bytes and not the manifest, as embassy-boot's tools do.",
            change: |flash| {
                let signed = good().sign(&release_key());
                let signature = release_key().sign(&good().image).to_bytes();
                put_manifest(flash, Slot::A, &SignedManifest::new(signed.body(), &signature));
            },
            ..DOMAIN
        },
    ]
}
