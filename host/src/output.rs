//! The only place that prints: results on stdout, everything else on stderr.
#![expect(clippy::print_stderr, reason = "the output module of the command line")]

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

use serde::Serialize;
use serde_json::json;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::cli::Common;
use crate::cmd::{Answer, Failed, Report};

/// Prints a command's report or error and gives the exit code.
pub(crate) fn finish<R: Report>(result: Result<R, Failed>, common: Common) -> ExitCode {
    match result {
        Ok(report) => {
            if common.json {
                print_json(&report);
            } else {
                print_text(&report.to_string());
            }
            match report.answer() {
                Answer::Yes => ExitCode::SUCCESS,
                Answer::No => ExitCode::from(sonde::failure::Class::No.exit_code()),
            }
        }
        Err(failed) => error(&failed, common),
    }
}

fn error(failed: &Failed, common: Common) -> ExitCode {
    let code = failed.class.exit_code();
    // Messages of the library already carry their cause; `{:#}` would say it twice.
    let message = failed.error.to_string();
    if common.json {
        print_json(&json!({ "error": { "kind": failed.kind, "message": message, "exit": code } }));
    } else {
        eprintln!("error: {message}");
    }
    ExitCode::from(code)
}

/// Prints what clap has to say: help and version on stdout with 0, a wrong command line with 2.
pub(crate) fn usage(error: &clap::Error) -> ExitCode {
    let code = u8::try_from(error.exit_code()).unwrap_or(sonde::failure::Class::Usage.exit_code());
    let asked_for_json = std::env::args_os().any(|argument| argument == "--json");
    if error.use_stderr() && asked_for_json {
        let message = error.render().to_string();
        print_json(&json!({ "error": { "kind": "usage", "message": message.trim(), "exit": code } }));
    } else {
        // Nothing can be done when the terminal is gone.
        let _ = error.print();
    }
    ExitCode::from(code)
}

/// Prints one of many results, as soon as it is there.
pub(crate) fn line(result: &(impl Serialize + std::fmt::Display), json: bool) {
    if json { print_json(result) } else { print_text(&result.to_string()) }
}

/// Asks for a line on the terminal; `None` when there is none, or nobody answers.
pub(crate) fn ask(question: &str) -> Option<String> {
    if !std::io::stdin().is_terminal() {
        return None;
    }
    eprint!("{question}");
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).ok()?;
    Some(answer.trim_end_matches(['\r', '\n']).to_owned())
}

/// Sends the log to stderr: warnings, with -v what happens, with -vv every frame.
pub(crate) fn start_log(verbose: u8) {
    let level = match verbose {
        0 => LevelFilter::WARN,
        1 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    let ours = Targets::new().with_target("sonde", level).with_default(LevelFilter::WARN);
    let ansi = std::io::stderr().is_terminal();
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(ansi).with_target(false);
    tracing_subscriber::registry().with(lines).with(ours).init();
}

fn print_json(value: &impl Serialize) {
    let text = serde_json::to_string(value).expect("reports hold nothing that JSON cannot say");
    print_text(&text);
}

/// A reader that went away (`sonde ... | head`) is no error.
fn print_text(text: &str) {
    let mut stdout = std::io::stdout().lock();
    let _ = writeln!(stdout, "{}", text.trim_end()).and_then(|()| stdout.flush());
}
