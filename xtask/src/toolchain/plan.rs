//! The decision: from what was found to the next step. Knows no file and starts no program.

use anyhow::{Result, bail};

use crate::toolchain::findings::{Findings, Linker, Rustup};
use crate::toolchain::{Debian, FORCE, TARGET};

/// Debian's packages for the compiler, its cargo, the library's source, and the link to the linker.
pub(crate) const COMPILER_PACKAGES: [&str; 4] = ["rustc-web", "cargo-web", "rust-web-src", "rust-web-llvm"];

/// What to do next.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Step {
    /// Done: the active toolchain has the target.
    UseActive,
    /// Done: Debian's toolchain is complete.
    UseDebian(Debian),
    /// Ask rustup for the target, for a bounded time.
    AddWithRustup,
    /// Renew apt's lists.
    AptUpdate,
    /// Install these packages with apt.
    AptInstall(Vec<String>),
    /// There is no way; the message says why and what to install.
    GiveUp(String),
}

/// A route that the caller insists on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Route {
    /// The active toolchain, with rustup's help.
    Rustup,
    /// Debian's packages.
    Debian,
}

impl Route {
    /// Reads the value of the environment variable.
    pub(crate) fn parse(name: &str) -> Result<Self> {
        match name {
            "rustup" => Ok(Self::Rustup),
            "debian" => Ok(Self::Debian),
            other => bail!("{FORCE}={other} is neither `rustup` nor `debian`; unset it to let xtask choose"),
        }
    }
}

/// The next step.
pub(crate) fn next(found: &Findings) -> Step {
    if found.force != Some(Route::Debian) {
        if found.active.has_target {
            return Step::UseActive;
        }
        if found.rustup == Rustup::Untried {
            return Step::AddWithRustup;
        }
    }
    if found.force == Some(Route::Rustup) {
        return Step::GiveUp(advice(found));
    }
    next_for_debian(found)
}

fn next_for_debian(found: &Findings) -> Step {
    let debian = &found.debian;
    let compiler = debian.version.is_some_and(|version| version >= found.oldest) && debian.cargo && debian.source;
    let missing: Vec<String> = match &debian.linker {
        _ if !compiler => COMPILER_PACKAGES.map(str::to_owned).to_vec(),
        Linker::At(linker) => {
            let (linker, sysroot) = (linker.clone(), debian.sysroot.clone());
            return Step::UseDebian(Debian { linker, sysroot });
        }
        Linker::Dangling { package } => vec![package.clone()],
        Linker::Absent => vec!["rust-web-llvm".to_owned()],
    };
    match &found.apt {
        apt if !apt.usable => Step::GiveUp(advice(found)),
        apt if !missing.iter().all(|name| apt.tried.contains(name)) => Step::AptInstall(missing),
        // Old lists name old packages, or none: renew them once.
        apt if !apt.updated => Step::AptUpdate,
        _ => Step::GiveUp(advice(found)),
    }
}

/// Why there is no way, and what to install.
fn advice(found: &Findings) -> String {
    let rustup = match found.rustup {
        Rustup::Absent => "is not how the active toolchain was installed",
        Rustup::Untried => "was not asked",
        Rustup::Refused => "did not add the target",
    };
    let debian = match (found.debian.version, &found.debian.linker) {
        (None, _) => "has no compiler at /usr/bin/rustc".to_owned(),
        (Some(version), _) if version < found.oldest => {
            format!("has rustc {}.{}, {}.{} is needed", version.0, version.1, found.oldest.0, found.oldest.1)
        }
        (Some(_), Linker::Dangling { package }) => format!("lacks the linker's package {package}"),
        (Some(_), Linker::Absent) => "has no rust-lld".to_owned(),
        (Some(_), Linker::At(_)) if found.debian.cargo && found.debian.source => {
            format!("is complete, but {FORCE} forbids it")
        }
        (Some(_), Linker::At(_)) => "lacks cargo or the library's source (rust-web-src)".to_owned(),
    };
    let apt = match (found.apt.usable, found.apt.updated) {
        (false, _) => "cannot be used here (not root, no sudo without a password, or no apt)",
        (true, false) => "was not asked",
        (true, true) => "was asked and did not help",
    };
    format!(
        "no toolchain builds for {TARGET}\n  active toolchain: has no target {TARGET}\n  rustup: {rustup}\n  \
         Debian: {debian}\n  apt: {apt}\nnext step, either of:\n  rustup target add {TARGET}\n  \
         apt-get install {}   # Debian 12 or later; then also the lld-NN that /usr/bin/rust-lld links to",
        COMPILER_PACKAGES.join(" ")
    )
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::toolchain::findings::{Active, Apt, DebianFound};

    /// A machine with nothing but an active toolchain from rustup, used as root of a Debian.
    fn bare() -> Findings {
        Findings {
            force: None,
            oldest: (1, 95),
            active: Active { has_target: false, identity: "rustc 1.95".into() },
            rustup: Rustup::Untried,
            debian: DebianFound {
                version: None,
                identity: String::new(),
                sysroot: "/usr".into(),
                cargo: false,
                source: false,
                linker: Linker::Absent,
            },
            apt: Apt { usable: true, updated: false, tried: Vec::new() },
        }
    }

    /// The same with Debian's compiler complete but for the linker.
    fn with_debian(linker: Linker) -> Findings {
        let mut found = bare();
        found.rustup = Rustup::Refused;
        found.debian.version = Some((1, 96));
        found.debian.cargo = true;
        found.debian.source = true;
        found.debian.linker = linker;
        found
    }

    fn at(path: &str) -> Linker {
        Linker::At(PathBuf::from(path))
    }

    fn advice_of(found: &Findings) -> String {
        match next(found) {
            Step::GiveUp(message) => message,
            other => panic!("expected to give up, planned {other:?}"),
        }
    }

    #[test]
    fn a_target_that_is_there_is_used_whatever_else_is() {
        let mut found = with_debian(at("/usr/bin/rust-lld"));
        found.active.has_target = true;
        assert_eq!(next(&found), Step::UseActive);
    }

    #[test]
    fn rustup_is_asked_before_debian() {
        let mut found = with_debian(at("/usr/bin/rust-lld"));
        found.rustup = Rustup::Untried;
        assert_eq!(next(&found), Step::AddWithRustup);
    }

    #[test]
    fn a_rustup_that_refused_is_not_asked_again() {
        let found = with_debian(at("/usr/bin/rust-lld"));
        let expected = Debian { linker: "/usr/bin/rust-lld".into(), sysroot: "/usr".into() };
        assert_eq!(next(&found), Step::UseDebian(expected));
    }

    #[test]
    fn without_rustup_debian_is_next() {
        let mut found = bare();
        found.rustup = Rustup::Absent;
        assert_eq!(next(&found), Step::AptInstall(COMPILER_PACKAGES.map(String::from).to_vec()));
    }

    #[test]
    fn the_linker_package_is_the_one_the_dangling_link_names() {
        let found = with_debian(Linker::Dangling { package: "lld-22".into() });
        assert_eq!(next(&found), Step::AptInstall(vec!["lld-22".into()]));
    }

    #[test]
    fn lists_are_renewed_once_when_an_install_did_not_help() {
        let mut found = bare();
        found.rustup = Rustup::Refused;
        found.apt.tried = COMPILER_PACKAGES.map(String::from).to_vec();
        assert_eq!(next(&found), Step::AptUpdate);
        found.apt.updated = true;
        assert!(advice_of(&found).contains("apt: was asked and did not help"));
    }

    #[test]
    fn a_compiler_that_is_too_old_is_upgraded() {
        let mut found = with_debian(at("/usr/bin/rust-lld"));
        found.debian.version = Some((1, 85));
        assert_eq!(next(&found), Step::AptInstall(COMPILER_PACKAGES.map(String::from).to_vec()));
        found.apt = Apt { usable: false, updated: false, tried: Vec::new() };
        assert!(advice_of(&found).contains("has rustc 1.85, 1.95 is needed"));
    }

    #[test]
    fn without_root_the_message_says_what_to_install() {
        let mut found = bare();
        found.rustup = Rustup::Refused;
        found.apt.usable = false;
        let advice = advice_of(&found);
        assert!(advice.contains("rustup target add thumbv7em-none-eabihf"), "{advice}");
        assert!(advice.contains("apt-get install rustc-web cargo-web rust-web-src"), "{advice}");
    }

    #[test]
    fn a_forced_route_is_the_only_one() {
        let mut found = with_debian(at("/usr/bin/rust-lld"));
        found.force = Some(Route::Rustup);
        assert!(matches!(next(&found), Step::GiveUp(_)));
        found.force = Some(Route::Debian);
        found.active.has_target = true;
        assert!(matches!(next(&found), Step::UseDebian(_)));
        assert!(Route::parse("nix").unwrap_err().to_string().contains("unset it"));
    }

    /// Each step changes what is found; no answer of the machine makes the plan go in circles.
    #[test]
    fn the_plan_ends_however_the_machine_answers() {
        for answers in 0..64u32 {
            let mut found = bare();
            found.apt.usable = answers & 1 != 0;
            for _ in 0..crate::toolchain::MAX_STEPS {
                match next(&found) {
                    Step::AddWithRustup => {
                        found.rustup = Rustup::Refused;
                        found.active.has_target = answers & 2 != 0;
                    }
                    Step::AptUpdate => {
                        found.apt.updated = true;
                        found.apt.tried.clear();
                    }
                    Step::AptInstall(names) => {
                        let fresh = if found.apt.updated { 8 } else { 4 };
                        if answers & fresh != 0 {
                            found.debian = with_debian(Linker::Dangling { package: "lld-22".into() }).debian;
                        }
                        if names == ["lld-22"] && answers & 16 != 0 {
                            found.debian.linker = at("/usr/bin/rust-lld");
                        }
                        found.apt.tried.extend(names);
                    }
                    Step::UseActive | Step::UseDebian(_) | Step::GiveUp(_) => break,
                }
            }
            let last = next(&found);
            assert!(matches!(last, Step::UseActive | Step::UseDebian(_) | Step::GiveUp(_)), "{answers:06b}: {last:?}");
        }
    }
}
