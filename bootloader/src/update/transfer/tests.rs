use proptest::prelude::*;

use super::*;
use crate::model::release::{Release, padded, release_key};
use protocol::semver::Version;

const V1_1: Version = Version::new(1, 1, 0);
const V1_2: Version = Version::new(1, 2, 0);

fn release(slot: Slot, version: Version, length: usize) -> Release {
    Release::of_length(slot, version, length)
}

fn armed(release: &Release) -> Event<'_> {
    // Leaked, so that tables can be made of events.
    let signed = Box::leak(Box::new(release.sign(&release_key())));
    Event::Armed { signed, manifest: &release.manifest }
}

fn whole(release: &Release) -> Event<'_> {
    Event::Whole { manifest: &release.manifest }
}

fn receiving(release: &Release) -> (Transfer, u8) {
    let mut transfer = Transfer::new();
    transfer.on(armed(release));
    let tag = transfer.began().expect("it is under way").tag;
    (transfer, tag)
}

/// Writes what is whole, as the worker does, into a copy of the slot.
fn write(transfer: &mut Transfer, slot: &mut [u8]) -> usize {
    let mut written = 0;
    let mut page = [0; PAGE];
    while let Some(job) = transfer.take_page(&mut page) {
        slot[usize::from(job.page) * PAGE..][..PAGE].copy_from_slice(&page);
        transfer.slot_opened();
        transfer.page_ended(&job, Ok(()));
        written += 1;
    }
    written
}

fn example() -> Release {
    release(Slot::B, V1_1, 5 * PAGE + 100)
}

#[test]
fn states_follow_events() {
    let (one, two) = (example(), release(Slot::B, V1_2, 600));
    let idle = Transfer::new;
    let from_receiving = || receiving(&one).0;
    let from_staged = || {
        let mut transfer = receiving(&one).0;
        transfer.on(whole(&one));
        transfer
    };
    type Table<'a> = [(&'a dyn Fn() -> Transfer, Event<'a>, fn(&State) -> bool, &'a str); 11];
    let table: Table<'_> = [
        (&idle, armed(&one), |state| matches!(state, State::Receiving(_)), "idle, armed"),
        (&idle, whole(&one), |state| matches!(state, State::Staged(_)), "idle, whole"),
        (&idle, Event::Differs, |state| matches!(state, State::Idle), "idle, differs"),
        (&idle, Event::Forget, |state| matches!(state, State::Idle), "idle, forget"),
        (&from_receiving, armed(&one), |state| matches!(state, State::Receiving(_)), "receiving, armed again"),
        (&from_receiving, armed(&two), |state| matches!(state, State::Receiving(_)), "receiving, armed for another"),
        (&from_receiving, whole(&one), |state| matches!(state, State::Staged(_)), "receiving, whole"),
        (&from_receiving, Event::Differs, |state| matches!(state, State::Receiving(_)), "receiving, differs"),
        (&from_receiving, Event::Forget, |state| matches!(state, State::Idle), "receiving, forget"),
        (&from_staged, armed(&two), |state| matches!(state, State::Receiving(_)), "staged, armed"),
        (&from_staged, Event::Forget, |state| matches!(state, State::Idle), "staged, forget"),
    ];
    for (start, event, expected, name) in table {
        let mut transfer = start();
        transfer.on(event);
        assert!(expected(transfer.state()), "{name}: {:?}", transfer.state());
    }
}

#[test]
fn arming_the_same_image_again_keeps_tag_and_progress() {
    let release = example();
    let image = padded(&release.image);
    let (mut transfer, tag) = receiving(&release);
    for offset in (0..PAGE).step_by(128) {
        let chunk = Chunk { tag, offset: offset as u32, data: &image[offset..offset + 128] };
        assert_eq!(transfer.take_chunk(&chunk), Intake::Taken);
    }
    assert_eq!(write(&mut transfer, &mut vec![0; image.len()]), 1);
    transfer.on(armed(&release));
    assert_eq!(transfer.began(), Some(Began { tag, slot: Slot::B, pages: 6, staging: Staging::Open }));
    assert_eq!(transfer.progress(), Progress::Receiving { slot: Slot::B, pages_done: 1, pages: 6 });
}

#[test]
fn the_tag_names_the_image_and_changes_with_it() {
    let (one, two) = (example(), release(Slot::B, V1_2, 600));
    let (mut transfer, tag) = receiving(&one);
    // After a reset of the unit, the same image has the same tag: chunks on their way still count.
    assert_eq!(receiving(&one).1, tag);
    transfer.on(armed(&two));
    let next = transfer.began().unwrap().tag;
    assert_ne!(next, tag);
    let late = Chunk { tag, offset: 0, data: &[1, 2] };
    assert_eq!(transfer.take_chunk(&late), Intake::NotOfThisTransfer);
}

#[test]
fn chunks_outside_the_image_are_refused() {
    let (mut transfer, tag) = receiving(&example());
    let end = 6 * PAGE as u32;
    for (offset, intake) in [(end - 2, Intake::Taken), (end, Intake::OutsideImage), (0xFF_FFFE, Intake::OutsideImage)] {
        assert_eq!(transfer.take_chunk(&Chunk { tag, offset, data: &[0; 2] }), intake, "{offset:#x}");
    }
    assert_eq!(transfer.take_chunk(&Chunk { tag, offset: end - 2, data: &[0; 4] }), Intake::OutsideImage);
}

#[test]
fn without_a_transfer_no_chunk_is_taken() {
    for tag in [0, 1, 255] {
        assert_eq!(Transfer::new().take_chunk(&Chunk { tag, offset: 0, data: &[0; 2] }), Intake::NotOfThisTransfer);
    }
}

#[test]
fn a_chunk_for_which_there_is_no_room_is_not_taken_in_part() {
    let release = release(Slot::B, V1_1, 20 * PAGE);
    let image = padded(&release.image);
    let (mut transfer, tag) = receiving(&release);
    // All but one buffer whole, nothing written yet.
    for offset in (0..(PAGE_BUFFERS - 1) * PAGE).step_by(128) {
        let chunk = Chunk { tag, offset: offset as u32, data: &image[offset..offset + 128] };
        assert_eq!(transfer.take_chunk(&chunk), Intake::Taken);
    }
    let border = 10 * PAGE;
    let straddling = Chunk { tag, offset: (border - 64) as u32, data: &image[border - 64..border + 64] };
    assert_eq!(transfer.take_chunk(&straddling), Intake::NoRoom);
    assert_eq!(transfer.buffers.free(), 1);
    write(&mut transfer, &mut vec![0; image.len()]);
    assert_eq!(transfer.take_chunk(&straddling), Intake::Taken);
}

#[test]
fn parts_of_pages_never_block_the_transfer_for_good() {
    let (mut transfer, tag) = receiving(&release(Slot::B, V1_1, 20 * PAGE));
    for page in 0..20 {
        let chunk = Chunk { tag, offset: page * PAGE_SIZE, data: &[7; 2] };
        assert_eq!(transfer.take_chunk(&chunk), Intake::Taken, "page {page}");
    }
}

#[test]
fn a_page_that_flash_did_not_take_can_be_sent_again() {
    let release = example();
    let image = padded(&release.image);
    let (mut transfer, tag) = receiving(&release);
    let send = |transfer: &mut Transfer| {
        for offset in (0..PAGE).step_by(64) {
            let chunk = Chunk { tag, offset: offset as u32, data: &image[offset..offset + 64] };
            assert_eq!(transfer.take_chunk(&chunk), Intake::Taken);
        }
    };
    send(&mut transfer);
    let mut page = [0; PAGE];
    let job = transfer.take_page(&mut page).unwrap();
    assert!(job.open_slot);
    transfer.page_ended(&job, Err(0x5_0800));
    assert_eq!(transfer.receiving().unwrap().take_failure(), Some(0x5_0800));
    assert_eq!(transfer.receiving().unwrap().take_failure(), None);
    send(&mut transfer);
    assert_eq!(write(&mut transfer, &mut vec![0; image.len()]), 1);
}

#[test]
fn the_result_of_a_page_of_another_transfer_counts_for_nothing() {
    let (mut transfer, tag) = receiving(&example());
    let marks = Marks::of(&example().manifest);
    let job = PageJob { tag: tag.wrapping_add(1), page: 0, slot: Slot::B, marks, open_slot: false };
    transfer.page_ended(&job, Ok(()));
    assert_eq!(transfer.progress(), Progress::Receiving { slot: Slot::B, pages_done: 0, pages: 6 });
}

/// Cuts an image into even pieces of at most [`MAX_CHUNK`] bytes, of lengths that `seed` gives.
fn pieces(length: usize, mut seed: u64) -> Vec<(usize, usize)> {
    let mut pieces = Vec::new();
    let mut start = 0;
    while start < length {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let piece = (2 + (seed >> 33) as usize % MAX_CHUNK / 2 * 2).min(MAX_CHUNK).min(length - start);
        pieces.push((start, start + piece));
        start += piece;
    }
    pieces
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn whatever_the_order_and_however_often_the_slot_ends_up_with_the_image(
        seed: u64,
        order in proptest::collection::vec(any::<proptest::sample::Index>(), 1..200),
    ) {
        let release = example();
        let image = padded(&release.image);
        let (mut transfer, tag) = receiving(&release);
        let mut slot = vec![0xEE; image.len()];
        let pieces = pieces(image.len(), seed);
        let mut send = |transfer: &mut Transfer, (from, to): (usize, usize)| {
            let chunk = Chunk { tag, offset: from as u32, data: &image[from..to] };
            if transfer.take_chunk(&chunk) == Intake::NoRoom {
                write(transfer, &mut slot);
                assert_eq!(transfer.take_chunk(&chunk), Intake::Taken);
            }
        };
        // Chunks at random, many twice; then all of them in order, as a host does that asked for the map.
        for index in &order {
            send(&mut transfer, *index.get(&pieces));
        }
        for piece in &pieces {
            send(&mut transfer, *piece);
        }
        write(&mut transfer, &mut slot);
        prop_assert_eq!(transfer.progress(), Progress::Receiving { slot: Slot::B, pages_done: 6, pages: 6 });
        prop_assert_eq!(slot, image);
    }
}
