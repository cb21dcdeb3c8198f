//! Why the unit reset: the flags of `RCC_CSR` and the firmware's mark in RAM, put together (`fault:S4`).
//!
//! The G4 sets `PINRSTF` with every reset, since every reset pulls NRST, and `BORRSTF` for power-on and brown-out alike
//! (RM0440 section 7.4.30); the two are told apart by RAM: only a brown-out leaves the firmware's mark whole.

use protocol::handover::{Mark, MarkKind};
use protocol::reset::ResetCause;

/// The reset flags of `RCC_CSR`, as read before they are cleared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResetFlags(pub u32);

impl ResetFlags {
    /// Option byte loading.
    pub const OPTION_BYTES: u32 = 1 << 25;
    /// The reset pin; set with every other one too.
    pub const PIN: u32 = 1 << 26;
    /// Power-on or brown-out.
    pub const BROWN_OUT: u32 = 1 << 27;
    /// Software (SYSRESETREQ).
    pub const SOFTWARE: u32 = 1 << 28;
    /// Independent watchdog.
    pub const WATCHDOG: u32 = 1 << 29;
    /// Window watchdog.
    pub const WINDOW_WATCHDOG: u32 = 1 << 30;
    /// Illegal low-power mode.
    pub const LOW_POWER: u32 = 1 << 31;

    const fn has(self, flag: u32) -> bool {
        self.0 & flag != 0
    }

    /// The cause. Should several resets have happened since the flags were last cleared, the one that tells most about
    /// the firmware wins: watchdogs before the supply, the supply before software, the pin last.
    #[must_use]
    pub fn cause(self, mark: Option<Mark>) -> ResetCause {
        let kind = mark.map(|mark| mark.kind);
        if self.has(Self::LOW_POWER) {
            ResetCause::LowPower
        } else if self.has(Self::WINDOW_WATCHDOG) {
            ResetCause::WindowWatchdog
        } else if self.has(Self::WATCHDOG) {
            ResetCause::Watchdog
        } else if self.has(Self::BROWN_OUT) {
            if kind.is_some() { ResetCause::BrownOut } else { ResetCause::PowerOn }
        } else if self.has(Self::SOFTWARE) {
            match kind {
                Some(MarkKind::Requested | MarkKind::Recovery) => ResetCause::Requested,
                Some(MarkKind::Panic) => ResetCause::Panic,
                Some(MarkKind::Alive) | None => ResetCause::Debugger,
            }
        } else if self.has(Self::OPTION_BYTES) {
            ResetCause::OptionBytes
        } else if self.has(Self::PIN) {
            ResetCause::Pin
        } else {
            ResetCause::Unknown
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_is_told_from_flags_and_mark() {
        let mark = |kind| Some(Mark { kind, detail: 0 });
        let (alive, requested, panic) = (mark(MarkKind::Alive), mark(MarkKind::Requested), mark(MarkKind::Panic));
        let pin = ResetFlags::PIN;
        for (flags, mark, cause) in [
            (0, None, ResetCause::Unknown),
            (pin, alive, ResetCause::Pin),
            (pin, None, ResetCause::Pin),
            (pin | ResetFlags::BROWN_OUT, None, ResetCause::PowerOn),
            (pin | ResetFlags::BROWN_OUT, alive, ResetCause::BrownOut),
            (pin | ResetFlags::SOFTWARE, requested, ResetCause::Requested),
            (pin | ResetFlags::SOFTWARE, panic, ResetCause::Panic),
            (pin | ResetFlags::SOFTWARE, alive, ResetCause::Debugger),
            (pin | ResetFlags::SOFTWARE, None, ResetCause::Debugger),
            (pin | ResetFlags::WATCHDOG, alive, ResetCause::Watchdog),
            // The panic handler left its mark and hung before it could reset.
            (pin | ResetFlags::WATCHDOG, panic, ResetCause::Watchdog),
            (pin | ResetFlags::WINDOW_WATCHDOG, alive, ResetCause::WindowWatchdog),
            (pin | ResetFlags::LOW_POWER, alive, ResetCause::LowPower),
            (pin | ResetFlags::OPTION_BYTES, alive, ResetCause::OptionBytes),
            (pin | ResetFlags::BROWN_OUT | ResetFlags::WATCHDOG, alive, ResetCause::Watchdog),
        ] {
            assert_eq!(ResetFlags(flags).cause(mark), cause, "{flags:#010x} {mark:?}");
        }
    }

    #[test]
    fn a_mark_alone_claims_nothing() {
        let mark = Some(Mark { kind: MarkKind::Requested, detail: 0 });
        assert_eq!(ResetFlags(0x0000_0001).cause(mark), ResetCause::Unknown);
    }
}
