//! The flash of each unit, kept in files.

use std::io::{self, ErrorKind};
use std::path::PathBuf;

use virtual_board::board::{Board, ContentsError};

/// Where flash is kept, if anywhere.
pub(crate) struct State {
    folder: Option<PathBuf>,
}

/// Why flash is not read or kept.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StateError {
    /// The file cannot be read.
    #[error("cannot read the flash of unit {unit} from {}: {source}; check --state", path.display())]
    Read { unit: u8, path: PathBuf, source: io::Error },
    /// The file is something else.
    #[error("{}: {source}", path.display())]
    Contents { path: PathBuf, source: ContentsError },
    /// The file cannot be written.
    #[error("cannot keep the flash of unit {unit} in {}: {source}; check --state", path.display())]
    Write { unit: u8, path: PathBuf, source: io::Error },
}

impl State {
    pub(crate) fn new(folder: Option<PathBuf>) -> Self {
        Self { folder }
    }

    fn path(&self, unit: u8) -> Option<PathBuf> {
        Some(self.folder.as_ref()?.join(format!("unit-{unit}.flash")))
    }

    /// The kept file of a unit; `None` when there is none yet.
    pub(crate) fn load(&self, unit: u8) -> Result<Option<Kept>, StateError> {
        let Some(path) = self.path(unit) else { return Ok(None) };
        match std::fs::read(&path) {
            Ok(file) => Ok(Some(Kept { path, file })),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(source) => Err(StateError::Read { unit, path, source }),
        }
    }

    /// Keeps a unit's flash; the former file stays whole until the new one is.
    pub(crate) fn save(&self, unit: u8, board: &Board) -> Result<(), StateError> {
        let (Some(folder), Some(path)) = (&self.folder, self.path(unit)) else { return Ok(()) };
        let fresh = path.with_extension("flash.new");
        let written = std::fs::create_dir_all(folder)
            .and_then(|()| std::fs::write(&fresh, board.save_flash()))
            .and_then(|()| std::fs::rename(&fresh, &path));
        written.map_err(|source| StateError::Write { unit, path, source })
    }
}

/// A file that was kept.
pub(crate) struct Kept {
    path: PathBuf,
    file: Vec<u8>,
}

impl Kept {
    /// Puts it into a board.
    pub(crate) fn restore(self, board: &mut Board) -> Result<(), StateError> {
        board.restore_flash(&self.file).map_err(|source| StateError::Contents { path: self.path, source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use virtual_board::unit::board;

    #[test]
    fn flash_and_its_poisoned_words_survive_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::new(Some(folder.path().join("new")));
        let mut before = board(vec![1, 2, 3], 2);
        before.flash_mut().poison(0x5_0008);
        state.save(2, &before).unwrap();
        let mut after = board(Vec::new(), 2);
        state.load(2).unwrap().unwrap().restore(&mut after).unwrap();
        assert_eq!(after.flash(), before.flash());
        assert_eq!(after.save_flash(), before.save_flash());
        assert!(state.load(3).unwrap().is_none());
        assert_eq!(std::fs::read_dir(folder.path().join("new")).unwrap().count(), 1);
    }

    #[test]
    fn a_damaged_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("unit-2.flash"), "hello").unwrap();
        let state = State::new(Some(folder.path().into()));
        let error = state.load(2).unwrap().unwrap().restore(&mut board(Vec::new(), 2)).unwrap_err();
        assert!(error.to_string().contains("unit-2.flash"), "{error}");
    }

    #[test]
    fn without_a_folder_nothing_is_kept() {
        let state = State::new(None);
        state.save(2, &board(Vec::new(), 2)).unwrap();
        assert!(state.load(2).unwrap().is_none());
    }
}
