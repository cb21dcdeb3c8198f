//! `sonde-sim`: serves emulated units as one RS-485 line.
//!
//! Exit codes: 0 ended by SIGINT or SIGTERM, 1 the flash could not be kept, 2 usage or a wrong file, 3 a machine stopped.

mod arguments;
mod orders;
mod output;
mod state;
mod units;

use std::process::ExitCode;
use std::sync::Arc;

use arguments::Arguments;
use clap::Parser;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use state::State;
use units::StartError;
use virtual_board::board::Board;
use virtual_board::line::{Frames, LineEvent, Segment};
use virtual_board::serve::{ServeOptions, Server};
use virtual_board::unit::FIRST_UNIT_ID;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // Before the line is announced, so that whoever reads it can end this at once.
    let signals = Signals::new([SIGINT, SIGTERM]).map_err(StartError::Signals);
    let started = signals.and_then(|signals| Ok((start(&arguments)?, signals)));
    let ((server, state), mut signals) = match started {
        Ok(started) => started,
        Err(error) => {
            output::log(format_args!("{error}"));
            return ExitCode::from(2);
        }
    };
    output::ready(&arguments, server.address());
    if arguments.orders {
        orders::take(server.control());
    }
    let _ = signals.forever().next();
    end(server.stop(), &state)
}

/// Makes the units, gives them power, serves them.
fn start(arguments: &Arguments) -> Result<(Server<Board>, State), StartError> {
    let state = State::new(arguments.state.clone());
    let boards = units::make(arguments, &state)?;
    let mut segment = Segment::new(arguments.line(), boards);
    let mut frames = arguments.trace.then(Frames::default);
    segment.set_trace(move |event| watch(&mut frames, event));
    let options = ServeOptions {
        pace: arguments.pace,
        listen: Some(arguments.listen),
        pty: arguments.pty.clone(),
        events: Arc::new(|event| output::client(&event)),
    };
    Ok((Server::start(segment, options)?, state))
}

/// Tells what is worth telling.
fn watch(frames: &mut Option<Frames>, event: &LineEvent) {
    if let Some(frame) = frames.as_mut().and_then(|frames| frames.next(event)) {
        output::log(format_args!("{frame}"));
    }
    if let LineEvent::Stopped { station, time, reason } = event {
        let unit = unit_id(*station);
        output::log(format_args!(
            "UNIT {unit} STOPPED at {time}: {reason}; it is dead until this program is restarted"
        ));
    }
}

/// Keeps the flash; says which units did not make it.
fn end(segment: Segment<Board>, state: &State) -> ExitCode {
    let dead: Vec<_> = (0..segment.station_count()).filter(|&unit| segment.stopped(unit).is_some()).collect();
    for unit in &dead {
        let reason = segment.stopped(*unit).unwrap_or_default();
        output::log(format_args!("unit {} stopped: {reason}", unit_id(*unit)));
    }
    for (index, board) in segment.into_stations().iter().enumerate() {
        if let Err(error) = state.save(unit_id(index), board) {
            output::log(format_args!("{error}"));
            return ExitCode::from(1);
        }
    }
    if dead.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(3) }
}

/// Id on the bus of the unit with that index on the line.
fn unit_id(index: usize) -> u8 {
    // The number of units is checked when the arguments are read.
    FIRST_UNIT_ID.saturating_add(u8::try_from(index).unwrap_or(u8::MAX))
}
