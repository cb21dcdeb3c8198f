//! A file that parses as a bundle is rebuilt from its parts to the same bytes.

use protocol::bundle::{Bundle, DIGEST_SIZE, ENTRY_SIZE, HEADER_SIZE, MAX_ENTRIES, emit_head};
use protocol::digest::sha256;
use protocol::layout::{MAX_IMAGE, Slot};

pub fn run(data: &[u8]) {
    check(data);
    if data.len() < HEADER_SIZE + DIGEST_SIZE {
        return;
    }
    let mut mended = data.to_vec();
    mended[..8].copy_from_slice(b"SONDEBDL");
    mended[8..10].copy_from_slice(&[1, 0]);
    mended[12..16].copy_from_slice(&(data.len() as u32).to_le_bytes());
    let contents = data.len() - DIGEST_SIZE;
    let digest = sha256(&mended[..contents]);
    mended[contents..].copy_from_slice(&digest);
    check(&mended);
}

fn check(file: &[u8]) {
    let bundle = match Bundle::parse(file) {
        Ok(bundle) => bundle,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    let variants: Vec<_> = bundle.variants().collect();
    let entries: Vec<(Slot, u32)> = variants.iter().map(|variant| (variant.slot, variant.image.len() as u32)).collect();
    assert!(entries.iter().all(|&(_, length)| (1..=MAX_IMAGE).contains(&length)), "{entries:?}");
    let mut head = [0; HEADER_SIZE + MAX_ENTRIES * ENTRY_SIZE];
    let used = emit_head(&entries, &mut head).expect("what was parsed can be emitted");
    let mut again = head[..used].to_vec();
    for variant in &variants {
        again.extend(variant.manifest);
        again.extend(variant.image);
    }
    again.extend(sha256(&again));
    assert!(again == file, "{} bytes were rebuilt as {} others", file.len(), again.len());
}
