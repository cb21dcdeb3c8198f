use crate::{Folder, nobody};

#[test]
fn help_and_version_are_answers() {
    let folder = Folder::new();
    for arguments in [
        &["--help"][..],
        &["--version"],
        &["key", "new", "--help"],
        &["key", "show", "--help"],
        &["key", "root", "new", "--help"],
        &["key", "root", "anchors", "--help"],
        &["key", "rotate", "--help"],
        &["key", "revoke", "--help"],
        &["key", "sign", "--help"],
        &["key", "list", "--help"],
        &["key", "install", "--help"],
        &["bundle", "build", "--help"],
        &["bundle", "show", "--help"],
        &["bundle", "verify", "--help"],
        &["status", "--help"],
        &["update", "--help"],
        &["confirm", "--help"],
        &["rollback", "--help"],
    ] {
        let ended = folder.sonde(arguments);
        assert_eq!((ended.exit, ended.stderr.as_str()), (0, ""), "{arguments:?}");
        assert!(ended.stdout.contains("Example") || arguments.len() == 1, "{arguments:?}: {}", ended.stdout);
    }
    assert!(folder.sonde(&["--help"]).stdout.contains("the answer is no"));
}

#[test]
fn a_wrong_command_line_is_exit_code_2_with_nothing_on_stdout() {
    let folder = Folder::new();
    for arguments in [
        &[][..],
        &["frobnicate"],
        &["status"],
        &["status", "/dev/ttyUSB0"],
        &["status", "tcp://host:502"],
        &["status", "rtu:///dev/x?speed=9600"],
        &["status", "rtu+tcp://host:1", "--unit", "0"],
        &["status", "rtu+tcp://host:1", "--unit", "248"],
        &["status", "rtu+tcp://host:1", "--timeout", "0"],
        &["update", "rtu+tcp://host:1"],
        &["events"],
        &["events", "rtu+tcp://host:1", "--kind", "nonsense"],
        &["crash"],
        &["config", "set", "rtu+tcp://host:1"],
        &["channel", "start", "rtu+tcp://host:1", "5"],
        &["channel", "amplitude", "rtu+tcp://host:1", "1", "101"],
        &["key", "new"],
        &["key", "new", "--out", "k", "--passphrase", "secret"],
        &["key", "rotate", "--out", "k"],
        &["key", "rotate", "--first", "--from", "x", "--out", "k"],
        &["key", "revoke", "--first", "--out", "k"],
        &["key", "sign", "x", "--out", "k"],
        &["key", "list"],
        &["key", "list", "x", "--to", "rtu+tcp://host:1"],
        &["key", "install", "x"],
        &["bundle", "build", "--version", "1.2"],
        &["bundle", "verify", "x"],
    ] {
        let ended = folder.sonde(arguments);
        assert_eq!((ended.exit, ended.stdout.as_str()), (2, ""), "{arguments:?}");
        assert!(!ended.stderr.is_empty(), "{arguments:?}");
    }
}

#[test]
fn with_json_a_wrong_command_line_is_one_object_on_stdout() {
    let ended = Folder::new().sonde(&["--json", "status", "tcp://host:502"]);
    assert_eq!(ended.exit, 2);
    let error = &ended.json()["error"];
    assert_eq!((error["kind"].as_str(), error["exit"].as_u64()), (Some("usage"), Some(2)));
    assert!(error["message"].as_str().is_some_and(|text| text.contains("not in this version")), "{error}");
}

#[test]
fn an_endpoint_that_cannot_be_opened_is_exit_code_3() {
    let folder = Folder::new();
    let refused = folder.sonde(&["status", &nobody()]);
    assert_eq!((refused.exit, refused.stdout.as_str()), (3, ""));
    refused.says(&["refuses the connection", "check the port"]);
    let url = nobody();
    for command in [
        &["events", &url][..],
        &["events", &url, "--since", "3", "--kind", "boot"],
        &["crash", &url],
        &["config", "show", &url],
        &["channel", "show", &url],
        &["estop", &url],
    ] {
        let ended = folder.sonde(command);
        assert_eq!((ended.exit, ended.stdout.as_str()), (3, ""), "{command:?}: {}", ended.stderr);
    }
    let missing = folder.sonde(&["--json", "confirm", "rtu:///dev/no-such-port"]);
    assert_eq!(missing.exit, 3);
    let error = &missing.json()["error"];
    assert_eq!((error["kind"].as_str(), error["exit"].as_u64()), (Some("open.no_port"), Some(3)));
}

#[test]
fn a_port_that_hangs_up_at_once_is_an_error_in_bounded_time() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("rtu+tcp://{}", listener.local_addr().expect("bound"));
    std::thread::spawn(move || listener.incoming().for_each(drop));
    let started = std::time::Instant::now();
    let ended = Folder::new().sonde(&["status", &url, "--timeout", "100"]);
    assert_eq!(ended.exit, 3);
    ended.says(&["went away"]);
    assert!(started.elapsed().as_secs() < 10, "{:?}", started.elapsed());
}

#[test]
fn a_line_without_units_is_an_error_that_names_unit_and_time() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("rtu+tcp://{}", listener.local_addr().expect("bound"));
    let ended = Folder::new().sonde(&["status", &url, "--unit", "7", "--timeout", "50"]);
    assert_eq!(ended.exit, 3);
    ended.says(&["unit 7 did not answer", "3 attempts of 50 ms", "--unit", "--timeout"]);
}
