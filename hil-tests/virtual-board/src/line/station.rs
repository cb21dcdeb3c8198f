//! What the line needs of whoever hangs on it.

use crate::board::{Board, Ran, ReceivedChar, SentChar};
use crate::core::Stop;
use crate::time::VirtualTime;

/// Someone on the line with a time of its own: a board, or a script in a test.
pub trait Station {
    /// Runs to `time`, or to an earlier end. It may come to rest a little later (a stalled core).
    fn run_until(&mut self, time: VirtualTime) -> StationRan;
    /// How far it has run.
    fn now(&self) -> VirtualTime;
    /// [`Station::now`] while its CPU runs, else when it next does something by itself.
    fn next_wake(&self) -> VirtualTime;
    /// The next character that began to leave it, in the order of their starts.
    fn take_sent(&mut self) -> Option<SentChar>;
    /// A character arrives; `end` is not before [`Station::now`].
    fn receive(&mut self, character: ReceivedChar);
    /// Length of a character as its port is set; `None` while the port is off.
    fn character_time(&self) -> Option<VirtualTime>;
}

/// How a station's run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StationRan {
    /// At the asked time.
    Reached,
    /// Its power went; running it further lets time pass.
    PowerLost,
    /// The machine cannot go on: an instruction or a register that nobody modelled, in words with its address.
    Stopped(String),
}

impl Station for Board {
    fn run_until(&mut self, time: VirtualTime) -> StationRan {
        match Board::run_until(self, time) {
            Ran::Reached => StationRan::Reached,
            Ran::PowerLost => StationRan::PowerLost,
            Ran::Stopped(stop) => StationRan::Stopped(in_words(&stop)),
        }
    }

    fn now(&self) -> VirtualTime {
        Board::now(self)
    }

    fn next_wake(&self) -> VirtualTime {
        Board::next_wake(self)
    }

    fn take_sent(&mut self) -> Option<SentChar> {
        Board::take_sent(self)
    }

    fn receive(&mut self, character: ReceivedChar) {
        Board::receive(self, character);
    }

    fn character_time(&self) -> Option<VirtualTime> {
        Board::character_time(self)
    }
}

/// Why a machine stopped, with the address.
fn in_words(stop: &Stop) -> String {
    match stop {
        Stop::Lockup { pc } => format!("lockup at {pc:#010x}: a fault inside a fault handler"),
        Stop::Unmodelled { pc, what } => format!("at {pc:#010x}: {what} is not modelled"),
        Stop::UnknownInstruction { pc, opcode } => format!("at {pc:#010x}: unknown instruction {opcode:#x}"),
        other => format!("{other:?}"),
    }
}
