//! An update session with anybody: whatever is asked, sent and restarted in whatever order, the running image and the
//! unit's own pages stay as they are, and after every restart an image runs that was signed with a release key
//! (`boot:U1`, `boot:B6`).

use std::cell::RefCell;
use std::sync::OnceLock;

use bootloader::boot::{Asked, Boot, boot};
use bootloader::boot_log::BootLog;
use bootloader::bus::{self, Unit as _};
use bootloader::model::FlashModel;
use bootloader::model::release::{Release, development_key, factory_unit, release_key, unknown_key};
use bootloader::update::{Shared, Step};
use embassy_futures::block_on;
use embedded_storage::nor_flash::ReadNorFlash as _;
use firmware::facts::Facts;
use firmware::self_test::{self, Evidence, Outputs};
use firmware::unit::Unit;
use firmware::worker::Worker;
use protocol::boot_record::ImageRef;
use protocol::layout::{
    ANCHORS_OFFSET, ERASED, IDENTITY_OFFSET, PAGE_SIZE, SEAL_PLACES, SEALS_IN_SLOT, Slot, WORD_SIZE,
};
use protocol::mailbox::{CHUNK, CHUNK_REGISTERS, Chunk, Envelope, MAX_CHUNK, REQUEST};
use protocol::manifest::{SIGNED_SIZE, SignedManifest};
use protocol::message::{ChannelPolicy, Request};
use protocol::modbus::MAX_PDU;
use protocol::reset::ResetCause;
use protocol::semver::Version;

use super::input::Input;

/// Restarts of one input: each verifies signatures, which is what takes time here.
const MAX_RESTARTS: u32 = 6;

struct Releases {
    factory: FlashModel,
    /// Image and signed manifest: what a host may have to offer.
    offers: Vec<(Vec<u8>, SignedManifest)>,
    /// What may run.
    genuine: Vec<ImageRef>,
}

fn releases() -> &'static Releases {
    static RELEASES: OnceLock<Releases> = OnceLock::new();
    RELEASES.get_or_init(|| {
        let release = |slot, minor| Release::new(slot, Version::new(1, minor, 0));
        let first = release(Slot::A, 0);
        let mut floor = release(Slot::B, 2);
        floor.manifest.security_floor = Version::new(1, 2, 0);
        let good = [release(Slot::B, 1), floor, release(Slot::A, 3), release(Slot::B, 0)];
        let nonsense = release(Slot::B, 4).with_vectors(0, 0);
        let offer = |release: &Release, key| (release.image.clone(), release.sign(&key));
        let mut offers: Vec<_> = good.iter().map(|release| offer(release, release_key())).collect();
        offers.push(offer(&nonsense, release_key()));
        offers.push(offer(&release(Slot::B, 5), development_key()));
        offers.push(offer(&release(Slot::B, 6), unknown_key()));
        let genuine = good.iter().chain([&first]).map(Release::image_ref).collect();
        Releases { factory: factory_unit(&first), offers, genuine }
    })
}

pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let mut site = Site::boot(releases().factory.clone(), ResetCause::PowerOn);
    let mut restarts = 0;
    while !input.is_empty() {
        let what = input.u8();
        match what & 15 {
            0 => site.ask(&Request::Hello),
            1 => site.ask(&Request::Status),
            2 => site.ask(&Request::SlotReport { slot: if what & 16 == 0 { Slot::A } else { Slot::B } }),
            3 => site.begin(usize::from(what >> 4), &mut input),
            4 => site.ask(&Request::PageMap { first: input.u8() }),
            5 => site.ask(&Request::Finish),
            6 => site.ask(&Request::Activate { channels: ChannelPolicy::RefuseWhileRunning }),
            7 => site.ask(&Request::Confirm),
            8 => site.ask(&Request::RollBack { channels: ChannelPolicy::RefuseWhileRunning }),
            9 => site.ask(&Request::Abort),
            10 => site.send_whole(),
            11 => site.send_damaged(&mut input),
            12 => site.raw(usize::from(what >> 4), &mut input),
            13 => site.sequence = input.u16(),
            14 => site.session = input.u16(),
            _ if restarts < MAX_RESTARTS => {
                restarts += 1;
                site = site.restart(ResetCause::ALL[usize::from(what >> 4) % ResetCause::ALL.len()]);
            }
            _ => break,
        }
    }
    let _ = site.restart(ResetCause::PowerOn);
}

/// The unit, its flash, and a host that talks to it.
struct Site {
    unit: Held,
    worker: Worker<FlashModel>,
    session: u16,
    sequence: u16,
    offered: usize,
    tag: u8,
    /// Pages that nothing may touch while this image runs.
    kept: Vec<u8>,
}

impl Site {
    /// Boots as the loader does.
    fn boot(mut flash: FlashModel, reset: ResetCause) -> Self {
        let (image, report) = match boot(&mut flash, reset, None, Asked::Nothing) {
            Boot::Run { image, report } => (image.image_ref(), report),
            Boot::Recovery { slots: [a, b], .. } => panic!("nothing boots: {a}; {b}"),
        };
        assert!(releases().genuine.contains(&image), "{image:?} runs");
        let facts = Facts::gather(&mut flash, image.slot, Some(report), image.version);
        let log = BootLog::read(&mut flash);
        let evidence = Evidence { facts: &facts, log, clock_hz: self_test::CLOCK_HZ, outputs: Outputs::OFF };
        let self_test = self_test::run(&evidence);
        let mut unit = Unit::new(facts, log);
        unit.live.self_test = self_test;
        let kept = kept(&mut flash, image.slot);
        let worker = Worker::new(flash);
        Self { unit: Held(RefCell::new(unit)), worker, session: 0x1234, sequence: 0, offered: 0, tag: 0, kept }
    }

    fn restart(mut self, reset: ResetCause) -> Self {
        let slot = self.unit.with(|unit| unit.facts().slot);
        let flash = self.worker.flash();
        assert!(kept(flash, slot) == self.kept, "slot {slot}, which runs, or the unit's own pages have changed");
        Self::boot(flash.clone(), reset)
    }

    /// Asks in sequence and lets the unit work.
    fn ask(&mut self, request: &Request) {
        self.sequence = self.sequence.wrapping_add(1);
        let (mut payload, mut window) = ([0; 250], [0; 250]);
        let message = request.emit(&mut payload).expect("a request fits its window");
        let envelope = Envelope { session: self.session, sequence: self.sequence };
        let used = envelope.emit(message, &mut window).expect("a request fits its window");
        self.write(REQUEST, &window[..used]);
        self.work();
        self.tag = self.unit.with(|unit| unit.update.transfer.began()).map_or(0, |began| began.tag);
    }

    /// Offers a release; every other time with a damaged manifest.
    fn begin(&mut self, which: usize, input: &mut Input<'_>) {
        let offers = &releases().offers;
        self.offered = (which >> 1) % offers.len();
        let mut signed: [u8; SIGNED_SIZE] = offers[self.offered].1.0;
        if which & 1 == 1 {
            input.damage(&mut signed);
        }
        self.ask(&Request::Begin { manifest: SignedManifest(signed) });
    }

    /// Sends the image that was offered.
    fn send_whole(&mut self) {
        let image = padded(&releases().offers[self.offered].0);
        self.send(&image, 0);
        self.work();
    }

    /// Sends a piece of it, damaged or displaced.
    fn send_damaged(&mut self, input: &mut Input<'_>) {
        let mut image = padded(&releases().offers[self.offered].0);
        input.damage(&mut image);
        let start = (usize::from(input.u16()) % image.len()) & !1;
        self.send(&image[start..], start + usize::from(input.u8() & 6));
        self.work();
    }

    fn send(&mut self, image: &[u8], at: usize) {
        for (index, data) in image.chunks(MAX_CHUNK).enumerate() {
            let mut window = [0; CHUNK_REGISTERS as usize * 2];
            let chunk = Chunk { tag: self.tag, offset: (at + index * MAX_CHUNK) as u32, data };
            if let Some(used) = chunk.emit(&mut window) {
                self.write(CHUNK, &window[..used]);
            }
        }
    }

    /// Any request at all.
    fn raw(&mut self, how: usize, input: &mut Input<'_>) {
        let length = usize::from(input.u8());
        let bytes = input.take(length);
        match how & 3 {
            0 => self.write(REQUEST, &bytes[..bytes.len() & !1]),
            1 => self.write(CHUNK, &bytes[..bytes.len() & !1]),
            _ => self.handle(bytes),
        }
        self.work();
    }

    /// Function 16.
    fn write(&self, address: u16, words: &[u8]) {
        let mut pdu = vec![16];
        pdu.extend(address.to_be_bytes());
        pdu.extend([0, (words.len() / 2) as u8, words.len() as u8]);
        pdu.extend(words);
        self.handle(&pdu);
    }

    fn handle(&self, pdu: &[u8]) {
        let mut out = [0; MAX_PDU];
        let address = self.unit.with(|unit| unit.unit_id());
        let _answer = self.unit.with(|unit| bus::handle(unit, address, pdu, &mut out));
    }

    fn work(&mut self) {
        while block_on(self.worker.step(&self.unit)) == Step::Worked {}
    }
}

fn padded(image: &[u8]) -> Vec<u8> {
    let mut image = image.to_vec();
    image.resize(image.len().next_multiple_of(PAGE_SIZE as usize), ERASED);
    image
}

/// The first pages of a slot (all of these images) but for its seals, identity and anchors.
fn kept(flash: &mut FlashModel, slot: Slot) -> Vec<u8> {
    let behind_seals = SEALS_IN_SLOT + SEAL_PLACES * WORD_SIZE;
    let parts = [
        (slot.offset(), SEALS_IN_SLOT),
        (slot.offset() + behind_seals, 2 * PAGE_SIZE - behind_seals),
        (IDENTITY_OFFSET, PAGE_SIZE),
        (ANCHORS_OFFSET, PAGE_SIZE),
    ];
    parts
        .into_iter()
        .flat_map(|(offset, length)| {
            let mut bytes = vec![0; length as usize];
            flash.read(offset, &mut bytes).expect("nothing here is poisoned");
            bytes
        })
        .collect()
}

/// The unit behind a lock that is never contended.
struct Held(RefCell<Unit>);

impl Shared for Held {
    type Unit = Unit;

    fn with<R>(&self, ask: impl FnOnce(&mut Unit) -> R) -> R {
        ask(&mut self.0.borrow_mut())
    }
}
