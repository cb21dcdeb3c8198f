//! What the linked images keep to whenever they change flash: caches that are flushed, option bytes that stay closed, and
//! a supply that may dip at any instant.

use protocol::boot_record::{FallbackCause, Phase, Switch};
use protocol::layout::{RAM_BASE, Slot};
use protocol::message::{Answer, Request, UnitStatus};
use protocol::reset::ResetCause;
use virtual_board::board::ResetCause as Reset;
use virtual_board::time::VirtualTime;

use crate::client::{Client, Undone};
use crate::flash::UnitFlash;
use crate::releases::releases;
use crate::rig::Rig;
use crate::test::tests;

tests![
    a_whole_update_opens_no_option_bytes_and_leaves_no_cache_stale,
    a_supply_that_dips_while_a_page_is_written_leaves_the_old_image,
    a_supply_that_dips_while_a_trial_is_counted_leaves_a_whole_image,
    a_unit_that_hangs_while_a_page_is_written_is_reset_and_the_transfer_goes_on,
    after_an_update_that_was_resumed_the_image_before_it_is_still_taken_back,
];

/// 1.0.0 confirmed in slot A.
fn before() -> UnitFlash {
    UnitFlash::new().confirmed(&releases().first.image(Slot::A))
}

fn status(rig: &mut Rig) -> UnitStatus {
    rig.wait_for_answer();
    Client::open(rig).status(rig)
}

fn a_whole_update_opens_no_option_bytes_and_leaves_no_cache_stale() {
    // fault:P8, fault:P11: staged, activated, tried, confirmed, and the log written by firmware and loader.
    let image = releases().second.image(Slot::B);
    let mut rig = Rig::running(before());
    let mut client = Client::open(&mut rig);
    assert_eq!(client.stage(&mut rig, &image), Ok(image.named()));
    assert!(matches!(client.activate(&mut rig), Ok(Answer::Activating(_))));
    rig.wait_ms(300);
    rig.wait_for_answer();
    rig.wait_ms(400);
    let confirmed = Client::open(&mut rig).call(&mut rig, &Request::Confirm);
    assert!(matches!(confirmed, Ok(Answer::Confirmed(_))), "{confirmed:?}");
    assert!(rig.board().flash_operations() > 1_000);
    assert!(!rig.board().data_cache_was_stale());
    assert_eq!(rig.board().option_keys_offered(), 0);
}

/// Instants spread over what a few flash operations take.
fn dips() -> impl Iterator<Item = VirtualTime> {
    (0..12).map(|round| VirtualTime::from_micros(700 * round + 37 * (round % 5)))
}

fn a_supply_that_dips_while_a_page_is_written_leaves_the_old_image() {
    // fault:P11
    let image = releases().second.image(Slot::B);
    for dip in dips() {
        let mut rig = Rig::running(before());
        let began = Client::open(&mut rig).begin(&mut rig, &image).expect("a signed manifest is taken");
        Client::send(&mut rig, began.tag, &image, 2).expect("the unit has power");
        rig.wait(dip);
        let in_a_write = rig.board().flash_operations();
        rig.board_mut().brown_out();
        let status = status(&mut rig);
        assert_eq!(status.running, releases().first.image(Slot::A).named(), "{dip} after {in_a_write} operations");
        assert_eq!((status.phase, status.reset), (Phase::Confirmed, ResetCause::BrownOut));
        assert_eq!(rig.board().option_keys_offered(), 0);
    }
}

fn a_supply_that_dips_while_a_trial_is_counted_leaves_a_whole_image() {
    // fault:P11: inside each word of the record that the loader writes, in both copies.
    let second = releases().second.image(Slot::B);
    for operation in 1..=16 {
        let mut rig = Rig::off(before().holding(&releases().second, Slot::B).on_trial(&second));
        rig.power_on();
        while rig.board().flash_operations() < operation {
            rig.wait(VirtualTime::from_micros(20));
        }
        rig.board_mut().brown_out();
        let status = status(&mut rig);
        assert_eq!(status.running, second.named(), "in operation {operation}");
        assert!(matches!(status.phase, Phase::Trial { attempts: 1..=2, .. }), "{:?}", status.phase);
        assert_eq!(rig.board().option_keys_offered(), 0);
    }
}

fn a_unit_that_hangs_while_a_page_is_written_is_reset_and_the_transfer_goes_on() {
    // fault:P10: the watchdog runs out in the middle of the copy.
    let image = releases().second.image(Slot::B);
    let mut rig = Rig::running(before());
    let began = Client::open(&mut rig).begin(&mut rig, &image).expect("a signed manifest is taken");
    let before_it = rig.board().flash_operations();
    Client::send(&mut rig, began.tag, &image, 1).expect("the unit has power");
    while rig.board().flash_operations() < before_it + 20 {
        rig.wait(VirtualTime::from_micros(100));
    }
    hang(&mut rig);
    rig.wait_ms(2_000);
    let causes: Vec<_> = rig.board().resets().iter().map(|reset| reset.cause).collect();
    assert_eq!(causes, [Reset::PowerOn, Reset::Watchdog]);
    let status = status(&mut rig);
    let first = releases().first.image(Slot::A).named();
    assert_eq!((status.running, status.phase, status.reset), (first, Phase::Confirmed, ResetCause::Watchdog));
    assert_eq!(Client::open(&mut rig).stage(&mut rig, &image), Ok(image.named()));
}

/// Sends the core into a branch to itself, in the last bytes of RAM.
fn hang(rig: &mut Rig) {
    const BRANCH_TO_ITSELF: [u8; 2] = 0xE7FE_u16.to_le_bytes();
    let core = rig.board_mut().core_mut();
    let place = core.ram().len() - BRANCH_TO_ITSELF.len();
    core.ram_mut()[place..].copy_from_slice(&BRANCH_TO_ITSELF);
    core.set_register(15, RAM_BASE + place as u32);
}

fn after_an_update_that_was_resumed_the_image_before_it_is_still_taken_back() {
    // fault:S8: nothing that a resumed transfer does may stand in the way of going back.
    let hanging = releases().hanging.image(Slot::B);
    let mut rig = Rig::running(before());
    let began = Client::open(&mut rig).begin(&mut rig, &hanging).expect("a signed manifest is taken");
    Client::send(&mut rig, began.tag, &hanging, began.pages / 2).expect("the unit has power");
    rig.wait_ms(200);
    rig.board_mut().pin_reset();
    rig.wait_for_answer();
    let mut client = Client::open(&mut rig);
    assert_eq!(client.stage(&mut rig, &hanging), Ok(hanging.named()));
    assert!(matches!(client.activate(&mut rig), Ok(Answer::Activating(_)) | Err(Undone::Gone)));
    rig.wait_ms(6_000);
    let status = status(&mut rig);
    assert_eq!((status.running, status.phase), (releases().first.image(Slot::A).named(), Phase::Confirmed));
    let (from, cause) = (hanging.manifest.version, FallbackCause::AttemptsUsed);
    assert_eq!(status.last_switch, Switch::FellBack { from, cause, reset: ResetCause::Watchdog });
}
