//! Flash that has been damaged: the unit boots something, or stays up with all outputs off, and never loops (`fault:P5`,
//! `fault:S9`, `boot:B3`, `boot:B9`).

use protocol::boot_record::{FallbackCause, Phase, Switch};
use protocol::handover::BootReason;
use protocol::layout::{ANCHORS_OFFSET, BOOT_LOG_OFFSETS, IDENTITY_OFFSET, Slot};
use protocol::message::UnitStatus;
use protocol::registers::RegisterId;
use protocol::reset::ResetCause;
use protocol::semver::Version;
use virtual_board::time::VirtualTime;

use crate::client::Client;
use crate::flash::UnitFlash;
use crate::releases::releases;
use crate::rig::Rig;
use crate::test::tests;

tests![
    a_unit_without_an_image_stays_in_its_loader,
    a_unit_with_both_slots_damaged_stays_in_its_loader,
    a_unit_that_cannot_know_what_may_run_stays_in_its_loader,
    a_poisoned_slot_gives_way_to_the_other_one_and_the_record_is_written_once,
    a_poisoned_copy_of_the_boot_log_is_passed_over,
    a_unit_with_both_copies_of_the_boot_log_poisoned_boots_and_writes_no_more_than_one_record_a_trial,
    a_word_that_decays_under_the_running_image_ends_it_and_the_other_slot_runs,
];

const SECOND: Version = Version::new(1, 1, 0);

/// 1.0.0 in slot A, 1.1.0 confirmed in slot B.
fn updated() -> UnitFlash {
    UnitFlash::new().holding(&releases().second, Slot::B).confirmed(&releases().second.image(Slot::B))
}

/// A unit with words that fault on read.
fn poisoned(flash: UnitFlash, offsets: &[u32]) -> Rig {
    let mut rig = Rig::off(flash);
    for &offset in offsets {
        rig.board_mut().flash_mut().poison(offset as usize);
    }
    rig
}

fn status(rig: &mut Rig) -> UnitStatus {
    rig.wait_for_answer();
    Client::open(rig).status(rig)
}

/// It is asleep in its loader, has reset once only and has written nothing; the rig has seen no output on.
fn stays_in_its_loader(mut rig: Rig) {
    rig.power_on();
    rig.wait_ms(3_000);
    assert_eq!(rig.board().resets().len(), 1);
    assert_eq!(rig.board().flash_operations(), 0);
    assert!(rig.program_counter() < ANCHORS_OFFSET, "{:#07x}", rig.program_counter());
    // At any one instant it may be serving a tick.
    let sleeps = (0..10).any(|_| {
        rig.wait(VirtualTime::from_micros(130));
        rig.board().core().is_asleep()
    });
    assert!(sleeps);
}

fn a_unit_without_an_image_stays_in_its_loader() {
    stays_in_its_loader(Rig::off(UnitFlash::new().without(Slot::A)));
}

fn a_unit_with_both_slots_damaged_stays_in_its_loader() {
    // Whatever the log says.
    for flash in [UnitFlash::new().holding(&releases().second, Slot::B), updated()] {
        let flash = flash.damaged(Slot::A.image_offset() + 0x1234).damaged(Slot::B.image_offset() + 0x321);
        stays_in_its_loader(Rig::off(flash));
    }
    let words = [Slot::A.offset() + 8, Slot::B.image_offset() + 0x2000];
    stays_in_its_loader(poisoned(updated(), &words));
}

fn a_unit_that_cannot_know_what_may_run_stays_in_its_loader() {
    // Its keys or its identity cannot be read: another revision's image could drive other pins.
    for offset in [ANCHORS_OFFSET, IDENTITY_OFFSET] {
        stays_in_its_loader(poisoned(updated(), &[offset]));
    }
}

fn a_poisoned_slot_gives_way_to_the_other_one_and_the_record_is_written_once() {
    let (manifest, image) = (Slot::B.offset(), Slot::B.image_offset());
    let end = image + releases().second.image(Slot::B).bytes.len() as u32;
    for offset in [manifest, manifest + 216, image, image + 0x1000, (end - 1) & !7] {
        let mut rig = poisoned(updated(), &[offset]);
        rig.power_on();
        let first = status(&mut rig);
        let expected =
            Switch::FellBack { from: SECOND, cause: FallbackCause::ImageInvalid, reset: ResetCause::PowerOn };
        assert_eq!((first.running.slot, first.phase, first.last_switch), (Slot::A, Phase::Confirmed, expected));
        assert_eq!(first.boot_reason, BootReason::ConfirmedInvalid, "{offset:#07x}");
        let before = rig.flash_but_events();
        rig.board_mut().pin_reset();
        assert_eq!(status(&mut rig).boot_reason, BootReason::Confirmed);
        assert_eq!(rig.board().resets().len(), 2);
        assert!(rig.flash_but_events() == before, "{offset:#07x}");
    }
}

fn a_poisoned_copy_of_the_boot_log_is_passed_over() {
    for page in BOOT_LOG_OFFSETS {
        let mut rig = poisoned(updated(), &[page + 16]);
        rig.power_on();
        let before = rig.flash_but_events();
        for _ in 0..3 {
            rig.wait_for_answer();
            assert_eq!(rig.number(RegisterId::BootReason), u16::from(BootReason::Confirmed.code()));
            assert_eq!(rig.number(RegisterId::RunningSlot), 1);
            rig.board_mut().pin_reset();
        }
        assert!(rig.flash_but_events() == before, "no boot repairs anything");
        let status = status(&mut rig);
        assert_eq!((status.running.version, status.phase), (SECOND, Phase::Confirmed));
        assert!(status.log_copies_good.contains(&true));
    }
}

fn a_unit_with_both_copies_of_the_boot_log_poisoned_boots_and_writes_no_more_than_one_record_a_trial() {
    // Nobody knows what was confirmed: the higher version is tried, with the other one to fall back on.
    let mut rig = poisoned(updated(), &BOOT_LOG_OFFSETS);
    rig.power_on();
    let first = status(&mut rig);
    assert_eq!((first.running.version, first.boot_reason), (SECOND, BootReason::Trial));
    assert!(matches!(first.phase, Phase::Trial { attempts: 1, fallback: Some(_) }), "{:?}", first.phase);
    assert_eq!(first.log_copies_good, [true; 2], "one erase and one record each");
    rig.board_mut().pin_reset();
    let second = status(&mut rig);
    assert!(matches!(second.phase, Phase::Trial { attempts: 2, fallback: Some(_) }), "{:?}", second.phase);
    assert_eq!(rig.board().resets().len(), 2);
}

fn a_word_that_decays_under_the_running_image_ends_it_and_the_other_slot_runs() {
    let mut rig = Rig::running(updated());
    // Asleep in the executor; the first word that it fetches when it wakes.
    while !rig.board().core().is_asleep() {
        rig.wait(VirtualTime::from_micros(10));
    }
    let offset = rig.program_counter();
    assert!(offset > Slot::B.image_offset());
    rig.board_mut().flash_mut().poison(offset as usize);
    rig.wait_ms(500);
    let status = status(&mut rig);
    assert_eq!((status.running.slot, status.boot_reason), (Slot::A, BootReason::ConfirmedInvalid));
    assert_eq!(status.reset, ResetCause::Panic);
    assert_eq!(rig.number(RegisterId::LastShutdownReason), 4, "fault");
    assert_eq!(rig.board().resets().len(), 2);
}
