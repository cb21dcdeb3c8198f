//! What `sonde` tells with `--json`, as far as the story looks at it.

use super::step::Seen;
use crate::sonde::Outcome;

/// Text at a place in the answer; empty when there is none.
fn text<'a>(outcome: &'a Outcome, place: &str) -> &'a str {
    outcome.answer.pointer(place).and_then(serde_json::Value::as_str).unwrap_or_default()
}

/// A number at a place in the answer.
pub(super) fn number(outcome: &Outcome, place: &str) -> Option<u64> {
    outcome.answer.pointer(place)?.as_u64()
}

/// The exit code has to be this one.
pub(super) fn exit(outcome: &Outcome, expected: i32) -> Seen {
    let said = || format!("exit {expected}, but {}: {}", outcome.exit, outcome.said());
    Seen::nothing().must(outcome.exit == expected, said())
}

/// `sonde status`: this version runs, confirmed, with a good self-test and all outputs off.
pub(super) fn runs(outcome: &Outcome, version: &str, slot: &str) -> Seen {
    let (found, place, phase) =
        (text(outcome, "/running/version"), text(outcome, "/running/slot"), text(outcome, "/phase"));
    let outputs = number(outcome, "/outputs");
    exit(outcome, 0)
        .must((found, place) == (version, slot), format!("{version} in slot {slot}"))
        .must(phase == "confirmed", "confirmed")
        .must(outputs == Some(0), format!("outputs off, but {outputs:?}"))
        .tell(format!("{found} in slot {place}, {phase}"))
}

/// `sonde update` or `rollback`: the other image runs now and is kept.
pub(super) fn confirmed(outcome: &Outcome, version: &str, slot: &str) -> Seen {
    let (ended, found, place) =
        (text(outcome, "/outcome"), text(outcome, "/after/version"), text(outcome, "/after/slot"));
    exit(outcome, 0)
        .must(ended == "confirmed", format!("confirmed, but {ended}"))
        .must((found, place) == (version, slot), format!("{version} in slot {slot}"))
        .tell(format!("{found} in slot {place}, {ended}"))
}

/// The unit gave the trial up by itself because of its watchdog.
pub(super) fn fell_back(outcome: &Outcome, version: &str) -> Seen {
    let (ended, found) = (text(outcome, "/outcome"), text(outcome, "/after/version"));
    let (cause, reset) = (text(outcome, "/reason/cause"), text(outcome, "/reason/reset"));
    exit(outcome, 1)
        .must(ended == "fell_back", format!("a fall back by itself, but {ended}"))
        .must(found == version, format!("{version} runs again"))
        .must(reset.contains("watchdog"), format!("the watchdog as the reason, but {reset:?}"))
        .tell(format!("{found} runs again: {cause}; last reset: {reset}"))
}

/// Refused, with an error of this kind.
pub(super) fn refused(outcome: &Outcome, kind: &str) -> Seen {
    let found = outcome.error_kind().unwrap_or("no error");
    Seen::nothing()
        .must(outcome.exit == 1 || outcome.exit == 2, format!("exit 1 or 2, but {}", outcome.exit))
        .must(found.ends_with(kind), format!("an error of kind {kind}"))
        .tell(format!("{found}: {}", outcome.said()))
}

/// How much was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pages {
    pub(super) all: u64,
    pub(super) sent: u64,
    pub(super) skipped: u64,
}

/// What a transfer sent; `None` when there was none.
pub(super) fn pages(outcome: &Outcome) -> Option<Pages> {
    Some(Pages {
        all: number(outcome, "/transferred/pages")?,
        sent: number(outcome, "/transferred/pages_sent")?,
        skipped: number(outcome, "/transferred/pages_skipped")?,
    })
}

impl Pages {
    /// In words.
    pub(super) fn told(self) -> Seen {
        let Self { all, sent, skipped } = self;
        Seen::nothing().tell(format!("{sent} of {all} pages sent, {skipped} were in place"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::time::Duration;

    fn outcome(exit: i32, answer: serde_json::Value) -> Outcome {
        Outcome { exit, answer, stderr: String::new(), wall: Duration::ZERO }
    }

    #[test]
    fn an_update_that_is_confirmed_in_its_slot_holds_and_any_other_does_not() {
        let answer = json!({"outcome": "confirmed", "after": {"version": "1.1.0", "slot": "B"}});
        assert!(confirmed(&outcome(0, answer.clone()), "1.1.0", "B").holds());
        assert!(!confirmed(&outcome(0, answer.clone()), "1.1.0", "A").holds());
        assert!(!confirmed(&outcome(1, answer), "1.1.0", "B").holds());
        assert!(!confirmed(&outcome(0, serde_json::Value::Null), "1.1.0", "B").holds());
    }

    #[test]
    fn a_fall_back_needs_the_watchdog_as_its_reason() {
        let told = |reset: &str| {
            let reason = json!({"reason": "fell_back", "cause": "attempts used up", "reset": reset});
            let answer = json!({"outcome": "fell_back", "reason": reason, "after": {"version": "1.1.0", "slot": "B"}});
            fell_back(&outcome(1, answer), "1.1.0")
        };
        assert!(told("watchdog").holds());
        assert!(!told("power-on").holds());
    }

    #[test]
    fn a_refusal_needs_its_own_kind() {
        let answer = json!({"error": {"kind": "refused.wrong_hardware", "message": "for revision 7", "exit": 1}});
        assert!(refused(&outcome(1, answer.clone()), "wrong_hardware").holds());
        assert!(!refused(&outcome(1, answer.clone()), "unknown_key").holds());
        assert!(!refused(&outcome(3, answer), "wrong_hardware").holds());
    }

    #[test]
    fn pages_are_read_from_a_transfer_only() {
        let answer = json!({"transferred": {"pages": 40, "pages_sent": 12, "pages_skipped": 28}});
        assert_eq!(pages(&outcome(0, answer)), Some(Pages { all: 40, sent: 12, skipped: 28 }));
        assert_eq!(pages(&outcome(0, json!({}))), None);
    }
}
