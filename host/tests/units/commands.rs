//! The program itself, over TCP, against a unit in memory. In real time.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use sonde::key::ReleaseKey;
use tokio::net::TcpListener;

use crate::fake_unit::{Behaviour, Faults, Shared, Trouble, serve};
use crate::keys::{rooted, set, stranger};
use crate::update::{bytes, key, unit};

/// Serves the unit on a port of its own; returns the URL.
async fn listen(unit: &Shared) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("rtu+tcp://{}", listener.local_addr().expect("bound"));
    let unit = unit.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(unit.clone(), stream));
        }
    });
    url
}

async fn sonde(folder: &Path, arguments: &[&str]) -> (i32, Value) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sonde"));
    command.arg("--json").args(arguments).current_dir(folder);
    let output: Output = tokio::task::spawn_blocking(move || command.output())
        .await
        .expect("no panic")
        .expect("the program was built with this test");
    assert!(output.stderr.is_empty(), "no progress without a terminal: {}", String::from_utf8_lossy(&output.stderr));
    let report = serde_json::from_slice(&output.stdout).expect("one JSON object");
    (output.status.code().expect("it ended by itself"), report)
}

fn folder_with(files: &[(&str, Vec<u8>)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, contents) in files {
        std::fs::write(folder.path().join(name), contents).expect("own folder");
    }
    folder
}

#[tokio::test(flavor = "multi_thread")]
async fn a_unit_is_asked_updated_and_rolled_back() {
    let unit = unit(Behaviour::Good, Faults::default());
    let url = listen(&unit).await;
    let folder = folder_with(&[("new.sonde", bytes(1, &key(), 1))]);
    let (exit, status) = sonde(folder.path(), &["status", &url]).await;
    assert_eq!((exit, &status["running"]["version"], &status["phase"]), (0, &"1.0.0".into(), &"confirmed".into()));
    let (exit, report) = sonde(folder.path(), &["update", &url, "new.sonde", "--soak", "0"]).await;
    assert_eq!((exit, &report["outcome"], &report["after"]["version"]), (0, &"confirmed".into(), &"1.1.0".into()));
    assert_eq!(report["transferred"]["pages_sent"], 31);
    assert!(report["wire"]["bytes_sent"].as_u64().is_some_and(|bytes| bytes > 62_000), "{report}");
    let (exit, report) = sonde(folder.path(), &["rollback", &url, "--soak", "0"]).await;
    assert_eq!((exit, &report["after"]["version"]), (0, &"1.0.0".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_no_of_the_unit_is_exit_code_1_with_its_own_kind() {
    let unit = unit(Behaviour::FailsSelfTest, Faults::default());
    let url = listen(&unit).await;
    let stranger = ReleaseKey::from_secret(&[9; 32]);
    let folder = folder_with(&[
        ("good.sonde", bytes(1, &key(), 1)),
        ("hardware.sonde", bytes(1, &key(), 2)),
        ("stranger.sonde", bytes(1, &stranger, 1)),
    ]);
    for (arguments, kind) in [
        (&["confirm", &url][..], "refused.not_on_trial"),
        (&["rollback", &url], "refused.nothing_to_roll_back_to"),
        (&["update", &url, "hardware.sonde"], "precheck.wrong_hardware"),
        (&["update", &url, "hardware.sonde", "--no-precheck"], "refused.wrong_hardware"),
        (&["update", &url, "stranger.sonde"], "refused.unknown_key"),
    ] {
        let (exit, report) = sonde(folder.path(), arguments).await;
        assert_eq!((exit, &report["error"]["kind"]), (1, &kind.into()), "{arguments:?}: {report}");
    }
    let (exit, report) = sonde(folder.path(), &["update", &url, "good.sonde", "--soak", "0"]).await;
    assert_eq!((exit, &report["outcome"]), (1, &"rolled_back".into()), "{report}");
    assert_eq!(report["reason"]["failed"][0], "system clock");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_unit_in_recovery_is_asked_and_revived_by_the_same_commands() {
    let unit = unit(Behaviour::Good, Faults::default());
    unit.lock().unwrap().recovery = Some(Trouble::EMPTY);
    let url = listen(&unit).await;
    let folder = folder_with(&[("new.sonde", bytes(1, &key(), 1))]);
    let (exit, status) = sonde(folder.path(), &["status", &url]).await;
    assert_eq!((exit, &status["phase"], &status["slots"][1]["trouble"]), (0, &"recovery".into(), &"empty".into()));
    assert!(status["next"].as_str().is_some_and(|next| next.contains("sonde update")), "{status}");
    let (exit, refused) = sonde(folder.path(), &["confirm", &url]).await;
    assert_eq!((exit, &refused["error"]["kind"]), (1, &"session.in_recovery".into()));
    let (exit, report) = sonde(folder.path(), &["update", &url, "new.sonde", "--soak", "0"]).await;
    assert_eq!((exit, &report["outcome"], &report["before"]), (0, &"revived".into(), &Value::Null));
    let (_, status) = sonde(folder.path(), &["status", &url]).await;
    assert_eq!((&status["running"]["version"], &status["phase"]), (&"1.1.0".into(), &"confirmed".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_set_is_planned_installed_and_listed() {
    let unit = rooted();
    let url = listen(&unit).await;
    let files = [("half", set(1, &[stranger()], None, &[1])), ("whole", set(1, &[stranger()], None, &[1, 2]))];
    let folder = folder_with(&files.map(|(name, file)| (name, file.signed.0.to_vec())));
    let to = ["--to", url.as_str()];
    let install = |file| [&["key", "install", file][..], &to].concat();
    let (exit, planned) = sonde(folder.path(), &[&install("whole")[..], &["--plan"]].concat()).await;
    assert_eq!((exit, &planned["outcome"], &planned["to"]), (0, &"planned".into(), &1.into()));
    let (exit, refused) = sonde(folder.path(), &install("half")).await;
    assert_eq!((exit, &refused["error"]["kind"]), (1, &"precheck.key_set_signatures".into()));
    for outcome in ["installed", "already_installed"] {
        let (exit, installed) = sonde(folder.path(), &install("whole")).await;
        assert_eq!((exit, &installed["outcome"]), (0, &outcome.into()));
    }
    let (exit, listed) = sonde(folder.path(), &[&["key", "list"][..], &to].concat()).await;
    assert_eq!((exit, &listed["number"], &listed["threshold"]), (0, &1.into(), &2.into()));
    let keys = listed["keys"].as_array().expect("a list");
    let revoked = keys.iter().find(|key| key["key_id"] == stranger().to_string().as_str());
    assert_eq!(revoked.expect("it is listed")["standing"], "revoked");
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_serial_port_works_as_a_socket_does() {
    // bus:M8, bus:M9
    let unit = unit(Behaviour::Good, Faults::default());
    let (master, slave) = tokio_serial::SerialStream::pair().expect("a pseudo terminal");
    let path = tokio_serial::SerialPort::name(&slave).expect("a slave has a path");
    tokio::spawn(serve(unit, master));
    let folder = folder_with(&[]);
    let (exit, status) = sonde(folder.path(), &["status", &format!("rtu://{path}?baud=19200&parity=even")]).await;
    assert_eq!((exit, &status["serial"]), (0, &"FAKE-1".into()), "{status}");
    let (exit, report) = sonde(folder.path(), &["status", &format!("rtu://{path}?echo=skip"), "--timeout", "50"]).await;
    assert_eq!((exit, &report["error"]["kind"]), (0, &serde_json::Value::Null), "an absent echo is no harm: {report}");
    drop(slave);
}
