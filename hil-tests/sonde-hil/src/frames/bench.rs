//! The firmware's library with time, sonicators of a sort, and the law beside it.

use std::time::Duration;

use bootloader::boot_log::{BootLog, LogView};
use bootloader::bus;
use bootloader::model::release::{Release, factory_unit};
use firmware::channels::{Capture, Sample};
use firmware::facts::Facts;
use firmware::registers;
use firmware::self_test::Outputs;
use firmware::unit::Unit;
use protocol::handover::{BootReason, BootReport};
use protocol::layout::Slot;
use protocol::modbus::receiver::{Heard, Receiver};
use protocol::modbus::rtu::Frame;
use protocol::modbus::{BROADCAST, MAX_PDU};
use protocol::registers::{At, at};
use protocol::reset::ResetCause;
use protocol::semver::Version;
use virtual_board::unit::FIRST_UNIT_ID;

use super::Tally;
use super::law::{Law, Write};
use crate::random::Random;

/// A character at 115200 8N1, microseconds.
const CHARACTER_US: u64 = 87;
/// From the end of a request to the end of a short answer, microseconds.
const ANSWER_US: u64 = 1_750 + 8 * CHARACTER_US;

pub(super) struct Bench {
    facts: Facts,
    log: LogView,
    unit: Unit,
    receiver: Receiver,
    law: Law,
    now_us: u64,
    /// When the inputs were last looked at, milliseconds.
    looked_ms: u64,
    /// Inputs that are stuck in an unhealthy state, and until when, milliseconds.
    troubles: [Trouble; 4],
    last: Vec<u8>,
    pub(super) tally: Tally,
}

/// What is wrong with a sonicator.
#[derive(Debug, Clone, Copy, Default)]
struct Trouble {
    overload_until_ms: u64,
    no_lock_until_ms: u64,
}

impl Bench {
    pub(super) fn new() -> Self {
        let version = Version::new(1, 0, 0);
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
        let mut flash = factory_unit(&Release::new(Slot::A, version));
        let facts = Facts::gather(&mut flash, Slot::A, Some(report), version);
        let log = BootLog::read(&mut flash);
        Self {
            unit: started(&facts, log),
            receiver: Receiver::new(FIRST_UNIT_ID),
            law: Law::new(0),
            now_us: 0,
            looked_ms: 0,
            troubles: Default::default(),
            last: Vec::new(),
            tally: Tally::default(),
            facts,
            log,
        }
    }

    /// The last bytes on the line.
    pub(super) fn last_frame(&self) -> &[u8] {
        &self.last
    }

    /// Lets the unit hear these bytes.
    pub(super) fn say(&mut self, bytes: &[u8], random: &mut Random) {
        self.tally.frames += 1;
        self.last = bytes.to_vec();
        for &byte in bytes {
            self.now_us += CHARACTER_US;
            self.pass(0, random);
            let heard = owned(self.receiver.push(byte, self.now_us));
            self.take(heard);
        }
        self.pass(ANSWER_US / 1_000, random);
        self.now_us += ANSWER_US % 1_000;
        if let Some(silence_us) = self.receiver.silence_at() {
            self.now_us = self.now_us.max(silence_us);
            self.pass(0, random);
            let heard = owned(self.receiver.silence(self.now_us));
            self.take(heard);
        }
        self.pass(0, random);
    }

    /// Lets time pass, with a look at the inputs each millisecond.
    pub(super) fn pass(&mut self, span_ms: u64, random: &mut Random) {
        self.now_us += span_ms * 1_000;
        while self.looked_ms < self.now_us / 1_000 {
            self.looked_ms += 1;
            self.look(random);
        }
        self.tally.time = Duration::from_micros(self.now_us);
    }

    fn look(&mut self, random: &mut Random) {
        let before = self.unit.channels.drive().start;
        self.unit.observe(self.looked_ms, Outputs { start: before, reset: 0 });
        let samples = core::array::from_fn(|channel| {
            let trouble = &mut self.troubles[channel];
            match random.below(200_000) {
                0..20 => trouble.overload_until_ms = self.looked_ms + random.below(300),
                20 => trouble.no_lock_until_ms = self.looked_ms + random.below(20_000),
                _ => {}
            }
            Sample {
                overload: self.looked_ms < trouble.overload_until_ms,
                lock: before & 1 << channel != 0 && self.looked_ms >= trouble.no_lock_until_ms,
                power_counts: 0,
                capture: Capture::None,
            }
        });
        self.unit.channels.look(&samples, self.looked_ms);
        self.judge(before);
        if self.unit.restart_is_due() {
            self.tally.restarts += 1;
            let on = self.unit.channels.drive().start;
            self.unit = started(&self.facts, self.log);
            // A unit's clock begins anew; this one goes on, which only shortens its time to get ready.
            self.unit.observe(self.looked_ms, Outputs::OFF);
            self.law = Law::new(self.looked_ms);
            self.judge(on);
        }
    }

    fn take(&mut self, heard: Option<(u8, Vec<u8>)>) {
        let Some((address, pdu)) = heard else { return };
        let before = self.unit.channels.drive().start;
        self.unit.observe(self.looked_ms, Outputs { start: before, reset: 0 });
        let writes = writes(&self.unit, &pdu);
        let mut out = [0; MAX_PDU];
        let answer = bus::handle(&mut self.unit, address, &pdu, &mut out);
        let is_taken = match answer {
            Some(_) if out[0] & 0x80 != 0 => {
                self.tally.refused += 1;
                false
            }
            Some(_) => {
                self.tally.good += 1;
                true
            }
            // Of what goes to all, an emergency stop by function 6 or 16 is obeyed, and nothing else (bus:M1).
            None => {
                let plain = matches!(pdu.first(), Some(6 | 16));
                address == BROADCAST && plain && matches!(*writes, [write] if write.is_emergency_stop())
            }
        };
        if answer.is_some() || address == BROADCAST {
            self.law.heard(self.looked_ms);
        }
        if is_taken {
            let wrong: Vec<String> = writes.iter().filter_map(|&write| self.law.obeyed(write)).collect();
            wrong.into_iter().for_each(|wrong| self.unlawful(&wrong));
        }
        self.judge(before);
    }

    fn judge(&mut self, before: u8) {
        let on = self.unit.channels.drive().start;
        self.tally.rises += u64::from((on & !before).count_ones());
        self.tally.falls += u64::from((before & !on).count_ones());
        if let Some(wrong) = self.law.judge(before, on, self.looked_ms) {
            self.unlawful(&wrong);
        }
    }

    fn unlawful(&mut self, what: &str) {
        /// Enough to see what goes wrong.
        const SHOWN: usize = 20;
        if self.tally.unlawful.len() < SHOWN {
            self.tally.unlawful.push(format!("frame {} ({:02x?}): {what}", self.tally.frames, self.last));
        }
    }
}

fn started(facts: &Facts, log: LogView) -> Unit {
    let mut unit = Unit::new(facts.clone(), log);
    unit.channels.make_ready();
    unit
}

fn owned(heard: Option<Heard<'_>>) -> Option<(u8, Vec<u8>)> {
    match heard? {
        Heard::Garbage => None,
        Heard::Request(Frame { address, pdu }) => Some((address, pdu.to_vec())),
    }
}

/// The registers of the map that a request writes, if it is taken.
fn writes(unit: &Unit, pdu: &[u8]) -> Vec<Write> {
    let word = |at: usize| pdu.get(at..at + 2).map_or(0, |pair| u16::from_be_bytes([pair[0], pair[1]]));
    let many = |start: u16, from: usize| -> Vec<Write> {
        let values = pdu.get(from..).unwrap_or_default().chunks_exact(2);
        let values = values.map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
        (0_u16..).zip(values).map(|(index, value)| Write { address: start.wrapping_add(index), value }).collect()
    };
    let written = match pdu.first() {
        Some(6) => vec![Write { address: word(1), value: word(3) }],
        Some(16) => many(word(1), 6),
        Some(22) => {
            let (address, and, or) = (word(1), word(3), word(5));
            let now = match at(address) {
                At::Register { register, word } => registers::read(unit, register.id, word),
                At::Reserved | At::Nothing => 0,
            };
            vec![Write { address, value: now & and | or & !and }]
        }
        Some(23) => many(word(5), 10),
        _ => Vec::new(),
    };
    // The mailbox windows are no registers.
    written.into_iter().filter(|write| write.address < 0xF000).collect()
}
