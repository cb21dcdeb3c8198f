//! A station that follows a script, for tests of everything around the board.

use std::collections::VecDeque;

use super::settings::LineSettings;
use super::station::{Station, StationRan};
use crate::board::{ReceivedChar, SentChar};
use crate::time::VirtualTime;

/// What a script makes of the bytes heard so far: an answer takes them off.
type Script = Box<dyn FnMut(&mut Vec<u8>) -> Option<Vec<u8>> + Send>;

/// A station without a chip.
pub(crate) struct Scripted {
    now: VirtualTime,
    character: VirtualTime,
    script: Script,
    /// From the last byte of a request to its answer.
    pub(crate) think: VirtualTime,
    /// Its CPU is awake while it thinks.
    pub(crate) computes: bool,
    pub(crate) driver_enabled: bool,
    pub(crate) port_on: bool,
    /// Loses power then.
    pub(crate) power_lost_at: VirtualTime,
    /// Its machine stops then.
    pub(crate) stops_at: VirtualTime,
    inbox: VecDeque<ReceivedChar>,
    bytes: Vec<u8>,
    outbox: VecDeque<(VirtualTime, u8)>,
    free_at: VirtualTime,
    sent: VecDeque<SentChar>,
    /// Everything that arrived.
    pub(crate) arrived: Vec<ReceivedChar>,
}

impl Scripted {
    pub(crate) fn new(
        settings: LineSettings,
        script: impl FnMut(&mut Vec<u8>) -> Option<Vec<u8>> + Send + 'static,
    ) -> Self {
        Self {
            now: VirtualTime::ZERO,
            character: settings.character_time(),
            script: Box::new(script),
            think: VirtualTime::from_millis(1),
            computes: false,
            driver_enabled: true,
            port_on: true,
            power_lost_at: VirtualTime::NEVER,
            stops_at: VirtualTime::NEVER,
            inbox: VecDeque::new(),
            bytes: Vec::new(),
            outbox: VecDeque::new(),
            free_at: VirtualTime::ZERO,
            sent: VecDeque::new(),
            arrived: Vec::new(),
        }
    }

    /// Listens only.
    pub(crate) fn silent() -> Self {
        Self::new(LineSettings::default(), |_| None)
    }

    /// Sends back every `length` bytes.
    pub(crate) fn echo(length: usize) -> Self {
        Self::new(LineSettings::default(), move |bytes| (bytes.len() >= length).then(|| std::mem::take(bytes)))
    }

    /// Sends by itself.
    pub(crate) fn say(&mut self, at: VirtualTime, bytes: &[u8]) {
        self.outbox.extend(bytes.iter().map(|byte| (at, *byte)));
    }

    pub(crate) fn values(&self) -> Vec<u8> {
        self.arrived.iter().map(|character| character.value).collect()
    }

    fn next_start(&self) -> VirtualTime {
        self.outbox.front().map_or(VirtualTime::NEVER, |(at, _)| self.free_at.max(*at))
    }

    fn hear(&mut self) {
        while self.inbox.front().is_some_and(|character| character.end <= self.now) {
            let Some(character) = self.inbox.pop_front() else { return };
            self.bytes.push(character.value);
            if let Some(answer) = (self.script)(&mut self.bytes) {
                self.say(character.end + self.think, &answer);
            }
        }
    }

    fn speak(&mut self, time: VirtualTime) {
        while self.next_start() < time {
            let start = self.next_start();
            let Some((_, value)) = self.outbox.pop_front() else { return };
            self.free_at = start + self.character;
            self.sent.push_back(SentChar { value, start, end: self.free_at, driver_enabled: self.driver_enabled });
        }
    }
}

impl Station for Scripted {
    fn run_until(&mut self, time: VirtualTime) -> StationRan {
        if self.stops_at <= time {
            return StationRan::Stopped("unmodelled register at 0x08000123".into());
        }
        if self.power_lost_at <= time {
            self.speak(self.power_lost_at);
            self.now = std::mem::replace(&mut self.power_lost_at, VirtualTime::NEVER);
            self.outbox.clear();
            self.port_on = false;
            return StationRan::PowerLost;
        }
        self.hear();
        self.speak(time);
        self.now = time;
        self.hear();
        StationRan::Reached
    }

    fn now(&self) -> VirtualTime {
        self.now
    }

    fn next_wake(&self) -> VirtualTime {
        let answer = self.next_start();
        let inbox = self.inbox.front().map_or(VirtualTime::NEVER, |character| character.end);
        let planned = self.power_lost_at.min(self.stops_at);
        let next = answer.min(inbox).min(planned);
        if self.computes && answer < VirtualTime::NEVER { self.now } else { next.max(self.now) }
    }

    fn take_sent(&mut self) -> Option<SentChar> {
        self.sent.pop_front()
    }

    fn receive(&mut self, character: ReceivedChar) {
        assert!(character.end >= self.now, "a character from the past");
        self.arrived.push(character);
        self.inbox.push_back(character);
    }

    fn character_time(&self) -> Option<VirtualTime> {
        self.port_on.then_some(self.character)
    }
}
