//! Power cuts in the linked images, a handful of each kind: before, after and inside a flash operation, torn in every way
//! that the board knows (`fault:P1`, `fault:P3`, `fault:P4`). Afterwards the unit boots a whole image, answers, passes its
//! self-test, and what was cut can be done again. The sweep over all operations is `cargo xtask sweep`.

use protocol::boot_record::Phase;
use protocol::digest::PageHash;
use protocol::layout::{PAGE_SIZE, Slot};
use protocol::manifest::SIGNED_SIZE;
use protocol::message::{Answer, Request, UnitStatus};
use virtual_board::board::Tear;

use crate::client::{Client, Undone};
use crate::flash::UnitFlash;
use crate::releases::{Image, releases};
use crate::rig::Rig;
use crate::test::tests;

tests![
    a_cut_while_a_trial_is_counted_leaves_the_old_or_the_new_image,
    two_cuts_in_a_row_while_a_trial_is_counted_leave_the_old_or_the_new_image,
    a_cut_while_a_page_is_written_leaves_the_old_image_and_a_transfer_that_goes_on,
    a_cut_while_the_manifest_is_written_leaves_the_old_image_and_a_slot_that_can_be_finished,
    a_cut_while_an_image_is_activated_leaves_the_old_or_the_new_image,
    a_cut_while_a_trial_is_confirmed_leaves_it_running,
];

/// Words of a record of the boot log, and of its copy.
const RECORD_OPERATIONS: u64 = 16;
/// The words of a record, and the seal that a host's question about a staged image, or a confirmation, adds before it.
const SEALED_RECORD_OPERATIONS: u64 = 1 + RECORD_OPERATIONS;

/// Every way to tear.
fn tears(seed: u64) -> [Tear; 5] {
    [Tear::Before, Tear::After, Tear::Garbage(seed), Tear::Poison(seed), Tear::Unstable(seed)]
}

/// Each tear with `each` operations of `operations`, spread so that all tears together meet most of them.
fn cuts(operations: u64, each: u64) -> impl Iterator<Item = (u64, Tear)> {
    (0..each).flat_map(move |round| {
        let spread = move |index: u64| (round * 5 + index) * 7 % operations + 1;
        (0..).zip(tears(2026 + round)).map(move |(index, tear)| (spread(index), tear))
    })
}

fn new_image() -> Image {
    releases().second.image(Slot::B)
}

/// 1.0.0 confirmed in slot A, nothing in slot B.
fn before() -> UnitFlash {
    UnitFlash::new().confirmed(&releases().first.image(Slot::A))
}

/// The same, and 1.1.0 whole in slot B.
fn staged() -> UnitFlash {
    before().holding(&releases().second, Slot::B)
}

/// The same, and activated.
fn activated() -> UnitFlash {
    staged().on_trial(&new_image())
}

/// Cuts the power of a running unit in an operation of what `act` does; then power comes again.
fn cut(flash: UnitFlash, (operation, tear): (u64, Tear), act: impl FnOnce(&mut Rig)) -> Rig {
    let mut rig = Rig::running(flash);
    // The start itself is in the event log by then.
    rig.wait_ms(200);
    rig.board_mut().plan_power_cut(operation, tear);
    act(&mut rig);
    lose_power(&mut rig, operation);
    rig.power_on();
    rig.wait_for_answer();
    rig
}

fn lose_power(rig: &mut Rig, operation: u64) {
    for _ in 0..100 {
        if !rig.board().is_powered() {
            return;
        }
        rig.wait_ms(5);
    }
    panic!("there was no flash operation {operation}");
}

/// The unit has settled and finds nothing wrong with itself.
fn settled(rig: &mut Rig) -> (Client, UnitStatus) {
    rig.wait_ms(400);
    let mut client = Client::open(rig);
    let status = client.status(rig);
    assert!(status.self_test.passed(), "{:?}", status.self_test.failures().collect::<Vec<_>>());
    (client, status)
}

fn runs_old(status: &UnitStatus) -> bool {
    status.running == releases().first.image(Slot::A).named() && status.phase == Phase::Confirmed
}

fn runs_new(status: &UnitStatus) -> bool {
    status.running == new_image().named()
}

/// It can be confirmed if it is the new one, and stays what it is.
fn is_whole(mut rig: Rig, at: (u64, Tear)) {
    let (mut client, status) = settled(&mut rig);
    assert!(runs_old(&status) || runs_new(&status), "{at:?}: {status:?}");
    if matches!(status.phase, Phase::Trial { .. }) {
        let confirmed = client.call(&mut rig, &Request::Confirm);
        assert!(matches!(confirmed, Ok(Answer::Confirmed(_))), "{at:?}: {confirmed:?}");
    }
    rig.board_mut().pin_reset();
    rig.wait_for_answer();
    assert_eq!(Client::open(&mut rig).status(&mut rig).running, status.running, "{at:?}");
}

fn a_cut_while_a_trial_is_counted_leaves_the_old_or_the_new_image() {
    // boot:B7
    for at in cuts(RECORD_OPERATIONS, 2) {
        let mut rig = Rig::off(activated());
        rig.board_mut().plan_power_cut(at.0, at.1);
        rig.power_on();
        lose_power(&mut rig, at.0);
        rig.power_on();
        rig.wait_for_answer();
        is_whole(rig, at);
    }
}

fn two_cuts_in_a_row_while_a_trial_is_counted_leave_the_old_or_the_new_image() {
    // fault:P2: the second boot may have to erase a page first, and its record is cut as well.
    for (number, at) in (0..).zip(cuts(RECORD_OPERATIONS, 1)) {
        let mut rig = Rig::off(activated());
        for tear in [at.1, tears(number)[number as usize]] {
            rig.board_mut().plan_power_cut(at.0, tear);
            rig.power_on();
            lose_power(&mut rig, at.0);
        }
        rig.power_on();
        rig.wait_for_answer();
        is_whole(rig, at);
    }
}

fn a_cut_while_a_page_is_written_leaves_the_old_image_and_a_transfer_that_goes_on() {
    /// The slot's first page is erased and marked, the image's is erased, then come its words and its mark.
    const OPERATIONS: u64 = 3 + 256 + 1;
    let image = new_image();
    let hash = PageHash::of(&image.bytes[..PAGE_SIZE as usize]);
    let erases = (1..=3).flat_map(|operation| tears(7).map(move |tear| (operation, tear)));
    for at in erases.chain(cuts(OPERATIONS, 1)) {
        let mut rig = cut(staged(), at, |rig| {
            let began = Client::open(rig).begin(rig, &other_image());
            let sent = began.and_then(|began| Client::send(rig, began.tag, &other_image(), 1));
            assert!(matches!(sent, Ok(()) | Err(Undone::Gone)), "{at:?}: {sent:?}");
        });
        let (mut client, status) = settled(&mut rig);
        assert!(runs_old(&status), "{at:?}: {status:?}");
        // The slot holds an image no more, or still the one that it held: then there is nothing to do.
        let began = client.begin(&mut rig, &image).expect("a signed manifest is taken");
        Client::send(&mut rig, began.tag, &image, 1).expect("the unit has power");
        rig.wait_ms(100);
        match client.call(&mut rig, &Request::PageMap { first: 0 }) {
            Ok(Answer::PageMap(map)) => assert_eq!(map.hashes[0], hash, "{at:?}"),
            other => panic!("{at:?}: {other:?}"),
        }
    }
}

/// What is sent over the image in slot B: another release for it.
fn other_image() -> Image {
    releases().hanging.image(Slot::B)
}

fn a_cut_while_the_manifest_is_written_leaves_the_old_image_and_a_slot_that_can_be_finished() {
    /// The words of a signed manifest, and the mark behind it.
    const OPERATIONS: u64 = SIGNED_SIZE as u64 / 8 + 1;
    let image = new_image();
    let finish = |rig: &mut Rig, client: &mut Client| -> Result<Answer, Undone> {
        client.begin(rig, &image)?;
        client.call(rig, &Request::Finish)
    };
    for at in cuts(OPERATIONS, 2) {
        let flash = before().holding_pages(&releases().second, Slot::B);
        let mut rig = cut(flash, at, |rig| {
            let mut client = Client::open(rig);
            assert_eq!(finish(rig, &mut client), Err(Undone::Gone), "{at:?}");
        });
        let (mut client, status) = settled(&mut rig);
        assert!(runs_old(&status), "{at:?}: {status:?}");
        let finished = finish(&mut rig, &mut client);
        assert!(
            matches!(finished, Ok(Answer::Staged(staged)) if staged.image == image.named()),
            "{at:?}: {finished:?}"
        );
    }
}

fn a_cut_while_an_image_is_activated_leaves_the_old_or_the_new_image() {
    for at in cuts(SEALED_RECORD_OPERATIONS, 1).chain([(1, Tear::Unstable(7))]) {
        let rig = cut(staged(), at, |rig| {
            let mut client = Client::open(rig);
            // It is staged already, and gets its second seal.
            if client.begin(rig, &new_image()).is_ok() {
                assert_eq!(client.activate(rig), Err(Undone::Gone), "{at:?}");
            }
        });
        is_whole(rig, at);
    }
}

fn a_cut_while_a_trial_is_confirmed_leaves_it_running() {
    // fault:S10
    for at in cuts(SEALED_RECORD_OPERATIONS, 1).chain([(1, Tear::Unstable(7))]) {
        let mut rig = cut(activated(), at, |rig| {
            let (mut client, _) = settled(rig);
            assert_eq!(client.call(rig, &Request::Confirm), Err(Undone::Gone), "{at:?}");
        });
        let (_, status) = settled(&mut rig);
        assert!(runs_new(&status), "{at:?}: {status:?}");
        is_whole(rig, at);
    }
}
