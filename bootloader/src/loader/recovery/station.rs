//! The unit on its line: what happens at each tick.

use protocol::handover::{Mark, MarkKind};
use protocol::modbus::receiver::{CHARACTER_US, FRAME_GAP_US, Heard, Receiver};
use protocol::modbus::rtu::{Frame, MIN_FRAME};
use protocol::modbus::{MAX_FRAME, MAX_PDU};
use sonde_bootloader::bus::{self, Unit as _};
use sonde_bootloader::recovery::Recovery;
use sonde_bootloader::stm32g4::{handover, outputs};

use super::line::Line;
use super::time::Time;
use crate::loader::stopwatch::Stopwatch;
use crate::loader::watchdog;

/// How long the main loop may be busy with one thing: at 16 MHz, without the PLL, it takes most of a second to verify
/// the longest image.
const PATIENCE_MS: u32 = 3_000;
/// Longest answer, 256 characters of 87 us, and as much again.
const SEND_PATIENCE_US: u64 = 45_000;

/// The unit and its line. In this order: instructions reach what lies near the start with less.
#[repr(C)]
pub(super) struct Station {
    line: Line,
    doing: Doing,
    time: Time,
    main_loop_seen_ms: u32,
    receiver: Receiver,
    answer: [u8; MAX_FRAME],
    unit: Recovery,
}

/// What the line is at.
enum Doing {
    Listening,
    /// An answer is to be sent when the line has been silent for long enough.
    Answering {
        length: usize,
        at_us: u64,
    },
    /// An answer is on its way, and has to be out by then.
    Sending {
        length: usize,
        until_us: u64,
    },
}

impl Station {
    pub(super) fn new(unit: Recovery, line: Line, stopwatch: Stopwatch) -> Self {
        let receiver = Receiver::new(unit.unit_id());
        let time = Time::new(stopwatch);
        Self { unit, line, receiver, answer: [0; MAX_FRAME], doing: Doing::Listening, time, main_loop_seen_ms: 0 }
    }

    /// The unit, for the main loop.
    pub(super) fn unit(&mut self) -> &mut Recovery {
        &mut self.unit
    }

    /// The main loop is alive.
    pub(super) fn main_loop_lives(&mut self) {
        self.main_loop_seen_ms = self.time.ms;
    }

    /// Everything that has to happen in time.
    pub(super) fn tick(&mut self) {
        self.time.update();
        self.unit.observe(self.time.ms);
        self.serve_line();
        // A pin that was disturbed is low again now (`boot:U8`).
        outputs::all_off();
        outputs::light(is_lit(self.time.ms));
        if self.unit.restart_is_due() {
            handover::leave_mark(Mark { kind: MarkKind::Requested, detail: 0 });
            cortex_m::peripheral::SCB::sys_reset();
        }
        if self.time.ms.wrapping_sub(self.main_loop_seen_ms) < PATIENCE_MS {
            watchdog::feed();
        }
    }

    fn serve_line(&mut self) {
        let now = self.time.us;
        match self.doing {
            Doing::Listening => self.listen(),
            Doing::Answering { length, at_us } if now >= at_us => {
                // A master that did not wait for the answer and talks to somebody else must not be talked over.
                self.doing = Doing::Listening;
                if self.line.waiting() < MIN_FRAME {
                    self.line.forget();
                    self.line.send(self.answer.get(..length).unwrap_or_default());
                    self.doing = Doing::Sending { length, until_us: now + SEND_PATIENCE_US };
                }
            }
            Doing::Sending { length, until_us } if self.line.has_sent() || now >= until_us => {
                if self.line.has_sent() {
                    self.line.forget_echo(self.answer.get(..length).unwrap_or_default());
                } else {
                    self.line.restart();
                }
                self.receiver.clear();
                self.doing = Doing::Listening;
            }
            Doing::Answering { .. } | Doing::Sending { .. } => {}
        }
    }

    fn listen(&mut self) {
        if !self.line.is_open() {
            self.line.restart();
        }
        let now = self.time.us;
        let mut behind = self.line.waiting() as u64;
        while behind > 0 {
            behind -= 1;
            let byte = self.line.take();
            let heard = self.receiver.push(byte, now.saturating_sub(behind * CHARACTER_US));
            if let Some(length) = respond(&mut self.unit, heard.as_ref(), &mut self.answer) {
                self.doing = Doing::Answering { length, at_us: now + FRAME_GAP_US };
                return;
            }
        }
        let heard = self.receiver.silence(now);
        if let Some(length) = respond(&mut self.unit, heard.as_ref(), &mut self.answer) {
            self.doing = Doing::Answering { length, at_us: now };
        }
    }
}

/// Acts on what was heard; the length of the frame to send in `answer`, if any.
fn respond(unit: &mut Recovery, heard: Option<&Heard<'_>>, answer: &mut [u8; MAX_FRAME]) -> Option<usize> {
    let Some(Heard::Request(frame)) = heard else { return None };
    let mut pdu = [0; MAX_PDU];
    let length = bus::handle(unit, frame.address, frame.pdu, &mut pdu)?;
    Frame { address: frame.address, pdu: pdu.get(..length)? }.emit(answer)
}

/// Two short flashes a second: nothing that the firmware shows looks like it.
fn is_lit(ms: u32) -> bool {
    matches!(ms % 1_000 / 100, 0 | 2)
}
