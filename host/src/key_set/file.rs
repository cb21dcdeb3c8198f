//! The key set file: the bytes that units store, in a file of their own. Never overwritten: root holders sign copies.

use std::path::{Path, PathBuf};

use protocol::key_set::{KeySet, KeySetError, SIGNED_SIZE, SignedKeySet};

use crate::failure::{Class, Failure};
use crate::whole_file::{self, Existing, WriteError};

/// A well-formed key set with its signatures, which nobody has checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySetFile {
    /// What it says.
    pub set: KeySet,
    /// As it was signed.
    pub signed: SignedKeySet,
}

/// Why a key set file is not used, or not made.
#[derive(Debug, thiserror::Error)]
pub enum KeySetFileError {
    /// It cannot be read.
    #[error("cannot read the key set {}: {source}; check the path", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Not the length of a key set.
    #[error("{}: {found} bytes, a key set has {SIGNED_SIZE}; name a file that `sonde key rotate` or `sonde key sign` made", path.display())]
    Length {
        /// The file.
        path: PathBuf,
        /// Its length, bytes.
        found: u64,
    },
    /// It is something else.
    #[error("{}: {reason}; name a file that `sonde key rotate` or `sonde key sign` made", path.display())]
    Wrong {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: KeySetError,
    },
    /// There is one.
    #[error("{} already exists and key sets are never overwritten; choose another --out", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// It cannot be written.
    #[error("cannot write {}: {source}; check the folder and its permissions", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl Failure for KeySetFileError {
    fn class(&self) -> Class {
        Class::Usage
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Open { .. } => "key_set.open",
            Self::Length { .. } | Self::Wrong { .. } => "key_set.malformed",
            Self::Exists { .. } => "key_set.exists",
            Self::Write { .. } => "key_set.write",
        }
    }
}

impl KeySetFile {
    /// A set that nobody has signed yet.
    #[must_use]
    pub fn unsigned(set: KeySet) -> Self {
        Self { signed: SignedKeySet::unsigned(&set.emit()), set }
    }

    /// Checks bytes: their form, not their signatures.
    ///
    /// # Errors
    /// [`KeySetError`].
    pub fn parse(signed: SignedKeySet) -> Result<Self, KeySetError> {
        let set = KeySet::parse(signed.body())?;
        signed.check_form()?;
        Ok(Self { set, signed })
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`KeySetFileError`]; its message names the file.
    pub fn read(path: &Path) -> Result<Self, KeySetFileError> {
        let failed = |source| KeySetFileError::Open { path: path.to_owned(), source };
        let length = path.metadata().map_err(failed)?.len();
        let wrong_length = |found| KeySetFileError::Length { path: path.to_owned(), found };
        if length != SIGNED_SIZE as u64 {
            return Err(wrong_length(length));
        }
        let bytes = std::fs::read(path).map_err(failed)?;
        let found = bytes.len() as u64;
        let bytes = <[u8; SIGNED_SIZE]>::try_from(bytes).map_err(|_| wrong_length(found))?;
        Self::parse(SignedKeySet(bytes)).map_err(|reason| KeySetFileError::Wrong { path: path.to_owned(), reason })
    }

    /// Writes a new file.
    ///
    /// # Errors
    /// [`KeySetFileError::Exists`] and [`KeySetFileError::Write`].
    pub fn write_new(&self, path: &Path) -> Result<(), KeySetFileError> {
        whole_file::write(path, &self.signed.0, 0o644, Existing::Keep).map_err(|error| match error {
            WriteError::Exists => KeySetFileError::Exists { path: path.to_owned() },
            WriteError::System(source) => KeySetFileError::Write { path: path.to_owned(), source },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::digest::KeyId;
    use protocol::manifest::PRODUCT;

    fn file() -> KeySetFile {
        KeySetFile::unsigned(KeySet::new(3, PRODUCT, None, &[], &[KeyId([7; 8])]).expect("a small set"))
    }

    #[test]
    fn a_written_set_reads_back_and_is_never_overwritten() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("3.keys");
        file().write_new(&path).expect("a new name");
        assert_eq!(KeySetFile::read(&path).expect("just written"), file());
        assert!(matches!(file().write_new(&path), Err(KeySetFileError::Exists { .. })));
    }

    #[test]
    fn every_changed_byte_is_another_set_or_none() {
        // fault:A1 family: the form alone, before any signature.
        for at in 0..SIGNED_SIZE {
            let mut bytes = file().signed.0;
            bytes[at] ^= 0x55;
            if let Ok(changed) = KeySetFile::parse(SignedKeySet(bytes)) {
                assert_ne!(changed.set, file().set, "byte {at}");
            }
        }
    }

    #[test]
    fn a_file_that_is_no_set_says_why() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("x");
        for (bytes, says) in [(vec![0; 10], "10 bytes"), (vec![0; SIGNED_SIZE], "does not carry the tag")] {
            std::fs::write(&path, bytes).expect("own folder");
            let error = KeySetFile::read(&path).expect_err("no set");
            assert!(error.to_string().contains(says), "{error}");
        }
    }
}
