//! Where a passphrase comes from: a file, `SONDE_PASSPHRASE`, or the terminal. Never the command line, which others see.

use std::io::IsTerminal as _;
use std::path::Path;

use sonde::key::passphrase::{Passphrase, PassphraseError};
use zeroize::Zeroizing;

const VARIABLE: &str = "SONDE_PASSPHRASE";

/// For opening a key.
pub(crate) fn existing(file: Option<&Path>) -> Result<Passphrase, PassphraseError> {
    match given(file)? {
        Some(passphrase) => Ok(passphrase),
        None => ask("Passphrase: "),
    }
}

/// For a new key: typed twice.
pub(crate) fn new(file: Option<&Path>) -> Result<Passphrase, PassphraseError> {
    if let Some(passphrase) = given(file)? {
        return Ok(passphrase);
    }
    let first = ask("New passphrase: ")?;
    if ask("The same again: ")? == first { Ok(first) } else { Err(PassphraseError::Differ) }
}

fn given(file: Option<&Path>) -> Result<Option<Passphrase>, PassphraseError> {
    if let Some(path) = file {
        let text = std::fs::read_to_string(path)
            .map(Zeroizing::new)
            .map_err(|source| PassphraseError::File { path: path.display().to_string(), source })?;
        let first_line = text.lines().next().unwrap_or_default();
        return Passphrase::new(first_line, "the passphrase file").map(Some);
    }
    match std::env::var(VARIABLE) {
        Ok(text) => Passphrase::new(&Zeroizing::new(text), VARIABLE).map(Some),
        Err(_) => Ok(None),
    }
}

fn ask(prompt: &str) -> Result<Passphrase, PassphraseError> {
    if !std::io::stdin().is_terminal() {
        return Err(PassphraseError::NoTerminal);
    }
    let text = rpassword::prompt_password(prompt).map(Zeroizing::new).map_err(|_| PassphraseError::NoTerminal)?;
    Passphrase::new(&text, "the terminal")
}
