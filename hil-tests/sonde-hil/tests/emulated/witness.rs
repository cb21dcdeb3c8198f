//! Modbus masters that we did not write, on a unit that is served to programs outside (`bus:M1`). What they make of the
//! register map is held against the one table.

mod mbpoll;
mod modbus_serial;
mod plc;
mod pymodbus;
mod script;

use std::path::{Path, PathBuf};

use tempfile::TempDir;
use virtual_board::board::Board;
use virtual_board::serve::{Pace, ServeOptions, Server};

use crate::flash::UnitFlash;
use crate::rig::Rig;
use crate::test::Test;

/// All of them; skipped where the master is not installed.
pub(crate) fn tests() -> Vec<Test> {
    let (mbpoll, pymodbus, modbus_serial) = (mbpoll::missing(), pymodbus::missing(), modbus_serial::missing());
    let needs = |tests: Vec<Test>, missing: Option<String>| {
        tests.into_iter().map(move |test| test.needs(missing.as_deref())).collect::<Vec<_>>()
    };
    let all = [
        needs(mbpoll::tests(), mbpoll),
        needs(pymodbus::tests(), pymodbus),
        needs(modbus_serial::tests(), modbus_serial),
    ];
    all.into_iter().flatten().collect()
}

/// How a master gets at the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Link {
    /// As a serial port.
    Pty,
    /// RTU frames over TCP, as device servers carry them.
    RtuOverTcp,
}

impl Link {
    const BOTH: [Self; 2] = [Self::Pty, Self::RtuOverTcp];
}

/// Whether channels may be on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Channels {
    Off,
    MayRun,
}

/// A unit that answers to a pty and to RTU over TCP.
struct Served {
    server: Server<Board>,
    folder: TempDir,
}

impl Served {
    fn start() -> Self {
        Self::over(Rig::running(UnitFlash::new()))
    }

    /// A unit that has passed its self-test, so that it takes a start.
    fn ready() -> Self {
        let mut rig = Rig::running(UnitFlash::new());
        rig.wait_ms(500);
        Self::over(rig)
    }

    fn over(rig: Rig) -> Self {
        let segment = rig.into_segment();
        let folder = tempfile::tempdir().expect("there is room for a link");
        let pty = Some(pty(folder.path()));
        let server = Server::start(segment, ServeOptions { pty, ..ServeOptions::local(Pace::Fast) });
        Self { server: server.expect("a pty and a port are to be had"), folder }
    }

    /// The serial port that it hangs on.
    fn pty(&self) -> PathBuf {
        pty(self.folder.path())
    }

    /// The port of this machine that leads to its line.
    fn tcp_port(&self) -> u16 {
        self.server.address().expect("these options listen").port()
    }

    /// Takes it off the line; panics when an output is on that may not be, was ever on without leave, or the machine has
    /// stopped.
    fn stop(self, channels: Channels) {
        let mut rig = Rig::of(self.server.stop());
        if channels == Channels::MayRun {
            rig.give_leave();
        }
        rig.wait_ms(1);
        assert_eq!(rig.board().outputs().start, [false; 4]);
        assert_eq!(rig.board().resets().len(), 1);
    }
}

fn pty(folder: &Path) -> PathBuf {
    folder.join("line")
}
