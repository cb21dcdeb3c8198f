//! What an image may take before a build fails: bytes and counted instructions, which come out the same on every machine.
//! Nothing here is a time by the clock.
//!
//! A goal (in `chip::size` and in the bench programs) says what is good enough. A limit lies a little above what was last
//! measured, so that growth is noticed while it is small. Raising one is a decision: say in `why` what it bought.

use crate::figure::Figure;

/// One limit.
#[derive(Debug)]
pub(crate) struct Limit {
    /// The figure.
    pub(crate) figure: &'static str,
    /// Its highest value.
    pub(crate) most: f64,
    /// Measured when the limit was set, and what is in it.
    why: &'static str,
    /// Where to look first when it is passed.
    look: &'static str,
}

/// Every limit.
pub(crate) const LIMITS: [Limit; 6] = [
    Limit {
        figure: "loader.bytes",
        most: 44_032.0,
        why: "43 KB: 42,460 bytes with recovery and key sets; the goal is 48 KB, and 62 KB is all there is",
        look: "docs/decisions/loader-size.md says what takes the space, and how that was found",
    },
    Limit {
        figure: "firmware.bytes",
        most: 151_552.0,
        why: "148 KB, above the goal of 128: 106,404 bytes with the four channels, 18.8 KB settings, 22.3 KB events and crashes",
        look: "`llvm-nm --size-sort` on target/sonde/chip/1.0.0/firmware-a.elf, against the last good commit",
    },
    Limit {
        figure: "firmware.ram_bytes",
        most: 28_672.0,
        why: "28 KB: 24 KB before the event log; the rest of 128 KB is stack",
        look: "`llvm-nm --size-sort` on target/sonde/chip/1.0.0/firmware-a.elf, section .bss",
    },
    Limit {
        figure: "boot.insns_128k",
        most: 6_250_000.0,
        why: "6.18 million: 4.04 hash 128 KB, 1.80 check one signature",
        look: "docs/decisions/ed25519.md; hashing and signatures are compiled for size with the rest of the loader",
    },
    Limit {
        figure: "boot.decision_ms_128k",
        most: 36.8,
        why: "36.3 ms: the figure above, at 170 MHz and one instruction a cycle",
        look: "docs/decisions/ed25519.md",
    },
    Limit {
        figure: "boot.insns_128k_keyset",
        most: 10_100_000.0,
        why: "10.00 million, 3.8 of them for a full key set of two signatures; 10.2 are the 60 ms of a decision",
        look: "docs/decisions/ed25519.md; each signature that the loader checks takes 1.8 million",
    },
];

/// The limit of a figure, if it has one.
pub(crate) fn of(figure: &str) -> Option<&'static Limit> {
    LIMITS.iter().find(|limit| limit.figure == figure)
}

/// What is wrong with the figures of these groups, one line each: above its limit, or not measured. A goal that is missed is
/// shown with the figure.
pub(crate) fn violations(figures: &[Figure], groups: &[&str]) -> Vec<String> {
    let in_groups = |name: &str| groups.iter().any(|group| name.split('.').next() == Some(group));
    let limits = LIMITS.iter().filter(|limit| in_groups(limit.figure));
    limits.filter_map(|limit| limit.violation(figures.iter().find(|figure| figure.name == limit.figure))).collect()
}

impl Limit {
    fn violation(&self, measured: Option<&Figure>) -> Option<String> {
        let Self { figure: name, most, why, look } = self;
        match measured {
            None => Some(format!("{name} was not measured; see the output of its bench program above")),
            Some(figure) if figure.value > *most => Some(format!(
                "{figure} is above its limit of {most} ({why}).\n  Next: {look}. If it is worth it, raise the limit in \
                 xtask/src/limits.rs and say why"
            )),
            Some(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(name: &str, value: f64) -> Figure {
        Figure::judged(name, value, "1", "<=49152")
    }

    #[test]
    fn a_limit_is_passed_above_it_and_not_at_it() {
        let limit = Limit { figure: "loader.bytes", most: 40_000.0, why: "half of it is air", look: "see the page" };
        assert_eq!(limit.violation(Some(&figure("loader.bytes", 40_000.0))), None);
        let said = limit.violation(Some(&figure("loader.bytes", 40_001.0))).expect("it is above");
        for part in ["loader.bytes = 40001", "40000", "half of it is air", "see the page", "xtask/src/limits.rs"] {
            assert!(said.contains(part), "{said}");
        }
    }

    #[test]
    fn a_figure_that_is_missing_is_a_violation() {
        let limit = of("loader.bytes").expect("it is in the table");
        assert!(limit.violation(None).is_some_and(|said| said.contains("not measured")));
    }

    #[test]
    fn only_the_groups_that_were_measured_are_looked_at() {
        assert_eq!(violations(&[figure("loader.bytes", 1.0)], &["loader"]), Vec::<String>::new());
        assert_eq!(violations(&[], &["core"]), Vec::<String>::new());
        assert_eq!(violations(&[], &["boot"]).len(), 3);
    }
}
