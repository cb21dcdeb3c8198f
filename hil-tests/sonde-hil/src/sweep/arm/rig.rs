//! A unit on a line, and a master that waits in virtual time.

use protocol::mailbox::{CHUNK, CHUNK_REGISTERS, Chunk, Envelope, MAX_REQUEST, REQUEST, REQUEST_REGISTERS, RESPONSE};
use protocol::message::{Answer, Refusal, Reply, Request};
use protocol::modbus::exception::{EXCEPTION_FLAG, Exception};
use protocol::modbus::function::Function;
use protocol::modbus::rtu::Frame;
use protocol::modbus::{MAX_FRAME, MAX_READ};
use protocol::registers::{REGISTERS, RegisterId};
use protocol::semver::Version;
use virtual_board::board::Board;
use virtual_board::line::{LineSettings, Segment};
use virtual_board::time::VirtualTime;
use virtual_board::unit::FIRST_UNIT_ID;

/// Why a unit does not do what it is asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum Undone {
    /// It does not answer any more, or never comes to an end.
    #[error("no answer")]
    Gone,
    /// It refuses.
    #[error("refused: {0}")]
    Refused(Refusal),
}

/// What is up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Up {
    /// An image of that version.
    Image(Version),
    /// The loader, in recovery.
    Recovery,
}

/// The unit and its line.
pub(super) struct Rig {
    segment: Segment<Board>,
    sequence: u16,
}

impl Rig {
    /// A line with this unit on it, quiet.
    pub(super) fn new(board: Board) -> Self {
        Self { segment: Segment::new(LineSettings::default(), vec![board]), sequence: 0 }
    }

    pub(super) fn board(&self) -> &Board {
        self.segment.station(0)
    }

    pub(super) fn board_mut(&mut self) -> &mut Board {
        self.segment.station_mut(0)
    }

    /// Why the machine cannot go on, if it cannot.
    pub(super) fn stopped(&self) -> Option<&str> {
        self.segment.stopped(0)
    }

    pub(super) fn now(&self) -> VirtualTime {
        self.segment.now()
    }

    pub(super) fn send(&mut self, frame: &[u8]) {
        self.segment.send(frame);
    }

    /// Lets time pass, but none after a loss of power.
    pub(super) fn run(&mut self, time: VirtualTime) {
        const STEP: VirtualTime = VirtualTime::from_millis(1);
        let end = self.now() + time;
        while self.now() < end && self.board().is_powered() {
            self.segment.run_for(STEP);
        }
    }

    /// Waits until an image answers, or the loader in recovery, which has none of the registers.
    pub(super) fn up(&mut self, patience: VirtualTime) -> Option<Up> {
        let end = self.now() + patience;
        let frame = read_frame(address(RegisterId::FirmwareVersion), 3);
        while self.now() < end && self.stopped().is_none() {
            match self.ask(&frame) {
                Some(pdu) if pdu[0] == Function::ReadHoldingRegisters.code() | EXCEPTION_FLAG => {
                    return Some(Up::Recovery);
                }
                Some(pdu) => {
                    if let Some([major, minor, patch]) = words_of(&pdu).as_deref() {
                        return Some(Up::Image(Version::new(*major, *minor, *patch)));
                    }
                }
                None => {}
            }
        }
        None
    }

    /// The power goes for a moment.
    pub(super) fn power_cycle(&mut self) {
        self.board_mut().power_off();
        self.board_mut().power_on();
    }

    /// Asks over the mailbox, and polls for the reply.
    pub(super) fn request(&mut self, request: &Request) -> Result<Answer, Undone> {
        const POLLS: usize = 100;
        let frame = self.frame_of(request);
        self.write(&frame)?;
        let poll = read_frame(RESPONSE, MAX_READ);
        for _ in 0..POLLS {
            let words = words_of(&self.exchange(&poll)?).ok_or(Undone::Gone)?;
            let bytes: Vec<u8> = words.into_iter().flat_map(u16::to_be_bytes).collect();
            let (_, payload) = Envelope::parse(&bytes).map_err(|_| Undone::Gone)?;
            match Reply::parse(payload).map_err(|_| Undone::Gone)? {
                Reply::Done(answer) => return Ok(answer),
                Reply::Refused(refusal) => return Err(Undone::Refused(refusal)),
                Reply::Pending => self.run(VirtualTime::from_millis(5)),
            }
        }
        Err(Undone::Gone)
    }

    /// Writes to a window; waits while the unit is busy.
    pub(super) fn write(&mut self, frame: &[u8]) -> Result<(), Undone> {
        const TRIES: usize = 40;
        for _ in 0..TRIES {
            if self.exchange(frame)?[..]
                != [Function::WriteMultipleRegisters.code() | EXCEPTION_FLAG, Exception::Busy.code()]
            {
                return Ok(());
            }
            self.run(VirtualTime::from_millis(5));
        }
        Err(Undone::Gone)
    }

    /// Asks again when there is no answer: an erase may have stopped the core for longer than a master waits.
    fn exchange(&mut self, frame: &[u8]) -> Result<Vec<u8>, Undone> {
        const TRIES: usize = 4;
        (0..TRIES).find_map(|_| self.ask(frame)).ok_or(Undone::Gone)
    }

    /// The frame of the next request.
    pub(super) fn frame_of(&mut self, request: &Request) -> Vec<u8> {
        self.sequence += 1;
        let envelope = Envelope { session: 0x5EED, sequence: self.sequence };
        let (mut payload, mut window) = ([0; MAX_REQUEST], [0; REQUEST_REGISTERS as usize * 2]);
        let payload = request.emit(&mut payload).expect("requests fit their window");
        let length = envelope.emit(payload, &mut window).expect("requests fit their window");
        write_frame(REQUEST, &window[..length])
    }

    /// Sends a frame and takes the answer's PDU.
    pub(super) fn ask(&mut self, frame: &[u8]) -> Option<Vec<u8>> {
        /// An answer starts within 5 ms, but for a unit that is still booting.
        const START: VirtualTime = VirtualTime::from_millis(15);
        const SILENCE: VirtualTime = VirtualTime::from_millis(2);
        let character = self.segment.settings().character_time();
        self.segment.take_heard();
        self.segment.send(frame);
        self.run(VirtualTime(character.0 * frame.len() as u64));
        let mut heard = Vec::new();
        let mut quiet_since = self.now();
        while self.board().is_powered() && self.now() - quiet_since < if heard.is_empty() { START } else { SILENCE } {
            self.run(VirtualTime::from_millis(1));
            let more = self.segment.take_heard();
            if let Some(last) = more.last() {
                quiet_since = last.end;
            }
            heard.extend(more.into_iter().map(|heard| heard.value));
        }
        Some(Frame::parse(&heard)?.pdu.to_vec())
    }
}

/// The frame that carries a piece of an image.
pub(super) fn chunk_frame(tag: u8, offset: u32, data: &[u8]) -> Vec<u8> {
    let mut window = [0; CHUNK_REGISTERS as usize * 2];
    let length = Chunk { tag, offset, data }.emit(&mut window).expect("a chunk fits its window");
    write_frame(CHUNK, &window[..length])
}

fn read_frame(address: u16, quantity: u16) -> Vec<u8> {
    let mut pdu = vec![Function::ReadHoldingRegisters.code()];
    pdu.extend(address.to_be_bytes());
    pdu.extend(quantity.to_be_bytes());
    framed(&pdu)
}

/// The registers in an answer to such a frame.
fn words_of(pdu: &[u8]) -> Option<Vec<u16>> {
    let (_, [length, data @ ..]) = pdu.split_first()? else { return None };
    let words = data.chunks_exact(2).map(|word| u16::from_be_bytes([word[0], word[1]])).collect();
    (usize::from(*length) == data.len()).then_some(words)
}

fn write_frame(window: u16, bytes: &[u8]) -> Vec<u8> {
    let mut pdu = vec![Function::WriteMultipleRegisters.code()];
    pdu.extend(window.to_be_bytes());
    pdu.extend((bytes.len().div_ceil(2) as u16).to_be_bytes());
    pdu.push(bytes.len().next_multiple_of(2) as u8);
    pdu.extend(bytes);
    pdu.resize(6 + bytes.len().next_multiple_of(2), 0);
    framed(&pdu)
}

fn framed(pdu: &[u8]) -> Vec<u8> {
    let mut frame = [0; MAX_FRAME];
    let length = Frame { address: FIRST_UNIT_ID, pdu }.emit(&mut frame).expect("these frames are short enough");
    frame[..length].to_vec()
}

fn address(id: RegisterId) -> u16 {
    REGISTERS.iter().find(|register| register.id == id).expect("every id is in the table").address
}
