//! `sonde-sim` as a program: its one line, its signals, its exit codes, its files.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use virtual_board::unit;

/// A vector table, and a program that sleeps for ever.
fn sleeper() -> Vec<u8> {
    let mut flash = Vec::new();
    flash.extend(0x2000_1000u32.to_le_bytes());
    flash.extend(0x0800_0009u32.to_le_bytes());
    // loop: wfi; b loop
    flash.extend([0x30, 0xBF, 0xFD, 0xE7]);
    flash
}

fn keep(folder: &Path, unit: u8, flash: Vec<u8>) {
    let kept = unit::board(flash, unit).save_flash();
    std::fs::write(folder.join(format!("unit-{unit}.flash")), kept).expect("the temporary folder takes a file");
}

fn sim() -> Command {
    Command::new(env!("CARGO_BIN_EXE_sonde-sim"))
}

fn start(command: &mut Command) -> (Child, String) {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the sim starts");
    let mut line = String::new();
    let stdout = child.stdout.as_mut().expect("stdout is piped");
    BufReader::new(stdout).read_line(&mut line).expect("the sim says a line");
    (child, line)
}

fn end(child: Child, signal: &str) -> Output {
    let killed = Command::new("kill").args([signal, &child.id().to_string()]).status().expect("kill starts");
    assert!(killed.success());
    child.wait_with_output().expect("the sim ends")
}

#[test]
fn it_announces_itself_serves_until_a_signal_and_keeps_the_flash() {
    for signal in ["-TERM", "-INT"] {
        let folder = tempfile::tempdir().unwrap();
        (2..5).for_each(|unit| keep(folder.path(), unit, sleeper()));
        let (child, ready) = start(sim().args(["--units", "3", "--state"]).arg(folder.path()));
        let address = ready.strip_prefix("ready rtu+tcp://").and_then(|rest| rest.strip_suffix(" units=2..4\n"));
        let address = address.unwrap_or_else(|| panic!("{ready:?}"));
        let mut client = TcpStream::connect(address).unwrap();
        let before = std::fs::read(folder.path().join("unit-4.flash")).unwrap();
        std::fs::remove_file(folder.path().join("unit-4.flash")).unwrap();
        let output = end(child, signal);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{errors}");
        assert!(output.stdout.is_empty(), "one line only");
        assert_eq!(std::fs::read(folder.path().join("unit-4.flash")).unwrap(), before);
        assert_eq!(client.read(&mut [0]).unwrap(), 0, "clients are hung up on");
    }
}

#[test]
fn a_machine_that_stops_is_named_with_its_address_and_the_others_go_on() {
    let folder = tempfile::tempdir().unwrap();
    keep(folder.path(), 2, sleeper());
    let mut undefined = sleeper();
    // A halfword pair that is no instruction of a Cortex-M4.
    undefined.splice(8..12, [0xFF, 0xFB, 0x00, 0xFF]);
    keep(folder.path(), 3, undefined);
    let (child, ready) = start(sim().args(["--units", "2", "--pace", "fast", "--state"]).arg(folder.path()));
    assert!(ready.ends_with(" units=2..3\n"), "{ready}");
    std::thread::sleep(std::time::Duration::from_millis(200));
    let output = end(child, "-TERM");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{errors}");
    assert!(errors.contains("UNIT 3 STOPPED") && errors.contains("0x08000008"), "{errors}");
    assert!(!errors.contains("UNIT 2"), "{errors}");
}

#[test]
fn orders_on_stdin_are_carried_out_and_wrong_ones_say_what_is_right() {
    let folder = tempfile::tempdir().unwrap();
    keep(folder.path(), 2, sleeper());
    let mut command = sim();
    command.args(["--orders", "--state"]).arg(folder.path()).stdin(Stdio::piped());
    let (mut child, _) = start(&mut command);
    let mut orders = child.stdin.take().expect("stdin is piped");
    let mut errors = BufReader::new(child.stderr.take().expect("stderr is piped")).lines();
    for (order, answer) in [
        ("fault 2 overload on", "unit 2, channel 2: Overload on"),
        ("fault 2 overload off unit 3", "no unit 3"),
        ("start 2", "fault 1 overload on"),
    ] {
        writeln!(orders, "{order}").unwrap();
        let heard = errors.by_ref().map_while(Result::ok).find(|line| line.contains(answer));
        assert!(heard.is_some(), "{order}");
    }
    drop(orders);
    assert_eq!(end(child, "-TERM").status.code(), Some(0), "the end of its orders is not its own");
}

#[test]
fn wrong_usage_and_wrong_files_end_with_2_and_the_next_step() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("unit-2.flash"), "hello").unwrap();
    let state = folder.path().to_str().unwrap();
    let cases: [(&[&str], &str); 5] = [
        (&["--units", "0"], "--help"),
        (&[], "name --loader"),
        (&["--loader", "/nowhere/loader.elf"], "cannot read /nowhere/loader.elf of --loader"),
        (&["--state", state], "unit-2.flash"),
        (&["--pty"], "--pty"),
    ];
    for (arguments, expected) in cases {
        let output = sim().args(arguments).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {errors}");
        assert!(errors.contains(expected), "{arguments:?}: {errors}");
        assert!(output.stdout.is_empty());
    }
}
