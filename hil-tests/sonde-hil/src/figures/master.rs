//! A master that asks one unit in virtual time.

use protocol::modbus::MAX_FRAME;
use protocol::modbus::rtu::Frame;
use protocol::registers::RegisterId;
use virtual_board::board::Board;
use virtual_board::line::{Heard, LineSettings, Segment};
use virtual_board::time::VirtualTime;
use virtual_board::unit::FIRST_UNIT_ID;

use super::FigureError;
use super::release::Release;

/// Longest time until an answer is there.
const PATIENCE_MS: u64 = 100;
/// A silence of this length ends an answer.
const SILENCE: VirtualTime = VirtualTime::from_millis(2);

/// The master and its line.
pub(super) struct Master {
    segment: Segment<Board>,
}

/// A request that was answered.
pub(super) struct Answered {
    /// When the request's last character had left.
    pub(super) said: VirtualTime,
    /// From there to the answer's first bit.
    pub(super) after: VirtualTime,
    /// The answer.
    pub(super) pdu: Vec<u8>,
}

impl Master {
    /// Its unit gets power now.
    pub(super) fn with_unit(release: &Release) -> Self {
        let mut board = release.factory.board(FIRST_UNIT_ID);
        board.power_on();
        Self { segment: Segment::new(LineSettings::default(), vec![board]) }
    }

    pub(super) fn now(&self) -> VirtualTime {
        self.segment.now()
    }

    pub(super) fn board(&self) -> &Board {
        self.segment.station(0)
    }

    pub(super) fn board_mut(&mut self) -> &mut Board {
        self.segment.station_mut(0)
    }

    pub(super) fn wait(&mut self, time: VirtualTime) {
        self.segment.run_for(time);
    }

    /// Sends a request and takes the answer; `None` when there is none.
    pub(super) fn ask(&mut self, pdu: &[u8]) -> Option<Answered> {
        let mut frame = [0; MAX_FRAME];
        let length = Frame { address: FIRST_UNIT_ID, pdu }.emit(&mut frame).expect("a request fits a frame");
        let character = self.segment.settings().character_time();
        self.segment.take_heard();
        self.segment.send(&frame[..length]);
        self.segment.run_for(VirtualTime(character.0 * length as u64));
        let said = self.segment.now();
        let heard = self.listen(said);
        let bytes: Vec<u8> = heard.iter().map(|heard| heard.value).collect();
        let after = heard.first()?.end - character - said;
        let pdu = Frame::parse(&bytes)?.pdu.to_vec();
        Some(Answered { said, after, pdu })
    }

    fn listen(&mut self, since: VirtualTime) -> Vec<Heard> {
        let mut heard: Vec<Heard> = Vec::new();
        loop {
            let (last, limit) =
                heard.last().map_or((since, VirtualTime::from_millis(PATIENCE_MS)), |last| (last.end, SILENCE));
            if self.segment.now() - last >= limit {
                return heard;
            }
            self.segment.run_for(VirtualTime::from_micros(500));
            heard.extend(self.segment.take_heard());
        }
    }

    /// Reads the first word of a register.
    pub(super) fn read(&mut self, register: RegisterId) -> Option<u16> {
        let [high, low] = register.address().to_be_bytes();
        match *self.ask(&[3, high, low, 0, 1])?.pdu {
            [3, 2, high, low] => Some(u16::from_be_bytes([high, low])),
            _ => None,
        }
    }

    /// Writes a register; when the order's last character had left.
    pub(super) fn order(&mut self, register: RegisterId, value: u16) -> Result<VirtualTime, FigureError> {
        let [high, low] = register.address().to_be_bytes();
        let [value_high, value_low] = value.to_be_bytes();
        let pdu = [6, high, low, value_high, value_low];
        let answered = self.ask(&pdu).ok_or(FigureError::TooLate { what: "answer", within_ms: PATIENCE_MS })?;
        if answered.pdu != pdu {
            let reason = format!("{register:?} {value} was answered {:02x?}", answered.pdu);
            return Err(FigureError::Host { what: "writing a register", reason });
        }
        Ok(answered.said)
    }

    /// Asks for something every 40 ms for so long, as a PLC does.
    pub(super) fn poll(&mut self, time: VirtualTime) {
        let end = self.now() + time;
        while self.now() < end {
            self.read(RegisterId::ActiveMask);
            self.wait(VirtualTime::from_millis(40));
        }
    }
}
