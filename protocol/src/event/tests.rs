use super::chain::{Chain, Link};
use super::*;
use crate::channel::ChannelId;
use proptest::prelude::*;

fn record(number: u32, previous: ChainHash) -> EventRecord {
    let event = Event::ChannelStarted { channel: ChannelId::Two, percent: 70 };
    EventRecord { number, skipped: 0, boot: 3, time_ms: 1 << 33 | 5, repeats: 1, event, previous }
}

/// Records that name each other.
fn chained(count: u32) -> Vec<EventRecord> {
    let mut records: Vec<EventRecord> = Vec::new();
    for number in 1..=count {
        let previous = records.last().map_or(ChainHash::START, |last| ChainHash::of(&last.emit()));
        records.push(record(number, previous));
    }
    records
}

fn links(records: &[EventRecord]) -> Vec<Link> {
    let mut chain = Chain::new();
    records.iter().map(|record| chain.push(record)).collect()
}

#[test]
fn a_record_has_these_bytes() {
    let bytes = record(0x0102_0304, ChainHash([9; 8])).emit();
    let expected = [
        4, 3, 2, 1, // number
        3, 0, 0, 0, // boot
        5, 0, 0, 0, 2, // time
        2, // kind: a channel started
        1, // once
        0, // nothing skipped
        2, 70, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, // channel 2, 70 %
        9, 9, 9, 9, 9, 9, 9, 9, // the record before
    ];
    assert_eq!(bytes[..36], expected);
    assert_eq!(EventRecord::parse(&[0xFF; EVENT_SIZE]), Err(EventError::Erased));
}

#[test]
fn every_flipped_bit_of_a_record_and_of_a_head_is_noticed() {
    for bit in 0..EVENT_SIZE * 8 {
        let mut bytes = record(7, ChainHash::START).emit();
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(EventRecord::parse(&bytes), Err(EventError::Checksum), "bit {bit}");
    }
    let head = PageHead { generation: 77 };
    assert_eq!(PageHead::parse(&head.emit()), Some(head));
    for bit in 0..PAGE_HEAD_SIZE * 8 {
        let mut bytes = head.emit();
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(PageHead::parse(&bytes), None, "bit {bit}");
    }
    assert_eq!(PageHead::parse(&PageHead::CONDEMNED), None);
    assert_eq!(PageHead::parse(&[0xFF; PAGE_HEAD_SIZE]), None);
}

#[test]
fn kinds_ascend_and_have_one_name_each() {
    for pair in KINDS.windows(2) {
        assert!(pair[0].number < pair[1].number, "{}", pair[1].name);
    }
    for row in KINDS {
        assert_eq!(KINDS.iter().filter(|other| other.name == row.name).count(), 1, "{}", row.name);
        let data = if matches!(row.number, 1..=5 | 33) { [1; EVENT_DATA] } else { [0; EVENT_DATA] };
        assert_eq!(Event::read(row.number, data).kind(), row.number);
    }
}

#[test]
fn a_chain_that_nobody_touched_is_whole() {
    let links = links(&chained(20));
    assert_eq!(links[0], Link::First);
    assert!(links[1..].iter().all(|&link| link == Link::Whole), "{links:?}");
}

#[test]
fn a_changed_a_removed_and_a_moved_record_show() {
    let whole = chained(20);
    for at in 1..19 {
        let mut changed = whole.clone();
        changed[at].time_ms += 1;
        assert_eq!(links(&changed)[at + 1], Link::Changed, "record {at} changed");
        let mut removed = whole.clone();
        let number = removed.remove(at).number;
        assert_eq!(links(&removed)[at], Link::Missing { from: number, to: number });
        let mut moved = whole.clone();
        moved.swap(at, at + 1);
        assert!(links(&moved).iter().any(|link| !link.holds()), "records {at} and the next swapped");
        // Renumbered to close the gap.
        let mut closed = whole.clone();
        closed.remove(at);
        closed[at..].iter_mut().for_each(|record| record.number -= 1);
        assert_eq!(links(&closed)[at], Link::Changed);
    }
    let mut first = whole;
    first[0].previous = ChainHash([1; 8]);
    assert_eq!(links(&first)[0], Link::Changed, "the first one has none before it");
}

#[test]
fn a_record_that_was_torn_breaks_nothing_whether_it_reads_or_not() {
    let mut records = chained(10);
    // 11 is torn; 12 was written by a unit that could not read it.
    let torn = record(11, ChainHash::of(&records[9].emit()));
    let next = EventRecord { skipped: 1, ..record(12, ChainHash::of(&records[9].emit())) };
    let with = [&records[..], &[torn, next]].concat();
    assert_eq!(links(&with)[10..], [Link::Whole, Link::Skipped { numbers: 1 }]);
    records.push(next);
    assert_eq!(links(&records)[10], Link::Skipped { numbers: 1 });
}

proptest! {
    #[test]
    fn any_bytes_are_answered_and_a_record_gives_its_bytes_back(bytes in proptest::array::uniform32(any::<u8>())) {
        let mut record = [0; EVENT_SIZE];
        record[..32].copy_from_slice(&bytes);
        let checksum = crc32(&record[..36]).to_le_bytes();
        record[36..].copy_from_slice(&checksum);
        if let Ok(parsed) = EventRecord::parse(&record) {
            prop_assert_eq!(parsed.emit(), record);
        }
    }

    #[test]
    fn any_kind_and_data_are_kept(kind in any::<u8>(), data in proptest::array::uniform12(0_u8..6), wild in proptest::array::uniform12(any::<u8>())) {
        for data in [data, wild] {
            let event = Event::read(kind, data);
            prop_assert_eq!((event.kind(), event.data()), (kind, data));
        }
    }
}
