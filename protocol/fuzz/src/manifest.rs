//! Bytes that parse as a manifest are exactly the bytes that it emits: nothing is ignored, nothing has two spellings.

use protocol::layout::MAX_IMAGE;
use protocol::manifest::{BODY_SIZE, DOMAIN, FORMAT, HardwareSet, Manifest};

use super::input::Input;

pub fn run(data: &[u8]) {
    let mut body = Input::new(data).array::<BODY_SIZE>();
    check(&body);
    body[..16].copy_from_slice(&DOMAIN);
    body[16..18].copy_from_slice(&FORMAT.to_le_bytes());
    check(&body);
}

fn check(body: &[u8; BODY_SIZE]) {
    let manifest = match Manifest::parse(body) {
        Ok(manifest) => manifest,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    assert_eq!(&manifest.emit(), body);
    assert!((1..=MAX_IMAGE).contains(&manifest.length), "{manifest:?}");
    assert!(manifest.security_floor <= manifest.version, "the image would shut itself out: {manifest:?}");
    shown_is_contained(manifest.hardware);
}

/// What people read is what is compared.
fn shown_is_contained(set: HardwareSet) {
    let shown = set.to_string();
    let listed: Vec<u8> = shown.split(',').filter_map(|revision| revision.parse().ok()).collect();
    let contained: Vec<u8> = (0..=u8::MAX).filter(|&revision| set.contains(revision)).collect();
    assert_eq!(listed, contained, "{shown}");
}
