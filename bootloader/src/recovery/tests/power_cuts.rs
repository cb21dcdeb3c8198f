//! Power lost in every flash operation of a recovery (`fault:P1`, `fault:P2`): it can always be resumed, and nothing but
//! the whole signed image ever runs.

use protocol::boot_record::Phase;
use protocol::handover::BootReason;
use protocol::layout::Slot;
use protocol::reset::ResetCause;
use protocol::semver::Version;

use super::bench::{Bench, Started, start};
use crate::boot::Asked;
use crate::boot_log::BootLog;
use crate::model::release::{Release, blank_unit, factory_unit};
use crate::model::{FlashModel, Tear};
use crate::update::PAGE;

fn next() -> Release {
    Release::of_length(Slot::B, Version::new(1, 1, 0), PAGE + 40)
}

/// Units with nothing to run, each with another past.
fn starts() -> Vec<(&'static str, FlashModel)> {
    let mut lost = factory_unit(&Release::new(Slot::A, Version::new(1, 0, 0)));
    lost.poison(Slot::A.image_offset());
    let mut full = lost.clone();
    for _ in 0..30 {
        let state = BootLog::read(&mut full).state().expect("it has a log");
        BootLog::append(&mut full, state).expect("sound flash");
    }
    vec![("never given an image", blank_unit()), ("lost its image", lost), ("the log about to be full", full)]
}

/// Whatever was cut: the unit is in recovery, or runs the whole new image on trial. It ends with the new image running.
fn goes_on(flash: FlashModel, what: &str) {
    let (report, mut flash) = match start(flash, ResetCause::PowerOn, Asked::Nothing) {
        Started::Runs(report, flash) => (report, flash),
        Started::Recovers(mut bench) => {
            assert!(bench.revive(&next()), "{what}: does not go on");
            bench.restart(ResetCause::Requested).runs()
        }
    };
    assert_eq!((report.slot, report.reason), (Slot::B, BootReason::Trial), "{what}");
    let state = BootLog::read(&mut flash).state().expect("a trial is on record");
    assert_eq!(state.active, next().image_ref(), "{what}");
    assert!(matches!(state.phase, Phase::Trial { attempts: 1, .. }), "{what}: {state:?}");
}

fn revive_and_cut(flash: &FlashModel, cut: u64, tear: Tear) -> FlashModel {
    let Started::Recovers(mut bench) = start(flash.clone(), ResetCause::PowerOn, Asked::Nothing) else {
        return flash.clone();
    };
    bench.worker.flash().plan_cut(cut, tear);
    let _ = bench.revive(&next());
    bench.worker.flash().clone()
}

#[test]
fn power_lost_in_any_operation_of_a_recovery_can_be_resumed() {
    for (past, flash) in starts() {
        let whole = {
            let mut bench = Bench::new(flash.clone());
            let before = bench.worker.flash().operations();
            assert!(bench.revive(&next()));
            bench.worker.flash().operations() - before
        };
        assert!((300..900).contains(&whole), "{whole} operations");
        for cut in 0..whole {
            // One kind of tear for each cut, all kinds around every border.
            let kinds = Tear::kinds(cut);
            let near_border = cut < 4 || cut + 60 > whole;
            let kinds = if near_border { &kinds[..] } else { std::slice::from_ref(&kinds[cut as usize % kinds.len()]) };
            for &tear in kinds {
                let what = format!("{past}, cut in operation {cut} of {whole}, {tear:?}");
                let mut bench = Bench::new(flash.clone());
                bench.worker.flash().plan_cut(cut, tear);
                let _ = bench.revive(&next());
                assert!(bench.worker.flash().is_off(), "{what}: not reached");
                goes_on(bench.worker.flash().clone(), &what);
            }
        }
    }
}

#[test]
fn power_lost_again_while_a_recovery_is_resumed() {
    // fault:P2: pairs of cuts, a sample.
    for (past, flash) in starts() {
        for first in (0..500).step_by(41) {
            for second in (0..500).step_by(37) {
                let kinds = Tear::kinds(first * 1000 + second);
                let what = format!("{past}, cuts in operations {first} and {second}");
                let kind = |index: u64| kinds[index as usize % kinds.len()];
                let flash = revive_and_cut(&flash, first, kind(first + second));
                let flash = revive_and_cut(&flash, second, kind(first * 3 + second));
                goes_on(flash, &what);
            }
        }
    }
}
