//! Key files: PKCS#8 PEM for the private key, SPKI PEM for the public one, as OpenSSL reads and writes them.
//!
//! A private key file is made with mode 0600 and never overwritten; one that others could read is not used.

use std::fs::{File, Permissions};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use ed25519_dalek::pkcs8::{DecodePublicKey as _, EncodePublicKey as _, KeypairBytes};
use ed25519_dalek::{SigningKey, VerifyingKey};
use pkcs8::pkcs5::pbes2;
use pkcs8::{EncodePrivateKey as _, EncryptedPrivateKeyInfo, LineEnding, PrivateKeyInfo, SecretDocument};
use rand_core::{OsRng, RngCore as _};
use zeroize::Zeroizing;

use super::passphrase::{Passphrase, PassphraseError};
use super::{PublicKey, ReleaseKey};
use crate::failure::{Class, Failure};

/// Longest key file worth reading, bytes; ours have fewer than 500.
const MAX_FILE: u64 = 64 * 1024;
/// scrypt cost as a power of two, block size and parallelism. 16 MiB of memory: the most that OpenSSL accepts by default
/// at this block size; p = 5 makes up for it (OWASP password storage, scrypt).
const SCRYPT: (u8, u32, u32) = (14, 8, 5);

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
pub fn write_new(path: &Path, key: &ReleaseKey, protection: &Protection) -> Result<PathBuf, NewKeyError> {
    let public = public_path(path);
    if let Some(taken) = [path, &public].into_iter().find(|path| path.symlink_metadata().is_ok()) {
        return Err(NewKeyError::Exists { path: taken.to_owned() });
    }
    write_file(&public, public_pem(&key.public()).as_bytes(), 0o644)?;
    write_file(path, private_pem(key, protection).as_bytes(), 0o600).inspect_err(|_| {
        // Best effort: a public key without its private one is harmless.
        let _ = std::fs::remove_file(&public);
    })?;
    Ok(public)
}

/// Reads a private key; asks for the passphrase only when the file is encrypted.
///
/// # Errors
/// [`ReadKeyError`], the file's permissions included.
pub fn read_private(
    path: &Path,
    passphrase: impl FnOnce() -> Result<Passphrase, PassphraseError>,
) -> Result<ReleaseKey, ReadKeyError> {
    let (text, mode) = read_file(path)?;
    if mode & 0o077 != 0 {
        return Err(ReadKeyError::TooOpen { path: path.to_owned(), mode: mode & 0o7777 });
    }
    parse_private(&text, path, passphrase)
}

/// Reads a public key.
///
/// # Errors
/// [`ReadKeyError`].
pub fn read_public(path: &Path) -> Result<PublicKey, ReadKeyError> {
    let (text, _) = read_file(path)?;
    parse_public(&text, path)
}

/// A public key as SPKI PEM.
#[must_use]
pub fn public_pem(key: &PublicKey) -> String {
    key.0.to_public_key_pem(LineEnding::LF).expect("an Ed25519 public key always has an SPKI form")
}

/// A private key as PKCS#8 PEM. Version 1 of the structure: OpenSSL does not read version 2, which adds the public key.
fn private_pem(key: &ReleaseKey, protection: &Protection) -> Zeroizing<String> {
    let bytes = KeypairBytes { secret_key: key.0.to_bytes(), public_key: None };
    let document = bytes.to_pkcs8_der().expect("an Ed25519 private key always has a PKCS#8 form");
    let pem = match protection {
        Protection::FileModeOnly => document.to_pem("PRIVATE KEY", LineEnding::LF),
        Protection::Encrypted(passphrase) => {
            encrypt(&document, passphrase).to_pem("ENCRYPTED PRIVATE KEY", LineEnding::LF)
        }
    };
    pem.expect("a short document always has a PEM form")
}

fn encrypt(document: &SecretDocument, passphrase: &Passphrase) -> SecretDocument {
    let (mut salt, mut iv) = ([0; 16], [0; 16]);
    OsRng.fill_bytes(&mut salt);
    OsRng.fill_bytes(&mut iv);
    let (log_n, r, p) = SCRYPT;
    let cost =
        pkcs8::pkcs5::scrypt::Params::new(log_n, r, p, 32).expect("the cost is a constant within scrypt's limits");
    let parameters = pbes2::Parameters::scrypt_aes256cbc(cost, &salt, &iv).expect("salt and IV have their fixed sizes");
    let info: PrivateKeyInfo<'_> = document.decode_msg().expect("the document was just made as a PKCS#8 key");
    info.encrypt_with_params(parameters, passphrase.as_bytes()).expect("these parameters are supported")
}

fn parse_private(
    text: &str,
    path: &Path,
    passphrase: impl FnOnce() -> Result<Passphrase, PassphraseError>,
) -> Result<ReleaseKey, ReadKeyError> {
    let wrong = |found: &str| ReadKeyError::NotAKey {
        path: path.to_owned(),
        expected: "Ed25519 private key (PKCS#8 PEM)",
        found: found.to_owned(),
    };
    let (label, document) = SecretDocument::from_pem(text).map_err(|_| wrong(describe(text)))?;
    let document = match label {
        "PRIVATE KEY" => document,
        "ENCRYPTED PRIVATE KEY" => {
            let info: EncryptedPrivateKeyInfo<'_> =
                document.decode_msg().map_err(|_| wrong("something else under that label"))?;
            let passphrase =
                passphrase().map_err(|source| ReadKeyError::NoPassphrase { path: path.to_owned(), source })?;
            // Wrong padding and wrong contents are one case: telling them apart helps only an attacker.
            info.decrypt(passphrase.as_bytes()).map_err(|_| ReadKeyError::WrongPassphrase { path: path.to_owned() })?
        }
        _ => return Err(wrong(describe(text))),
    };
    let info: PrivateKeyInfo<'_> = document.decode_msg().map_err(|_| wrong("something else under that label"))?;
    let bytes = KeypairBytes::try_from(info).map_err(|_| wrong("a private key of another kind"))?;
    let key = SigningKey::try_from(&bytes).map_err(|_| wrong("a key whose halves do not belong together"))?;
    Ok(ReleaseKey(key))
}

fn parse_public(text: &str, path: &Path) -> Result<PublicKey, ReadKeyError> {
    let wrong = |found: &str| ReadKeyError::NotAKey {
        path: path.to_owned(),
        expected: "Ed25519 public key (SPKI PEM)",
        found: found.to_owned(),
    };
    let key = VerifyingKey::from_public_key_pem(text).map_err(|_| wrong(describe(text)))?;
    if key.is_weak() { Err(wrong("a weak key, which any signature fits")) } else { Ok(PublicKey(key)) }
}

/// What a file seems to be, for an error message.
fn describe(text: &str) -> &'static str {
    let labels = [
        ("BEGIN PUBLIC KEY", "a public key"),
        ("BEGIN ENCRYPTED PRIVATE KEY", "a damaged encrypted private key"),
        ("BEGIN PRIVATE KEY", "a private key, perhaps of another kind"),
        ("BEGIN OPENSSH PRIVATE KEY", "an OpenSSH key"),
        ("BEGIN CERTIFICATE", "a certificate"),
    ];
    match labels.iter().find(|(label, _)| text.contains(label)) {
        Some((_, name)) => name,
        None if text.is_empty() => "an empty file",
        None => "no PEM file",
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

/// Makes a file with that mode, whole or not at all, never over another one.
fn write_file(path: &Path, contents: &[u8], mode: u32) -> Result<(), NewKeyError> {
    let failed = |source| NewKeyError::Write { path: path.to_owned(), source };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        builder.permissions(Permissions::from_mode(mode));
    }
    let mut file = builder.tempfile_in(folder).map_err(failed)?;
    file.write_all(contents).and_then(|()| file.as_file().sync_all()).map_err(failed)?;
    match file.persist_noclobber(path) {
        Ok(_) => Ok(()),
        Err(error) if error.error.kind() == std::io::ErrorKind::AlreadyExists => {
            Err(NewKeyError::Exists { path: path.to_owned() })
        }
        Err(error) => Err(failed(error.error)),
    }
}

#[cfg(test)]
mod tests;
