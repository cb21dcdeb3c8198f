//! A second look at an image that has been verified, so that one instruction that the core leaves out is not enough to
//! boot a forged one (`docs/instruction-skips.md`).
//!
//! - Nothing of the first look is believed but the signature and the hash that was found: the manifest is read again, and
//!   the caller reads the criteria again. A fault in one look leaves the other one whole.
//! - Does not check the signature again: that takes 10 ms, and no skip in it was found to pass.

use core::hint::black_box;

use protocol::digest::{ImageTag, Sha256Digest};
use protocol::manifest::{Manifest, SIGNED_SIZE, SignedManifest};

use super::{InvalidImage, Refusal, VerifiedImage, makes_sense, suits};
use crate::flash::CheckedRead;
use crate::unit::Criteria;

/// Judges the image again, by `criteria` that were read for this look.
///
/// # Errors
/// [`InvalidImage`]: what the first look must have missed, or flash reads differently by now.
#[inline(never)]
pub fn look_again<F: CheckedRead>(
    flash: &mut F,
    image: &VerifiedImage,
    criteria: &Criteria,
) -> Result<(), InvalidImage> {
    let slot = image.manifest.slot;
    let mut bytes = [0; SIGNED_SIZE];
    flash.read(slot.offset(), &mut bytes)?;
    let manifest = Manifest::parse(SignedManifest(bytes).body()).map_err(Refusal::Malformed)?;
    suits(&manifest, criteria)?;
    if manifest.slot != slot {
        return Err(InvalidImage::Slot { slot, manifest: manifest.slot });
    }
    if difference(&manifest.sha256, &image.found) != 0 {
        return Err(InvalidImage::Hash { slot, signed: manifest.tag(), found: ImageTag::of(&image.found) });
    }
    makes_sense(&image.entry, slot, manifest.length)?;
    Ok(())
}

/// Zero when two hashes are equal. Not by the comparison of the first look: another way, which the compiler must not
/// recognise as the same.
fn difference(one: &Sha256Digest, other: &Sha256Digest) -> u8 {
    one.iter().zip(other).fold(0, |sum, (one, other)| black_box(sum | (one ^ other)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::release::{Release, blank_unit};
    use crate::unit::LOADER_VERSION;
    use crate::verify::verify_image;
    use protocol::layout::Slot;
    use protocol::semver::Version;

    fn seen_once() -> (crate::model::FlashModel, Criteria, VerifiedImage) {
        let mut flash = blank_unit();
        Release::new(Slot::A, Version::new(1, 2, 0)).install(&mut flash);
        let criteria = Criteria::read(&mut flash, Version::ZERO, LOADER_VERSION);
        let image = verify_image(&mut flash, Slot::A, &criteria).unwrap();
        (flash, criteria, image)
    }

    #[test]
    fn a_good_image_stands_a_second_look() {
        let (mut flash, criteria, image) = seen_once();
        assert_eq!(look_again(&mut flash, &image, &criteria), Ok(()));
    }

    #[test]
    fn a_hash_that_the_first_look_let_pass_is_refused() {
        let (mut flash, criteria, image) = seen_once();
        for bit in 0..256 {
            let mut found = image.found;
            found[bit / 8] ^= 1 << (bit % 8);
            let forged = VerifiedImage { found, manifest: image.manifest.clone(), ..image };
            let answer = look_again(&mut flash, &forged, &criteria);
            assert!(matches!(answer, Err(InvalidImage::Hash { .. })), "bit {bit}");
        }
    }

    #[test]
    fn an_entry_that_the_first_look_let_pass_is_refused() {
        let (mut flash, criteria, image) = seen_once();
        let entry = crate::verify::Entry { stack_pointer: 0, ..image.entry };
        let forged = VerifiedImage { entry, ..image };
        assert!(matches!(look_again(&mut flash, &forged, &criteria), Err(InvalidImage::Vectors(_))));
    }

    #[test]
    fn what_the_criteria_say_now_counts() {
        let (mut flash, criteria, image) = seen_once();
        let raised = Criteria { floor: Version::new(1, 2, 1), ..criteria };
        let refused = Err(InvalidImage::Refused(Refusal::BelowFloor {
            floor: Version::new(1, 2, 1),
            image: Version::new(1, 2, 0),
        }));
        assert_eq!(look_again(&mut flash, &image, &raised), refused);
    }

    #[test]
    fn a_manifest_that_is_gone_by_now_is_refused() {
        let (mut flash, criteria, image) = seen_once();
        flash.poison(Slot::A.offset());
        assert!(matches!(look_again(&mut flash, &image, &criteria), Err(InvalidImage::Unreadable(_))));
    }
}
