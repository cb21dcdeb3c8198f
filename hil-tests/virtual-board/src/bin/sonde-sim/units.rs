//! Makes the units of the line.

use std::io;
use std::path::{Path, PathBuf};

use virtual_board::board::Board;
use virtual_board::serve::ServeError;
use virtual_board::unit::{self, FIRST_UNIT_ID, Factory, FactoryError, TrustError};

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
    #[error("loader {}, bundle {}: {source}", loader.display(), bundle.display())]
    Factory { loader: PathBuf, bundle: PathBuf, source: FactoryError },
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
                output::log(format_args!("unit {unit} is new, with release {}", made.version()));
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
    let (bundle, bundle_bytes) = read_option(arguments.bundle.as_deref(), "--bundle", unit)?;
    if arguments.trust.is_empty() {
        return Err(StartError::Missing { unit, option: "--trust" });
    }
    let keys = arguments.trust.iter().map(|path| trusted_key(path)).collect::<Result<Vec<_>, _>>()?;
    Factory::new(&loader_bytes, &bundle_bytes, &keys, arguments.hardware_revision)
        .map_err(|source| StartError::Factory { loader, bundle, source })
}

fn read_option(path: Option<&Path>, option: &'static str, unit: u8) -> Result<(PathBuf, Vec<u8>), StartError> {
    let path = path.ok_or(StartError::Missing { unit, option })?;
    match std::fs::read(path) {
        Ok(bytes) => Ok((path.into(), bytes)),
        Err(source) => Err(StartError::Read { option, path: path.into(), source }),
    }
}

fn trusted_key(path: &Path) -> Result<[u8; 32], StartError> {
    let text = std::fs::read_to_string(path).map_err(|source| StartError::Read {
        option: "--trust",
        path: path.into(),
        source,
    })?;
    unit::public_key_from_pem(&text).map_err(|source| StartError::Trust { path: path.into(), source })
}
