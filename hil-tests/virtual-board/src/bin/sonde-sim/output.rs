//! All that this program prints.

use std::fmt;
use std::io::Write;
use std::net::SocketAddr;

use virtual_board::serve::ServeEvent;
use virtual_board::unit::FIRST_UNIT_ID;

use crate::arguments::Arguments;

/// The one line on stdout.
pub(crate) fn ready(arguments: &Arguments, address: Option<SocketAddr>) {
    let last = arguments.last_unit_id();
    let address = address.unwrap_or(arguments.listen);
    let mut stdout = std::io::stdout().lock();
    // Whoever started this may not be listening.
    let _ = writeln!(stdout, "ready rtu+tcp://{address} units={FIRST_UNIT_ID}..{last}").and_then(|()| stdout.flush());
    if let Some(path) = &arguments.pty {
        log(format_args!("serial port at {}", path.display()));
    }
}

/// Comings and goings.
pub(crate) fn client(event: &ServeEvent) {
    match event {
        ServeEvent::Joined { client } => log(format_args!("{client} connected")),
        ServeEvent::Left { client } => log(format_args!("{client} disconnected")),
        ServeEvent::TooSlow { client } => log(format_args!("{client} does not read what it is sent: dropped")),
    }
}

/// A line for people.
pub(crate) fn log(line: fmt::Arguments<'_>) {
    // Nobody may be reading.
    let _ = writeln!(std::io::stderr().lock(), "sonde-sim: {line}");
}
