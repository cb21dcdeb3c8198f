//! The loader in recovery over the line (`boot:B9`): what it says, what it refuses, and how a unit gets out of it.

use protocol::boot_record::{BootState, Phase, Switch};
use protocol::handover::{BootReason, MARK_SIZE, Mark, MarkKind};
use protocol::layout::{BOOT_LOG_OFFSETS, MARK_ADDRESS, RAM_BASE, Slot};
use protocol::message::{Answer, Recovery, Refusal, Request};
use protocol::modbus::function::Function;
use protocol::recovery::{RecoveryReason, SlotTrouble};
use protocol::registers::RegisterId;
use protocol::reset::ResetCause;
use protocol::semver::Version;
use virtual_board::board::{Hold, ResetCause as BoardReset};
use virtual_board::time::VirtualTime;

use crate::client::{Client, Undone};
use crate::flash::UnitFlash;
use crate::releases::{Image, releases};
use crate::rig::{Refused, Rig, UNIT, exception, framed};
use crate::test::tests;

tests![
    an_empty_unit_is_revived_over_the_line,
    a_unit_with_both_slots_damaged_takes_an_image_into_slot_b,
    an_image_that_crashes_with_nothing_to_fall_back_on_ends_in_recovery,
    a_held_pin_keeps_the_confirmed_image_and_stays,
    a_mark_asks_once,
    what_is_there_is_served_and_nothing_else,
    garbage_and_other_units_frames_do_not_disturb_it,
    the_watchdog_is_fed_and_the_outputs_are_held_off,
];

/// The loader decides within this.
const BOOT_MS: u64 = 200;

/// A unit in recovery, with a client that has said hello.
fn recovering(flash: UnitFlash) -> (Rig, Client, Recovery) {
    let mut rig = Rig::off(flash);
    rig.power_on();
    talk(rig)
}

fn talk(mut rig: Rig) -> (Rig, Client, Recovery) {
    rig.wait_ms(BOOT_MS);
    let (client, recovery) = Client::open_recovery(&mut rig);
    (rig, client, recovery)
}

fn blank() -> UnitFlash {
    UnitFlash::new().without(Slot::A)
}

/// Brings an image in, starts it, and confirms it.
fn revive(rig: &mut Rig, client: &mut Client, image: &Image) {
    assert_eq!(client.stage(rig, image), Ok(image.named()));
    assert!(matches!(client.activate(rig), Ok(Answer::Activating(_))));
    rig.wait_ms(300);
    rig.wait_for_answer();
    let mut client = Client::open(rig);
    let status = client.status(rig);
    assert_eq!((status.running, status.boot_reason), (image.named(), BootReason::Trial));
    assert_eq!(status.reset, ResetCause::Requested);
    rig.wait_ms(400);
    assert!(matches!(client.call(rig, &Request::Confirm), Ok(Answer::Confirmed(_))));
}

fn an_empty_unit_is_revived_over_the_line() {
    // fault:S9
    let (mut rig, mut client, told) = recovering(blank());
    assert_eq!((told.why, told.slots), (RecoveryReason::NoImage, [SlotTrouble::Empty; 2]));
    assert_eq!(told.serial.map(|serial| serial.to_string()), Some("MS-000002".to_owned()));
    revive(&mut rig, &mut client, &releases().first.image(Slot::A));
    rig.board_mut().pin_reset();
    rig.wait_for_answer();
    assert_eq!(rig.number(RegisterId::BootReason), u16::from(BootReason::Confirmed.code()));
    assert_eq!(rig.board().resets().len(), 3);
}

fn a_unit_with_both_slots_damaged_takes_an_image_into_slot_b() {
    let second = releases().second.image(Slot::B);
    let flash = UnitFlash::new()
        .holding(&releases().second, Slot::B)
        .confirmed(&second)
        .damaged(Slot::A.image_offset() + 0x800)
        .damaged(Slot::B.offset() + 20);
    let (mut rig, mut client, told) = recovering(flash);
    assert_eq!(told.slots, [SlotTrouble::ImageDiffers, SlotTrouble::BadSignature]);
    revive(&mut rig, &mut client, &second);
}

fn an_image_that_crashes_with_nothing_to_fall_back_on_ends_in_recovery() {
    // fault:S5, fault:S6, boot:B7
    let hanging = releases().hanging.image(Slot::B);
    let state = BootState {
        active: hanging.named(),
        phase: Phase::Trial { attempts: 0, fallback: None },
        floor: Version::ZERO,
        floor_order: 0,
        last_switch: Switch::Activated { from: Version::ZERO },
    };
    let flash = blank().holding(&releases().hanging, Slot::B).logging(state);
    let mut rig = Rig::off(flash);
    rig.power_on();
    // Three starts that hang after 200 ms, a watchdog's second each.
    rig.wait_ms(4_500);
    let (mut rig, mut client, told) = talk(rig);
    let causes: Vec<_> = rig.board().resets().iter().map(|reset| reset.cause).collect();
    assert_eq!(causes, [BoardReset::PowerOn, BoardReset::Watchdog, BoardReset::Watchdog, BoardReset::Watchdog]);
    assert_eq!((told.why, told.reset), (RecoveryReason::TrialCrashed, ResetCause::Watchdog));
    assert_eq!(told.slots, [SlotTrouble::Empty, SlotTrouble::CrashedOnTrial]);
    revive(&mut rig, &mut client, &releases().first.image(Slot::A));
}

fn a_held_pin_keeps_the_confirmed_image_and_stays() {
    let mut rig = Rig::off(UnitFlash::new());
    rig.board_mut().hold_recovery_button(Hold::Down);
    rig.power_on();
    let (mut rig, mut client, told) = talk(rig);
    assert_eq!((told.why, told.slots), (RecoveryReason::Pin, [SlotTrouble::None, SlotTrouble::Empty]));
    let refused = client.begin(&mut rig, &releases().second.image(Slot::A));
    assert_eq!(refused, Err(Undone::Refused(Refusal::SlotRuns { slot: Slot::A })));
    // Let go: the next reset runs the image as if nothing had been.
    rig.board_mut().hold_recovery_button(Hold::Released);
    rig.board_mut().pin_reset();
    rig.wait_for_answer();
    assert_eq!(rig.read(RegisterId::FirmwareVersion), Ok(vec![1, 0, 0]));
}

fn a_mark_asks_once() {
    let mut rig = Rig::running(UnitFlash::new());
    // What the firmware leaves before it resets itself.
    let place = (MARK_ADDRESS - RAM_BASE) as usize;
    let mark = Mark { kind: MarkKind::Recovery, detail: 0 }.emit();
    rig.board_mut().core_mut().ram_mut()[place..place + MARK_SIZE].copy_from_slice(&mark);
    crate::resets::reset_from_inside(&mut rig);
    let (mut rig, mut client, told) = talk(rig);
    assert_eq!((told.why, told.reset), (RecoveryReason::Requested, ResetCause::Requested));
    assert_eq!(client.call(&mut rig, &Request::Confirm), Err(Undone::Refused(Refusal::InRecovery)));
    rig.board_mut().pin_reset();
    rig.wait_for_answer();
    assert_eq!(rig.number(RegisterId::BootReason), u16::from(BootReason::OnlyImage.code()));
}

fn what_is_there_is_served_and_nothing_else() {
    // bus:M1
    let (mut rig, ..) = recovering(blank());
    assert_eq!(rig.ask(&[8, 0, 0, 0x12, 0x34]), Some(vec![8, 0, 0, 0x12, 0x34]));
    let id = rig.ask(&[17]).expect("it says who it is");
    assert_eq!(id[6], 0, "run indicator");
    let objects = rig.ask(&[43, 14, 1, 0]).expect("it has a nameplate");
    assert!(objects.windows(5).any(|text| text == b"sonde"));
    assert_eq!(rig.read_at(Function::ReadHoldingRegisters, 0, 1), Err(Refused::Exception(2)));
    assert_eq!(rig.write_at(0, 1), Err(Refused::Exception(2)));
    assert_eq!(rig.ask(&[1, 0, 0, 0, 1]), exception(1, 1));
    // Nothing for others, nothing to all.
    assert_eq!(rig.ask_frame(&framed(UNIT + 1, &[17])), None);
    assert_eq!(rig.ask_frame(&framed(0, &[17])), None);
}

fn garbage_and_other_units_frames_do_not_disturb_it() {
    // fault:B5, fault:B8, fault:B9
    let (mut rig, mut client, _) = recovering(blank());
    let echo = framed(UNIT, &[8, 0, 0, 0x56, 0x78]);
    for noise in [&[0xFF; 300][..], &[0], &echo[..5], &framed(9, &[3, 0, 0, 0, 1]), &[UNIT, 16, 0xF2, 0]] {
        rig.say(noise);
        rig.wait_ms(8);
        assert_eq!(rig.ask(&[8, 0, 0, 0x12, 0x34]), Some(vec![8, 0, 0, 0x12, 0x34]), "{noise:02x?}");
    }
    // A sender that drips never gets hold of it: the frame is dropped, and the next one is answered.
    for byte in &echo {
        rig.say(&[*byte]);
        rig.wait_ms(20);
    }
    assert!(rig.listen().is_empty());
    let status = client.call(&mut rig, &Request::Status);
    assert!(matches!(status, Ok(Answer::Recovery(_))));
    assert_eq!(rig.board().resets().len(), 1);
}

fn the_watchdog_is_fed_and_the_outputs_are_held_off() {
    // boot:U8, boot:B9
    let (mut rig, mut client, first) = recovering(blank().without(Slot::B));
    let mut lit = 0;
    for _ in 0..100 {
        rig.wait(VirtualTime::from_millis(50));
        lit += u32::from(rig.board().outputs().led);
    }
    // Two flashes of 100 ms a second.
    assert!((12..=28).contains(&lit), "{lit} of 100 looks");
    assert_eq!((rig.board().resets().len(), rig.board().flash_operations()), (1, 0));
    let Ok(Answer::Recovery(later)) = client.call(&mut rig, &Request::Status) else { panic!("no status") };
    assert!(later.uptime_ms >= first.uptime_ms + 5_000, "{} then {}", first.uptime_ms, later.uptime_ms);
    assert!(BOOT_LOG_OFFSETS.iter().all(|&copy| rig.board().flash()[copy as usize] == 0xFF));
}
