//! Serves the requests of a unit in recovery, one piece of work at a time.

use protocol::boot_record::{BootState, ImageRef};
use protocol::digest::PageHash;
use protocol::layout::{PAGE_SIZE, Slot};
use protocol::manifest::{Manifest, SIGNED_SIZE, SignedManifest};
use protocol::message::MAX_PAGE_HASHES;

use super::mailbox::HELLO;
use super::reply::{Kind, Plain, Refused, Reply};
use super::{RESTART_DELAY_MS, Recovery};
use crate::boot_log::{AppendError, BootLog};
use crate::flash::Flash;
use crate::seal;
use crate::transition::{self, ActivateError, Confirmation, proven_image};
use crate::unit::Criteria;
use crate::update::marks::Marks;
use crate::update::refusals::place_of;
use crate::update::transfer::{Event, Receiving, State};
use crate::update::{PAGE, Shared, Step};
use crate::verify::{InvalidImage, hash_image, verify_image, verify_manifest};

// The requests, by their places in `protocol::message::Request`.
const STATUS: u8 = 1;
const SLOT_REPORT: u8 = 2;
const BEGIN: u8 = 3;
const PAGE_MAP: u8 = 4;
const FINISH: u8 = 5;
const ACTIVATE: u8 = 6;
const CONFIRM: u8 = 7;
const ROLL_BACK: u8 = 8;
const ABORT: u8 = 9;
const KEY_SET_PART: u8 = 10;
const INSTALL_KEY_SET: u8 = 11;
const KEY_SET_REPORT: u8 = 12;
/// How the length of a manifest is written.
const SIGNED_LENGTH: [u8; 2] = [SIGNED_SIZE as u8 | 0x80, (SIGNED_SIZE >> 7) as u8];
/// The one policy for channels, of which none runs here.
const REFUSE_WHILE_RUNNING: u8 = 0;

/// The one that works.
#[derive(Debug)]
pub struct Worker<F> {
    pub(super) flash: F,
    pub(super) page: [u8; PAGE],
    /// What an image is judged against, as the next boot will judge it. Nothing that is done here changes it.
    criteria: Criteria,
    /// The state in force.
    state: Option<BootState>,
}

type Done = Result<(), Refused>;

impl<F: Flash> Worker<F> {
    pub(super) fn new(flash: F, criteria: Criteria, state: Option<BootState>) -> Self {
        Self { flash, page: [0; PAGE], criteria, state }
    }

    /// The flash it works on.
    pub fn flash(&mut self) -> &mut F {
        &mut self.flash
    }

    /// Does one piece of work, if there is any: a page, or a request with its reply. Pages go first: what was sent is in
    /// flash before a question about it is answered.
    #[inline(never)]
    pub fn step(&mut self, shared: &impl Shared<Unit = Recovery>) -> Step {
        if let Some(job) = shared.with(|unit| unit.transfer.take_page(&mut self.page)) {
            self.write_page(shared, &job);
            return Step::Worked;
        }
        let Some(work) = shared.with(|unit| unit.mailbox.take_work()) else { return Step::Idle };
        let mut reply = Reply::new();
        // A refusal is in the reply already.
        let _done = self.serve(shared, work.bytes(), &mut reply);
        shared.with(|unit| {
            unit.note_work();
            unit.mailbox.finish(&work, &reply);
        });
        Step::Worked
    }

    fn serve(&mut self, shared: &impl Shared<Unit = Recovery>, request: &[u8], reply: &mut Reply) -> Done {
        match *request {
            [HELLO | STATUS] => {
                shared.with(|unit| unit.tell(reply));
                Ok(())
            }
            [SLOT_REPORT, slot] => match Slot::from_code(slot) {
                Some(slot) => self.slot_report(slot, reply),
                None => Err(reply.refuse(Plain::NotUnderstood)),
            },
            [BEGIN, low, high, ref manifest @ ..] if [low, high] == SIGNED_LENGTH => match manifest.first_chunk() {
                Some(signed) if manifest.len() == SIGNED_SIZE => self.begin(shared, &SignedManifest(*signed), reply),
                _ => Err(reply.refuse(Plain::NotUnderstood)),
            },
            [PAGE_MAP, first] => self.page_map(shared, first, reply),
            [FINISH] => self.finish(shared, reply),
            [ACTIVATE, REFUSE_WHILE_RUNNING] => self.activate(shared, reply),
            // Key sets need an image that runs: the loader has no room for what judges them (docs/decisions/key-set.md).
            [CONFIRM]
            | [ROLL_BACK, REFUSE_WHILE_RUNNING]
            | [KEY_SET_PART, ..]
            | [INSTALL_KEY_SET, _]
            | [KEY_SET_REPORT] => Err(reply.refuse(Plain::InRecovery)),
            [ABORT] => {
                shared.with(|unit| unit.transfer.on(Event::Forget));
                reply.done(Kind::Aborted);
                Ok(())
            }
            _ => Err(reply.refuse(Plain::NotUnderstood)),
        }
    }

    fn slot_report(&mut self, slot: Slot, reply: &mut Reply) -> Done {
        reply.done(Kind::SlotReport).slot(slot);
        match verify_image(&mut self.flash, slot, &self.criteria) {
            Ok(image) => reply.u8(2).image(&image.image_ref()).array(&image.manifest().build_id),
            Err(InvalidImage::Empty { .. }) => reply.u8(0),
            Err(_) => reply.u8(1),
        };
        Ok(())
    }

    /// Arms a transfer (`boot:U1`). The slot of the image that was confirmed is refused while that image verifies:
    /// recovery may have been asked for by somebody who only leant on the pin.
    fn begin(&mut self, shared: &impl Shared<Unit = Recovery>, signed: &SignedManifest, reply: &mut Reply) -> Done {
        let manifest = verify_manifest(signed, &self.criteria).map_err(|refusal| reply.manifest(&refusal))?;
        let slot = manifest.slot;
        if self.kept_slot(shared, reply)? == Some(slot) {
            return Err(reply.slot_runs(slot));
        }
        let mut there = [0; SIGNED_SIZE];
        let holds_it = self.flash.read(slot.offset(), &mut there).is_ok()
            && there == signed.0
            && verify_image(&mut self.flash, slot, &self.criteria).is_ok()
            && Marks::of(&manifest).are_relied_on(&mut self.flash);
        let event =
            if holds_it { Event::Whole { manifest: &manifest } } else { Event::Armed { signed, manifest: &manifest } };
        shared.with(|unit| {
            unit.transfer.on(event);
            let (tag, _, pages) = unit.transfer.window();
            reply.done(Kind::Began).u8(tag).slot(slot).u8(pages).u8(holds_it.into());
        });
        Ok(())
    }

    /// Hashes of the pages as they are in flash (`boot:U2`). A page that was not written to its end has to be sent again,
    /// whatever it reads as.
    fn page_map(&mut self, shared: &impl Shared<Unit = Recovery>, first: u8, reply: &mut Reply) -> Done {
        let (subject, marks) = shared
            .with(|unit| match unit.transfer.state() {
                State::Idle => None,
                State::Receiving(receiving) => {
                    let subject = receiving.subject();
                    Some((*subject, Some(Marks::of_image(subject.image()))))
                }
                State::Staged(subject) => Some((*subject, None)),
            })
            .ok_or_else(|| reply.refuse(Plain::NoTransfer))?;
        let (slot, pages) = (subject.image().slot, subject.pages());
        if first >= pages {
            return Err(reply.no_such_page(first, pages));
        }
        let count = (pages - first).min(MAX_PAGE_HASHES as u8);
        reply.done(Kind::PageMap).u8(first).u8(count);
        for page in first..first + count {
            let offset = slot.image_offset() + u32::from(page) * PAGE_SIZE;
            let mut hash = PageHash::UNREADABLE;
            if self.flash.read(offset, &mut self.page).is_ok() {
                hash = PageHash::of(&self.page);
            }
            if marks.is_some_and(|marks| !marks.vouch_for(&mut self.flash, page, hash)) {
                hash = PageHash::UNREADABLE;
            }
            reply.array(&hash.0);
        }
        Ok(())
    }

    /// Ends a transfer. An image that nobody has ever confirmed must not become the confirmed one because power is lost
    /// between here and the activation, so where nothing else may run it is on record as a trial before it is whole.
    fn finish(&mut self, shared: &impl Shared<Unit = Recovery>, reply: &mut Reply) -> Done {
        if let Some(offset) = shared.with(|unit| unit.transfer.receiving().and_then(Receiving::take_failure)) {
            return Err(reply.flash_failed(offset));
        }
        let coming = shared.with(|unit| unit.transfer.receiving().map(|receiving| receiving.signed().clone()));
        let Some(signed) = coming else {
            let staged = shared.with(|unit| unit.transfer.staged()).ok_or_else(|| reply.refuse(Plain::NoTransfer))?;
            reply.done(Kind::Staged).image(&staged);
            return Ok(());
        };
        let manifest = Manifest::parse(signed.body()).map_err(|_| reply.refuse(Plain::BadManifest))?;
        let image = ImageRef { slot: manifest.slot, version: manifest.version, tag: manifest.tag() };
        if self.kept_slot(shared, reply)?.is_none() {
            self.put_on_trial(shared, image, reply)?;
        }
        let complete = Marks::of(&manifest).are_complete(&mut self.flash, manifest.length.div_ceil(PAGE_SIZE) as u8);
        if !complete || hash_image(&mut self.flash, manifest.slot, manifest.length) != Ok(manifest.sha256) {
            return Err(differs(shared, reply));
        }
        self.write_manifest(shared, &manifest, &signed).map_err(|error| reply.flash_failed(place_of(error)))?;
        match verify_image(&mut self.flash, manifest.slot, &self.criteria) {
            Ok(_) => {
                shared.with(|unit| unit.transfer.on(Event::Whole { manifest: &manifest }));
                reply.done(Kind::Staged).image(&image);
                Ok(())
            }
            // Signed as it is, the image would not boot: its manifest goes again.
            Err(error) => {
                self.open(Marks::of(&manifest), None).map_err(|error| reply.flash_failed(place_of(error)))?;
                shared.with(|unit| unit.transfer.slot_opened());
                let is_nonsense = matches!(error, InvalidImage::Vectors(_));
                Err(if is_nonsense { reply.refuse(Plain::BadVectors) } else { differs(shared, reply) })
            }
        }
    }

    /// Makes the staged image the trial, and restarts.
    fn activate(&mut self, shared: &impl Shared<Unit = Recovery>, reply: &mut Reply) -> Done {
        let staged = shared.with(|unit| unit.transfer.staged()).ok_or_else(|| reply.refuse(Plain::NothingStaged))?;
        // Once more over the bytes that will run: time has passed since they were staged (`fault:A10`).
        if self.image_in(staged.slot) != Some(staged) {
            shared.with(|unit| unit.transfer.on(Event::Forget));
            return Err(reply.refuse(Plain::ImageDiffers));
        }
        self.put_on_trial(shared, staged, reply)?;
        shared.with(Recovery::plan_restart);
        reply.done(Kind::Activating).image(&staged).number(RESTART_DELAY_MS.into());
        Ok(())
    }

    /// Puts an image on record as the one to try, unless both copies hold that already and it was never started. A record
    /// in one copy may have been torn, and read well only now (`fault:P3`).
    fn put_on_trial(&mut self, shared: &impl Shared<Unit = Recovery>, image: ImageRef, reply: &mut Reply) -> Done {
        let log = self.state.map(|state| self.criteria.settle(state));
        let next = match transition::recover(log, image) {
            Ok(next) => next,
            Err(ActivateError::BelowFloor { floor, image }) => return Err(reply.below_floor(floor, image)),
            Err(_) => return Err(reply.refuse(Plain::Busy)),
        };
        let is_there = log.is_some_and(|log| log.active == image && log.phase == next.phase);
        if is_there && shared.with(|unit| unit.log_copies_good) == [true; 2] {
            Ok(())
        } else {
            self.append(shared, next, reply)
        }
    }

    /// The slot of the image that was confirmed and verifies, if there is one. On a unit without a log that is the only
    /// one there is, and it is put on record: without that the loader would try a second one that is whole.
    fn kept_slot(&mut self, shared: &impl Shared<Unit = Recovery>, reply: &mut Reply) -> Result<Option<Slot>, Refused> {
        if let Some(state) = self.state {
            let proven = proven_image(state).filter(|&proven| self.image_in(proven.slot) == Some(proven));
            return Ok(proven.map(|proven| proven.slot));
        }
        let only = match (self.image_in(Slot::A), self.image_in(Slot::B)) {
            (Some(only), None) | (None, Some(only)) => only,
            (Some(_), Some(_)) | (None, None) => return Ok(None),
        };
        if let Ok(Confirmation::Append(state)) = transition::confirm(None, only, self.criteria.floor) {
            seal::keep(&mut self.flash, only.slot, only.tag).map_err(|error| reply.flash_failed(place_of(error)))?;
            self.append(shared, state, reply)?;
        }
        Ok(Some(only.slot))
    }

    fn image_in(&mut self, slot: Slot) -> Option<ImageRef> {
        verify_image(&mut self.flash, slot, &self.criteria).ok().map(|image| image.image_ref())
    }

    /// Appends a state and takes from flash what is in force then.
    fn append(&mut self, shared: &impl Shared<Unit = Recovery>, state: BootState, reply: &mut Reply) -> Done {
        // A record that one copy took is in force.
        let (state, reset) = (self.criteria.stamp(state), self.criteria.trust.numbered_reset());
        if let Err(AppendError::NoCopy { error }) = BootLog::append_under(&mut self.flash, state, reset) {
            return Err(reply.flash_failed(place_of(error)));
        }
        let view = BootLog::read(&mut self.flash);
        self.state = view.state();
        shared.with(|unit| unit.log_copies_good = view.copies_good());
        Ok(())
    }
}

fn differs(shared: &impl Shared<Unit = Recovery>, reply: &mut Reply) -> Refused {
    shared.with(|unit| unit.transfer.on(Event::Differs));
    reply.refuse(Plain::ImageDiffers)
}
