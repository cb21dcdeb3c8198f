//! The state of an update (`boot:U1`, `boot:U2`).
//!
//! ```text
//!            armed                    whole                     armed
//!   Idle ----------> Receiving ------------------> Staged ----------------> Receiving
//!    ^                 |    ^                        |
//!    |     forget      |    |  found differing       |  forget
//!    +-----------------+    +------ (again)          +--> Idle
//! ```
//!
//! The slot itself is the memory of a transfer: what is written stays written, and a later transfer of the same image
//! finds it by its page hashes. What is here is lost at a reset, and nothing is missed but chunks on their way.
//!
//! Does not touch flash and never waits: the worker asks it for the next page and tells it what came of it.

mod page_buffers;
mod page_set;

pub use page_buffers::PAGE_BUFFERS;

use page_buffers::{PageBuffers, Piece};
use page_set::PageSet;
use protocol::boot_record::ImageRef;
use protocol::layout::{PAGE_SIZE, Slot};
use protocol::mailbox::{Chunk, MAX_CHUNK, StatusWindow};
use protocol::manifest::{Manifest, SignedManifest};
use protocol::message::{Began, Staging, Transfer as Progress};
use protocol::modbus::exception::Exception;
use protocol::version;

use super::marks::Marks;

/// Bytes of one page.
pub const PAGE: usize = PAGE_SIZE as usize;

/// The update under way, and the memory that chunks are collected in; in this order, since instructions reach what lies
/// near the start with less.
#[derive(Debug)]
#[repr(C)]
pub struct Transfer {
    state: State,
    /// Empty unless receiving.
    buffers: PageBuffers,
}

/// Where the update is.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "no allocator to box with; there is one of it")]
pub enum State {
    /// None is under way.
    Idle,
    /// Pages are coming in.
    Receiving(Receiving),
    /// The image is whole in its slot, verified, with its manifest.
    Staged(Subject),
}

/// The image that an update is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subject {
    /// Tag of the transfer.
    tag: u8,
    pages: u8,
    image: ImageRef,
}

/// An image that is coming in.
#[derive(Debug)]
pub struct Receiving {
    subject: Subject,
    signed: SignedManifest,
    /// Pages that this transfer has put into flash, read back.
    done: PageSet,
    /// The page that the worker is writing.
    in_work: Option<u8>,
    opened: Opened,
    /// Where flash failed to take a page, until it is told.
    failed_at: Option<u32>,
}

/// Whether the old manifest of the slot is gone. Until then not a byte of the image may be written: a slot must never
/// look valid with a body that is partly another one (`fault:S1`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Opened {
    NotYet,
    Yes,
}

/// What changes the state of a transfer as a whole.
#[derive(Debug)]
pub enum Event<'a> {
    /// This manifest was verified: expect its image.
    Armed {
        /// The manifest, as it will be written.
        signed: &'a SignedManifest,
        /// What it says.
        manifest: &'a Manifest,
    },
    /// The image of this manifest is whole in its slot, verified.
    Whole {
        /// What its manifest says.
        manifest: &'a Manifest,
    },
    /// What is in the slot is not the image of the manifest: no page counts as done any more.
    Differs,
    /// Forget the transfer.
    Forget,
}

/// What became of a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intake {
    /// Its bytes are held, or were already.
    Taken,
    /// All buffers wait for flash: send it again in a moment.
    NoRoom,
    /// No transfer with its tag is under way.
    NotOfThisTransfer,
    /// It lies outside the image.
    OutsideImage,
}

/// A page for the worker to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageJob {
    /// The transfer it belongs to.
    pub tag: u8,
    /// Which page of the image.
    pub page: u8,
    /// Slot to write to.
    pub slot: Slot,
    /// The marks of its image.
    pub marks: Marks,
    /// Whether the slot's manifest page has to be erased before.
    pub open_slot: bool,
}

impl Transfer {
    /// None under way.
    #[must_use]
    pub const fn new() -> Self {
        Self { state: State::Idle, buffers: PageBuffers::EMPTY }
    }

    /// Where the update is.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Changes the state. Which image is expected or whole is up to the caller, who has verified it.
    pub fn on(&mut self, event: Event<'_>) {
        let before = self.state.subject().map(|subject| subject.tag);
        match (&mut self.state, event) {
            // The same image again: keep the tag and what has arrived (`fault:B1`).
            (State::Receiving(receiving), Event::Armed { signed, .. }) if receiving.signed == *signed => return,
            (state, Event::Armed { signed, manifest }) => {
                let tag = new_tag(manifest, before);
                *state = State::Receiving(Receiving::new(Subject::of(manifest, tag), signed.clone()));
            }
            (state, Event::Whole { manifest }) => {
                let tag = before.unwrap_or_else(|| new_tag(manifest, None));
                *state = State::Staged(Subject::of(manifest, tag));
            }
            (State::Receiving(receiving), Event::Differs) => receiving.done = PageSet::EMPTY,
            (state, Event::Differs | Event::Forget) => *state = State::Idle,
        }
        self.buffers.clear();
    }

    /// What to answer to the request that armed it; `None` when none is under way.
    #[must_use]
    pub fn began(&self) -> Option<Began> {
        let staging = match &self.state {
            State::Staged(_) => Staging::Complete,
            State::Idle | State::Receiving(_) => Staging::Open,
        };
        self.state.subject().map(|subject| Began {
            tag: subject.tag,
            slot: subject.image.slot,
            pages: subject.pages,
            staging,
        })
    }

    /// Where the transfer is, for the unit's status.
    #[must_use]
    pub fn progress(&self) -> Progress {
        match &self.state {
            State::Idle => Progress::Idle,
            State::Receiving(Receiving { subject, done, .. }) => {
                Progress::Receiving { slot: subject.image.slot, pages_done: done.count(), pages: subject.pages }
            }
            State::Staged(subject) => Progress::Staged { image: subject.image },
        }
    }

    /// Takes a chunk. Chunks come in any order, may come twice, and may lie across two pages; a chunk is taken whole or
    /// not at all.
    pub fn take_chunk(&mut self, chunk: &Chunk<'_>) -> Intake {
        let receiving = match &self.state {
            State::Receiving(receiving) if receiving.subject.tag == chunk.tag => receiving,
            // It was sent twice, and the transfer has ended in between.
            State::Staged(subject) if subject.tag == chunk.tag => return Intake::Taken,
            State::Idle | State::Receiving(_) | State::Staged(_) => return Intake::NotOfThisTransfer,
        };
        let end = chunk.offset + chunk.data.len() as u32;
        if end > u32::from(receiving.subject.pages) * PAGE_SIZE {
            return Intake::OutsideImage;
        }
        let wanted = |piece: &Piece<'_>| !receiving.has(piece.page);
        let [first, second] = Piece::split(chunk.offset, chunk.data);
        if self.buffers.store([first.filter(wanted), second.filter(wanted)]) { Intake::Taken } else { Intake::NoRoom }
    }

    /// Takes what was written to the chunk window.
    ///
    /// # Errors
    /// Exception 3 for what is no chunk of this transfer, 6 when there is no room for it just now.
    pub fn take_window(&mut self, window: &[u8]) -> Result<(), Exception> {
        let chunk = Chunk::parse(window).ok_or(Exception::IllegalDataValue)?;
        match self.take_chunk(&chunk) {
            Intake::Taken => Ok(()),
            Intake::NoRoom => Err(Exception::Busy),
            Intake::NotOfThisTransfer | Intake::OutsideImage => Err(Exception::IllegalDataValue),
        }
    }

    /// The next page to write, copied into `page`.
    pub fn take_page(&mut self, page: &mut [u8; PAGE]) -> Option<PageJob> {
        let State::Receiving(receiving) = &mut self.state else { return None };
        let number = self.buffers.take_full(page)?;
        receiving.in_work = Some(number);
        let Subject { tag, image, .. } = receiving.subject;
        Some(PageJob {
            tag,
            page: number,
            slot: image.slot,
            marks: Marks::of_image(image),
            open_slot: receiving.opened == Opened::NotYet,
        })
    }

    /// The manifest page of the slot has been erased.
    pub fn slot_opened(&mut self) {
        if let State::Receiving(receiving) = &mut self.state {
            receiving.opened = Opened::Yes;
        }
    }

    /// The manifest page of the slot is written, or may be in part: not to be written again before it is erased.
    pub fn slot_closed(&mut self) {
        if let State::Receiving(receiving) = &mut self.state {
            receiving.opened = Opened::NotYet;
        }
    }

    /// A page job has ended: `Err` with the place in flash when it failed. A page that failed may be sent again.
    pub fn page_ended(&mut self, job: &PageJob, result: Result<(), u32>) {
        let State::Receiving(receiving) = &mut self.state else { return };
        if receiving.subject.tag != job.tag {
            return;
        }
        receiving.in_work = None;
        match result {
            Ok(()) => receiving.done.insert(job.page),
            Err(offset) => receiving.failed_at = Some(offset),
        }
    }

    /// Tag of the transfer, pages that are in flash, pages in all; zeros when there is none.
    pub(crate) fn window(&self) -> (u8, u8, u8) {
        match &self.state {
            State::Idle => (0, 0, 0),
            State::Receiving(Receiving { subject, done, .. }) => (subject.tag, done.count(), subject.pages),
            State::Staged(subject) => (subject.tag, subject.pages, subject.pages),
        }
    }
}

impl Default for Transfer {
    fn default() -> Self {
        Self::new()
    }
}

impl State {
    /// What the update is about; `None` when there is none.
    #[must_use]
    pub fn subject(&self) -> Option<&Subject> {
        match self {
            State::Idle => None,
            State::Receiving(receiving) => Some(&receiving.subject),
            State::Staged(subject) => Some(subject),
        }
    }
}

impl Subject {
    fn of(manifest: &Manifest, tag: u8) -> Self {
        let image = ImageRef { slot: manifest.slot, version: manifest.version, tag: manifest.tag() };
        Self { tag, pages: pages(manifest), image }
    }

    /// The image.
    #[must_use]
    pub fn image(&self) -> ImageRef {
        self.image
    }

    /// Its pages.
    #[must_use]
    pub fn pages(&self) -> u8 {
        self.pages
    }
}

impl Receiving {
    fn new(subject: Subject, signed: SignedManifest) -> Self {
        let (done, in_work, opened) = (PageSet::EMPTY, None, Opened::NotYet);
        Self { subject, signed, done, in_work, opened, failed_at: None }
    }

    /// The image.
    #[must_use]
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// The manifest, as it will be written.
    #[must_use]
    pub fn signed(&self) -> &SignedManifest {
        &self.signed
    }

    /// Whether the slot's old manifest still has to be erased.
    #[must_use]
    pub fn is_slot_closed(&self) -> bool {
        self.opened == Opened::NotYet
    }

    /// Where flash failed since this was last asked.
    pub fn take_failure(&mut self) -> Option<u32> {
        self.failed_at.take()
    }

    fn has(&self, page: u8) -> bool {
        self.done.contains(page) || self.in_work == Some(page)
    }
}

impl Transfer {
    /// The image that is coming in, to be asked and changed by the worker.
    pub fn receiving(&mut self) -> Option<&mut Receiving> {
        match &mut self.state {
            State::Receiving(receiving) => Some(receiving),
            State::Idle | State::Staged(_) => None,
        }
    }

    /// The image that is whole.
    #[must_use]
    pub fn staged(&self) -> Option<ImageRef> {
        match &self.state {
            State::Staged(subject) => Some(subject.image),
            State::Idle | State::Receiving(_) => None,
        }
    }
}

impl Transfer {
    /// What the status window of a loader in recovery shows; `sequence` is that of the last request.
    #[must_use]
    pub fn status_window(&self, sequence: u16) -> StatusWindow {
        let (transfer, pages_done, pages) = self.window();
        StatusWindow {
            oldest_version: version::MIN,
            current_version: version::RECOVERY,
            max_chunk: MAX_CHUNK as u16,
            free_buffers: self.buffers.free() as u16,
            transfer: u16::from(transfer),
            pages_done: u16::from(pages_done),
            pages: u16::from(pages),
            sequence,
        }
    }
}

/// Pages of the image; at most 87, what a slot holds.
pub(super) fn pages(manifest: &Manifest) -> u8 {
    manifest.length.div_ceil(PAGE_SIZE) as u8
}

/// A tag for the chunks of this image: 1-255. It follows from the image, so that chunks on their way across a reset of
/// either side still count, and differs from the one before, so that those of another image do not.
fn new_tag(manifest: &Manifest, before: Option<u8>) -> u8 {
    let tag = manifest.tag().0[0].max(1);
    if before == Some(tag) { if tag == u8::MAX { 1 } else { tag + 1 } } else { tag }
}

#[cfg(test)]
mod tests;
