//! Ends a transfer: the image in flash is compared with its manifest, then the manifest is written. That write is what
//! makes the slot valid, so it comes last.

use protocol::boot_record::ImageRef;
use protocol::manifest::{Manifest, SignedManifest};
use protocol::message::{Refusal, Staged};

use crate::flash::FlashError;
use crate::verify::{InvalidImage, hash_image, verify_image};

use super::marks::Marks;
use super::refusals::place_of;
use super::transfer::{Event, Receiving, State, pages};
use super::{BackgroundFlash, Shared, Stager, Updatable};
use crate::unit::Criteria;

/// Where the transfer stands when it is to be finished.
#[expect(clippy::large_enum_variant, reason = "no allocator to box with; there is one of it, for a moment")]
enum Stand {
    /// It was finished before: the answer to that was lost.
    Whole(ImageRef),
    /// All pages should be there.
    Sent(SignedManifest),
}

impl<F: BackgroundFlash> Stager<F> {
    /// Ends the transfer. `criteria` reads what the image is judged against, as late as can be.
    ///
    /// # Errors
    /// Why the image is not staged.
    pub async fn finish(
        &mut self,
        shared: &impl Shared<Unit: Updatable>,
        criteria: impl FnOnce(&mut F) -> Criteria,
    ) -> Result<Staged, Refusal> {
        let signed = match stand(shared)? {
            Stand::Whole(image) => return Ok(Staged { image }),
            Stand::Sent(signed) => signed,
        };
        let manifest = Manifest::parse(signed.body()).map_err(|_| Refusal::BadManifest)?;
        let marks = Marks::of(&manifest);
        // A page that was not written to its end, or cannot be read, is to be sent again, as the page map will tell.
        let complete = marks.are_complete(&mut self.flash, pages(&manifest));
        if !complete || hash_image(&mut self.flash, manifest.slot, manifest.length) != Ok(manifest.sha256) {
            return Err(differs(shared));
        }
        self.write_manifest(shared, &manifest, &signed)
            .await
            .map_err(|error| Refusal::FlashFailed { offset: place_of(error) })?;
        let criteria = criteria(&mut self.flash);
        match verify_image(&mut self.flash, manifest.slot, &criteria) {
            Ok(image) => {
                let image = image.image_ref();
                shared.with(|unit| unit.update().transfer.on(Event::Whole { manifest: &manifest }));
                Ok(Staged { image })
            }
            Err(error) => Err(self.take_back(shared, &manifest, error).await),
        }
    }

    async fn write_manifest(
        &mut self,
        shared: &impl Shared<Unit: Updatable>,
        manifest: &Manifest,
        signed: &SignedManifest,
    ) -> Result<(), FlashError> {
        let marks = Marks::of(manifest);
        let closed =
            shared.with(|unit| unit.update().transfer.receiving().is_some_and(|receiving| receiving.is_slot_closed()));
        if closed && !marks.are_open(&mut self.flash) {
            self.open(marks, None).await?;
        }
        // Should the write fail, the page is to be erased before the next try.
        shared.with(|unit| unit.update().transfer.slot_closed());
        if self.put_manifest(manifest, signed).await.is_ok() {
            return Ok(());
        }
        // A place had been torn, and read as erased just before.
        self.open(marks, None).await?;
        self.put_manifest(manifest, signed).await
    }

    async fn put_manifest(&mut self, manifest: &Manifest, signed: &SignedManifest) -> Result<(), FlashError> {
        self.flash.write_words(manifest.slot.offset(), &signed.0).await?;
        Marks::of(manifest).seal(&mut self.flash)
    }

    /// Signed as it is, the image would not boot: its manifest goes again.
    async fn take_back(
        &mut self,
        shared: &impl Shared<Unit: Updatable>,
        manifest: &Manifest,
        error: InvalidImage,
    ) -> Refusal {
        if let Err(error) = self.open(Marks::of(manifest), None).await {
            return Refusal::FlashFailed { offset: place_of(error) };
        }
        shared.with(|unit| unit.update().transfer.slot_opened());
        match error {
            InvalidImage::Vectors(_) => Refusal::BadVectors,
            _ => differs(shared),
        }
    }
}

fn stand(shared: &impl Shared<Unit: Updatable>) -> Result<Stand, Refusal> {
    shared.with(|unit| {
        if let Some(offset) = unit.update().transfer.receiving().and_then(Receiving::take_failure) {
            return Err(Refusal::FlashFailed { offset });
        }
        match unit.update().transfer.state() {
            State::Idle => Err(Refusal::NoTransfer),
            State::Staged(subject) => Ok(Stand::Whole(subject.image())),
            State::Receiving(receiving) => Ok(Stand::Sent(receiving.signed().clone())),
        }
    })
}

fn differs(shared: &impl Shared<Unit: Updatable>) -> Refusal {
    shared.with(|unit| unit.update().transfer.on(Event::Differs));
    Refusal::ImageDiffers
}
