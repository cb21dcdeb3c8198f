//! Key sets on their way into a unit (`boot:B10`).

use protocol::digest::KeyId;
use protocol::key_set::{FloorReset, KeySet, Units};
use protocol::manifest::PRODUCT;
use protocol::message::GiveUp;
use protocol::semver::Version;
use sonde::bus::UnitId;
use sonde::failure::{Class, Failure as _};
use sonde::key::root::RootKey;
use sonde::key_set::file::KeySetFile;
use sonde::key_set::install::{Act, InstallError, Options, Outcome, Report, install};
use sonde::key_set::signatures::Roots;
use sonde::key_set::unit::Standing;
use sonde::update::Precheck;

use crate::fake_unit::{Behaviour, Faults, Shared, Trouble};
use crate::session::connect;
use crate::update::{key, release, run, unit, version};

fn root(fill: u8) -> RootKey {
    RootKey::from_secret(&[fill; 32])
}

/// Two of three roots; `key()` is anchored and has signed what runs.
pub(crate) fn rooted() -> Shared {
    let unit = unit(Behaviour::Good, Faults::default());
    {
        let mut unit = unit.lock().expect("nobody else holds it");
        unit.keys.roots = Roots { keys: [1, 2, 3].map(|fill| root(fill).public()).to_vec(), threshold: 2 };
        unit.keys.running = Some(key().public().id());
    }
    unit
}

pub(crate) fn set(number: u16, revoked: &[KeyId], reset: Option<FloorReset>, signers: &[u8]) -> KeySetFile {
    let set = KeySet::new(number, PRODUCT, reset, &[], revoked).expect("a small set");
    signers.iter().fold(KeySetFile::unsigned(set), |file, fill| file.signed_by(&root(*fill)).expect("room"))
}

pub(crate) fn stranger() -> KeyId {
    KeyId([9; 8])
}

const OPTIONS: Options = Options { give_up: GiveUp::Nothing, precheck: Precheck::Here, act: Act::Install };

async fn bring(unit: &Shared, file: &KeySetFile, options: &Options) -> Result<Report, InstallError> {
    let bus = connect(unit);
    install(&bus, UnitId::DEFAULT, file, options, &mut |_| ()).await
}

#[tokio::test(start_paused = true)]
async fn a_signed_set_is_installed_and_a_second_time_is_no_error() {
    let unit = rooted();
    let file = set(1, &[stranger()], None, &[1, 3]);
    let report = bring(&unit, &file, &OPTIONS).await.expect("signed by two");
    assert_eq!((report.outcome, report.from, report.to), (Outcome::Installed, 0, 1));
    assert_eq!(report.changes.len(), 1);
    assert_eq!((report.changes[0].before, report.changes[0].after), (Standing::NotKnown, Standing::Revoked));
    let again = bring(&unit, &file, &OPTIONS).await.expect("the same");
    assert_eq!(again.outcome, Outcome::AlreadyInstalled { repaired: false });
    unit.lock().unwrap().keys.copies_good = [true, false];
    let repaired = bring(&unit, &file, &OPTIONS).await.expect("the same");
    assert_eq!(repaired.outcome, Outcome::AlreadyInstalled { repaired: true });
}

#[tokio::test(start_paused = true)]
async fn a_plan_says_what_would_change_and_sends_nothing() {
    let unit = rooted();
    let file = set(1, &[key().public().id()], None, &[1, 2]);
    let report = bring(&unit, &file, &Options { act: Act::Plan, ..OPTIONS }).await.expect("a plan");
    assert_eq!(report.outcome, Outcome::Planned);
    assert_eq!((report.changes[0].before, report.changes[0].after), (Standing::Believed, Standing::Revoked));
    assert!(report.warnings[0].contains("does not boot any more"), "{:?}", report.warnings);
    assert!(report.warnings[0].contains("1.0.0"), "{:?}", report.warnings);
    assert_eq!(unit.lock().unwrap().keys.parts_taken, 0);
}

#[tokio::test(start_paused = true)]
async fn too_few_signatures_are_found_here_and_by_the_unit() {
    let by_unit = Options { precheck: Precheck::UnitOnly, ..OPTIONS };
    for (signers, kind) in [(&[1][..], "precheck.key_set_signatures"), (&[1, 9], "precheck.key_set_signatures")] {
        let unit = rooted();
        let file = set(1, &[stranger()], None, signers);
        let error = bring(&unit, &file, &OPTIONS).await.expect_err("one is too few");
        assert_eq!((error.kind(), error.class()), (kind, Class::No));
        let missing = root(2).public().id().to_string();
        assert!(error.to_string().contains(&missing), "{error}");
        assert_eq!(unit.lock().unwrap().keys.parts_taken, 0, "nothing was sent");
        let error = bring(&unit, &file, &by_unit).await.expect_err("one is too few");
        assert_eq!((error.kind(), error.class()), ("refused.key_set_signatures", Class::No));
    }
}

#[tokio::test(start_paused = true)]
async fn the_running_image_is_given_up_only_on_purpose() {
    let unit = rooted();
    let file = set(1, &[key().public().id()], None, &[1, 2]);
    let error = bring(&unit, &file, &OPTIONS).await.expect_err("it runs an image by that key");
    assert_eq!((error.kind(), error.class()), ("refused.would_not_boot", Class::No));
    assert!(error.to_string().contains("--give-up-running-image"), "{error}");
    let on_purpose = Options { give_up: GiveUp::RunningImage, ..OPTIONS };
    bring(&unit, &file, &on_purpose).await.expect("on purpose");
    // A release by the revoked key is refused from now on.
    let error = run(&unit, &release(1), &crate::update::options()).await.expect_err("revoked");
    assert_eq!((error.kind(), error.class()), ("refused.revoked_key", Class::No));
}

#[tokio::test(start_paused = true)]
async fn older_sets_and_other_units_are_refused_here() {
    let unit = rooted();
    bring(&unit, &set(5, &[stranger()], None, &[1, 2]), &OPTIONS).await.expect("signed by two");
    let error = bring(&unit, &set(4, &[], None, &[1, 2]), &OPTIONS).await.expect_err("older");
    assert_eq!(error.kind(), "precheck.key_set_old");
    let other = bring(&unit, &set(5, &[], None, &[1, 2]), &OPTIONS).await.expect_err("same number, other content");
    assert_eq!(other.kind(), "refused.key_set_old");
    let product = KeySetFile::unsigned(KeySet::new(6, PRODUCT + 1, None, &[], &[]).expect("a small set"));
    let error = bring(&unit, &product, &OPTIONS).await.expect_err("other product");
    assert_eq!(error.kind(), "precheck.wrong_product");
    unit.lock().unwrap().keys.roots = Roots::default();
    let error = bring(&unit, &set(6, &[], None, &[1, 2]), &OPTIONS).await.expect_err("no roots");
    assert_eq!(error.kind(), "precheck.no_roots");
}

#[tokio::test(start_paused = true)]
async fn a_unit_of_message_version_1_is_told_from_one_that_refuses() {
    let unit = rooted();
    unit.lock().unwrap().speaks = 1;
    let error = bring(&unit, &set(1, &[], None, &[1, 2]), &OPTIONS).await.expect_err("too old");
    assert_eq!((error.kind(), error.class()), ("key_set.unit_too_old", Class::No));
    assert!(error.to_string().contains("bring it firmware"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_restart_in_the_middle_only_takes_longer() {
    let unit = rooted();
    unit.lock().unwrap().keys.restart_after_parts = Some(3);
    let report = bring(&unit, &set(1, &[stranger()], None, &[1, 2]), &OPTIONS).await.expect("sent again");
    assert_eq!(report.outcome, Outcome::Installed);
    assert_eq!(unit.lock().unwrap().keys.parts_taken, 3 + 5);
}

#[tokio::test(start_paused = true)]
async fn a_floor_reset_is_shown_before_and_after() {
    // boot:B8, fault:R6
    let unit = rooted();
    unit.lock().unwrap().floor = version(9);
    let reset = FloorReset { to: Version::new(1, 0, 0), units: Units::Any };
    let file = set(1, &[], Some(reset), &[1, 2]);
    let plan = bring(&unit, &file, &Options { act: Act::Plan, ..OPTIONS }).await.expect("a plan");
    assert_eq!(plan.floor, ["1.9.0", "1.0.0"]);
    assert!(plan.warnings[0].contains("known to be bad"), "{:?}", plan.warnings);
    let report = bring(&unit, &file, &OPTIONS).await.expect("signed by two");
    assert_eq!((report.outcome, report.floor), (Outcome::Installed, ["1.9.0", "1.0.0"].map(str::to_owned)));
}

#[tokio::test(start_paused = true)]
async fn a_unit_in_recovery_is_to_be_revived_first() {
    let unit = rooted();
    unit.lock().unwrap().recovery = Some(Trouble::EMPTY);
    let error = bring(&unit, &set(1, &[], None, &[1, 2]), &OPTIONS).await.expect_err("no image runs");
    assert_eq!((error.kind(), error.class()), ("session.in_recovery", Class::No));
    assert!(error.to_string().contains("sonde update"), "{error}");
}
