//! A whole update over the line, by the linked firmware (`boot:U1`-`boot:U7`).

use protocol::boot_record::{Phase, Switch};
use protocol::handover::BootReason;
use protocol::layout::Slot;
use protocol::message::{Answer, Refusal, Request, Staging};
use protocol::registers::RegisterId;
use protocol::reset::ResetCause;
use protocol::semver::Version;

use crate::client::{Client, Undone};
use crate::flash::UnitFlash;
use crate::releases::releases;
use crate::rig::Rig;
use crate::test::tests;

tests![an_update_is_staged_tried_and_confirmed, an_image_for_the_running_slot_is_refused];

fn an_update_is_staged_tried_and_confirmed() {
    let image = releases().second.image(Slot::B);
    let mut rig = Rig::running(UnitFlash::new());
    let mut client = Client::open(&mut rig);
    assert_eq!(client.stage(&mut rig, &image), Ok(image.named()));
    assert_eq!(client.begin(&mut rig, &image).map(|began| began.staging), Ok(Staging::Complete));
    assert!(matches!(client.activate(&mut rig), Ok(Answer::Activating(_))));
    rig.wait_ms(300);

    rig.wait_for_answer();
    let mut client = Client::open(&mut rig);
    let status = client.status(&mut rig);
    assert_eq!(
        (status.running, status.boot_reason, status.reset),
        (image.named(), BootReason::Trial, ResetCause::Requested)
    );
    assert_eq!(status.last_switch, Switch::Activated { from: Version::new(1, 0, 0) });
    // fault:S7
    let other = releases().first.image(Slot::A);
    let pending = Refusal::TrialPending { running: image.manifest.version };
    assert_eq!(client.begin(&mut rig, &other), Err(Undone::Refused(pending)));
    rig.wait_ms(400);
    assert!(matches!(client.call(&mut rig, &Request::Confirm), Ok(Answer::Confirmed(_))));
    assert_eq!(client.status(&mut rig).phase, Phase::Confirmed);

    rig.board_mut().pin_reset();
    rig.wait_for_answer();
    assert_eq!(rig.read(RegisterId::FirmwareVersion), Ok(vec![1, 1, 0]));
    assert_eq!(rig.number(RegisterId::BootReason), u16::from(BootReason::Confirmed.code()));
    assert_eq!(rig.board().resets().len(), 3);
}

fn an_image_for_the_running_slot_is_refused() {
    // boot:U1: and nothing is erased.
    let mut rig = Rig::running(UnitFlash::new());
    let before = rig.flash_but_events();
    let mut client = Client::open(&mut rig);
    let image = releases().second.image(Slot::A);
    assert_eq!(client.begin(&mut rig, &image), Err(Undone::Refused(Refusal::SlotRuns { slot: Slot::A })));
    assert!(rig.flash_but_events() == before);
}
