//! A unit in recovery on the flash model: mailbox on one side, flash on the other.

use std::cell::{RefCell, RefMut};

use protocol::handover::BootReport;
use protocol::mailbox::{CHUNK, CHUNK_REGISTERS, Chunk, Envelope, MAX_CHUNK, REQUEST, RESPONSE, RESPONSE_REGISTERS};
use protocol::message::{self, Answer, ChannelPolicy, Refusal, Reply, Request};
use protocol::modbus::MAX_READ;
use protocol::modbus::exception::Exception;
use protocol::reset::ResetCause;

use crate::boot::{Asked, Boot, boot};
use crate::bus::{Range, Unit as _, Words};
use crate::model::FlashModel;
use crate::model::release::{Release, padded, release_key};
use crate::recovery::{self, Recovery, Situation, Worker};
use crate::update::{PAGE, Shared, Step};
use protocol::digest::PageHash;

/// A unit that is shared with nobody.
pub(super) struct Held(RefCell<Recovery>);

impl Shared for Held {
    type Unit = Recovery;

    fn with<R>(&self, ask: impl FnOnce(&mut Recovery) -> R) -> R {
        ask(&mut self.0.borrow_mut())
    }
}

/// The unit with its flash and its worker.
pub(super) struct Bench {
    unit: Held,
    pub(super) worker: Worker<FlashModel>,
    sequence: u16,
}

const SESSION: u16 = 0x5E55;

/// What a boot came to.
pub(super) enum Started {
    Runs(BootReport, FlashModel),
    Recovers(Box<Bench>),
}

/// Power comes, or the unit resets: whatever flash says.
pub(super) fn start(mut flash: FlashModel, reset: ResetCause, asked: Asked) -> Started {
    flash.power_on();
    match boot(&mut flash, reset, None, asked) {
        Boot::Run { report, .. } => Started::Runs(report, flash),
        Boot::Recovery { why, slots } => {
            let (unit, worker) = recovery::start(flash, Situation { why, reset, slots });
            let mut bench = Bench { unit: Held(RefCell::new(unit)), worker, sequence: 40 };
            bench.hello();
            Started::Recovers(Box::new(bench))
        }
    }
}

impl Bench {
    /// A unit that goes into recovery by itself.
    pub(super) fn new(flash: FlashModel) -> Self {
        Self::after(flash, ResetCause::PowerOn, Asked::Nothing)
    }

    /// A unit that has to go into recovery.
    pub(super) fn after(flash: FlashModel, reset: ResetCause, asked: Asked) -> Self {
        match start(flash, reset, asked) {
            Started::Recovers(bench) => *bench,
            Started::Runs(report, _) => panic!("it runs: {report:?}"),
        }
    }

    pub(super) fn unit(&self) -> RefMut<'_, Recovery> {
        self.unit.0.borrow_mut()
    }

    /// Opens a session.
    pub(super) fn hello(&mut self) -> message::Recovery {
        match self.request(&Request::Hello) {
            Reply::Done(Answer::Recovery(recovery)) => recovery,
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn status(&mut self) -> message::Recovery {
        match self.request(&Request::Status) {
            Reply::Done(Answer::Recovery(recovery)) => recovery,
            other => panic!("{other:?}"),
        }
    }

    /// Sends a request through the mailbox and polls until it is answered.
    pub(super) fn request(&mut self, request: &Request) -> Reply {
        self.sequence = self.sequence.wrapping_add(1);
        let envelope = Envelope { session: SESSION, sequence: self.sequence };
        self.write_request(envelope, request);
        self.work();
        let (answered, reply) = self.read_reply();
        assert_eq!(answered, envelope);
        reply
    }

    pub(super) fn write_request(&mut self, envelope: Envelope, request: &Request) {
        let (mut payload, mut window) = ([0; 250], [0; 250]);
        let message = request.emit(&mut payload).expect("a request fits its window");
        let length = envelope.emit(message, &mut window).expect("a request fits its window");
        self.unit().write(REQUEST, Words::new(&window[..length])).expect("a good request is taken");
    }

    pub(super) fn read_reply(&mut self) -> (Envelope, Reply) {
        let mut window = [0; RESPONSE_REGISTERS as usize * 2];
        self.unit().read(Range { start: RESPONSE, quantity: MAX_READ }, &mut window).expect("the window can be read");
        let (envelope, payload) = Envelope::parse(&window).expect("a good envelope");
        (envelope, Reply::parse(payload).expect("a good reply"))
    }

    /// Lets the worker do all there is.
    pub(super) fn work(&mut self) {
        while self.worker.step(&self.unit) == Step::Worked {}
    }

    pub(super) fn refused(&mut self, request: &Request) -> Refusal {
        match self.request(request) {
            Reply::Refused(refusal) => refusal,
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn done(&mut self, request: &Request) -> Answer {
        match self.request(request) {
            Reply::Done(answer) => answer,
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn chunk(&mut self, tag: u8, offset: usize, data: &[u8]) -> Result<(), Exception> {
        let mut window = [0; CHUNK_REGISTERS as usize * 2];
        let length = Chunk { tag, offset: offset as u32, data }.emit(&mut window).expect("a good chunk");
        self.unit().write(CHUNK, Words::new(&window[..length]))
    }

    /// Sends the pages of an image that the page map shows to be missing; how many.
    pub(super) fn send_missing(&mut self, tag: u8, image: &[u8]) -> usize {
        let mut hashes = Vec::new();
        while hashes.len() < image.len() / PAGE {
            match self.request(&Request::PageMap { first: hashes.len() as u8 }) {
                Reply::Done(Answer::PageMap(map)) => hashes.extend(map.hashes),
                _ => return 0,
            }
        }
        let wanted = image.chunks(PAGE).map(PageHash::of);
        let missing: Vec<_> = wanted
            .zip(hashes)
            .enumerate()
            .filter(|(_, (wanted, found))| wanted != found)
            .map(|(page, _)| page)
            .collect();
        for page in &missing {
            for start in (page * PAGE..(page + 1) * PAGE).step_by(MAX_CHUNK) {
                let data = &image[start..(start + MAX_CHUNK).min((page + 1) * PAGE)];
                if self.chunk(tag, start, data) == Err(Exception::Busy) {
                    self.work();
                    let _ = self.chunk(tag, start, data);
                }
            }
        }
        self.work();
        missing.len()
    }

    /// Brings a release in as far as it gets; whether it is whole.
    pub(super) fn stage(&mut self, release: &Release) -> bool {
        let image = padded(&release.image);
        let begin = Request::Begin { manifest: release.sign(&release_key()) };
        let Reply::Done(Answer::Began(began)) = self.request(&begin) else { return false };
        // What read as it should when the map was made may read as something else now: the map again, as a host does.
        for _ in 0..8 {
            let _ = self.send_missing(began.tag, &image);
            match self.request(&Request::Finish) {
                Reply::Done(_) => return true,
                Reply::Refused(_) if !self.worker.flash().is_off() => {}
                _ => return false,
            }
        }
        false
    }

    /// Brings a release in and activates it, as far as it gets; whether the unit is about to restart.
    pub(super) fn revive(&mut self, release: &Release) -> bool {
        self.stage(release) && matches!(self.request(&ACTIVATE), Reply::Done(Answer::Activating(_)))
    }

    /// The unit resets.
    pub(super) fn restart(mut self, reset: ResetCause) -> Started {
        start(self.worker.flash().clone(), reset, Asked::Nothing)
    }
}

pub(super) const ACTIVATE: Request = Request::Activate { channels: ChannelPolicy::RefuseWhileRunning };

impl Started {
    pub(super) fn runs(self) -> (BootReport, FlashModel) {
        match self {
            Self::Runs(report, flash) => (report, flash),
            Self::Recovers(mut bench) => panic!("in recovery: {:?}", bench.status()),
        }
    }
}
