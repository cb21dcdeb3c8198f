//! The event loop of the line.

use super::counters::{LineCounters, Meter};
use super::faults::{Disturber, Fate, LineFaults};
use super::flight::{Character, Flight};
use super::master::{Heard, MasterPort};
use super::settings::{LineSettings, understands};
use super::station::{Station, StationRan};
use super::trace::{LineEvent, Sender};
use crate::board::{ReceivedChar, SentChar};
use crate::time::VirtualTime;

/// A watcher of the line.
type Trace = Box<dyn FnMut(&LineEvent) + Send>;

/// Stations and a master port on one line.
pub struct Segment<S> {
    seats: Vec<Seat<S>>,
    master: MasterPort,
    flight: Flight,
    meter: Meter,
    disturber: Disturber,
    trace: Option<Trace>,
    now: VirtualTime,
}

/// A place on the line.
struct Seat<S> {
    station: S,
    /// Why its machine stopped for good.
    stopped: Option<String>,
}

/// Whether something is going on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activity {
    /// A character is on the line or due, or a station's CPU is awake.
    Busy,
    /// Nothing happens before that time unless the master is handed bytes; [`VirtualTime::NEVER`]: nothing at all.
    IdleUntil(VirtualTime),
}

impl<S: Station> Segment<S> {
    /// A line with these stations, at the latest of their times.
    #[must_use]
    pub fn new(settings: LineSettings, stations: Vec<S>) -> Self {
        let now = stations.iter().map(Station::now).max().unwrap_or_default();
        let seats = stations.into_iter().map(|station| Seat { station, stopped: None }).collect();
        Self {
            seats,
            master: MasterPort::new(settings),
            flight: Flight::default(),
            meter: Meter::default(),
            disturber: Disturber::new(LineFaults::default()),
            trace: None,
            now,
        }
    }

    /// Disturbs characters from now on.
    pub fn set_faults(&mut self, faults: LineFaults) {
        self.disturber = Disturber::new(faults);
    }

    /// Calls `watcher` with everything that happens, in the order of time.
    pub fn set_trace(&mut self, watcher: impl FnMut(&LineEvent) + Send + 'static) {
        self.trace = Some(Box::new(watcher));
    }

    /// How far everything has run.
    #[must_use]
    pub fn now(&self) -> VirtualTime {
        self.now
    }

    /// Rate and format of the master port.
    #[must_use]
    pub fn settings(&self) -> LineSettings {
        self.master.settings
    }

    /// What went over the line.
    #[must_use]
    pub fn counters(&self) -> LineCounters {
        self.meter.counters
    }

    /// Stations on the line.
    #[must_use]
    pub fn station_count(&self) -> usize {
        self.seats.len()
    }

    /// A station; panics when there is none with that index.
    #[must_use]
    pub fn station(&self, index: usize) -> &S {
        &self.seats[index].station
    }

    /// A station for changes from outside (power, pins); panics when there is none with that index.
    pub fn station_mut(&mut self, index: usize) -> &mut S {
        &mut self.seats[index].station
    }

    /// Why a station's machine stopped for good, if it did.
    #[must_use]
    pub fn stopped(&self, index: usize) -> Option<&str> {
        self.seats[index].stopped.as_deref()
    }

    /// After a reset from outside a stopped machine may go on.
    pub fn revive(&mut self, index: usize) {
        self.seats[index].stopped = None;
    }

    /// Hands bytes to the master port: they follow one another without a gap, the first one now.
    pub fn send(&mut self, bytes: &[u8]) {
        self.master.push(bytes, self.now);
    }

    /// The same, the first one not before `earliest`.
    pub fn send_from(&mut self, bytes: &[u8], earliest: VirtualTime) {
        self.master.push(bytes, self.now.max(earliest));
    }

    /// What the master has heard since the last call.
    pub fn take_heard(&mut self) -> Vec<Heard> {
        std::mem::take(&mut self.master.heard)
    }

    /// Whether a station's character is on the line.
    #[must_use]
    pub fn is_answering(&self) -> bool {
        self.flight.has_answer()
    }

    /// Whether something is going on.
    #[must_use]
    pub fn activity(&self) -> Activity {
        let due = self.master.next_start().is_some_and(|start| start <= self.now);
        let wake = self.next_wake();
        if due || !self.flight.is_empty() || wake <= self.now {
            return Activity::Busy;
        }
        Activity::IdleUntil(wake.min(self.master.next_start().unwrap_or(VirtualTime::NEVER)))
    }

    /// Runs everything for a length of time, as fast as it can.
    pub fn run_for(&mut self, length: VirtualTime) {
        self.run_until(self.now + length);
    }

    /// Runs everything to `limit`, as fast as it can.
    pub fn run_until(&mut self, limit: VirtualTime) {
        while self.now < limit {
            self.step(limit);
        }
    }

    /// Runs everything to the end of the next character, one character time, or `limit`, whichever comes first.
    pub fn step(&mut self, limit: VirtualTime) {
        let horizon = self.horizon(limit);
        for index in 0..self.seats.len() {
            self.run_station(index, horizon);
        }
        while let Some(character) = self.master.start(horizon) {
            self.flight.begin(character);
        }
        self.now = self.now.max(horizon);
        while let Some(character) = self.flight.land(self.now) {
            self.deliver(character);
        }
    }

    /// Nothing that begins before it is heard before it.
    fn horizon(&self, limit: VirtualTime) -> VirtualTime {
        let earliest = [self.next_wake(), self.master.next_start().unwrap_or(VirtualTime::NEVER)];
        let begins = earliest.into_iter().fold(VirtualTime::NEVER, VirtualTime::min).max(self.now);
        let lengths = self.seats.iter().filter_map(|seat| seat.station.character_time());
        let shortest = lengths.fold(self.master.settings.character_time(), VirtualTime::min).max(VirtualTime(1));
        let lands = self.flight.next_end().unwrap_or(VirtualTime::NEVER).max(self.now);
        limit.min(begins + shortest).min(lands)
    }

    /// When the first station does something by itself.
    fn next_wake(&self) -> VirtualTime {
        let living = self.seats.iter().filter(|seat| seat.stopped.is_none());
        living.map(|seat| seat.station.next_wake()).min().unwrap_or(VirtualTime::NEVER)
    }

    fn run_station(&mut self, index: usize, horizon: VirtualTime) {
        let seat = &mut self.seats[index];
        if seat.stopped.is_some() {
            return;
        }
        while seat.station.now() < horizon {
            match seat.station.run_until(horizon) {
                StationRan::Reached => break,
                StationRan::PowerLost => {
                    let event = LineEvent::PowerLost { station: index, time: seat.station.now() };
                    collect(seat, index, &mut self.flight, &mut self.meter);
                    self.flight.cut(Sender::Station(index));
                    report(&mut self.trace, &event);
                }
                StationRan::Stopped(reason) => {
                    let event = LineEvent::Stopped { station: index, time: seat.station.now(), reason: reason.clone() };
                    seat.stopped = Some(reason);
                    report(&mut self.trace, &event);
                    break;
                }
            }
        }
        collect(seat, index, &mut self.flight, &mut self.meter);
    }

    /// A character is over: everybody but its sender hears it, or garbage.
    fn deliver(&mut self, character: Character) {
        self.meter.count(&character);
        let fate = self.disturber.fate();
        self.meter.counters.disturbed += u64::from(fate != Fate::Whole);
        let value = match fate {
            Fate::Corrupted(mask) => character.value ^ mask,
            Fate::Whole | Fate::Dropped => character.value,
        };
        if fate != Fate::Dropped {
            self.deliver_to_master(&character, value);
            for index in 0..self.seats.len() {
                self.deliver_to_station(index, &character, value);
            }
        }
        let Character { sender, value, start, end, collided } = character;
        let disturbed = fate != Fate::Whole;
        report(&mut self.trace, &LineEvent::Character { sender, value, start, end, collided, disturbed });
    }

    fn deliver_to_master(&mut self, character: &Character, value: u8) {
        if self.flight.drove_during(Sender::Master, character) {
            return;
        }
        let understood = understands(self.master.settings.character_time(), character.length());
        let framing_error = character.collided || !understood;
        let value = if framing_error { self.disturber.garbage() } else { value };
        self.master.heard.push(Heard { value, end: character.end, framing_error });
    }

    fn deliver_to_station(&mut self, index: usize, character: &Character, value: u8) {
        let sender = Sender::Station(index);
        let seat = &mut self.seats[index];
        if seat.stopped.is_some() || sender == character.sender {
            return;
        }
        let Some(length) = seat.station.character_time().filter(|_| !self.flight.drove_during(sender, character))
        else {
            self.meter.counters.unheard += 1;
            return;
        };
        let understood = understands(length, character.length());
        self.meter.counters.unheard += u64::from(!understood);
        let framing_error = character.collided || !understood;
        let value = if framing_error { self.disturber.garbage() } else { value };
        let end = character.end.max(seat.station.now());
        seat.station.receive(ReceivedChar { value, end, framing_error });
    }
}

impl<S> Segment<S> {
    /// The stations, when the line is taken down.
    #[must_use]
    pub fn into_stations(self) -> Vec<S> {
        self.seats.into_iter().map(|seat| seat.station).collect()
    }
}

/// Puts what a station began to send on the line.
fn collect<S: Station>(seat: &mut Seat<S>, index: usize, flight: &mut Flight, meter: &mut Meter) {
    while let Some(SentChar { value, start, end, driver_enabled }) = seat.station.take_sent() {
        if driver_enabled {
            flight.begin(Character { sender: Sender::Station(index), value, start, end, collided: false });
        } else {
            meter.counters.undriven += 1;
        }
    }
}

fn report(trace: &mut Option<Trace>, event: &LineEvent) {
    if let Some(watcher) = trace {
        watcher(event);
    }
}
