//! A unit in memory: mailboxes, one idle slot of pages, a trial. Keeps the rules that the host relies on (`boot:U1`-`U3`)
//! and breaks down on request. It is no reference for the firmware: the linked images are, in `hil-tests`.

mod keys;
mod recovery;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use protocol::boot_record::{FallbackCause, ImageRef, Phase, Switch};
use protocol::digest::{ImageTag, PageHash, sha256};
use protocol::handover::BootReason;
use protocol::identity::Serial;
use protocol::layout::{PAGE_SIZE, Slot};
use protocol::mailbox::{CHUNK, Chunk, Envelope, REQUEST, RESPONSE};
use protocol::manifest::{Manifest, PRODUCT, SignedManifest};
use protocol::message::{
    Activating, Answer, Began, Confirmed, Hello, MAX_PAGE_HASHES, PageMap, Refusal, Reply, Request, SelfCheck,
    SelfTest, SlotContent, SlotReport, Staged, Staging, Transfer, UnitStatus,
};
use protocol::modbus::rtu::{Frame, FrameLength, request_length};
use protocol::reset::ResetCause;
use protocol::semver::Version;
use sonde::key::PublicKey;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::Instant;

use self::keys::Keys;
pub(crate) use self::recovery::Trouble;

const PAGE: usize = PAGE_SIZE as usize;
/// From a restart to the first answer.
const BOOT: Duration = Duration::from_millis(60);
/// From the start of an image that hangs until the loader has given up on it.
const GIVE_UP: Duration = Duration::from_millis(3500);

/// How an image behaves once it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Behaviour {
    Good,
    /// Answers, never finishes its self-test, stops feeding the watchdog.
    Hangs,
    /// Never answers at all.
    Dead,
    FailsSelfTest,
    SwitchesOutputsOn,
}

/// What goes wrong, on request. A number n means every n-th time.
#[derive(Debug, Clone, Default)]
pub(crate) struct Faults {
    pub(crate) busy_every: Option<usize>,
    pub(crate) lose_answer_every: Option<usize>,
    pub(crate) lose_request_every: Option<usize>,
    /// Looks at the response window before slow work is done.
    pub(crate) pending_looks: u32,
    /// Flash bytes that change once after so many chunks.
    pub(crate) damage_after: Option<usize>,
    /// The unit restarts after so many chunks, and forgets its transfer.
    pub(crate) restart_after: Option<usize>,
    /// How long it is without power then.
    pub(crate) dark_for: Duration,
    /// No page ever holds what was written.
    pub(crate) flash_is_broken: bool,
    pub(crate) hello_only: Option<Refusal>,
}

/// The unit.
#[derive(Debug)]
pub(crate) struct FakeUnit {
    pub(crate) id: u8,
    pub(crate) hardware: u8,
    /// Message version.
    pub(crate) speaks: u16,
    pub(crate) keys: Keys,
    /// The loader answers.
    pub(crate) recovery: Option<Trouble>,
    pub(crate) trusted: Vec<PublicKey>,
    pub(crate) behaviour: Behaviour,
    pub(crate) faults: Faults,
    pub(crate) running: ImageRef,
    pub(crate) phase: Phase,
    pub(crate) floor: Version,
    pub(crate) last_switch: Switch,
    pub(crate) other: Option<ImageRef>,
    pub(crate) started: Instant,
    restart_at: Option<Instant>,
    silent_until: Instant,
    session: Option<Envelope>,
    reply: Vec<u8>,
    kept: Option<(Reply, u32)>,
    transfer: Option<(SignedManifest, Manifest)>,
    staged: Option<ImageRef>,
    pub(crate) flash: BTreeMap<usize, [u8; PAGE]>,
    pub(crate) chunks: usize,
    pub(crate) executed: usize,
    frames: usize,
}

pub(crate) type Shared = Arc<Mutex<FakeUnit>>;

impl FakeUnit {
    pub(crate) fn new(running: Version) -> Self {
        let now = Instant::now();
        Self {
            id: 2,
            hardware: 1,
            speaks: 2,
            keys: Keys::default(),
            recovery: None,
            trusted: Vec::new(),
            behaviour: Behaviour::Good,
            faults: Faults::default(),
            running: ImageRef { slot: Slot::A, version: running, tag: ImageTag([1; 8]) },
            phase: Phase::Confirmed,
            floor: Version::ZERO,
            last_switch: Switch::Factory,
            other: None,
            started: now - Duration::from_secs(60),
            restart_at: None,
            silent_until: now,
            session: None,
            reply: Vec::new(),
            kept: None,
            transfer: None,
            staged: None,
            flash: BTreeMap::new(),
            chunks: 0,
            executed: 0,
            frames: 0,
        }
    }

    pub(crate) fn shared(self) -> Shared {
        Arc::new(Mutex::new(self))
    }

    fn restart(&mut self, at: Instant) {
        (self.session, self.kept, self.transfer, self.staged) = (None, None, None, None);
        self.reply = Vec::new();
        self.keys.forget_parts();
        self.started = at;
        self.silent_until = at + BOOT;
    }

    /// Lets happen what was going to happen by now.
    fn advance(&mut self) {
        let now = Instant::now();
        if let Some(at) = self.restart_at.filter(|at| now >= *at) {
            self.restart_at = None;
            let other = self.other.replace(self.running).expect("a switch has a target");
            self.running = other;
            if self.recovery.take().is_some() {
                self.other = None; // nothing ran before
            }
            self.restart(at);
        }
        let Phase::Trial { fallback, .. } = self.phase else { return };
        let on_trial = self.on_trial() && self.restart_at.is_none();
        let doomed = matches!(self.behaviour, Behaviour::Hangs | Behaviour::Dead);
        if on_trial && doomed && now >= self.started + GIVE_UP {
            let Some(fallback) = fallback else {
                self.fall_into_recovery();
                return self.restart(now);
            };
            let (from, cause) = (self.running.version, FallbackCause::AttemptsUsed);
            self.last_switch = Switch::FellBack { from, cause, reset: ResetCause::Watchdog };
            self.other = Some(self.running);
            self.running = fallback;
            self.phase = Phase::Confirmed;
            self.restart(now);
        }
    }

    fn on_trial(&self) -> bool {
        self.recovery.is_none() && matches!(self.phase, Phase::Trial { fallback, .. } if fallback != Some(self.running))
    }

    /// The answer PDU, `None` for silence.
    fn handle(&mut self, pdu: &[u8]) -> Option<Vec<u8>> {
        self.advance();
        self.frames += 1;
        let every = |n: Option<usize>, count: usize| n.is_some_and(|n| count.is_multiple_of(n));
        let dead = self.on_trial() && self.behaviour == Behaviour::Dead;
        if dead || Instant::now() < self.silent_until || every(self.faults.lose_request_every, self.frames) {
            return None;
        }
        let word = |at: usize| u16::from_be_bytes([pdu[at], pdu[at + 1]]);
        let answer = match pdu[0] {
            8 => pdu.to_vec(),
            3 if word(1) == RESPONSE => self.look(3, word(3)),
            16 if word(1) == CHUNK => self.chunk(pdu),
            23 if word(1) == RESPONSE && word(5) == REQUEST => {
                self.request(&pdu[10..]);
                self.look(23, word(3))
            }
            function => vec![function | 0x80, 2],
        };
        (!every(self.faults.lose_answer_every, self.frames) && !answer.is_empty()).then_some(answer)
    }

    fn look(&mut self, function: u8, quantity: u16) -> Vec<u8> {
        if let Some((reply, looks)) = self.kept.take() {
            if looks == 0 {
                self.show(&reply);
            } else {
                self.kept = Some((reply, looks - 1));
            }
        }
        let bytes = usize::from(quantity) * 2;
        let mut answer = vec![function, bytes as u8];
        answer.extend(self.reply.iter().copied().chain(std::iter::repeat(0)).take(bytes));
        answer
    }

    fn show(&mut self, reply: &Reply) {
        let (mut payload, mut window) = ([0; 250], [0; 250]);
        let payload = reply.emit(&mut payload).expect("a reply fits");
        let envelope = self.session.expect("a reply belongs to a session");
        let used = envelope.emit(payload, &mut window).expect("a reply fits");
        self.reply = window[..used].to_vec();
    }

    fn request(&mut self, window: &[u8]) {
        let (envelope, payload) = Envelope::parse(window).expect("a good envelope");
        let request = Request::parse(payload).expect("a good request");
        if self.session == Some(envelope) {
            return; // a repetition: the last reply stands (boot:U3)
        }
        let next = self.session.map(|last| Envelope { sequence: last.sequence.wrapping_add(1), ..last });
        if request != Request::Hello && next != Some(envelope) {
            let open = self.session.map_or(0, |session| session.session);
            let before = self.session.replace(envelope);
            self.show(&Reply::Refused(Refusal::OtherSession { open }));
            self.session = before;
            return;
        }
        self.session = Some(envelope);
        self.executed += 1;
        let slow = !matches!(request, Request::Hello | Request::Status);
        let reply = match self.execute(request) {
            Ok(answer) => Reply::Done(answer),
            Err(refusal) => Reply::Refused(refusal),
        };
        if slow && self.faults.pending_looks > 0 {
            self.show(&Reply::Pending);
            self.kept = Some((reply, self.faults.pending_looks));
        } else {
            self.kept = None;
            self.show(&reply);
        }
    }

    fn execute(&mut self, request: Request) -> Result<Answer, Refusal> {
        Ok(match request {
            Request::Hello | Request::Status if self.recovery.is_some() => {
                Answer::Recovery(self.recovery_answer(self.recovery.expect("just looked")))
            }
            Request::Confirm | Request::RollBack { .. } if self.recovery.is_some() => return Err(Refusal::InRecovery),
            Request::Hello => Answer::Hello(self.hello()),
            Request::Status => Answer::Status(self.status()),
            _ if self.faults.hello_only.is_some() => return Err(self.faults.hello_only.expect("just looked")),
            Request::SlotReport { slot } => {
                let image = Some(self.running).into_iter().chain(self.other).find(|image| image.slot == slot);
                let bootable = |image| SlotContent::Bootable { image, build_id: [0; 20] };
                Answer::SlotReport(SlotReport { slot, content: image.map_or(SlotContent::Empty, bootable) })
            }
            Request::Begin { manifest } => Answer::Began(self.begin(&manifest)?),
            Request::PageMap { first } => Answer::PageMap(self.page_map(first)?),
            Request::Finish => Answer::Staged(Staged { image: self.finish()? }),
            Request::Activate { .. } => {
                let image = self.staged.ok_or(Refusal::NothingStaged)?;
                let fallback = self.recovery.is_none().then_some(self.running);
                self.phase = Phase::Trial { attempts: 1, fallback };
                self.last_switch = Switch::Activated { from: self.running.version };
                self.switch(image)
            }
            Request::RollBack { .. } => {
                let image = self.other.ok_or(Refusal::NothingToRollBackTo)?;
                self.phase = Phase::Confirmed;
                self.behaviour = Behaviour::Good;
                self.last_switch = Switch::RolledBack { from: self.running.version };
                self.switch(image)
            }
            Request::Confirm => {
                if !self.on_trial() {
                    return Err(Refusal::NotOnTrial);
                }
                self.phase = Phase::Confirmed;
                Answer::Confirmed(Confirmed { image: self.running, floor: self.floor })
            }
            Request::Abort => Answer::Aborted,
            Request::Settings
            | Request::Calibration
            | Request::ChangeSettings { .. }
            | Request::ChangeCalibration { .. }
            | Request::EventHead
            | Request::Events { .. }
            | Request::CrashPart { .. } => return Err(Refusal::NotUnderstood),
            Request::KeySetPart { .. } | Request::InstallKeySet { .. } | Request::KeySetReport => {
                self.on_keys(request)?
            }
        })
    }

    fn switch(&mut self, image: ImageRef) -> Answer {
        self.other = Some(image);
        self.restart_at = Some(Instant::now() + Duration::from_millis(100));
        Answer::Activating(Activating { image, reset_in_ms: 100 })
    }

    fn hello(&self) -> Hello {
        let serial = Serial::parse("FAKE-1").expect("a serial");
        let (product, hardware_revision) = (PRODUCT, self.hardware);
        Hello {
            oldest_version: 1,
            current_version: self.speaks,
            product,
            hardware_revision,
            serial,
            running: self.running,
        }
    }

    pub(crate) fn status(&self) -> UnitStatus {
        let all = SelfCheck::ALL.iter().fold(0, |bits, check| bits | 1 << check.code());
        let on_trial = self.on_trial();
        let (ran, failed) = match self.behaviour {
            Behaviour::Hangs if on_trial => (0, 0),
            Behaviour::FailsSelfTest if on_trial => (all, 1 << SelfCheck::Clock.code()),
            _ => (all, 0),
        };
        UnitStatus {
            running: self.running,
            phase: if on_trial { self.phase } else { Phase::Confirmed },
            floor: self.floor,
            last_switch: self.last_switch,
            boot_reason: BootReason::Confirmed,
            reset: ResetCause::Requested,
            loader: Version::new(0, 1, 0),
            boot_us: 30_000,
            log_copies_good: [true; 2],
            self_test: SelfTest { ran, failed },
            outputs: u8::from(on_trial && self.behaviour == Behaviour::SwitchesOutputsOn),
            transfer: Transfer::Idle,
            uptime_ms: self.started.elapsed().as_millis() as u32,
        }
    }

    fn begin(&mut self, signed: &SignedManifest) -> Result<Began, Refusal> {
        if !self.believed(signed.key_id())?.signed(signed) {
            return Err(Refusal::BadSignature);
        }
        let manifest = Manifest::parse(signed.body()).map_err(|_| Refusal::BadManifest)?;
        if !manifest.hardware.contains(self.hardware) {
            return Err(Refusal::WrongHardware { unit: self.hardware, image: manifest.hardware.0 });
        }
        if self.on_trial() {
            return Err(Refusal::TrialPending { running: self.running.version });
        }
        let kept = self.recovery.map_or(Some(self.running.slot), |trouble| trouble.kept);
        if kept == Some(manifest.slot) {
            return Err(Refusal::SlotRuns { slot: manifest.slot });
        }
        let (slot, pages) = (manifest.slot, manifest.length.div_ceil(PAGE_SIZE) as u8);
        let there = self.other.is_some_and(|other| other.tag == manifest.tag());
        let staging = if there { Staging::Complete } else { Staging::Open };
        self.staged = there.then_some(self.other).flatten();
        self.transfer = Some((signed.clone(), manifest));
        Ok(Began { tag: 7, slot, pages, staging })
    }

    fn page(&self, page: usize) -> [u8; PAGE] {
        self.flash.get(&page).copied().unwrap_or([0xFF; PAGE])
    }

    fn page_map(&self, first: u8) -> Result<PageMap, Refusal> {
        let (_, manifest) = self.transfer.as_ref().ok_or(Refusal::NoTransfer)?;
        let pages = manifest.length.div_ceil(PAGE_SIZE) as usize;
        let hashes = (usize::from(first)..pages).take(MAX_PAGE_HASHES).map(|page| PageHash::of(&self.page(page)));
        Ok(PageMap { first, hashes: hashes.collect() })
    }

    fn finish(&mut self) -> Result<ImageRef, Refusal> {
        let (_, manifest) = self.transfer.as_ref().ok_or(Refusal::NoTransfer)?;
        let pages = manifest.length.div_ceil(PAGE_SIZE) as usize;
        let bytes: Vec<u8> = (0..pages).flat_map(|page| self.page(page)).collect();
        if sha256(&bytes[..manifest.length as usize]) != manifest.sha256 {
            return Err(Refusal::ImageDiffers);
        }
        let image = ImageRef { slot: manifest.slot, version: manifest.version, tag: manifest.tag() };
        self.staged = Some(image);
        Ok(image)
    }

    fn chunk(&mut self, pdu: &[u8]) -> Vec<u8> {
        self.chunks += 1;
        if self.faults.restart_after == Some(self.chunks) {
            self.restart(Instant::now() + self.faults.dark_for);
            return Vec::new();
        }
        if self.faults.busy_every.is_some_and(|n| self.chunks.is_multiple_of(n)) {
            return vec![0x90, 6];
        }
        let chunk = Chunk::parse(&pdu[6..]).expect("a good chunk");
        if self.transfer.is_none() || chunk.tag != 7 {
            return vec![0x90, 3];
        }
        for (index, byte) in chunk.data.iter().enumerate() {
            let at = chunk.offset as usize + index;
            let page = self.flash.entry(at / PAGE).or_insert([0xFF; PAGE]);
            page[at % PAGE] = if self.faults.flash_is_broken { !byte } else { *byte };
        }
        if self.faults.damage_after == Some(self.chunks) {
            self.flash.entry(0).or_insert([0xFF; PAGE])[100] ^= 1;
        }
        pdu[..5].to_vec()
    }
}

/// Serves a unit on a line until the line closes.
pub(crate) async fn serve(unit: Shared, mut line: impl AsyncRead + AsyncWrite + Unpin) {
    let mut bytes = Vec::new();
    loop {
        match request_length(&bytes) {
            FrameLength::Exactly(length) if length == bytes.len() => {}
            FrameLength::Unknown => panic!("no request of ours: {bytes:02x?}"),
            _ => match line.read_u8().await {
                Ok(byte) => {
                    bytes.push(byte);
                    continue;
                }
                Err(_) => return,
            },
        }
        let frame = Frame::parse(&bytes).expect("whole frames with a good CRC");
        let answer = {
            let mut unit = unit.lock().expect("no test panics while it holds the unit");
            if frame.address == unit.id { unit.handle(frame.pdu) } else { None }
        };
        if let Some(pdu) = answer {
            let mut out = [0; 256];
            let length = Frame { address: frame.address, pdu: &pdu }.emit(&mut out).expect("an answer fits");
            if line.write_all(&out[..length]).await.is_err() {
                return;
            }
        }
        bytes.clear();
    }
}
