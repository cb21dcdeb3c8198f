//! The anchors page: the keys that a unit believes from the factory on, and how many root keys have to agree.
//!
//! Written once, over SWD, with the loader (`docs/decisions/trust-anchors.md`); everything later is a key set.

use std::path::{Path, PathBuf};

use protocol::anchors::{ANCHORS_SIZE, Anchor, Anchors, AnchorsError, MAX_ANCHORS, Role, Stage};
use protocol::digest::KeyId;

use super::PublicKey;
use super::root::RootPublicKey;
use crate::failure::{Class, Failure};
use crate::whole_file::{self, Existing, WriteError};

/// What a unit is to believe.
#[derive(Debug, Clone, Default)]
pub struct Believed {
    /// Root keys.
    pub roots: Vec<RootPublicKey>,
    /// Root keys that have to sign a key set.
    pub threshold: u8,
    /// Release keys that every loader believes.
    pub release: Vec<PublicKey>,
    /// Release keys that only a loader built for development believes.
    pub development: Vec<PublicKey>,
}

/// Why there is no such page.
#[derive(Debug, thiserror::Error)]
pub enum BelievedError {
    /// More keys than places.
    #[error("{found} keys, a unit's anchors hold {MAX_ANCHORS}; leave some out: a key set can add release keys later")]
    TooMany {
        /// Keys given.
        found: usize,
    },
    /// Nobody to sign, or nobody could ever sign enough.
    #[error("threshold {threshold} with {roots} root keys; choose one from 1 to {roots}, or name more root keys")]
    Threshold {
        /// The threshold asked for.
        threshold: u8,
        /// Root keys given.
        roots: usize,
    },
    /// One key twice.
    #[error("key {key} is named twice; one key would be counted as two people, or hide what it is for: name it once")]
    Twice {
        /// The key.
        key: KeyId,
    },
}

impl Failure for BelievedError {
    fn class(&self) -> Class {
        Class::Usage
    }

    fn kind(&self) -> &'static str {
        "anchors.keys"
    }
}

impl Believed {
    /// The page.
    ///
    /// # Errors
    /// [`BelievedError`].
    pub fn anchors(&self) -> Result<Anchors, BelievedError> {
        let of = |role, stage| move |public_key| Anchor { role, stage, public_key };
        let keys: Vec<Anchor> = (self.roots.iter().map(RootPublicKey::bytes).map(of(Role::Root, Stage::Production)))
            .chain(self.release.iter().map(PublicKey::bytes).map(of(Role::Release, Stage::Production)))
            .chain(self.development.iter().map(PublicKey::bytes).map(of(Role::Release, Stage::Development)))
            .collect();
        let (threshold, roots) = (self.threshold, self.roots.len());
        if keys.len() > MAX_ANCHORS {
            return Err(BelievedError::TooMany { found: keys.len() });
        }
        for (index, key) in keys.iter().enumerate() {
            if keys[..index].iter().any(|other| other.public_key == key.public_key) {
                return Err(BelievedError::Twice { key: KeyId::of(&key.public_key) });
            }
        }
        Anchors::with_threshold(&keys, threshold).ok_or(BelievedError::Threshold { threshold, roots })
    }
}

/// Why an anchors file is not used, or not made.
#[derive(Debug, thiserror::Error)]
pub enum AnchorsFileError {
    /// It cannot be read.
    #[error("cannot read the anchors {}: {source}; check the path", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It is something else.
    #[error("{} is no anchors page ({}); name a file that `sonde key root anchors` made", path.display(), say(reason))]
    Wrong {
        /// The file.
        path: PathBuf,
        /// What is wrong with it; `None`: its length.
        reason: Option<AnchorsError>,
    },
    /// There is one.
    #[error("{} already exists and is not overwritten; choose another --out", path.display())]
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

fn say(reason: &Option<AnchorsError>) -> String {
    match reason {
        None => format!("its length is not {ANCHORS_SIZE} bytes"),
        Some(AnchorsError::Missing) => "it does not begin as one".to_owned(),
        Some(AnchorsError::Format { found }) => format!("format {found}"),
        Some(AnchorsError::Checksum) => "it is damaged".to_owned(),
        Some(AnchorsError::Range) => "a field is out of its range".to_owned(),
    }
}

impl Failure for AnchorsFileError {
    fn class(&self) -> Class {
        Class::Usage
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Open { .. } => "anchors.open",
            Self::Wrong { .. } => "anchors.malformed",
            Self::Exists { .. } => "anchors.exists",
            Self::Write { .. } => "anchors.write",
        }
    }
}

/// Writes the page to a new file.
///
/// # Errors
/// [`AnchorsFileError::Exists`] and [`AnchorsFileError::Write`].
pub fn write_new(path: &Path, anchors: &Anchors) -> Result<(), AnchorsFileError> {
    whole_file::write(path, &anchors.emit(), 0o644, Existing::Keep).map_err(|error| match error {
        WriteError::Exists => AnchorsFileError::Exists { path: path.to_owned() },
        WriteError::System(source) => AnchorsFileError::Write { path: path.to_owned(), source },
    })
}

/// Reads a page from a file.
///
/// # Errors
/// [`AnchorsFileError::Open`] and [`AnchorsFileError::Wrong`].
pub fn read(path: &Path) -> Result<Anchors, AnchorsFileError> {
    let wrong = |reason| AnchorsFileError::Wrong { path: path.to_owned(), reason };
    let bytes = std::fs::read(path).map_err(|source| AnchorsFileError::Open { path: path.to_owned(), source })?;
    let page: &[u8; ANCHORS_SIZE] = bytes.as_slice().try_into().map_err(|_| wrong(None))?;
    Anchors::parse(page).map_err(|reason| wrong(Some(reason)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::ReleaseKey;
    use crate::key::root::RootKey;

    fn root(fill: u8) -> RootPublicKey {
        RootKey::from_secret(&[fill; 32]).public()
    }

    fn release(fill: u8) -> PublicKey {
        ReleaseKey::from_secret(&[fill; 32]).public()
    }

    #[test]
    fn two_of_three_roots_and_a_release_key_make_a_page_that_reads_back() {
        let believed = Believed {
            roots: vec![root(1), root(2), root(3)],
            threshold: 2,
            release: vec![release(4)],
            ..Default::default()
        };
        let anchors = believed.anchors().expect("four keys fit");
        assert_eq!((anchors.threshold(), anchors.roots().count(), anchors.iter().count()), (2, 3, 4));
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("anchors.bin");
        write_new(&path, &anchors).expect("a new name");
        assert_eq!(read(&path).expect("just written"), anchors);
        assert!(matches!(write_new(&path, &anchors), Err(AnchorsFileError::Exists { .. })));
    }

    #[test]
    fn what_makes_no_page_is_named() {
        let keys = |roots: &[u8], threshold, more: &[u8]| Believed {
            roots: roots.iter().copied().map(root).collect(),
            threshold,
            release: more.iter().copied().map(release).collect(),
            ..Default::default()
        };
        for (believed, says) in [
            (keys(&[1, 2, 3], 2, &[4, 5]), "5 keys"),
            (keys(&[1, 2], 3, &[]), "threshold 3 with 2 root keys"),
            (keys(&[1, 2], 0, &[]), "threshold 0"),
            (keys(&[1, 1], 2, &[]), "named twice"),
            // The same secret as root and as release key: it would sign for both.
            (keys(&[1], 1, &[1]), "named twice"),
        ] {
            let error = believed.anchors().expect_err("no page");
            assert!(error.to_string().contains(says), "{error}");
        }
    }

    #[test]
    fn another_file_is_no_page() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("x");
        let page =
            Believed { roots: vec![root(1)], threshold: 1, ..Default::default() }.anchors().expect("one root").emit();
        let mut damaged = page;
        damaged[10] ^= 1;
        for (bytes, says) in [(&page[..100], "length"), (&damaged, "damaged"), (&[0; ANCHORS_SIZE], "does not begin")] {
            std::fs::write(&path, bytes).expect("own folder");
            let error = read(&path).expect_err("no page");
            assert!(error.to_string().contains(says), "{error}");
        }
    }
}
