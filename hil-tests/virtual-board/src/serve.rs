//! Serves a segment to programs outside: as a device server for RTU over TCP, and as a pty.
//!
//! One thread owns the segment; everything reaches it through a channel. Like a simple device server, it joins what all
//! clients send into one stream of bytes, in the order of arrival, and sends every byte from the line to all of them.
//! It keeps no frames together and makes no silences: clients that talk over each other disturb each other.

mod control;
mod order;
mod pace;
mod port;
mod pty;
mod server;
mod tcp;

#[cfg(test)]
mod tests;

pub use control::{Control, ServerGone};
pub use order::{Order, OrderError, Turn};
pub use pace::{Go, Pace, Pacer};
pub use server::{ServeError, ServeEvent, ServeOptions, Server};
