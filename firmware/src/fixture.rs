//! A unit on the flash model, for the tests: bus on one side, flash on the other.

use std::cell::{Ref, RefCell, RefMut};

use bootloader::boot::{Asked, Boot, boot};
use bootloader::boot_log::BootLog;
use bootloader::bus::{self, Range, Unit as _, Words};
use bootloader::model::FlashModel;
use bootloader::model::release::{Release, factory_unit, padded, release_key};
use bootloader::update::Shared;
use embassy_futures::block_on;
use protocol::handover::{BootReason, BootReport};
use protocol::layout::Slot;
use protocol::mailbox::{CHUNK_REGISTERS, Chunk, Envelope, MAX_CHUNK, RESPONSE, RESPONSE_REGISTERS};
use protocol::message::{Answer, Refusal, Reply, Request, SelfTest};
use protocol::modbus::exception::Exception;
use protocol::modbus::{MAX_PDU, MAX_READ};
use protocol::reset::ResetCause;
use protocol::semver::Version;
use protocol::settings::Kind;

use crate::facts::Facts;
use crate::self_test::{self, Evidence, Outputs};
use crate::settings::Stored;
use crate::unit::Unit;
use crate::worker::{Step, Worker};

pub(crate) const V1_0: Version = Version::new(1, 0, 0);
pub(crate) const V1_1: Version = Version::new(1, 1, 0);
pub(crate) const V1_2: Version = Version::new(1, 2, 0);
/// Address of the model's unit.
pub(crate) const UNIT: u8 = 2;

/// A unit that is shared with nobody.
#[derive(Debug)]
pub(crate) struct Held(RefCell<Unit>);

impl Held {
    pub(crate) fn new(unit: Unit) -> Self {
        Self(RefCell::new(unit))
    }

    pub(crate) fn borrow(&self) -> Ref<'_, Unit> {
        self.0.borrow()
    }

    pub(crate) fn borrow_mut(&self) -> RefMut<'_, Unit> {
        self.0.borrow_mut()
    }
}

impl Shared for Held {
    type Unit = Unit;

    fn with<R>(&self, ask: impl FnOnce(&mut Unit) -> R) -> R {
        ask(&mut self.borrow_mut())
    }
}

/// A release that is longer than one page, and not a whole number of pages.
pub(crate) fn release(slot: Slot, version: Version, length: usize) -> Release {
    Release::of_length(slot, version, length)
}

/// Facts of a unit that runs 1.0.0 from slot A as the factory left it.
pub(crate) fn facts() -> Facts {
    let report = BootReport {
        slot: Slot::A,
        reason: BootReason::Confirmed,
        reset: ResetCause::PowerOn,
        attempts: 0,
        log_copies_good: [true, true],
        loader: Version::new(0, 1, 0),
        boot_us: 40_000,
        mark_detail: 0,
    };
    let mut flash = factory_unit(&Release::new(Slot::A, V1_0));
    Facts::gather(&mut flash, Slot::A, Some(report), V1_0)
}

/// That unit, without flash.
pub(crate) fn unit() -> Unit {
    let mut flash = factory_unit(&Release::new(Slot::A, V1_0));
    Unit::new(facts(), BootLog::read(&mut flash))
}

/// Sends a request PDU to the unit; the answer's PDU.
pub(crate) fn ask(unit: &mut Unit, pdu: &[u8]) -> Vec<u8> {
    let mut out = [0; MAX_PDU];
    let length = bus::handle(unit, UNIT, pdu, &mut out).expect("a request to the unit itself is answered");
    out[..length].to_vec()
}

/// A unit with its flash and its worker.
pub(crate) struct Bench {
    pub(crate) unit: Held,
    pub(crate) worker: Worker<FlashModel>,
    session: u16,
    sequence: u16,
}

impl Bench {
    /// As it left the factory with 1.0.0 in slot A, self-test passed, session open.
    pub(crate) fn new() -> Self {
        Self::boot(factory_unit(&Release::new(Slot::A, V1_0)), ResetCause::PowerOn)
    }

    /// Boots whatever is in flash, as the loader does.
    pub(crate) fn boot(mut flash: FlashModel, reset: ResetCause) -> Self {
        let (slot, version, report) = match boot(&mut flash, reset, None, Asked::Nothing) {
            Boot::Run { image, report } => (image.manifest().slot, image.manifest().version, report),
            Boot::Recovery { slots: [a, b], .. } => panic!("nothing boots: {a}; {b}"),
        };
        let facts = Facts::gather(&mut flash, slot, Some(report), version);
        let log = BootLog::read(&mut flash);
        let evidence = Evidence { facts: &facts, log, clock_hz: self_test::CLOCK_HZ, outputs: Outputs::OFF };
        let self_test = self_test::run(&evidence);
        let unit = Held::new(Unit::new(facts, log));
        let [settings, calibration] = [Kind::Setting, Kind::Calibration].map(|kind| Stored::read(&mut flash, kind));
        unit.borrow_mut().remember(settings, calibration);
        unit.borrow_mut().live.self_test = self_test;
        let mut bench = Self { unit, worker: Worker::new(flash), session: 0x1234, sequence: 7 };
        assert!(matches!(bench.request(Request::Hello), Reply::Done(Answer::Hello(_))));
        bench
    }

    /// Resets into whatever the boot log says now.
    pub(crate) fn restart(mut self, reset: ResetCause) -> Self {
        let mut flash = self.worker.flash().clone();
        flash.power_on();
        Self::boot(flash, reset)
    }

    /// Sends a request through the mailbox and polls until it is answered.
    #[expect(clippy::needless_pass_by_value, reason = "so that a test reads `request(Request::Finish)`")]
    pub(crate) fn request(&mut self, request: Request) -> Reply {
        self.sequence = self.sequence.wrapping_add(1);
        write_request(&mut self.unit.borrow_mut(), self.session, self.sequence, &request);
        self.work();
        let (envelope, reply) = read_reply(&self.unit.borrow());
        assert_eq!(envelope, Envelope { session: self.session, sequence: self.sequence });
        reply
    }

    pub(crate) fn done(&mut self, request: Request) -> Answer {
        match self.request(request) {
            Reply::Done(answer) => answer,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn refused(&mut self, request: Request) -> Refusal {
        match self.request(request) {
            Reply::Refused(refusal) => refusal,
            other => panic!("{other:?}"),
        }
    }

    /// Lets the worker do all there is.
    pub(crate) fn work(&mut self) {
        while block_on(self.worker.step(&self.unit)) == Step::Worked {}
    }

    /// Arms the transfer of a release; the tag of its chunks.
    pub(crate) fn begin(&mut self, release: &Release) -> u8 {
        match self.done(Request::Begin { manifest: release.sign(&release_key()) }) {
            Answer::Began(began) => began.tag,
            other => panic!("{other:?}"),
        }
    }

    /// Writes a chunk to the chunk window.
    pub(crate) fn chunk(&self, tag: u8, offset: usize, data: &[u8]) -> Result<(), Exception> {
        let mut window = [0; CHUNK_REGISTERS as usize * 2];
        let length = Chunk { tag, offset: offset as u32, data }.emit(&mut window).expect("a good chunk");
        self.unit.borrow_mut().write(protocol::mailbox::CHUNK, Words::new(&window[..length]))
    }

    /// Sends bytes from `from` to `to` of a release in order, waiting for flash when told to.
    pub(crate) fn send(&mut self, tag: u8, image: &[u8], from: usize, to: usize) {
        for start in (from..to).step_by(MAX_CHUNK) {
            let data = &image[start..to.min(start + MAX_CHUNK)];
            if self.chunk(tag, start, data) == Err(Exception::Busy) {
                self.work();
                assert_eq!(self.chunk(tag, start, data), Ok(()), "there is room after work");
            }
        }
        self.work();
    }

    /// Transfers a release whole and stages it.
    pub(crate) fn stage(&mut self, release: &Release) {
        let tag = self.begin(release);
        let image = padded(&release.image);
        self.send(tag, &image, 0, image.len());
        assert!(matches!(self.done(Request::Finish), Answer::Staged(_)));
    }

    pub(crate) fn pass_self_test(&self, failed: u16) {
        self.unit.borrow_mut().live.self_test = SelfTest { ran: 0x3F, failed };
    }
}

/// Writes a request to the request window.
pub(crate) fn write_request(unit: &mut Unit, session: u16, sequence: u16, request: &Request) {
    let (mut payload, mut window) = ([0; 250], [0; 250]);
    let message = request.emit(&mut payload).expect("a request fits its window");
    let length = Envelope { session, sequence }.emit(message, &mut window).expect("a request fits its window");
    unit.write(protocol::mailbox::REQUEST, Words::new(&window[..length])).expect("a good request is taken");
}

/// What the response window shows.
pub(crate) fn read_reply(unit: &Unit) -> (Envelope, Reply) {
    let mut window = [0; RESPONSE_REGISTERS as usize * 2];
    unit.read(Range { start: RESPONSE, quantity: MAX_READ }, &mut window).expect("the window can be read");
    let (envelope, payload) = Envelope::parse(&window).expect("a good envelope");
    (envelope, Reply::parse(payload).expect("a good reply"))
}
