//! The real `sonde` program, called with `--json`.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Where the program is.
#[derive(Debug, Clone)]
pub struct Sonde {
    program: PathBuf,
}

/// What a call gave.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Exit code: 0 done, 1 the answer is no, 2 usage, 3 unit or bus failed.
    pub exit: i32,
    /// The one JSON object on stdout; `Null` when there was none.
    pub answer: Value,
    /// What it said on stderr.
    pub stderr: String,
    /// How long it took.
    pub wall: Duration,
}

/// A call that gave no outcome.
#[derive(Debug, thiserror::Error)]
pub enum SondeError {
    /// It did not start.
    #[error("cannot start {}: {source}; build it, or name it with --sonde", program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It did not end by itself.
    #[error("`sonde {call}` was ended by a signal; stderr: {stderr}")]
    Killed {
        /// Its arguments.
        call: String,
        /// What it said.
        stderr: String,
    },
    /// A call that has to work did not.
    #[error("`sonde {call}` ended with {exit}, expected 0: {said}")]
    Failed {
        /// Its arguments.
        call: String,
        /// Its exit code.
        exit: i32,
        /// What it said.
        said: String,
    },
}

impl Sonde {
    /// The program at `path`.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self { program: path.into() }
    }

    /// Calls it and waits for its end.
    ///
    /// # Errors
    /// [`SondeError::Start`], [`SondeError::Killed`]; an exit code is an outcome.
    pub fn call<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(&self, arguments: I) -> Result<Outcome, SondeError> {
        let mut command = Command::new(&self.program);
        command.arg("--json").args(arguments).stdin(Stdio::null());
        let started = Instant::now();
        let output = command.output().map_err(|source| SondeError::Start { program: self.program.clone(), source })?;
        let wall = started.elapsed();
        let stderr = String::from_utf8_lossy(&output.stderr).trim().to_string();
        let exit =
            output.status.code().ok_or_else(|| SondeError::Killed { call: shown(&command), stderr: stderr.clone() })?;
        let answer = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
        Ok(Outcome { exit, answer, stderr, wall })
    }

    /// Calls it where only exit code 0 is of use.
    ///
    /// # Errors
    /// [`SondeError`].
    pub fn must<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(&self, arguments: I) -> Result<Outcome, SondeError> {
        let arguments: Vec<_> = arguments.into_iter().map(|argument| argument.as_ref().to_os_string()).collect();
        let outcome = self.call(&arguments)?;
        if outcome.exit == 0 {
            return Ok(outcome);
        }
        let call = arguments.iter().map(|argument| argument.to_string_lossy()).collect::<Vec<_>>().join(" ");
        Err(SondeError::Failed { call, exit: outcome.exit, said: outcome.said() })
    }
}

impl Outcome {
    /// The kind of the error that it reports, in one word, if it does.
    #[must_use]
    pub fn error_kind(&self) -> Option<&str> {
        self.answer.pointer("/error/kind")?.as_str()
    }

    /// What it said, for people.
    #[must_use]
    pub fn said(&self) -> String {
        match self.answer.pointer("/error/message").and_then(Value::as_str) {
            Some(message) => message.to_string(),
            None if self.stderr.is_empty() => self.answer.to_string(),
            None => self.stderr.clone(),
        }
    }
}

fn shown(command: &Command) -> String {
    command.get_args().map(|argument| argument.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell() -> Sonde {
        Sonde::new(Path::new("/bin/echo"))
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let error = Sonde::new(Path::new("/nowhere/sonde")).call(["status"]).unwrap_err();
        assert!(error.to_string().contains("/nowhere/sonde"), "{error}");
    }

    #[test]
    fn output_that_is_no_json_is_no_answer() {
        let outcome = shell().call(["hello"]).unwrap();
        assert_eq!((outcome.exit, outcome.answer.is_null(), outcome.error_kind()), (0, true, None));
    }

    #[test]
    fn a_call_that_must_work_and_does_not_says_what_was_called() {
        let error = Sonde::new(Path::new("/bin/false")).must(["bundle", "build"]).unwrap_err();
        assert!(error.to_string().starts_with("`sonde bundle build` ended with 1"), "{error}");
    }
}
