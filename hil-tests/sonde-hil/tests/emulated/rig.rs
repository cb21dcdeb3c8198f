//! One unit on a line, and a Modbus master that waits in virtual time.
//!
//! Whatever a test asks, the rig watches what must be so at any time: no output is on without leave (`boot:U8`), the machine met
//! nothing that nobody modelled, every answer starts no sooner than 1.5 characters and no later than 50 ms after its
//! request (`bus:M6`) and comes without a gap.

use protocol::layout::{CRASH_OFFSET, CRASH_PAGES, EVENT_LOG_OFFSET, FLASH_BASE, PAGE_SIZE};
use protocol::modbus::MAX_FRAME;
use protocol::modbus::exception::EXCEPTION_FLAG;
use protocol::modbus::function::Function;
use protocol::modbus::rtu::Frame;
use protocol::registers::{REGISTERS, Register, RegisterId};
use virtual_board::board::Board;
use virtual_board::line::{Heard, LineSettings, Segment};
use virtual_board::time::VirtualTime;
use virtual_board::unit::{self, FIRST_UNIT_ID};

use crate::flash::UnitFlash;

/// Its address on the line.
pub(crate) const UNIT: u8 = FIRST_UNIT_ID;
/// Longest time until an answer starts (`bus:M6`).
const LATEST: VirtualTime = VirtualTime::from_millis(50);
/// A silence of this length ends an answer.
const SILENCE: VirtualTime = VirtualTime::from_millis(2);
/// Longest boot that is waited for: three attempts of a trial that hangs, a watchdog's second each.
const PATIENCE: VirtualTime = VirtualTime::from_secs(6);

/// The unit and its line.
pub(crate) struct Rig {
    segment: Segment<Board>,
    outputs: Leave,
}

/// Whether channels may be on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leave {
    /// No test has anything to do with channels.
    Off,
    /// The test starts channels, and says itself what may be on.
    Given,
}

impl Rig {
    /// A unit without power.
    pub(crate) fn off(flash: UnitFlash) -> Self {
        let board = unit::board(flash.bytes(), UNIT);
        Self { segment: Segment::new(LineSettings::default(), vec![board]), outputs: Leave::Off }
    }

    /// A unit that has booted and answers.
    pub(crate) fn running(flash: UnitFlash) -> Self {
        let mut rig = Self::off(flash);
        rig.power_on();
        rig.wait_for_answer();
        rig
    }

    /// A line that was served to programs outside.
    pub(crate) fn of(segment: Segment<Board>) -> Self {
        Self { segment, outputs: Leave::Off }
    }

    /// The line, to be served to programs outside.
    pub(crate) fn into_segment(self) -> Segment<Board> {
        self.segment
    }

    /// Power comes.
    pub(crate) fn power_on(&mut self) {
        self.board_mut().power_on();
    }

    /// From now on channels may be on: the test watches them itself.
    pub(crate) fn give_leave(&mut self) {
        self.outputs = Leave::Given;
    }

    /// The present.
    pub(crate) fn now(&self) -> VirtualTime {
        self.segment.now()
    }

    /// Its board.
    pub(crate) fn board(&self) -> &Board {
        self.segment.station(0)
    }

    /// Its board, to change something.
    pub(crate) fn board_mut(&mut self) -> &mut Board {
        self.segment.station_mut(0)
    }

    /// The program counter's offset in flash.
    pub(crate) fn program_counter(&self) -> u32 {
        self.board().core().registers()[15] - FLASH_BASE
    }

    /// What is in flash, but for the event log, which each start is written to.
    pub(crate) fn flash_but_events(&self) -> Vec<u8> {
        let mut bytes = self.board().flash().to_vec();
        bytes[EVENT_LOG_OFFSET as usize..(CRASH_OFFSET + CRASH_PAGES * PAGE_SIZE) as usize].fill(0);
        bytes
    }

    /// Lets time pass.
    pub(crate) fn wait_ms(&mut self, milliseconds: u64) {
        self.wait(VirtualTime::from_millis(milliseconds));
    }

    /// Lets time pass.
    pub(crate) fn wait(&mut self, time: VirtualTime) {
        self.segment.run_for(time);
        self.watch();
    }

    /// Asks until the unit answers.
    pub(crate) fn wait_for_answer(&mut self) {
        let limit = self.segment.now() + PATIENCE;
        while self.read(RegisterId::MapVersion).is_err() {
            assert!(self.segment.now() < limit, "the unit does not answer");
        }
    }

    /// Sends bytes one behind the other and stays until the last has left.
    pub(crate) fn say(&mut self, bytes: &[u8]) {
        self.segment.send(bytes);
        let characters = bytes.len() as u64;
        self.segment.run_for(VirtualTime(self.character().0 * characters));
    }

    /// What comes next; empty when nothing begins in time.
    pub(crate) fn listen(&mut self) -> Vec<u8> {
        let asked = self.segment.now();
        let mut heard: Vec<Heard> = self.segment.take_heard();
        loop {
            let now = self.segment.now();
            let since = heard.last().map_or(asked, |last| last.end);
            let limit = if heard.is_empty() { LATEST + LATEST } else { SILENCE };
            if now - since >= limit {
                break;
            }
            self.segment.run_for(VirtualTime::from_micros(500));
            heard.extend(self.segment.take_heard());
        }
        self.watch();
        self.watch_answer(asked, &heard);
        heard.iter().map(|heard| heard.value).collect()
    }

    /// Sends a request and takes the answer; `None` when there is none.
    pub(crate) fn ask(&mut self, pdu: &[u8]) -> Option<Vec<u8>> {
        self.ask_frame(&framed(UNIT, pdu))
    }

    /// Sends a frame and takes the answer; `None` when there is none.
    pub(crate) fn ask_frame(&mut self, frame: &[u8]) -> Option<Vec<u8>> {
        self.say(frame);
        self.take_answer()
    }

    /// Takes the answer; `None` when there is none.
    pub(crate) fn take_answer(&mut self) -> Option<Vec<u8>> {
        let heard = self.listen();
        if heard.is_empty() || !self.board().is_powered() {
            return None;
        }
        let frame = Frame::parse(&heard).unwrap_or_else(|| panic!("no frame: {heard:02x?}"));
        assert_eq!(frame.address, UNIT);
        Some(frame.pdu.to_vec())
    }

    /// Reads with function 3 or 4.
    pub(crate) fn read_at(&mut self, function: Function, address: u16, quantity: u16) -> Result<Vec<u16>, Refused> {
        let [high, low] = address.to_be_bytes();
        let [count_high, count_low] = quantity.to_be_bytes();
        let answer = self.ask(&[function.code(), high, low, count_high, count_low]);
        let data = accepted(answer, function)?;
        let (count, data) = data.split_first().expect("an answer to a read counts its bytes");
        assert_eq!((usize::from(*count), data.len()), (data.len(), usize::from(quantity) * 2));
        Ok(data.chunks_exact(2).map(|word| u16::from_be_bytes([word[0], word[1]])).collect())
    }

    /// Reads all words of a register with function 3.
    pub(crate) fn read(&mut self, id: RegisterId) -> Result<Vec<u16>, Refused> {
        let Register { address, words, .. } = *register(id);
        self.read_at(Function::ReadHoldingRegisters, address, words)
    }

    /// The number in a register of one word; the unit must answer.
    pub(crate) fn number(&mut self, id: RegisterId) -> u16 {
        self.read(id).unwrap_or_else(|refused| panic!("{id:?}: {refused:?}"))[0]
    }

    /// Writes one register with function 6.
    pub(crate) fn write_at(&mut self, address: u16, value: u16) -> Result<(), Refused> {
        let mut request = vec![Function::WriteSingleRegister.code()];
        request.extend(address.to_be_bytes());
        request.extend(value.to_be_bytes());
        let answer = self.ask(&request);
        accepted(answer, Function::WriteSingleRegister).map(|echo| assert_eq!(echo, request[1..]))
    }

    /// Writes one register with function 6.
    pub(crate) fn write(&mut self, id: RegisterId, value: u16) -> Result<(), Refused> {
        self.write_at(register(id).address, value)
    }

    fn character(&self) -> VirtualTime {
        self.segment.settings().character_time()
    }

    /// What must be so at any time.
    fn watch(&self) {
        assert_eq!(self.segment.stopped(0), None, "the machine stopped");
        if self.outputs == Leave::Given {
            return;
        }
        let outputs = self.board().outputs();
        assert!(!outputs.ever_on, "a START output was on");
        assert_eq!((outputs.start, outputs.reset), ([false; 4], [false; 4]));
    }

    fn watch_answer(&self, asked: VirtualTime, heard: &[Heard]) {
        let character = self.character();
        // A unit whose power goes breaks off in the middle of a character.
        let Some(first) = heard.first().filter(|_| self.board().is_powered()) else { return };
        let after = first.end - character - asked;
        assert!(after <= LATEST, "answered after {after}");
        assert!(after.0 * 2 >= character.0 * 3, "answered after {after}, within 1.5 characters");
        assert!(heard.iter().all(|heard| !heard.framing_error), "collided");
        let gap = heard.windows(2).map(|pair| pair[1].end - character - pair[0].end).max().unwrap_or_default();
        assert!(gap.0 * 2 <= character.0 * 3, "a gap of {gap} in an answer");
    }
}

/// Why a request brought nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Silence.
    Silent,
    /// An exception, by its code.
    Exception(u8),
}

/// The data behind the function code of a good answer.
pub(crate) fn accepted(answer: Option<Vec<u8>>, function: Function) -> Result<Vec<u8>, Refused> {
    let answer = answer.ok_or(Refused::Silent)?;
    match answer.split_first() {
        Some((&code, data)) if code == function.code() => Ok(data.to_vec()),
        Some((&code, &[exception])) if code == function.code() | EXCEPTION_FLAG => Err(Refused::Exception(exception)),
        _ => panic!("{answer:02x?} is no answer to function {}", function.code()),
    }
}

/// The answer that says "exception `code`" to `function`.
pub(crate) fn exception(function: u8, code: u8) -> Option<Vec<u8>> {
    Some(vec![function | EXCEPTION_FLAG, code])
}

/// A frame.
pub(crate) fn framed(address: u8, pdu: &[u8]) -> Vec<u8> {
    let mut frame = [0; MAX_FRAME];
    let length = Frame { address, pdu }.emit(&mut frame).expect("the test's frames fit");
    frame[..length].to_vec()
}

/// The table's entry.
pub(crate) fn register(id: RegisterId) -> &'static Register {
    REGISTERS.iter().find(|register| register.id == id).expect("every id is in the table")
}
