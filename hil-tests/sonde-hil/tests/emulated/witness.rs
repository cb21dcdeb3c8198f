//! Modbus masters that we did not write, on a unit that is served to programs outside (`bus:M1`). What they make of the
//! register map is held against the one table.

mod mbpoll;
mod pymodbus;

use std::path::{Path, PathBuf};

use tempfile::TempDir;
use virtual_board::board::Board;
use virtual_board::serve::{Pace, ServeOptions, Server};

use crate::flash::UnitFlash;
use crate::rig::Rig;
use crate::test::Test;

/// All of them; skipped where the master is not installed.
pub(crate) fn tests() -> Vec<Test> {
    let (mbpoll, pymodbus) = (mbpoll::missing(), pymodbus::missing());
    let needs = |tests: Vec<Test>, missing: Option<String>| {
        tests.into_iter().map(move |test| test.needs(missing.as_deref())).collect::<Vec<_>>()
    };
    [needs(mbpoll::tests(), mbpoll), needs(pymodbus::tests(), pymodbus)].into_iter().flatten().collect()
}

/// A unit that answers to a pty and to RTU over TCP.
struct Served {
    server: Server<Board>,
    folder: TempDir,
}

impl Served {
    fn start() -> Self {
        let segment = Rig::running(UnitFlash::new()).into_segment();
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

    /// Takes it off the line; panics when an output was ever on or the machine has stopped.
    fn stop(self) {
        let mut rig = Rig::of(self.server.stop());
        rig.wait_ms(1);
        assert_eq!(rig.board().resets().len(), 1);
    }
}

fn pty(folder: &Path) -> PathBuf {
    folder.join("line")
}
