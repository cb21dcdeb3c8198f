//! A test with its name, and with what it lacks.

use libtest_mimic::{Failed, Trial};

/// One test.
pub(crate) struct Test {
    name: String,
    run: fn(),
    missing: Option<String>,
}

impl Test {
    /// A test of this module; modules list theirs with [`tests`](crate::test::tests).
    pub(crate) fn new(module: &str, name: &str, run: fn()) -> Self {
        let module = module.split_once("::").map_or(module, |(_, module)| module);
        Self { name: format!("{module}::{name}"), run, missing: None }
    }

    /// The same test, skipped if something is missing.
    pub(crate) fn needs(mut self, missing: Option<&str>) -> Self {
        self.missing = self.missing.or(missing.map(str::to_owned));
        self
    }

    /// For the harness: what is missing shows beside the word "ignored".
    pub(crate) fn into_trial(self, missing: Option<&str>) -> Trial {
        let Self { name, run, missing } = self.needs(missing);
        let trial = Trial::test(name, move || {
            run();
            Ok::<(), Failed>(())
        });
        match missing {
            Some(missing) => trial.with_kind(format!("skipped: {missing}")).with_ignored_flag(true),
            None => trial,
        }
    }
}

/// Lists the tests of a module.
macro_rules! tests {
    ($($name:ident),+ $(,)?) => {
        pub(crate) fn tests() -> Vec<crate::test::Test> {
            vec![$(crate::test::Test::new(module_path!(), stringify!($name), $name)),+]
        }
    };
}
pub(crate) use tests;
