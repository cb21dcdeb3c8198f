//! QEMU's `netduinoplus2`: a Cortex-M4F with flash and SRAM where the STM32G474 has them.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use virtual_board::core::{FLASH_START, RAM_START};

use super::image::RAM_BYTES;

const PROGRAM: &str = "qemu-system-arm";

/// Whether QEMU is installed.
pub(crate) fn is_installed() -> bool {
    Command::new(PROGRAM).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

/// Runs an image until it resets itself, and returns the SRAM.
pub(crate) fn run(flash: &[u8], directory: &Path) -> Vec<u8> {
    let image = directory.join("flash.bin");
    let dump = directory.join("ram.bin");
    std::fs::write(&image, flash).expect("the image fits the temporary directory");
    let loader = format!("loader,file={},addr=0x{FLASH_START:08x},force-raw=on", image.display());
    let arguments = ["-M", "netduinoplus2", "-display", "none", "-serial", "null", "-monitor", "none", "-qmp", "stdio"];
    let child = Command::new(PROGRAM)
        .args(arguments)
        .args(["-S", "-icount", "shift=0", "-no-reboot", "-no-shutdown", "-device", &loader])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .expect("qemu-system-arm starts");
    let mut monitor = Monitor::new(child);
    monitor.command(r#"{"execute":"qmp_capabilities","id":"hello"}"#, r#""hello""#);
    // Without a reboot, the guest's reset request shuts the machine down, which pauses it.
    monitor.command(r#"{"execute":"cont"}"#, r#""SHUTDOWN""#);
    let save = format!(
        r#"{{"execute":"pmemsave","id":"saved","arguments":{{"val":{RAM_START},"size":{RAM_BYTES},"filename":"{}"}}}}"#,
        dump.display()
    );
    monitor.command(&save, r#""saved""#);
    monitor.end();
    std::fs::read(&dump).expect("QEMU wrote the dump")
}

/// The QMP connection on the standard streams.
struct Monitor {
    child: Child,
    replies: BufReader<std::process::ChildStdout>,
}

impl Monitor {
    fn new(mut child: Child) -> Self {
        let replies = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let mut monitor = Monitor { child, replies };
        monitor.wait_for(r#""QMP""#);
        monitor
    }

    fn command(&mut self, command: &str, reply: &str) {
        let input = self.child.stdin.as_mut().expect("stdin is piped");
        writeln!(input, "{command}").expect("QEMU listens");
        self.wait_for(reply);
    }

    fn wait_for(&mut self, reply: &str) {
        let mut line = String::new();
        while !line.contains(reply) {
            assert!(!line.contains(r#""error""#), "QEMU refused: {line}");
            line.clear();
            let bytes = self.replies.read_line(&mut line).expect("QEMU answers");
            assert!(bytes != 0, "QEMU ended before it answered {reply}");
        }
    }

    /// There is nothing left to ask: the machine need not be shut down in order.
    fn end(mut self) {
        let _ = self.child.kill();
        self.child.wait().expect("a killed process ends");
    }
}
