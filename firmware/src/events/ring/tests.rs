use std::collections::BTreeSet;

use bootloader::model::{FlashModel, Tear};
use embassy_futures::block_on;
use proptest::prelude::*;
use protocol::event::chain::{Chain, Link};

use super::*;

/// What a history does next.
#[derive(Debug, Clone, Copy)]
enum Act {
    Append,
    MakeRoom,
    Restart,
}

/// A log, its flash, and what its writer was told to be there.
#[derive(Clone)]
struct World {
    flash: FlashModel,
    told: Vec<u32>,
    boot: u32,
}

impl World {
    fn new() -> Self {
        Self { flash: FlashModel::erased(), told: Vec::new(), boot: 1 }
    }

    /// With `count` records, and room as a worker keeps it.
    fn of(count: usize) -> Self {
        let mut world = Self::new();
        let mut ring = Ring::open(&mut world.flash);
        for _ in 0..count {
            world.act(&mut ring, Act::MakeRoom);
            world.act(&mut ring, Act::Append);
        }
        world
    }

    /// Does one thing, as the worker does.
    fn act(&mut self, ring: &mut Ring, act: Act) {
        match act {
            Act::Append => {
                let stamp = Stamp { boot: self.boot, time_ms: self.told.len() as u64 };
                let event = Event::EventsLost { count: self.told.len() as u32 };
                if block_on(ring.append(&mut self.flash, stamp, 1, event)).is_ok() {
                    self.told.push(ring.extent().newest);
                }
            }
            Act::MakeRoom => {
                while ring.wants_room() && !self.flash.is_off() {
                    let _worn_or_off = block_on(ring.make_room(&mut self.flash));
                }
            }
            Act::Restart => {
                self.flash.power_on();
                self.boot += 1;
                *ring = Ring::open(&mut self.flash);
            }
        }
    }

    fn run(&mut self, acts: &[Act]) -> Ring {
        let mut ring = Ring::open(&mut self.flash);
        for &act in acts {
            if !self.flash.is_off() {
                self.act(&mut ring, act);
            }
        }
        ring
    }

    /// Power comes back; what must be so then, whatever happened.
    fn check(&mut self, what: &str) -> Vec<EventRecord> {
        self.flash.power_on();
        self.boot += 1;
        let ring = Ring::open(&mut self.flash);
        let records = read_all(&ring, &mut self.flash);
        let mut chain = Chain::new();
        for record in &records {
            let link = chain.push(record);
            assert!(link.holds(), "{what}: {link:?} at {}: {:?}", record.number, numbers(&records));
        }
        // The last one may have been torn, and read well a moment ago: it is settled before anything follows it.
        if records.last().map_or(0, |record| record.number) == ring.extent().newest {
            assert_eq!(chain.head(), ring.head(), "{what}");
        }
        // What was told to be there is there, but for whole pages at the old end.
        let there: BTreeSet<u32> = records.iter().map(|record| record.number).collect();
        let lost = self.told.iter().filter(|number| !there.contains(number)).count();
        assert!(self.told[lost..].iter().all(|number| there.contains(number)), "{what}: {:?}", numbers(&records));
        let kept = self.told.len() - lost;
        let at_least = (PAGES - 2 - PAGES_AHEAD) * EVENTS_PER_PAGE - 2 * self.boot as usize;
        assert!(kept >= self.told.len().min(at_least), "{what}: {kept} of {} kept", self.told.len());
        records
    }

    /// The log goes on, and gives no number twice.
    fn goes_on(&mut self, seen: &[EventRecord], what: &str) {
        let highest = seen.iter().map(|record| record.number).chain(self.told.iter().copied()).max().unwrap_or(0);
        let before = self.told.len();
        self.run(&[Act::MakeRoom, Act::Append, Act::Append]);
        assert_eq!(self.told.len(), before + 2, "{what}: it takes no more records");
        assert!(self.told[before] > highest && self.told[before + 1] > self.told[before], "{what}");
    }
}

fn read_all(ring: &Ring, flash: &mut FlashModel) -> Vec<EventRecord> {
    let mut records = Vec::new();
    let mut since = 0;
    loop {
        let mut out = [[0; EVENT_SIZE]; 5];
        let count = ring.read(flash, since, &mut out);
        records.extend(out[..count].iter().map(|bytes| EventRecord::parse(bytes).expect("a record is read")));
        let Some(last) = records.last().filter(|_| count > 0) else { return records };
        since = last.number + 1;
    }
}

fn numbers(records: &[EventRecord]) -> Vec<u32> {
    records.iter().map(|record| record.number).collect()
}

/// Appends and restarts around the end of a page, with the erase of the oldest.
const TURN: [Act; 7] = [Act::Append, Act::Append, Act::MakeRoom, Act::Append, Act::Restart, Act::MakeRoom, Act::Append];

#[test]
fn a_new_unit_has_an_empty_log_and_takes_records_when_a_page_is_ready() {
    let mut flash = FlashModel::erased();
    let mut ring = Ring::open(&mut flash);
    assert_eq!((ring.extent(), ring.head(), ring.room()), (Extent::default(), ChainHash::START, 0));
    let stamp = Stamp { boot: 1, time_ms: 5 };
    let refused = block_on(ring.append(&mut flash, stamp, 1, Event::EmergencyStopLifted));
    assert_eq!(refused, Err(AppendError::Full));
    while ring.wants_room() {
        block_on(ring.make_room(&mut flash)).unwrap();
    }
    assert_eq!(ring.room(), PAGES_AHEAD * EVENTS_PER_PAGE);
    block_on(ring.append(&mut flash, stamp, 3, Event::EmergencyStopLifted)).unwrap();
    let records = read_all(&ring, &mut flash);
    assert_eq!((records.len(), records[0].number, records[0].repeats, records[0].boot), (1, 1, 3, 1));
    assert_eq!(ring.extent(), Extent { count: 1, oldest: 1, newest: 1, unreadable: 0 });
}

#[test]
fn a_ring_that_went_round_twice_holds_the_newest_and_one_whole_chain() {
    let mut world = World::of(2 * PAGES * EVENTS_PER_PAGE + 7);
    let records = world.check("twice round");
    assert_eq!(records.last().map(|record| record.number), world.told.last().copied());
    assert_eq!(Ring::open(&mut world.flash).extent().count as usize, records.len());
    assert!(records.len() >= (PAGES - PAGES_AHEAD - 1) * EVENTS_PER_PAGE, "{}", records.len());
    world.goes_on(&records, "twice round");
}

#[test]
fn each_page_is_erased_once_for_each_time_it_is_filled() {
    let mut world = World::of(EVENTS_PER_PAGE);
    let before = world.flash.operations();
    let mut ring = Ring::open(&mut world.flash);
    for _ in 0..PAGES * EVENTS_PER_PAGE {
        world.act(&mut ring, Act::MakeRoom);
        world.act(&mut ring, Act::Append);
    }
    let words = (PAGES * EVENTS_PER_PAGE * EVENT_SIZE / 8) as u64;
    // And the copy of the last record; for each page its head, zeroed when it had one, and the erase.
    let pages = world.flash.operations() - before - words - (EVENT_SIZE / 8) as u64;
    assert!(pages <= 3 * PAGES as u64, "{pages}");
}

#[test]
fn power_lost_in_any_operation_leaves_every_record_but_those_of_the_oldest_page_and_one_chain() {
    // fault:P1, fault:P3, fault:P4
    let mut cuts = 0;
    let page = EVENTS_PER_PAGE;
    for filled in [0, 1, 20, page - 2, page - 1, page, 8 * page - 3, 8 * page + 1, 11 * page - 2] {
        let start = World::of(filled);
        let operations = {
            let mut whole = start.clone();
            whole.run(&TURN);
            whole.flash.operations() - start.flash.operations()
        };
        for cut in 0..operations {
            for seed in [cut, 7 * cut + 2] {
                for tear in Tear::kinds(seed) {
                    let what = format!("{filled} records, cut in operation {cut} of {operations}, {tear:?}");
                    let mut world = start.clone();
                    world.flash.plan_cut(cut, tear);
                    world.run(&TURN);
                    let seen = world.check(&what);
                    world.goes_on(&seen, &what);
                    for _ in 0..=Tear::LONGEST {
                        world.check(&what);
                    }
                    cuts += 1;
                }
            }
        }
    }
    assert!(cuts > 3_000, "{cuts}");
}

#[test]
fn a_second_cut_in_what_follows_the_first_is_survived_too() {
    // fault:P2
    let page = EVENTS_PER_PAGE;
    let acts = &TURN[..5];
    for filled in [1, 8 * page - 2] {
        let start = World::of(filled);
        let first_cuts = operations_of(&start, acts);
        for first in 0..first_cuts {
            for first_tear in Tear::kinds(first) {
                let mut between = start.clone();
                between.flash.plan_cut(first, first_tear);
                between.run(acts);
                between.flash.power_on();
                let second_cuts = operations_of(&between, acts);
                for second in (first % 4..second_cuts).step_by(4) {
                    let tear = Tear::kinds(first + second)[(first + 2 * second) as usize % 7];
                    let what = format!("{filled} records, {first_tear:?} in {first}, then {tear:?} in {second}");
                    let mut world = between.clone();
                    world.flash.plan_cut(second, tear);
                    world.run(acts);
                    let seen = world.check(&what);
                    world.goes_on(&seen, &what);
                    world.check(&what);
                }
            }
        }
    }
}

fn operations_of(start: &World, acts: &[Act]) -> u64 {
    let mut whole = start.clone();
    whole.run(acts);
    whole.flash.operations() - start.flash.operations()
}

#[test]
fn a_poisoned_record_is_a_hole_with_a_name_and_the_others_stand() {
    // fault:P5
    let mut world = World::of(20);
    world.flash.poison(place_of(0, 7) + 8);
    world.flash.power_on();
    let ring = Ring::open(&mut world.flash);
    let records = read_all(&ring, &mut world.flash);
    assert_eq!(records.len(), 19);
    assert_eq!(ring.extent(), Extent { count: 19, oldest: 1, newest: 20, unreadable: 1 });
    let mut chain = Chain::new();
    let links: Vec<Link> = records.iter().map(|record| chain.push(record)).filter(|link| !link.holds()).collect();
    assert_eq!(links, [Link::Missing { from: 8, to: 8 }]);
}

#[test]
fn a_page_that_does_not_erase_is_left_alone_and_the_others_go_round() {
    // fault:P7
    let mut world = World::of(PAGES * EVENTS_PER_PAGE);
    world.flash.make_stuck(offset_of(3));
    let mut ring = Ring::open(&mut world.flash);
    for _ in 0..2 * PAGES * EVENTS_PER_PAGE {
        world.act(&mut ring, Act::MakeRoom);
        world.act(&mut ring, Act::Append);
    }
    assert_eq!(world.told.len(), 3 * PAGES * EVENTS_PER_PAGE, "nothing was refused");
    let records = world.check("one page is stuck");
    world.goes_on(&records, "one page is stuck");
}

#[test]
fn a_word_that_does_not_take_costs_its_place_and_nothing_else() {
    let mut world = World::of(3);
    // A place that looks erased and is not.
    world.flash.place(place_of(0, 4) + 16, &[0; 8]);
    world.goes_on(&[], "a place that is used up");
    let records = world.check("a place that is used up");
    assert_eq!(numbers(&records), world.told);
}

#[test]
fn reading_and_opening_write_nothing() {
    // fault:P13
    let mut world = World::of(60);
    let before = world.flash.operations();
    let ring = Ring::open(&mut world.flash);
    let _ = read_all(&ring, &mut world.flash);
    assert_eq!(world.flash.operations(), before);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_flash_is_a_log(bytes in proptest::collection::vec(any::<u8>(), 0..64), places in proptest::collection::vec(0_u32..2048, 0..64)) {
        let mut world = World::of(70);
        for (place, byte) in places.iter().zip(bytes.iter().cycle()) {
            let offset = EVENT_LOG_OFFSET + place * 8;
            match byte % 3 {
                0 => world.flash.poison(offset),
                1 => world.flash.flip_bit(offset, u32::from(*byte) % 64),
                _ => world.flash.place(offset, &[*byte; 8]),
            }
        }
        let ring = Ring::open(&mut world.flash);
        let records = read_all(&ring, &mut world.flash);
        prop_assert!(records.windows(2).all(|pair| pair[0].number < pair[1].number));
        let before = world.told.len();
        world.run(&[Act::MakeRoom, Act::Append]);
        prop_assert_eq!(world.told.len(), before + 1, "it goes on");
    }

    #[test]
    fn any_history_of_appends_restarts_and_cuts_leaves_one_chain(
        steps in proptest::collection::vec((0_u8..60, 0_u64..200, any::<u64>()), 1..12),
    ) {
        let mut world = World::new();
        for (appends, cut, seed) in steps {
            let tears = Tear::kinds(seed);
            world.flash.plan_cut(cut, tears[seed as usize % tears.len()]);
            let mut acts = vec![Act::MakeRoom];
            acts.extend([Act::Append, Act::MakeRoom].repeat(appends.into()));
            world.run(&acts);
            let seen = world.check("a history");
            world.goes_on(&seen, "a history");
        }
    }
}
