//! Starting other programs: shown on stderr, checked, and where needed bounded in time.

use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::output;

/// How often a bounded program is asked whether it has ended.
const POLL: Duration = Duration::from_millis(100);

/// Runs a program with our stdout and stderr; anything but success is an error that names it.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = status(command)?;
    if !status.success() {
        bail!("`{}` failed ({status})", shown(command));
    }
    Ok(())
}

/// Runs a program with our stdout and stderr and returns how it ended.
pub(crate) fn status(command: &mut Command) -> Result<ExitStatus> {
    output::progress(format_args!("$ {}", shown(command)));
    command.status().with_context(|| format!("cannot start `{}`", program(command)))
}

/// Runs a program quietly and returns its stdout; its stderr is part of the error.
pub(crate) fn capture(command: &mut Command) -> Result<String> {
    let done = command.stdin(Stdio::null()).output().with_context(|| format!("cannot start `{}`", program(command)))?;
    if !done.status.success() {
        let said = String::from_utf8_lossy(&done.stderr);
        bail!("`{}` failed ({}): {}", shown(command), done.status, said.trim());
    }
    String::from_utf8(done.stdout).with_context(|| format!("`{}` did not print UTF-8", shown(command)))
}

/// Runs a program, shown, with its stdout kept and returned; stderr is ours. The exit status is the caller's to judge.
pub(crate) fn capture_shown(command: &mut Command) -> Result<(ExitStatus, String)> {
    output::progress(format_args!("$ {}", shown(command)));
    let done =
        command.stderr(Stdio::inherit()).output().with_context(|| format!("cannot start `{}`", program(command)))?;
    Ok((done.status, String::from_utf8_lossy(&done.stdout).into_owned()))
}

/// Runs a program without stdin for at most `limit`, then kills it. Its stdout joins our stderr.
pub(crate) fn run_within(command: &mut Command, limit: Duration) -> Result<()> {
    output::progress(format_args!("$ {} (at most {} s)", shown(command), limit.as_secs()));
    command.stdin(Stdio::null()).stdout(std::io::stderr());
    let mut child = command.spawn().with_context(|| format!("cannot start `{}`", program(command)))?;
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            if status.success() {
                return Ok(());
            }
            bail!("`{}` failed ({status})", shown(command));
        }
        if started.elapsed() >= limit {
            // It may have ended this instant; either way it is gone after the wait.
            let _ = child.kill();
            child.wait()?;
            bail!("`{}` did not end within {} s", shown(command), limit.as_secs());
        }
        std::thread::sleep(POLL);
    }
}

/// The program and its arguments as a person would type them, without the long path of the program.
pub(crate) fn shown(command: &Command) -> String {
    let arguments = command.get_args().map(|argument| argument.to_string_lossy().into_owned());
    [program(command)].into_iter().chain(arguments).collect::<Vec<_>>().join(" ")
}

fn program(command: &Command) -> String {
    let path = Path::new(command.get_program());
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_hangs_is_ended() {
        let started = Instant::now();
        let error = run_within(Command::new("sleep").arg("60"), Duration::from_millis(300)).unwrap_err();
        assert!(error.to_string().contains("did not end within"), "{error}");
        assert!(started.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn a_failure_names_the_program_and_what_it_said() {
        let error = capture(Command::new("sh").args(["-c", "echo no luck >&2; exit 3"])).unwrap_err().to_string();
        assert!(error.contains("sh -c") && error.contains("no luck"), "{error}");
    }
}
