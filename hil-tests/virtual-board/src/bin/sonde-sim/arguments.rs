//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;
use virtual_board::line::LineSettings;
use virtual_board::serve::Pace;
use virtual_board::unit::{FIRST_UNIT_ID, LAST_UNIT_ID};

/// Serves emulated sonde units as one RS-485 line: each runs the linked ARM loader and firmware, instruction by
/// instruction.
///
/// Prints one line when it accepts connections, `ready rtu+tcp://127.0.0.1:PORT units=2..K`, and runs until SIGINT or
/// SIGTERM. Several clients may connect; what they send is joined, answers go to all of them.
///
/// Exit codes: 0 ended by a signal, 1 the flash could not be kept, 2 usage or a wrong file, 3 a machine stopped (an
/// instruction or register that nobody modelled).
#[derive(Debug, Parser)]
#[command(name = "sonde-sim", version, max_term_width = 100)]
pub(crate) struct Arguments {
    /// How many units; their ids on the bus are 2, 3, ...
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=UNITS_MAX))]
    pub(crate) units: u8,
    /// Where clients connect for RTU over TCP; port 0 takes any free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0")]
    pub(crate) listen: SocketAddr,
    /// Also serve the line as a serial port: a link to it is made at PATH
    #[arg(long, value_name = "PATH")]
    pub(crate) pty: Option<PathBuf>,
    /// ELF file of the loader; needed for units without kept flash
    #[arg(long, value_name = "ELF")]
    pub(crate) loader: Option<PathBuf>,
    /// Release that new units come with, in slot A; needed for units without kept flash, unless --empty
    #[arg(long, value_name = "FILE")]
    pub(crate) bundle: Option<PathBuf>,
    /// New units come with nothing to run: their loader stays in recovery until `sonde update` brings a release
    #[arg(long, conflicts_with = "bundle")]
    pub(crate) empty: bool,
    /// Public key of releases that new units believe (.pub.pem of `sonde key new`); with root keys, four in all
    #[arg(long, value_name = "PUB.pem")]
    pub(crate) trust: Vec<PathBuf>,
    /// Public root key of new units (.pub.pem of `sonde key root new`)
    #[arg(long, value_name = "PUB.pem", requires = "threshold")]
    pub(crate) root: Vec<PathBuf>,
    /// How many of the root keys have to sign a key set
    #[arg(long, value_name = "K", requires = "root", value_parser = clap::value_parser!(u8).range(1..))]
    pub(crate) threshold: Option<u8>,
    /// Signed key set that new units come with (of `sonde key sign`)
    #[arg(long, value_name = "FILE", requires = "root")]
    pub(crate) key_set: Option<PathBuf>,
    /// real: never ahead of the wall clock; fast: busy time as fast as it can, idle time with the wall clock
    #[arg(long, value_name = "real|fast", default_value_t = Pace::Real)]
    pub(crate) pace: Pace,
    /// Print every frame on stderr: when it began, who sent it, its bytes
    #[arg(long)]
    pub(crate) trace: bool,
    /// Take orders from stdin while serving, a line each: fault CHANNEL FAULT on|off [unit ID], as in `fault 1 overload
    /// on`
    #[arg(long)]
    pub(crate) orders: bool,
    /// Keep the flash of each unit in DIR/unit-ID.flash: read at the start where present, written at the end
    #[arg(long, value_name = "DIR")]
    pub(crate) state: Option<PathBuf>,
    /// Rate of the line and its clients, 8N1; units keep their own (115200 when new)
    #[arg(long, value_name = "BITS/S", default_value_t = LineSettings::default().baud,
          value_parser = clap::value_parser!(u32).range(300..=4_000_000))]
    pub(crate) baud: u32,
    /// Hardware revision of new units, 0-31
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(0..=31))]
    pub(crate) hardware_revision: u8,
}

const UNITS_MAX: i64 = (LAST_UNIT_ID - FIRST_UNIT_ID + 1) as i64;

impl Arguments {
    /// Rate and format of the line.
    pub(crate) fn line(&self) -> LineSettings {
        LineSettings { baud: self.baud, ..LineSettings::default() }
    }

    /// Id of the last unit.
    pub(crate) fn last_unit_id(&self) -> u8 {
        FIRST_UNIT_ID + self.units - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent_and_has_defaults() {
        Arguments::command().debug_assert();
        let arguments = Arguments::parse_from(["sonde-sim"]);
        assert_eq!((arguments.units, arguments.last_unit_id(), arguments.pace), (1, 2, Pace::Real));
        assert_eq!(arguments.line(), LineSettings::default());
    }

    #[test]
    fn wrong_arguments_are_refused() {
        assert!(Arguments::try_parse_from(["sonde-sim", "--empty", "--bundle", "x"]).is_err());
        let wrong = [
            ["--root", "x"],
            ["--threshold", "1"],
            ["--key-set", "x"],
            ["--units", "0"],
            ["--units", "247"],
            ["--pace", "slow"],
            ["--listen", "4001"],
        ];
        for words in wrong.into_iter().chain([["--hardware-revision", "32"], ["--baud", "0"]]) {
            let parsed = Arguments::try_parse_from(["sonde-sim"].into_iter().chain(words));
            assert_eq!(parsed.unwrap_err().exit_code(), 2, "{words:?}");
        }
        assert_eq!(Arguments::parse_from(["sonde-sim", "--units", "246"]).last_unit_id(), 247);
    }
}
