//! Which of our crates may depend on which: the arrows of `docs/architecture.md`, checked against `cargo metadata`.
//!
//! Dev- and build-dependencies count like any other: a test that needs two sides belongs in `hil-tests`.

use std::path::Path;

use crate::workspace::Package;

/// What a crate of ours may depend on, among our crates, and why no more.
struct Rule {
    package: &'static str,
    may: &'static [&'static str],
    reason: &'static str,
}

const RULES: [Rule; 6] = [
    Rule { package: "sonde-hash", may: &[], reason: "a hash is of bytes, whatever they mean" },
    Rule {
        package: "sonde-protocol",
        may: &["sonde-hash"],
        reason: "protocol is what all others share, it knows none of them",
    },
    Rule {
        package: "sonde-bootloader",
        may: &["sonde-hash", "sonde-protocol"],
        reason: "the loader judges flash by the protocol's formats alone",
    },
    Rule {
        package: "sonde-firmware",
        may: &["sonde-protocol", "sonde-bootloader"],
        reason: "the firmware shares formats and the loader's judgement, and meets the host only in hil-tests",
    },
    Rule {
        package: "sonde",
        may: &["sonde-protocol"],
        reason: "the host meets firmware and loader only on the wire, and in hil-tests",
    },
    Rule { package: "xtask", may: &[], reason: "xtask must build when our crates do not" },
];

/// Crates in this folder may use all the others, but not xtask.
const MEETING_PLACE: &str = "hil-tests";

/// Every violation as one line, `X may not depend on Y: why`; empty when the directions hold.
pub(crate) fn violations(root: &Path, packages: &[Package]) -> Vec<String> {
    let ours: Vec<&str> = packages.iter().map(|package| package.name.as_str()).collect();
    packages.iter().flat_map(|package| violations_of(root, package, &ours)).collect()
}

fn violations_of(root: &Path, package: &Package, ours: &[&str]) -> Vec<String> {
    let name = package.name.as_str();
    let inside = package.dependencies.iter().filter(|dependency| ours.contains(&dependency.package.as_str()));
    let refused = |allowed: &dyn Fn(&str) -> bool, reason: &str| {
        inside
            .clone()
            // A crate's own tests may ask it for its test features.
            .filter(|dependency| dependency.package != name && !allowed(&dependency.package))
            .map(|dependency| {
                let kind = if dependency.kind == "normal" {
                    String::new()
                } else {
                    format!("{}-dependency: ", dependency.kind)
                };
                format!("{name} may not depend on {}: {kind}{reason}", dependency.package)
            })
            .collect()
    };
    if package.folder.starts_with(root.join(MEETING_PLACE)) {
        return refused(&|other| other != "xtask", "xtask is a tool, nothing builds on it");
    }
    match RULES.iter().find(|rule| rule.package == name) {
        Some(rule) => refused(&|other| rule.may.contains(&other), rule.reason),
        None => vec![format!("{name} has no rule: say in xtask/src/directions.rs what it may depend on")],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Dependency;

    fn package(name: &str, folder: &str, dependencies: &[(&str, &str)]) -> Package {
        Package {
            name: name.into(),
            folder: Path::new("/w").join(folder),
            programs: Vec::new(),
            dependencies: dependencies
                .iter()
                .map(|(package, kind)| Dependency { package: (*package).into(), kind: (*kind).into() })
                .collect(),
        }
    }

    /// The house as architecture.md draws it.
    fn house() -> Vec<Package> {
        let normal = "normal";
        vec![
            package("sonde-hash", "protocol/hash", &[("proptest", "dev")]),
            package("sonde-protocol", "protocol", &[("sonde-hash", normal), ("crc", normal), ("proptest", "dev")]),
            package("sonde-bootloader", "bootloader", &[("sonde-hash", normal), ("sonde-protocol", normal)]),
            package("sonde-firmware", "firmware", &[("sonde-protocol", normal), ("sonde-bootloader", normal)]),
            package("sonde", "host", &[("sonde-protocol", normal), ("clap", normal)]),
            package("virtual-board", "hil-tests/virtual-board", &[("sonde-protocol", normal)]),
            package(
                "sonde-hil",
                "hil-tests/sonde-hil",
                &[("sonde", normal), ("sonde-firmware", normal), ("virtual-board", normal)],
            ),
            package("xtask", "xtask", &[("clap", normal)]),
        ]
    }

    fn found_with(name: &str, dependency: (&str, &str)) -> Vec<String> {
        let mut house = house();
        let member = house.iter_mut().find(|package| package.name == name).expect("the house has that member");
        member.dependencies.push(Dependency { package: dependency.0.into(), kind: dependency.1.into() });
        violations(Path::new("/w"), &house)
    }

    #[test]
    fn the_house_as_drawn_has_no_violation() {
        assert_eq!(violations(Path::new("/w"), &house()), Vec::<String>::new());
    }

    #[test]
    fn each_arrow_against_the_drawing_is_named() {
        for (from, to) in [
            ("sonde-hash", "sonde-protocol"),
            ("sonde-protocol", "sonde-bootloader"),
            ("sonde-bootloader", "sonde-firmware"),
            ("sonde-firmware", "sonde"),
            ("sonde", "sonde-firmware"),
            ("sonde", "sonde-bootloader"),
            ("sonde", "virtual-board"),
            ("xtask", "sonde-protocol"),
            ("sonde-hil", "xtask"),
        ] {
            let found = found_with(from, (to, "normal"));
            assert_eq!(found.len(), 1, "{from} -> {to}: {found:?}");
            assert!(found[0].starts_with(&format!("{from} may not depend on {to}: ")), "{}", found[0]);
        }
    }

    #[test]
    fn a_dev_dependency_counts_and_is_called_one() {
        let found = found_with("sonde", ("sonde-firmware", "dev"));
        assert!(found[0].starts_with("sonde may not depend on sonde-firmware: dev-dependency: "), "{}", found[0]);
    }

    #[test]
    fn a_member_nobody_made_a_rule_for_is_a_violation() {
        let mut house = house();
        house.push(package("newcomer", "newcomer", &[]));
        assert_eq!(violations(Path::new("/w"), &house).len(), 1);
    }
}
