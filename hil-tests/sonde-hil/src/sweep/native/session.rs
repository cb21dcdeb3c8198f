//! The firmware after a boot, or the loader in recovery, and a host that talks to it through the mailbox.

use std::cell::RefCell;

use bootloader::boot_log::BootLog;
use bootloader::bus::{Range, Unit as BusUnit, Words};
use bootloader::model::FlashModel;
use bootloader::recovery::{self, Recovery, Situation};
use bootloader::update::{PAGE, Shared};
use embassy_futures::block_on;
use firmware::facts::Facts;
use firmware::self_test::{self, Evidence, Outputs};
use firmware::settings::Stored;
use firmware::unit::Unit;
use firmware::worker::{Step, Worker};
use protocol::digest::PageHash;
use protocol::handover::BootReport;
use protocol::key_set::SignedKeySet;
use protocol::mailbox::{CHUNK, CHUNK_REGISTERS, Chunk, Envelope, MAX_CHUNK, REQUEST, RESPONSE, RESPONSE_REGISTERS};
use protocol::message::{
    Answer, ChannelPolicy, GiveUp, KeySetInstalled, MAX_KEY_SET_PART, Refusal, Reply, Request, UnitStatus,
};
use protocol::modbus::MAX_READ;
use protocol::modbus::exception::Exception;
use protocol::semver::Version;
use protocol::settings::{Change, Kind, Setting};

use super::story::Image;

/// Why a host could not get on.
#[derive(Debug)]
pub(super) enum Undone {
    /// Power went.
    PowerLost,
    /// The unit refuses.
    Refused(Refusal),
}

/// A unit that serves its mailbox, with an open session.
pub(super) struct Session<S: Serves> {
    unit: Held<S::Unit>,
    server: S,
    sequence: u16,
}

/// Works off what a mailbox holds: the firmware, or the loader in recovery.
pub(super) trait Serves {
    /// The unit on the bus.
    type Unit: BusUnit;

    /// Does one piece of work.
    fn step(&mut self, unit: &Held<Self::Unit>) -> Step;

    /// Whether power went.
    fn is_off(&mut self) -> bool;
}

impl Serves for Worker<&mut FlashModel> {
    type Unit = Unit;

    fn step(&mut self, unit: &Held<Unit>) -> Step {
        block_on(Worker::step(self, unit))
    }

    fn is_off(&mut self) -> bool {
        self.flash().is_off()
    }
}

impl Serves for recovery::Worker<&mut FlashModel> {
    type Unit = Recovery;

    fn step(&mut self, unit: &Held<Recovery>) -> Step {
        recovery::Worker::step(self, unit)
    }

    fn is_off(&mut self) -> bool {
        self.flash().is_off()
    }
}

pub(super) struct Held<U>(RefCell<U>);

impl<U> Shared for Held<U> {
    type Unit = U;

    fn with<R>(&self, ask: impl FnOnce(&mut U) -> R) -> R {
        ask(&mut self.0.borrow_mut())
    }
}

impl<'a> Session<recovery::Worker<&'a mut FlashModel>> {
    /// The loader stays up, and a host says hello.
    pub(super) fn recover(flash: &'a mut FlashModel, situation: Situation) -> Result<Self, Undone> {
        let (unit, server) = recovery::start(flash, situation);
        let mut session = Self { unit: Held(RefCell::new(unit)), server, sequence: 0 };
        session.ask(&Request::Hello).map(|_| session)
    }
}

impl<'a> Session<Worker<&'a mut FlashModel>> {
    /// The image starts: gathers its facts, tests itself, and a host says hello.
    pub(super) fn open(flash: &'a mut FlashModel, report: BootReport, version: Version) -> Result<Self, Undone> {
        let facts = Facts::gather(flash, report.slot, Some(report), version);
        let log = BootLog::read(flash);
        let evidence = Evidence { facts: &facts, log, clock_hz: self_test::CLOCK_HZ, outputs: Outputs::OFF };
        let self_test = self_test::run(&evidence);
        let mut unit = Unit::new(facts, log);
        let [settings, calibration] = [Kind::Setting, Kind::Calibration].map(|kind| Stored::read(flash, kind));
        unit.remember(settings, calibration);
        unit.live.self_test = self_test;
        let mut session = Self { unit: Held(RefCell::new(unit)), server: Worker::new(flash), sequence: 0 };
        session.ask(&Request::Hello).map(|_| session)
    }

    /// How the unit is.
    pub(super) fn status(&mut self) -> Result<UnitStatus, Undone> {
        match self.ask(&Request::Status)? {
            Answer::Status(status) => Ok(status),
            other => unreachable!("{other:?} is no status"),
        }
    }

    /// Keeps the running image.
    pub(super) fn confirm(&mut self) -> Result<(), Undone> {
        self.ask(&Request::Confirm).map(drop)
    }

    /// Installs a key set.
    pub(super) fn install(&mut self, set: &SignedKeySet) -> Result<KeySetInstalled, Undone> {
        for (offset, part) in (0..).step_by(MAX_KEY_SET_PART).zip(set.0.chunks(MAX_KEY_SET_PART)) {
            self.ask(&Request::KeySetPart { offset, bytes: part.iter().copied().collect() })?;
        }
        match self.ask(&Request::InstallKeySet { give_up: GiveUp::Nothing })? {
            Answer::KeySetInstalled(installed) => Ok(installed),
            other => unreachable!("{other:?} tells of no key set"),
        }
    }

    /// The amplitude that is set.
    pub(super) fn amplitude(&mut self) -> Result<Option<i32>, Undone> {
        self.values(&Request::Settings)
    }

    /// Changes settings; the amplitude that is set then.
    pub(super) fn set(&mut self, changes: &[Change]) -> Result<Option<i32>, Undone> {
        self.values(&Request::ChangeSettings { changes: changes.iter().copied().collect() })
    }

    fn values(&mut self, request: &Request) -> Result<Option<i32>, Undone> {
        match self.ask(request)? {
            Answer::Values(told) => {
                let amplitude = told.values.get(usize::from(Setting::Amplitude.code()));
                Ok(amplitude.filter(|value| value.is_set).map(|value| value.number))
            }
            other => unreachable!("{other:?} tells of no settings"),
        }
    }

    /// Goes back; the unit restarts.
    pub(super) fn roll_back(&mut self) -> Result<(), Undone> {
        self.ask(&Request::RollBack { channels: ChannelPolicy::RefuseWhileRunning }).map(drop)
    }
}

impl<S: Serves> Session<S> {
    /// Transfers what differs, stages and activates; the unit restarts.
    pub(super) fn update(&mut self, image: &Image) -> Result<(), Undone> {
        /// What read well when the map was made may read as something else now: the map again, as a host does.
        const LOOKS: usize = 12;
        let Answer::Began(began) = self.ask(&Request::Begin { manifest: image.signed.clone() })? else {
            unreachable!("an armed transfer says so")
        };
        let mut finished = Err(Undone::Refused(Refusal::ImageDiffers));
        for _ in 0..LOOKS {
            self.send_what_differs(began.tag, &image.pages)?;
            finished = self.ask(&Request::Finish);
            if !matches!(finished, Err(Undone::Refused(_))) {
                break;
            }
        }
        finished?;
        self.ask(&Request::Activate { channels: ChannelPolicy::RefuseWhileRunning }).map(drop)
    }

    fn send_what_differs(&mut self, tag: u8, image: &[u8]) -> Result<(), Undone> {
        let Answer::PageMap(map) = self.ask(&Request::PageMap { first: 0 })? else {
            unreachable!("a page map is a page map")
        };
        for (page, bytes) in image.chunks(PAGE).enumerate() {
            if map.hashes.get(page) == Some(&PageHash::of(bytes)) {
                continue;
            }
            for (index, data) in bytes.chunks(MAX_CHUNK).enumerate() {
                let mut window = [0; CHUNK_REGISTERS as usize * 2];
                let chunk = Chunk { tag, offset: (page * PAGE + index * MAX_CHUNK) as u32, data };
                let length = chunk.emit(&mut window).expect("a chunk fits its window");
                // No room: the page is sent again when the next map is asked for.
                if self.write(CHUNK, &window[..length]).is_err() {
                    self.work()?;
                }
            }
            self.work()?;
        }
        Ok(())
    }

    fn work(&mut self) -> Result<(), Undone> {
        while self.server.step(&self.unit) == Step::Worked {}
        if self.server.is_off() { Err(Undone::PowerLost) } else { Ok(()) }
    }

    fn write(&mut self, window: u16, bytes: &[u8]) -> Result<(), Exception> {
        self.unit.0.borrow_mut().write(window, Words::new(bytes))
    }

    fn ask(&mut self, request: &Request) -> Result<Answer, Undone> {
        const SESSION: u16 = 0x5EED;
        self.sequence += 1;
        let envelope = Envelope { session: SESSION, sequence: self.sequence };
        let (mut payload, mut window) = ([0; 250], [0; 250]);
        let message = request.emit(&mut payload).expect("requests fit their window");
        let length = envelope.emit(message, &mut window).expect("requests fit their window");
        self.write(REQUEST, &window[..length]).expect("the request window takes a request");
        self.work()?;
        let mut window = [0; RESPONSE_REGISTERS as usize * 2];
        let response = Range { start: RESPONSE, quantity: MAX_READ };
        self.unit.0.borrow().read(response, &mut window).expect("the response window can be read");
        let (_, payload) = Envelope::parse(&window).expect("the response window holds a message");
        match Reply::parse(payload).expect("the response window holds a reply") {
            Reply::Done(answer) => Ok(answer),
            Reply::Refused(refusal) => Err(Undone::Refused(refusal)),
            Reply::Pending => unreachable!("the worker has done all there is"),
        }
    }
}
