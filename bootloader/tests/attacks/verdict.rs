//! What a boot makes of a unit's flash, in words.

use std::fmt::Write as _;

use protocol::layout::Slot;
use protocol::recovery::SlotTrouble;
use protocol::reset::ResetCause;
use protocol::semver::Version;
use sonde_bootloader::boot::{Asked, Boot, boot};
use sonde_bootloader::boot_log::BootLog;
use sonde_bootloader::model::FlashModel;
use sonde_bootloader::recovery::trouble;
use sonde_bootloader::trust::Trust;
use sonde_bootloader::unit::{Criteria, LOADER_VERSION};
use sonde_bootloader::verify::{InvalidImage, verify_image};

use crate::attack::Ends;

/// How a boot ends, and all that is said about it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) ends: Ends,
    pub(crate) text: String,
}

/// Boots a unit twice, after power-on. The second boot shows whether the first one settled something, or writes again.
pub(crate) fn verdict(flash: &FlashModel) -> Verdict {
    let mut flash = flash.clone();
    let slots = Slot::ALL.map(|slot| judge(&mut flash, slot));
    let mut text = String::new();
    let [first, _] = ["first boot", "second boot"].map(|which| {
        let before = flash.operations();
        let booted = boot(&mut flash, ResetCause::PowerOn, None, Asked::Nothing);
        let operations = flash.operations() - before;
        writeln!(text, "{which}: {}, {operations} flash operations", described(&booted)).expect("a String takes text");
        flash.power_on();
        booted
    });
    for (slot, judged) in Slot::ALL.iter().zip(&slots) {
        let _taken = match judged {
            Ok(version) => writeln!(text, "slot {slot}: {version} may run"),
            Err(invalid) => writeln!(text, "slot {slot}: {invalid}"),
        };
    }
    let ends = match &first {
        Boot::Run { report, .. } => Ends::Runs(report.slot),
        Boot::Recovery { slots: told, .. } => {
            let judged = slots.map(|judged| judged.map_or_else(|invalid| trouble(&invalid), |_| SlotTrouble::None));
            assert_eq!(*told, judged, "the boot gives other reasons");
            Ends::Recovery
        }
    };
    Verdict { ends, text }
}

/// How the first boot after power-on ends.
pub(crate) fn ends(flash: &FlashModel) -> Ends {
    match boot(&mut flash.clone(), ResetCause::PowerOn, None, Asked::Nothing) {
        Boot::Run { report, .. } => Ends::Runs(report.slot),
        Boot::Recovery { .. } => Ends::Recovery,
    }
}

fn described(booted: &Boot) -> String {
    match booted {
        Boot::Run { image, report } => {
            let (manifest, reason) = (image.manifest(), report.reason);
            format!("runs {} from slot {} ({reason:?})", manifest.version, manifest.slot)
        }
        Boot::Recovery { .. } => "recovery".to_owned(),
    }
}

/// What is said about a slot: the version that may run, or why none.
fn judge(flash: &mut FlashModel, slot: Slot) -> Result<Version, InvalidImage> {
    let (log, trust) = (BootLog::read(flash).state(), Trust::read(flash));
    let criteria = Criteria::of(flash, trust, log, LOADER_VERSION);
    verify_image(flash, slot, &criteria).map(|image| image.manifest().version)
}
