//! The release file: signed manifests and images for both slots and each hardware variant, one behind the other.
//!
//! | offset | bytes | field |
//! |---|---|---|
//! | 0 | 8 | magic `SONDEBDL` |
//! | 8 | 2 | format, 1 |
//! | 10 | 2 | number of entries, 1-16 |
//! | 12 | 4 | length of the whole file |
//! | 16 | 8 each | entries: slot 1, zero 3, image length 4 |
//! | then | | for each entry in that order: its manifest (224 bytes), its image |
//! | last 32 | | SHA-256 of everything before, against damage in transit; the manifests' signatures are what is trusted |
//!
//! Nothing may stand between, before or behind (`fault:A2`).

use crate::digest::sha256;
use crate::layout::{MAX_IMAGE, Slot};
use crate::manifest::{SIGNED_SIZE, SignedManifest};

/// Most entries in one bundle.
pub const MAX_ENTRIES: usize = 16;
/// Bytes before the entries.
pub const HEADER_SIZE: usize = 16;
/// Bytes of one entry.
pub const ENTRY_SIZE: usize = 8;
/// Bytes of the closing digest.
pub const DIGEST_SIZE: usize = 32;

const MAGIC: [u8; 8] = *b"SONDEBDL";
const FORMAT: u16 = 1;

/// One image with the manifest that speaks for it. Not verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variant<'a> {
    /// The slot it is linked for, as the entry says.
    pub slot: Slot,
    /// Its signed manifest.
    pub manifest: &'a [u8; SIGNED_SIZE],
    /// Its bytes.
    pub image: &'a [u8],
}

impl Variant<'_> {
    /// The manifest as a value of its own.
    #[must_use]
    pub fn signed_manifest(&self) -> SignedManifest {
        SignedManifest(*self.manifest)
    }
}

/// A well-formed bundle.
#[derive(Debug, Clone, Copy)]
pub struct Bundle<'a> {
    bytes: &'a [u8],
    entries: usize,
}

/// Why bytes are not a bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BundleError {
    /// Shorter than the smallest bundle.
    TooShort {
        /// Bytes found.
        found: usize,
    },
    /// Another kind of file.
    Magic,
    /// A format this side does not know.
    Format {
        /// The number found.
        found: u16,
    },
    /// The file is not as long as it says: cut short, or something was added.
    Length {
        /// Bytes it should have.
        expected: u32,
        /// Bytes it has.
        found: usize,
    },
    /// Entries and file length do not add up.
    Entries,
    /// The digest at the end is not that of the contents: damaged in transit.
    Damaged,
}

impl core::fmt::Display for BundleError {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::TooShort { found } => write!(formatter, "{found} bytes are too few for a bundle"),
            Self::Magic => formatter.write_str("not a sonde bundle (it does not begin with SONDEBDL)"),
            Self::Format { found } => write!(formatter, "bundle format {found}, expected {FORMAT}"),
            Self::Length { expected, found } => write!(formatter, "{found} bytes, expected {expected}"),
            Self::Entries => formatter.write_str("the list of images does not add up to the file's length"),
            Self::Damaged => {
                formatter.write_str("the SHA-256 at its end does not match its contents: the file is damaged")
            }
        }
    }
}

impl core::error::Error for BundleError {}

impl<'a> Bundle<'a> {
    /// Checks the container: magic, lengths, digest. Whether a manifest is to be believed is another question.
    ///
    /// # Errors
    /// [`BundleError`] for anything that is not exactly one bundle.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, BundleError> {
        let header = bytes.first_chunk::<HEADER_SIZE>().ok_or(BundleError::TooShort { found: bytes.len() })?;
        if header[..8] != MAGIC {
            return Err(BundleError::Magic);
        }
        let format = u16::from_le_bytes([header[8], header[9]]);
        if format != FORMAT {
            return Err(BundleError::Format { found: format });
        }
        let entries = usize::from(u16::from_le_bytes([header[10], header[11]]));
        let expected = u32::from_le_bytes([header[12], header[13], header[14], header[15]]);
        if u32::try_from(bytes.len()) != Ok(expected) {
            return Err(BundleError::Length { expected, found: bytes.len() });
        }
        if !(1..=MAX_ENTRIES).contains(&entries) {
            return Err(BundleError::Entries);
        }
        let mut total = HEADER_SIZE + entries * ENTRY_SIZE + DIGEST_SIZE;
        for index in 0..entries {
            let (_, length) = entry(bytes, index).ok_or(BundleError::Entries)?;
            total += SIGNED_SIZE + length;
        }
        if total != bytes.len() {
            return Err(BundleError::Entries);
        }
        let (contents, digest) = bytes.split_last_chunk::<DIGEST_SIZE>().ok_or(BundleError::Entries)?;
        if sha256(contents) != *digest {
            return Err(BundleError::Damaged);
        }
        Ok(Self { bytes, entries })
    }

    /// Its images, in the order of the file.
    pub fn variants(&self) -> impl Iterator<Item = Variant<'a>> + use<'a> {
        let bytes = self.bytes;
        let mut rest = &bytes[HEADER_SIZE + self.entries * ENTRY_SIZE..];
        (0..self.entries).map_while(move |index| {
            let (slot, length) = entry(bytes, index)?;
            let (manifest, behind) = rest.split_first_chunk::<SIGNED_SIZE>()?;
            let (image, behind) = behind.split_at_checked(length)?;
            rest = behind;
            Some(Variant { slot, manifest, image })
        })
    }
}

/// Slot and image length of one entry; `None` when out of range.
fn entry(bytes: &[u8], index: usize) -> Option<(Slot, usize)> {
    let fields = bytes.get(HEADER_SIZE + index * ENTRY_SIZE..)?.first_chunk::<ENTRY_SIZE>()?;
    let slot = Slot::from_code(fields[0])?;
    let length = u32::from_le_bytes([fields[4], fields[5], fields[6], fields[7]]);
    let good = fields[1..4] == [0; 3] && (1..=MAX_IMAGE).contains(&length);
    good.then_some((slot, length as usize))
}

/// Everything before the first manifest, for a bundle of these images. The caller appends manifests and images in that
/// order, then the SHA-256 of all of it; `None` for no entry, too many, or an image that no slot holds.
pub fn emit_head(images: &[(Slot, u32)], out: &mut [u8; HEADER_SIZE + MAX_ENTRIES * ENTRY_SIZE]) -> Option<usize> {
    if images.is_empty() || images.len() > MAX_ENTRIES || images.iter().any(|image| !(1..=MAX_IMAGE).contains(&image.1))
    {
        return None;
    }
    let head = HEADER_SIZE + images.len() * ENTRY_SIZE;
    let total = head + DIGEST_SIZE + images.iter().map(|image| SIGNED_SIZE + image.1 as usize).sum::<usize>();
    out.fill(0);
    out[..8].copy_from_slice(&MAGIC);
    out[8..10].copy_from_slice(&FORMAT.to_le_bytes());
    out[10..12].copy_from_slice(&(images.len() as u16).to_le_bytes());
    out[12..16].copy_from_slice(&u32::try_from(total).ok()?.to_le_bytes());
    for (fields, (slot, length)) in out[HEADER_SIZE..].chunks_exact_mut(ENTRY_SIZE).zip(images) {
        fields[0] = slot.code();
        fields[4..].copy_from_slice(&length.to_le_bytes());
    }
    Some(head)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn example() -> Vec<u8> {
        let images = [(Slot::A, 1000), (Slot::B, 1001)];
        let mut head = [0; HEADER_SIZE + MAX_ENTRIES * ENTRY_SIZE];
        let length = emit_head(&images, &mut head).expect("two images fit");
        let mut bytes = head[..length].to_vec();
        for (slot, length) in images {
            bytes.extend([slot.code() + 1; SIGNED_SIZE]);
            bytes.extend(vec![slot.code() + 3; length as usize]);
        }
        let digest = sha256(&bytes);
        bytes.extend(digest);
        bytes
    }

    #[test]
    fn what_is_emitted_parses_back() {
        let bytes = example();
        let bundle = Bundle::parse(&bytes).expect("a good bundle");
        let variants: Vec<_> = bundle.variants().collect();
        assert_eq!(variants.len(), 2);
        assert_eq!((variants[0].slot, variants[0].image.len(), variants[0].manifest[0]), (Slot::A, 1000, 1));
        assert_eq!((variants[1].slot, variants[1].image, variants[1].manifest[0]), (Slot::B, &[4; 1001][..], 2));
    }

    #[test]
    fn every_truncation_and_every_addition_is_refused() {
        // fault:A2
        let bytes = example();
        for length in 0..bytes.len() {
            assert!(Bundle::parse(&bytes[..length]).is_err(), "{length} bytes");
        }
        let mut longer = bytes;
        longer.push(0);
        assert!(matches!(Bundle::parse(&longer), Err(BundleError::Length { .. })));
    }

    #[test]
    fn every_flipped_bit_of_head_and_a_sample_of_the_rest_is_noticed() {
        // fault:A1
        for bit in (0..64 * 8).chain((64 * 8..example().len() * 8).step_by(97)) {
            let mut bytes = example();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(Bundle::parse(&bytes).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn images_that_no_slot_holds_are_not_bundled() {
        let mut head = [0; HEADER_SIZE + MAX_ENTRIES * ENTRY_SIZE];
        assert_eq!(emit_head(&[], &mut head), None);
        assert_eq!(emit_head(&[(Slot::A, 0)], &mut head), None);
        assert_eq!(emit_head(&[(Slot::A, MAX_IMAGE + 1)], &mut head), None);
        assert_eq!(emit_head(&[(Slot::A, 1); MAX_ENTRIES + 1], &mut head), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            prop_assert!(Bundle::parse(&bytes).is_err());
        }

        #[test]
        fn any_head_before_a_good_digest_is_answered(patch in proptest::array::uniform16(any::<u8>()), at in 8_usize..32) {
            let mut bytes = example();
            bytes[at..at + 16].copy_from_slice(&patch);
            let end = bytes.len() - DIGEST_SIZE;
            let digest = sha256(&bytes[..end]);
            bytes[end..].copy_from_slice(&digest);
            if let Ok(bundle) = Bundle::parse(&bytes) {
                prop_assert!(bundle.variants().count() >= 1);
            }
        }
    }
}
