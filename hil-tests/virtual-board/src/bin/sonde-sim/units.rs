//! Makes the units of the line.

use std::io;
use std::path::{Path, PathBuf};

use virtual_board::board::Board;
use virtual_board::serve::ServeError;
use virtual_board::unit::{self, FIRST_UNIT_ID, Factory, FactoryError, Parts, TrustError};

use crate::arguments::Arguments;
use crate::output;
use crate::state::{State, StateError};

/// Why the line does not come up.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    /// An option that new units need.
    #[error("unit {unit} has no kept flash, so a new one must be made: name {option}")]
    Missing { unit: u8, option: &'static str },
    /// A file cannot be read.
    #[error("cannot read {} of {option}: {source}; check the path", path.display())]
    Read { option: &'static str, path: PathBuf, source: io::Error },
    /// A public key file that is none.
    #[error("{}: {source}", path.display())]
    Trust { path: PathBuf, source: TrustError },
    /// The parts make no unit.
    #[error("cannot make unit {unit} with loader {}: {source}", loader.display())]
    Factory { unit: u8, loader: PathBuf, source: FactoryError },
    /// Kept flash.
    #[error(transparent)]
    State(#[from] StateError),
    /// The server.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// The signals.
    #[error("cannot wait for SIGINT and SIGTERM: {0}")]
    Signals(io::Error),
}

/// All units, powered.
pub(crate) fn make(arguments: &Arguments, state: &State) -> Result<Vec<Board>, StartError> {
    let mut factory = None;
    let mut boards = Vec::new();
    for unit in FIRST_UNIT_ID..=arguments.last_unit_id() {
        let mut board = match state.load(unit)? {
            Some(kept) => {
                let mut board = unit::board(Vec::new(), unit);
                kept.restore(&mut board)?;
                output::log(format_args!("unit {unit} goes on with its kept flash"));
                board
            }
            None => {
                let made = match factory.take() {
                    Some(made) => made,
                    None => open_factory(arguments, unit)?,
                };
                match made.version() {
                    Some(version) => output::log(format_args!("unit {unit} is new, with release {version}")),
                    None => output::log(format_args!("unit {unit} is new and empty")),
                }
                factory.insert(made).board(unit)
            }
        };
        board.power_on();
        boards.push(board);
    }
    Ok(boards)
}

fn open_factory(arguments: &Arguments, unit: u8) -> Result<Factory, StartError> {
    let (loader, loader_bytes) = read_option(arguments.loader.as_deref(), "--loader", unit)?;
    let bundle = match arguments.empty {
        true => None,
        false => Some(read_option(arguments.bundle.as_deref(), "--bundle", unit)?.1),
    };
    if arguments.trust.is_empty() && arguments.key_set.is_none() {
        return Err(StartError::Missing { unit, option: "--trust" });
    }
    let key_set = arguments.key_set.as_deref().map(|path| read_option(Some(path), "--key-set", unit)).transpose()?;
    let release = read_keys(&arguments.trust, "--trust", unit::public_key_from_pem)?;
    let roots = read_keys(&arguments.root, "--root", unit::root_key_from_pem)?;
    let made = unit::anchors(&release, &roots, arguments.threshold.unwrap_or_default()).and_then(|anchors| {
        Factory::of(&Parts {
            loader: &loader_bytes,
            anchors: &anchors,
            key_set: key_set.as_ref().map(|(_, bytes)| bytes.as_slice()),
            bundle: bundle.as_deref(),
            hardware_revision: arguments.hardware_revision,
        })
    });
    made.map_err(|source| StartError::Factory { unit, loader, source })
}

fn read_option(path: Option<&Path>, option: &'static str, unit: u8) -> Result<(PathBuf, Vec<u8>), StartError> {
    let path = path.ok_or(StartError::Missing { unit, option })?;
    match std::fs::read(path) {
        Ok(bytes) => Ok((path.into(), bytes)),
        Err(source) => Err(StartError::Read { option, path: path.into(), source }),
    }
}

fn read_keys(
    paths: &[PathBuf],
    option: &'static str,
    parse: fn(&str) -> Result<[u8; 32], TrustError>,
) -> Result<Vec<[u8; 32]>, StartError> {
    let read = |path: &PathBuf| {
        let text = std::fs::read_to_string(path);
        let text = text.map_err(|source| StartError::Read { option, path: path.into(), source })?;
        parse(&text).map_err(|source| StartError::Trust { path: path.into(), source })
    };
    paths.iter().map(read).collect()
}
