//! Passphrases: wiped when dropped, never on a command line, never printed.

use zeroize::Zeroizing;

/// A passphrase of at least one character.
pub struct Passphrase(Zeroizing<String>);

/// Why a passphrase is not to be had.
#[derive(Debug, thiserror::Error)]
pub enum PassphraseError {
    /// Nothing was typed, or the file or variable is empty.
    #[error(
        "the passphrase from {from} is empty; give one of at least one character, or ask for an unprotected key with --no-passphrase"
    )]
    Empty {
        /// Where it came from.
        from: &'static str,
    },
    /// The two that were typed differ.
    #[error("the two passphrases differ; run the command again")]
    Differ,
    /// No terminal to ask on.
    #[error("no terminal to ask for the passphrase on; set SONDE_PASSPHRASE or name a file with --passphrase-file")]
    NoTerminal,
    /// The file cannot be read.
    #[error("cannot read the passphrase file {path}: {source}; check the path and its permissions")]
    File {
        /// The file.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
}

impl Passphrase {
    /// Takes a text without its line end.
    ///
    /// # Errors
    /// [`PassphraseError::Empty`] for nothing.
    pub fn new(text: &str, from: &'static str) -> Result<Self, PassphraseError> {
        let trimmed = text.trim_end_matches(['\r', '\n']);
        if trimmed.is_empty() {
            return Err(PassphraseError::Empty { from });
        }
        Ok(Self(Zeroizing::new(trimmed.to_owned())))
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl PartialEq for Passphrase {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl std::fmt::Debug for Passphrase {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Passphrase")
    }
}

impl crate::failure::Failure for PassphraseError {
    fn class(&self) -> crate::failure::Class {
        crate::failure::Class::Usage
    }

    fn kind(&self) -> &'static str {
        "key.passphrase"
    }
}
