//! A master in another language: a script that takes calls on stdin, one JSON object a line, and prints what it understood of
//! each answer.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::{Link, Served};
use crate::rig::UNIT;

/// The script of this name beside the tests.
pub(super) fn path(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/emulated/witness");
    folder.join(name).to_str().expect("the checkout has a printable path").to_owned()
}

/// Lets the script make these calls, one after the other, and returns what came of each.
pub(super) fn call(command: &mut Command, unit: &Served, link: Link, calls: &[Value]) -> Vec<Value> {
    let (kind, place) = match link {
        Link::Pty => ("pty", unit.pty().display().to_string()),
        Link::RtuOverTcp => ("tcp", unit.tcp_port().to_string()),
    };
    command.args([kind, &place, &UNIT.to_string()]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("its interpreter is installed");
    let mut input = child.stdin.take().expect("it is piped");
    for call in calls {
        writeln!(input, "{call}").expect("the script reads to the end");
    }
    drop(input);
    let output = child.wait_with_output().expect("the script ends with its input");
    assert!(output.status.success(), "over {link:?}: the script tells above what went wrong");
    let answers = output.stdout.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
    let answers: Vec<Value> = answers.map(|line| serde_json::from_slice(line).expect("a line of JSON")).collect();
    assert_eq!(answers.len(), calls.len(), "over {link:?}");
    answers
}
