//! The self-test after each start: whether this image, on this unit, is fit to be confirmed (`boot:U7`).
//!
//! Pure: the evidence is gathered by the chip's side. Runs once, a moment after the start, so that an image that hangs
//! soon has no result and cannot be confirmed.

use protocol::message::{SelfCheck, SelfTest};

use bootloader::boot_log::LogView;

use crate::facts::Facts;

/// When the self-test runs, milliseconds after the start: all tasks have had a few turns by then.
pub const SETTLED_MS: u64 = 300;
/// What the system clock has to run at, hertz.
pub const CLOCK_HZ: u32 = 170_000_000;

/// Levels of the outputs, bit 0 = channel 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outputs {
    /// START outputs that are high: the channel emits power.
    pub start: u8,
    /// RESET outputs that are high.
    pub reset: u8,
}

impl Outputs {
    /// All low.
    pub const OFF: Self = Self { start: 0, reset: 0 };
}

/// What the checks look at.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// Facts of the start.
    pub facts: &'a Facts,
    /// The boot log, as it was last read.
    pub log: LogView,
    /// What the system clock runs at, hertz, by the registers that set it.
    pub clock_hz: u32,
    /// Levels of the outputs.
    pub outputs: Outputs,
}

/// Runs all checks.
#[must_use]
pub fn run(evidence: &Evidence<'_>) -> SelfTest {
    let mut result = SelfTest { ran: 0, failed: 0 };
    for check in SelfCheck::ALL {
        let bit = 1 << check.code();
        result.ran |= bit;
        if !passes(*check, evidence) {
            result.failed |= bit;
        }
    }
    result
}

fn passes(check: SelfCheck, evidence: &Evidence<'_>) -> bool {
    let facts = evidence.facts;
    match check {
        SelfCheck::Handover => facts.report.is_some_and(|report| report.slot == facts.slot),
        SelfCheck::Manifest => facts
            .manifest
            .as_ref()
            .is_some_and(|manifest| manifest.version == facts.version && manifest.slot == facts.slot),
        SelfCheck::BootLog => is_sound(&evidence.log),
        SelfCheck::Identity => facts.identity.is_some(),
        SelfCheck::Clock => evidence.clock_hz == CLOCK_HZ,
        SelfCheck::OutputsOff => evidence.outputs == Outputs::OFF,
    }
}

/// One copy that reads well is enough.
fn is_sound(log: &LogView) -> bool {
    log.copies_good().contains(&true)
}

#[cfg(test)]
mod tests {
    use bootloader::boot_log::CopyHealth;
    use protocol::semver::Version;

    use super::*;
    use crate::fixture;

    const GOOD: CopyHealth = CopyHealth::Current { bad_places: 0 };
    const BAD: CopyHealth = CopyHealth::Doubtful { bad_places: 3 };

    fn good(facts: &Facts) -> Evidence<'_> {
        Evidence { facts, log: log([GOOD, GOOD]), clock_hz: CLOCK_HZ, outputs: Outputs::OFF }
    }

    fn log(copies: [CopyHealth; 2]) -> LogView {
        LogView { newest: None, copies }
    }

    #[test]
    fn a_good_unit_passes_every_check() {
        let facts = fixture::facts();
        let result = run(&good(&facts));
        assert!(result.passed(), "{:?}", result.failures().collect::<Vec<_>>());
    }

    #[test]
    fn a_test_that_has_not_run_has_not_passed() {
        assert!(!SelfTest { ran: 0, failed: 0 }.passed());
    }

    #[test]
    fn each_fault_fails_its_own_check_and_no_other() {
        let facts = fixture::facts();
        let mut other_slot = facts.clone();
        other_slot.report.as_mut().unwrap().slot = facts.slot.other();
        let no_report = Facts { report: None, ..facts.clone() };
        let other_version = Facts { version: Version::new(9, 9, 9), ..facts.clone() };
        let no_manifest = Facts { manifest: None, ..facts.clone() };
        let no_identity = Facts { identity: None, ..facts.clone() };
        let cases = [
            (SelfCheck::Handover, good(&other_slot)),
            (SelfCheck::Handover, good(&no_report)),
            (SelfCheck::Manifest, good(&other_version)),
            (SelfCheck::Manifest, good(&no_manifest)),
            (SelfCheck::BootLog, Evidence { log: log([BAD, BAD]), ..good(&facts) }),
            (SelfCheck::BootLog, Evidence { log: log([CopyHealth::Empty, BAD]), ..good(&facts) }),
            (SelfCheck::Identity, good(&no_identity)),
            (SelfCheck::Clock, Evidence { clock_hz: 16_000_000, ..good(&facts) }),
            (SelfCheck::OutputsOff, Evidence { outputs: Outputs { start: 0b0100, reset: 0 }, ..good(&facts) }),
            (SelfCheck::OutputsOff, Evidence { outputs: Outputs { start: 0, reset: 1 }, ..good(&facts) }),
        ];
        for (check, evidence) in cases {
            assert_eq!(run(&evidence).failures().collect::<Vec<_>>(), [check], "{evidence:?}");
        }
    }

    #[test]
    fn one_good_copy_of_the_boot_log_is_enough_and_so_is_none_on_a_new_unit() {
        let facts = fixture::facts();
        for copies in [[BAD, GOOD], [GOOD, CopyHealth::Empty], [CopyHealth::Empty; 2]] {
            assert!(run(&Evidence { log: log(copies), ..good(&facts) }).passed(), "{copies:?}");
        }
    }
}
