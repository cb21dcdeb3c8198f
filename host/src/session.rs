//! A conversation with one unit through its mailboxes (`bus:M2`): one request at a time, each with a sequence number, so
//! that a repetition is known as one (`boot:U3`). Link mode `direct`: short FC23 answers (`bus:M3`).
//!
//! Does not decide what to ask: [`crate::update`] and the commands do.

mod error;
mod refusal;

use std::time::Duration;

use protocol::layout::Slot;
use protocol::mailbox::{self, ENVELOPE_SIZE, Envelope, REQUEST_REGISTERS, RESPONSE_REGISTERS, message_length};
use protocol::message::{
    Answer, Hello, MAX_CRASH_PART, MAX_PAGE_HASHES, PageMap, Recovery, Reply, Request, SlotReport, UnitStatus,
};
use protocol::modbus::exception::Exception;
use protocol::version;
use rand_core::{OsRng, RngCore as _};
use tokio::time::{Instant, sleep};
use tracing::debug;

pub use self::error::SessionError;
use crate::bus::{Bus, BusError, UnitId};

/// Longest that a unit may be at work on one request: erasing a whole slot takes 2 s, verifying less than 1 s.
const WORK_LIMIT: Duration = Duration::from_secs(20);
/// First and longest wait between two looks at the response window.
const POLL: (Duration, Duration) = (Duration::from_millis(2), Duration::from_millis(50));
/// How long a window may show another conversation before the request is written again.
const FOREIGN_LIMIT: Duration = Duration::from_millis(300);
/// How often it is written again.
const REWRITES: u32 = 3;

/// An open session.
#[derive(Debug)]
pub struct Session {
    bus: Bus,
    unit: UnitId,
    session: u16,
    sequence: u16,
}

/// Who answers for a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// The firmware.
    Firmware(Hello),
    /// The loader: no image runs (`boot:B9`).
    Recovery(Recovery),
}

/// How a unit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// An image runs.
    Runs(UnitStatus),
    /// The loader answers, since no image runs.
    Recovery(Recovery),
}

impl Who {
    /// Oldest and newest message version it understands.
    #[must_use]
    pub fn speaks(&self) -> (u16, u16) {
        match self {
            Self::Firmware(hello) => (hello.oldest_version, hello.current_version),
            Self::Recovery(recovery) => (recovery.oldest_version, recovery.current_version),
        }
    }

    /// Its serial number, in words.
    #[must_use]
    pub fn serial(&self) -> String {
        match self {
            Self::Firmware(hello) => hello.serial.to_string(),
            Self::Recovery(recovery) => {
                recovery.serial.map_or_else(|| "unknown".to_owned(), |serial| serial.to_string())
            }
        }
    }
}

/// What the response window says to us.
#[expect(clippy::large_enum_variant, reason = "one at a time, on the stack")]
enum Seen {
    Ours(Reply),
    /// The reply is longer than what was read.
    Longer {
        registers: u16,
    },
    /// Another conversation's reply, or none yet.
    Foreign,
}

impl Session {
    /// Says hello to firmware and agrees on a message version.
    ///
    /// # Errors
    /// [`SessionError`], among others [`SessionError::InRecovery`].
    pub async fn open(bus: &Bus, unit: UnitId) -> Result<(Self, Hello), SessionError> {
        match Self::meet(bus, unit).await? {
            (session, Who::Firmware(hello)) => Ok((session, hello)),
            (_, Who::Recovery(Recovery { why, .. })) => Err(SessionError::InRecovery { unit, why }),
        }
    }

    /// Says hello to whoever answers, firmware or a loader in recovery, and agrees on a message version.
    ///
    /// # Errors
    /// [`SessionError`].
    pub async fn meet(bus: &Bus, unit: UnitId) -> Result<(Self, Who), SessionError> {
        // Not 0, which a window holds that nobody has written to.
        let number = (OsRng.next_u32() >> 16) as u16 | 1;
        let mut session = Self { bus: bus.clone(), unit, session: number, sequence: 0 };
        let who = match session.ask(&Request::Hello).await? {
            Answer::Hello(hello) => Who::Firmware(hello),
            Answer::Recovery(recovery) => Who::Recovery(recovery),
            other => return Err(session.other_answer(&other)),
        };
        let speaks = who.speaks();
        if speaks.0 > version::CURRENT || speaks.1 < version::MIN {
            return Err(SessionError::Version { unit, speaks, ours: (version::MIN, version::CURRENT) });
        }
        Ok((session, who))
    }

    /// The bus it runs over.
    #[must_use]
    pub fn bus(&self) -> &Bus {
        &self.bus
    }

    /// The unit it is with.
    #[must_use]
    pub fn unit(&self) -> UnitId {
        self.unit
    }

    /// Asks how the unit is, whoever answers for it.
    ///
    /// # Errors
    /// [`SessionError`].
    pub async fn condition(&mut self) -> Result<Condition, SessionError> {
        match self.ask(&Request::Status).await? {
            Answer::Status(status) => Ok(Condition::Runs(status)),
            Answer::Recovery(recovery) => Ok(Condition::Recovery(recovery)),
            other => Err(self.other_answer(&other)),
        }
    }

    /// Asks how the firmware is.
    ///
    /// # Errors
    /// [`SessionError`], among others [`SessionError::InRecovery`].
    pub async fn status(&mut self) -> Result<UnitStatus, SessionError> {
        match self.condition().await? {
            Condition::Runs(status) => Ok(status),
            Condition::Recovery(Recovery { why, .. }) => Err(SessionError::InRecovery { unit: self.unit, why }),
        }
    }

    /// Asks what a slot holds; the unit verifies it for that.
    ///
    /// # Errors
    /// [`SessionError`].
    pub async fn slot_report(&mut self, slot: Slot) -> Result<SlotReport, SessionError> {
        match self.ask(&Request::SlotReport { slot }).await? {
            Answer::SlotReport(report) => Ok(report),
            other => Err(self.other_answer(&other)),
        }
    }

    /// Asks for the hashes of pages from `first` on, of an image of `pages` pages.
    ///
    /// # Errors
    /// [`SessionError`].
    pub async fn page_map(&mut self, first: u8, pages: u8) -> Result<PageMap, SessionError> {
        let hashes = usize::from(pages.saturating_sub(first)).min(MAX_PAGE_HASHES);
        // Reply, answer, first, count; then the hashes.
        let registers = registers_for(4 + 8 * hashes).max(reply_registers(&Request::Abort));
        match self.ask_within(&Request::PageMap { first }, registers).await? {
            Answer::PageMap(map) if map.first == first && map.hashes.len() == hashes => Ok(map),
            other => Err(self.other_answer(&other)),
        }
    }

    /// Asks anything and waits for the answer, `Pending` included.
    ///
    /// # Errors
    /// [`SessionError`].
    pub async fn ask(&mut self, request: &Request) -> Result<Answer, SessionError> {
        self.ask_within(request, reply_registers(request)).await
    }

    /// The error for an answer to something else than what was asked.
    pub(crate) fn other_answer(&self, answer: &Answer) -> SessionError {
        SessionError::OtherAnswer { unit: self.unit, found: format!("{answer:?}") }
    }

    async fn ask_within(&mut self, request: &Request, registers: u16) -> Result<Answer, SessionError> {
        self.sequence = self.sequence.wrapping_add(1);
        let envelope = Envelope { session: self.session, sequence: self.sequence };
        let mut window = [0; REQUEST_REGISTERS as usize * 2];
        let mut payload = [0; mailbox::MAX_REQUEST];
        let payload = request.emit(&mut payload).map_err(|_| SessionError::TooLong)?;
        let used = envelope.emit(payload, &mut window).ok_or(SessionError::TooLong)?;
        debug!(unit = %self.unit, ?envelope, ?request, "asking");
        match self.reply_to(envelope, &window[..used], registers).await? {
            Reply::Done(answer) => {
                debug!(?answer, "answered");
                Ok(answer)
            }
            Reply::Refused(refusal) => Err(SessionError::Refused { unit: self.unit, refusal }),
            Reply::Pending => Err(SessionError::StillPending { unit: self.unit, waited: WORK_LIMIT }),
        }
    }

    /// Writes the request and looks at the response window until it holds the final reply, or the limit is over.
    async fn reply_to(&self, envelope: Envelope, request: &[u8], registers: u16) -> Result<Reply, SessionError> {
        let deadline = Instant::now() + WORK_LIMIT;
        let (mut pause, longest_pause) = POLL;
        let mut registers = registers;
        let mut rewrites = REWRITES;
        let mut window = self.write(request, registers, deadline).await?;
        let mut foreign_since = Instant::now();
        loop {
            match self.look(envelope, &window)? {
                Seen::Ours(Reply::Pending) if Instant::now() >= deadline => return Ok(Reply::Pending),
                Seen::Ours(Reply::Pending) => foreign_since = Instant::now(),
                Seen::Ours(reply) => return Ok(reply),
                // From the start again: two parts could belong to two replies.
                Seen::Longer { registers: all } => {
                    registers = all;
                    pause = Duration::ZERO;
                }
                Seen::Foreign if foreign_since.elapsed() >= FOREIGN_LIMIT => {
                    if rewrites == 0 {
                        return Err(SessionError::Overtaken { unit: self.unit });
                    }
                    rewrites -= 1;
                    window = self.write(request, registers, deadline).await?;
                    foreign_since = Instant::now();
                    continue;
                }
                Seen::Foreign => {}
            }
            sleep(pause).await;
            pause = (pause * 2).clamp(POLL.0, longest_pause);
            window = self.bus.read_window(self.unit, mailbox::RESPONSE, registers).await?;
        }
    }

    /// FC23, again while the unit says it is busy.
    async fn write(&self, request: &[u8], registers: u16, deadline: Instant) -> Result<Vec<u8>, SessionError> {
        let mut pause = POLL.0;
        loop {
            let result =
                self.bus.exchange_windows(self.unit, (mailbox::REQUEST, request), (mailbox::RESPONSE, registers)).await;
            match result {
                Err(BusError::Exception { exception: Exception::Busy, .. }) if Instant::now() < deadline => {
                    sleep(pause).await;
                    pause = (pause * 2).min(POLL.1);
                }
                other => return Ok(other?),
            }
        }
    }

    fn look(&self, envelope: Envelope, window: &[u8]) -> Result<Seen, SessionError> {
        let [low, high, rest @ ..] = window.get(2..).unwrap_or_default() else { return Ok(Seen::Foreign) };
        let [sequence_low, sequence_high, ..] = rest else { return Ok(Seen::Foreign) };
        let shown = Envelope {
            session: u16::from_le_bytes([*low, *high]),
            sequence: u16::from_le_bytes([*sequence_low, *sequence_high]),
        };
        if shown != envelope {
            return Ok(Seen::Foreign);
        }
        let length = message_length(window).unwrap_or_default();
        if length > window.len() {
            return match u16::try_from(length / 2) {
                Ok(registers) if registers <= RESPONSE_REGISTERS => Ok(Seen::Longer { registers }),
                _ => Err(SessionError::Malformed { unit: self.unit }),
            };
        }
        // Behind the message may stand what an earlier, longer one left.
        let malformed = SessionError::Malformed { unit: self.unit };
        let Ok((_, payload)) = Envelope::parse(&window[..length]) else { return Err(malformed) };
        Reply::parse(payload).map(Seen::Ours).map_err(|_| malformed)
    }
}

/// Registers that hold a reply of so many payload bytes.
fn registers_for(payload: usize) -> u16 {
    (ENVELOPE_SIZE + payload).div_ceil(2) as u16
}

/// Registers that the longest reply to a request of this kind takes; a refusal fits all of them. What is read in vain
/// costs two characters a register, what is missing costs a whole transaction.
fn reply_registers(request: &Request) -> u16 {
    registers_for(match request {
        Request::Hello => 48,
        Request::Status => 112,
        Request::SlotReport { .. } => 42,
        Request::PageMap { .. } => 4 + 8 * MAX_PAGE_HASHES,
        Request::Confirm
        | Request::Begin { .. }
        | Request::Finish
        | Request::Activate { .. }
        | Request::RollBack { .. }
        | Request::Abort
        | Request::KeySetPart { .. }
        | Request::InstallKeySet { .. } => 30,
        Request::KeySetReport
        | Request::Events { .. }
        | Request::Settings
        | Request::Calibration
        | Request::ChangeSettings { .. }
        | Request::ChangeCalibration { .. } => mailbox::MAX_REPLY,
        Request::EventHead => 48,
        Request::CrashPart { .. } => 12 + MAX_CRASH_PART,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::boot_record::{FallbackCause, ImageRef, Phase, Switch};
    use protocol::digest::{ImageTag, KeyId, PageHash};
    use protocol::handover::BootReason;
    use protocol::identity::Serial;
    use protocol::layout::FLASH_SIZE;
    use protocol::message::{
        Activating, Began, ChannelPolicy, Confirmed, GiveUp, KeySetInstalled, KeySetPart, Refusal, SelfTest,
        SlotContent, Staged, Staging, Transfer,
    };
    use protocol::reset::ResetCause;
    use protocol::semver::Version;

    const VERSION: Version = Version::new(u16::MAX, u16::MAX, u16::MAX);
    const IMAGE: ImageRef = ImageRef { slot: Slot::B, version: VERSION, tag: ImageTag([0xFF; 8]) };

    fn longest_status() -> UnitStatus {
        let cause = FallbackCause::AttemptsUsed;
        UnitStatus {
            running: IMAGE,
            phase: Phase::Trial { attempts: 255, fallback: Some(IMAGE) },
            floor: VERSION,
            last_switch: Switch::FellBack { from: VERSION, cause, reset: ResetCause::Watchdog },
            boot_reason: BootReason::Trial,
            reset: ResetCause::Watchdog,
            loader: VERSION,
            boot_us: u32::MAX,
            log_copies_good: [true; 2],
            self_test: SelfTest { ran: u16::MAX, failed: u16::MAX },
            outputs: 255,
            transfer: Transfer::Staged { image: IMAGE },
            uptime_ms: u32::MAX,
        }
    }

    /// Each request with the longest answer to it.
    fn longest_answers() -> Vec<(Request, Answer)> {
        let channels = ChannelPolicy::RefuseWhileRunning;
        let manifest = protocol::manifest::SignedManifest([0; 224]);
        let hello = Hello {
            oldest_version: u16::MAX,
            current_version: u16::MAX,
            product: u32::MAX,
            hardware_revision: 255,
            serial: Serial::parse("0123456789ABCDEF").expect("a serial"),
            running: IMAGE,
        };
        let content = SlotContent::Bootable { image: IMAGE, build_id: [0; 20] };
        let began = Began { tag: 255, slot: Slot::B, pages: 255, staging: Staging::Open };
        let hashes = [PageHash([1; 8]); MAX_PAGE_HASHES].into_iter().collect();
        let activating = Activating { image: IMAGE, reset_in_ms: u16::MAX };
        vec![
            (Request::Hello, Answer::Hello(hello)),
            (Request::Status, Answer::Status(longest_status())),
            (Request::SlotReport { slot: Slot::B }, Answer::SlotReport(SlotReport { slot: Slot::B, content })),
            (Request::Begin { manifest }, Answer::Began(began)),
            (Request::PageMap { first: 255 }, Answer::PageMap(PageMap { first: 255, hashes })),
            (Request::Finish, Answer::Staged(Staged { image: IMAGE })),
            (Request::Activate { channels }, Answer::Activating(activating)),
            (Request::Confirm, Answer::Confirmed(Confirmed { image: IMAGE, floor: VERSION })),
            (Request::RollBack { channels }, Answer::Activating(activating)),
            (Request::Abort, Answer::Aborted),
            (
                Request::KeySetPart { offset: u16::MAX, bytes: Default::default() },
                Answer::KeySetPart(KeySetPart { received: u16::MAX }),
            ),
            (
                Request::InstallKeySet { give_up: GiveUp::Nothing },
                Answer::KeySetInstalled(KeySetInstalled { number: u16::MAX, floor: VERSION }),
            ),
        ]
    }

    #[test]
    fn the_longest_reply_to_every_request_is_read_in_one_transaction() {
        let refusals = [
            Refusal::BelowFloor { floor: VERSION, image: VERSION },
            Refusal::LoaderTooOld { unit: VERSION, needed: VERSION },
            Refusal::WrongProduct { unit: u32::MAX, image: u32::MAX },
            Refusal::UnknownKey { key: KeyId([0xFF; 8]) },
            Refusal::FlashFailed { offset: FLASH_SIZE },
            Refusal::ExpiredKey { key: KeyId([0xFF; 8]), expires_at_floor: VERSION, floor: VERSION },
        ];
        let mut buffer = [0; mailbox::MAX_REPLY];
        for (request, answer) in longest_answers() {
            let registers = reply_registers(&request);
            assert!(registers <= RESPONSE_REGISTERS);
            let replies = refusals.map(Reply::Refused).into_iter().chain([Reply::Done(answer)]);
            for reply in replies {
                let length = reply.emit(&mut buffer).expect("a reply fits the window").len();
                assert!(registers_for(length) <= registers, "{request:?}: {length} bytes for {reply:?}");
            }
        }
    }
}
