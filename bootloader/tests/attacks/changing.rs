//! Flash that changes while it is judged (`fault:A10`).
//!
//! What is caught: a manifest that changes before the second look, an image that changes before its bytes are hashed.
//! What is not: a change after that, up to the jump. The loader hashes flash where it will run from and does not copy it
//! to RAM, so somebody who writes flash between hash and jump has his way. Nobody does: the loader is alone on the chip,
//! without interrupts and DMA, and its own driver writes the boot log only (`WriteScope::BootLog`). Who holds the debug port
//! needs no such race.

use embedded_storage::nor_flash::{ErrorType, NorFlash, ReadNorFlash};
use protocol::layout::{PAGE_SIZE, Slot, WORD_SIZE};
use protocol::reset::ResetCause;
use sonde_bootloader::boot::{Asked, Boot, boot};
use sonde_bootloader::flash::FlashError;
use sonde_bootloader::model::release::{Release, release_key, unknown_key};
use sonde_bootloader::model::{FlashModel, Tear};
use sonde_bootloader::verify::VerifiedImage;

use crate::attack::Control;
use crate::unit::{GOOD, call_confirmed, good, put_manifest, release};

/// Flash that is changed just before one of its reads.
struct Changing<'a> {
    flash: FlashModel,
    /// Reads until then.
    left: u32,
    change: &'a dyn Fn(&mut FlashModel),
    /// Where it was read, in order.
    reads: Vec<(u32, usize)>,
}

impl<'a> Changing<'a> {
    fn new(flash: &FlashModel, left: u32, change: &'a dyn Fn(&mut FlashModel)) -> Self {
        Self { flash: flash.clone(), left, change, reads: Vec::new() }
    }

    fn boot(&mut self) -> Option<VerifiedImage> {
        match boot(self, ResetCause::PowerOn, None, Asked::Nothing) {
            Boot::Run { image, .. } => Some(image),
            Boot::Recovery { .. } => None,
        }
    }
}

impl ErrorType for Changing<'_> {
    type Error = FlashError;
}

impl ReadNorFlash for Changing<'_> {
    const READ_SIZE: usize = FlashModel::READ_SIZE;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), FlashError> {
        if self.reads.len() as u32 == self.left {
            (self.change)(&mut self.flash);
        }
        self.reads.push((offset, bytes.len()));
        self.flash.read(offset, bytes)
    }

    fn capacity(&self) -> usize {
        self.flash.capacity()
    }
}

impl NorFlash for Changing<'_> {
    const WRITE_SIZE: usize = FlashModel::WRITE_SIZE;
    const ERASE_SIZE: usize = FlashModel::ERASE_SIZE;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), FlashError> {
        self.flash.erase(from, to)
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), FlashError> {
        self.flash.write(offset, bytes)
    }
}

/// An image of several chunks, so that it can change in the middle of being hashed.
fn long() -> Release {
    let mut release = good();
    release.image.resize(3 * PAGE_SIZE as usize, 0xBF);
    release.with_hash()
}

fn unit(release: &Release) -> FlashModel {
    let mut flash = Control::Confirmed.flash();
    release.install(&mut flash);
    call_confirmed(&mut flash, release.image_ref());
    flash
}

/// Where a boot without a change reads.
fn reads_of(flash: &FlashModel) -> Vec<(u32, usize)> {
    let mut watched = Changing::new(flash, u32::MAX, &|_| {});
    assert!(watched.boot().is_some(), "the good image boots");
    watched.reads
}

/// The last read of a boot that touches these bytes.
fn last_read_of(reads: &[(u32, usize)], offset: u32) -> u32 {
    let touches = |&(start, length): &(u32, usize)| (start..start + length as u32).contains(&offset);
    reads.iter().rposition(touches).expect("a boot reads it") as u32
}

#[test]
fn a_manifest_that_is_replaced_while_it_is_judged_is_never_what_runs() {
    // fault:A10: by one for other bytes, by one of a stranger, and by nothing; before each read of the boot.
    let flash = unit(&long());
    let genuine = long().sign(&release_key());
    let reads = reads_of(&flash);
    let last_look = last_read_of(&reads, Slot::A.offset());
    let mut other = long();
    other.manifest.sha256[0] ^= 1;
    for replaced in [other.sign(&release_key()), long().sign(&unknown_key())] {
        for read in 0..reads.len() as u32 {
            let change = |flash: &mut FlashModel| put_manifest(flash, Slot::A, &replaced);
            let ran = Changing::new(&flash, read, &change).boot();
            if let Some(image) = &ran {
                assert_eq!(image.manifest().emit(), *genuine.body(), "before read {read}");
            }
            // The key alone is looked at once: a stranger's manifest of the same content changes nothing.
            let same_content = replaced.body()[88..120] == genuine.body()[88..120];
            let caught = if same_content { read == 0 } else { read <= last_look };
            assert!(ran.is_none() || !caught, "before read {read} of {}", reads.len());
        }
    }
}

#[test]
fn an_image_that_is_replaced_before_it_is_hashed_never_runs() {
    // fault:A10
    let flash = unit(&long());
    let reads = reads_of(&flash);
    for place in [0, 4, 0x200, PAGE_SIZE, 3 * PAGE_SIZE - WORD_SIZE] {
        let offset = Slot::A.image_offset() + place;
        let hashed = reads.iter().position(|&(start, length)| {
            length > WORD_SIZE as usize && (start..start + length as u32).contains(&offset)
        });
        let hashed = hashed.expect("every byte is hashed") as u32;
        for read in 0..reads.len() as u32 {
            let ran = Changing::new(&flash, read, &|flash: &mut FlashModel| flash.flip_bit(offset, 9)).boot();
            // Behind its hash the change is not seen: see the module's text.
            assert_eq!(ran.is_some(), read > hashed, "place {place:#x}, before read {read} of {}", reads.len());
        }
    }
}

#[test]
fn an_image_starts_where_the_bytes_that_were_hashed_say() {
    // fault:A10, fault:P3: other vectors, whole and plausible, in place of those that were hashed.
    let flash = unit(&long());
    let genuine = {
        let mut flash = Changing::new(&flash, u32::MAX, &|_| {});
        flash.boot().expect("the good image boots").entry()
    };
    let elsewhere = (genuine.reset_vector + 0x80).to_le_bytes();
    for read in 0..reads_of(&flash).len() as u32 {
        let mut vectors: [u8; 8] = *long().image.first_chunk().expect("an image has vectors");
        vectors[4..].copy_from_slice(&elsewhere);
        let ran = Changing::new(&flash, read, &|flash: &mut FlashModel| {
            flash.place(Slot::A.image_offset(), &vectors);
        })
        .boot();
        assert!(ran.is_none_or(|image| image.entry() == genuine), "before read {read}");
    }
}

#[test]
fn a_word_that_reads_differently_each_time_starts_nothing_that_was_not_signed() {
    // fault:P3: each word of the manifest and some of the image, torn so that it reads as erased, as written, or as a mix.
    let good = release(Slot::A, GOOD);
    let signed = good.sign(&release_key());
    let manifest = (0..signed.0.len() as u32).step_by(8).map(|at| Slot::A.offset() + at);
    let image = (0..good.manifest.length).step_by(72).map(|at| Slot::A.image_offset() + at);
    let (mut started, mut stayed) = (0, 0);
    for offset in manifest.chain(image) {
        let mut flash = Control::Confirmed.flash();
        let mut word = [0; 8];
        flash.read(offset, &mut word).expect("a sound word");
        tear(&mut flash, offset, &word);
        for _ in 0..20 {
            match boot(&mut flash, ResetCause::PowerOn, None, Asked::Nothing) {
                Boot::Run { image, .. } => {
                    assert_eq!((image.manifest().emit(), image.image_ref()), (*signed.body(), good.image_ref()));
                    started += 1;
                }
                Boot::Recovery { .. } => stayed += 1,
            }
        }
    }
    assert!(started > 0 && stayed > 0, "{started} started, {stayed} did not");
}

/// Leaves the rest of the page as it was and writes this word again, with a cut inside.
fn tear(flash: &mut FlashModel, offset: u32, word: &[u8; 8]) {
    let page = offset / PAGE_SIZE * PAGE_SIZE;
    let words: Vec<_> = (page..page + PAGE_SIZE)
        .step_by(WORD_SIZE as usize)
        .map(|place| {
            let mut bytes = [0; 8];
            flash.read(place, &mut bytes).expect("a sound word");
            (place, bytes)
        })
        .filter(|(place, bytes)| *place != offset && *bytes != [0xFF; 8])
        .collect();
    flash.wipe(page, page + PAGE_SIZE);
    words.iter().for_each(|(place, bytes)| flash.place(*place, bytes));
    flash.plan_cut(0, Tear::Unstable(u64::from(offset)));
    assert_eq!(flash.write(offset, word), Err(FlashModel::POWER_LOST));
    flash.power_on();
}
