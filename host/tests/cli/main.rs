//! The command line from outside: exit codes, what goes to stdout, wrong files and arguments. No unit is involved.

mod elf_file;
mod files;
mod key_sets;
mod keys;
mod usage;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// How a call ended.
struct Ended {
    exit: i32,
    stdout: String,
    stderr: String,
}

impl Ended {
    /// The one JSON object on stdout.
    fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }

    /// Whether stderr holds all of these.
    #[track_caller]
    fn says(&self, texts: &[&str]) {
        for text in texts {
            assert!(self.stderr.contains(text), "no {text:?} in: {}", self.stderr);
        }
    }
}

/// A folder of its own for one test.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, contents: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, contents).expect("own folder");
        path
    }

    /// Calls `sonde` in this folder.
    fn sonde(&self, arguments: &[&str]) -> Ended {
        self.sonde_with(arguments, &[])
    }

    fn sonde_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
        let output = Command::new(env!("CARGO_BIN_EXE_sonde"))
            .args(arguments)
            .current_dir(self.0.path())
            .env_remove("SONDE_PASSPHRASE")
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .output()
            .expect("the program was built with this test");
        Ended {
            exit: output.status.code().expect("it ended by itself"),
            stdout: String::from_utf8(output.stdout).expect("text"),
            stderr: String::from_utf8(output.stderr).expect("text"),
        }
    }

    /// A key pair `key`, unencrypted.
    fn with_key(self) -> Self {
        assert_eq!(self.sonde(&["key", "new", "--out", "key", "--no-passphrase"]).exit, 0);
        self
    }

    /// A release `good.sonde` signed by `key`.
    fn with_release(self) -> Self {
        let folder = self.with_key();
        elf_file::write_pair(&folder);
        let built = folder.sonde(&BUILD);
        assert_eq!(built.exit, 0, "{}", built.stderr);
        folder
    }
}

/// Builds `good.sonde` from `a.elf` and `b.elf`.
const BUILD: [&str; 14] = [
    "bundle",
    "build",
    "--key",
    "key",
    "--version",
    "1.1.0",
    "--slot-a",
    "a.elf",
    "--slot-b",
    "b.elf",
    "--hardware",
    "1,2",
    "--out",
    "good.sonde",
];

/// An endpoint that nobody listens at.
fn nobody() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    format!("rtu+tcp://{}", listener.local_addr().expect("bound"))
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).expect("own file")
}
