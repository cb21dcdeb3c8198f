//! Key files: PKCS#8 PEM for the private key, SPKI PEM for the public one, as OpenSSL reads and writes them.
//!
//! A private key file is made with mode 0600 and never overwritten; one that others could read is not used. A root key's
//! files say that they are one, and neither is taken for the other.

mod pem;

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use ed25519_dalek::{SigningKey, VerifyingKey};
use zeroize::Zeroizing;

use super::pair::{PrivateKey, PublicKey, Purpose, Role};
use super::passphrase::{Passphrase, PassphraseError};
use crate::failure::{Class, Failure};
use crate::whole_file::{self, Existing, WriteError};

/// Longest key file worth reading, bytes; ours have fewer than 500.
const MAX_FILE: u64 = 64 * 1024;

/// How a private key file is protected.
#[derive(Debug)]
pub enum Protection {
    /// Encrypted with a passphrase (PBES2: scrypt, AES-256-CBC).
    Encrypted(Passphrase),
    /// By its file mode only.
    FileModeOnly,
}

/// Why a key pair could not be written.
#[derive(Debug, thiserror::Error)]
pub enum NewKeyError {
    /// A file is already there.
    #[error("{} already exists and keys are never overwritten; choose another --out", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be written.
    #[error("cannot write {}: {source}; check the folder and its permissions", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl Failure for NewKeyError {
    fn class(&self) -> Class {
        Class::Usage
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Exists { .. } => "key.exists",
            Self::Write { .. } => "key.write",
        }
    }
}

/// Why a key file is not used.
#[derive(Debug, thiserror::Error)]
pub enum ReadKeyError {
    /// It cannot be read.
    #[error("cannot read the key file {}: {source}; check the path", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Others may read the private key.
    #[error(
        "the private key {} has mode {mode:04o}, expected 0600: others may read it; run: chmod 600 {}",
        path.display(), path.display()
    )]
    TooOpen {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Something else.
    #[error("{} is no {expected}, found {found}; make a key pair with: sonde key new", path.display())]
    NotAKey {
        /// The file.
        path: PathBuf,
        /// What it should be.
        expected: &'static str,
        /// What it is.
        found: String,
    },
    /// A root key where a release key is needed, or the other way round.
    #[error("{} is a {found} key, expected a {expected} key; {}", path.display(), advice(*expected))]
    OtherRole {
        /// The file.
        path: PathBuf,
        /// What is needed.
        expected: Role,
        /// What it is.
        found: Role,
    },
    /// The passphrase does not open it.
    #[error("the passphrase does not open {}; try again, or check SONDE_PASSPHRASE and --passphrase-file", path.display())]
    WrongPassphrase {
        /// The file.
        path: PathBuf,
    },
    /// There is no passphrase.
    #[error("{} is encrypted: {source}", path.display())]
    NoPassphrase {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: PassphraseError,
    },
}

impl Failure for ReadKeyError {
    fn class(&self) -> Class {
        Class::Usage
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Open { .. } => "key.open",
            Self::TooOpen { .. } => "key.permissions",
            Self::NotAKey { .. } => "key.malformed",
            Self::OtherRole { .. } => "key.role",
            Self::WrongPassphrase { .. } => "key.wrong_passphrase",
            Self::NoPassphrase { .. } => "key.no_passphrase",
        }
    }
}

/// Where the public half of a private key file is written: `FILE.pub.pem`.
#[must_use]
pub fn public_path(private: &Path) -> PathBuf {
    let mut name = private.as_os_str().to_owned();
    name.push(".pub.pem");
    PathBuf::from(name)
}

/// Writes the private key to `path` and its public half to [`public_path`].
///
/// # Errors
/// [`NewKeyError`]; then neither file was made.
pub fn write_new<P: Purpose>(
    path: &Path,
    key: &PrivateKey<P>,
    protection: &Protection,
) -> Result<PathBuf, NewKeyError> {
    let public = public_path(path);
    if let Some(taken) = [path, &public].into_iter().find(|path| path.symlink_metadata().is_ok()) {
        return Err(NewKeyError::Exists { path: taken.to_owned() });
    }
    write_file(&public, pem::public(&key.public().0, P::ROLE).as_bytes(), 0o644)?;
    write_file(path, pem::private(&key.0, P::ROLE, protection).as_bytes(), 0o600).inspect_err(|_| {
        // Best effort: a public key without its private one is harmless.
        let _ = std::fs::remove_file(&public);
    })?;
    Ok(public)
}

/// Reads a private key; asks for the passphrase only when the file is encrypted.
///
/// # Errors
/// [`ReadKeyError`], the file's permissions and a key for another purpose included.
pub fn read_private<P: Purpose>(
    path: &Path,
    passphrase: impl FnOnce() -> Result<Passphrase, PassphraseError>,
) -> Result<PrivateKey<P>, ReadKeyError> {
    private_of(path, Some(P::ROLE), passphrase).map(|(key, _)| PrivateKey::new(key))
}

/// Reads a public key.
///
/// # Errors
/// [`ReadKeyError`], a key for another purpose included.
pub fn read_public<P: Purpose>(path: &Path) -> Result<PublicKey<P>, ReadKeyError> {
    public_of(path, Some(P::ROLE)).map(|(key, _)| PublicKey::new(key))
}

/// What is public about the key in a file, whichever half and role it has: its role and its bytes.
///
/// # Errors
/// [`ReadKeyError`].
pub fn read_any(
    path: &Path,
    passphrase: impl FnOnce() -> Result<Passphrase, PassphraseError>,
) -> Result<(Role, PublicKey), ReadKeyError> {
    let (key, role) = match public_of(path, None) {
        Ok(found) => found,
        Err(_) => private_of(path, None, passphrase).map(|(key, role)| (key.verifying_key(), role))?,
    };
    Ok((role, PublicKey::new(key)))
}

/// A public key as SPKI PEM, as its file holds it.
#[must_use]
pub fn public_pem(key: &PublicKey, role: Role) -> String {
    pem::public(&key.0, role)
}

fn private_of(
    path: &Path,
    expected: Option<Role>,
    passphrase: impl FnOnce() -> Result<Passphrase, PassphraseError>,
) -> Result<(SigningKey, Role), ReadKeyError> {
    let (text, mode) = read_file(path)?;
    if mode & 0o077 != 0 {
        return Err(ReadKeyError::TooOpen { path: path.to_owned(), mode: mode & 0o7777 });
    }
    // Before a passphrase is asked for in vain.
    let role = fits(pem::role(&text), expected, path)?;
    Ok((pem::parse_private(&text, path, passphrase)?, role))
}

fn public_of(path: &Path, expected: Option<Role>) -> Result<(VerifyingKey, Role), ReadKeyError> {
    let (text, _) = read_file(path)?;
    // First, so that a file that is no key at all is called that.
    let key = pem::parse_public(&text, path)?;
    Ok((key, fits(pem::role(&text), expected, path)?))
}

fn fits(found: Role, expected: Option<Role>, path: &Path) -> Result<Role, ReadKeyError> {
    match expected {
        Some(expected) if expected != found => Err(ReadKeyError::OtherRole { path: path.to_owned(), expected, found }),
        _ => Ok(found),
    }
}

fn advice(expected: Role) -> &'static str {
    match expected {
        Role::Release => "root keys sign key sets only: name a key that `sonde key new` made",
        Role::Root => "release keys sign images only: name a key that `sonde key root new` made",
    }
}

fn read_file(path: &Path) -> Result<(Zeroizing<String>, u32), ReadKeyError> {
    let failed = |source| ReadKeyError::Open { path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    let mode = mode_of(&file.metadata().map_err(failed)?);
    let mut bytes = Zeroizing::new(Vec::new());
    file.take(MAX_FILE).read_to_end(&mut bytes).map_err(failed)?;
    // What is not text is no PEM, and says so when it is parsed.
    Ok((Zeroizing::new(String::from_utf8_lossy(&bytes).into_owned()), mode))
}

#[cfg(unix)]
fn mode_of(metadata: &std::fs::Metadata) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    metadata.permissions().mode()
}

/// Elsewhere permissions are not bits; nothing can be said.
#[cfg(not(unix))]
fn mode_of(_: &std::fs::Metadata) -> u32 {
    0o600
}

fn write_file(path: &Path, contents: &[u8], mode: u32) -> Result<(), NewKeyError> {
    whole_file::write(path, contents, mode, Existing::Keep).map_err(|error| match error {
        WriteError::Exists => NewKeyError::Exists { path: path.to_owned() },
        WriteError::System(source) => NewKeyError::Write { path: path.to_owned(), source },
    })
}

#[cfg(test)]
mod tests;
