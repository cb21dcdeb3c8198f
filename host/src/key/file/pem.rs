//! What stands in a key file: PEM, and in front of it, in a root key's file, the line that says so.

use std::path::Path;

use ed25519_dalek::pkcs8::{DecodePublicKey as _, EncodePublicKey as _, KeypairBytes};
use ed25519_dalek::{SigningKey, VerifyingKey};
use pkcs8::pkcs5::pbes2;
use pkcs8::{EncodePrivateKey as _, EncryptedPrivateKeyInfo, LineEnding, PrivateKeyInfo, SecretDocument};
use rand_core::{OsRng, RngCore as _};
use zeroize::Zeroizing;

use super::{Protection, ReadKeyError};
use crate::key::pair::Role;
use crate::key::passphrase::{Passphrase, PassphraseError};

/// scrypt cost as a power of two, block size and parallelism. 16 MiB of memory: the most that OpenSSL accepts by default
/// at this block size; p = 5 makes up for it (OWASP password storage, scrypt).
const SCRYPT: (u8, u32, u32) = (14, 8, 5);

/// The line in front of a root key. PEM readers skip what stands before the key (RFC 7468, section 2). It guards against
/// mistakes, not against an attacker: units know their root keys.
const ROOT_LINE: &str = "Sonde-Key-Role: root";

/// What the key in a file is for, by its own word.
pub(super) fn role(text: &str) -> Role {
    let preamble = text.split("-----BEGIN").next().unwrap_or_default();
    if preamble.lines().any(|line| line.trim_end() == ROOT_LINE) { Role::Root } else { Role::Release }
}

fn preamble(role: Role) -> String {
    match role {
        Role::Release => String::new(),
        Role::Root => format!("{ROOT_LINE}\n"),
    }
}

/// A public key as SPKI PEM.
pub(super) fn public(key: &VerifyingKey, role: Role) -> String {
    let pem = key.to_public_key_pem(LineEnding::LF).expect("an Ed25519 public key always has an SPKI form");
    preamble(role) + &pem
}

/// A private key as PKCS#8 PEM. Version 1 of the structure: OpenSSL does not read version 2, which adds the public key.
pub(super) fn private(key: &SigningKey, role: Role, protection: &Protection) -> Zeroizing<String> {
    let bytes = KeypairBytes { secret_key: key.to_bytes(), public_key: None };
    let document = bytes.to_pkcs8_der().expect("an Ed25519 private key always has a PKCS#8 form");
    let pem = match protection {
        Protection::FileModeOnly => document.to_pem("PRIVATE KEY", LineEnding::LF),
        Protection::Encrypted(passphrase) => {
            encrypt(&document, passphrase).to_pem("ENCRYPTED PRIVATE KEY", LineEnding::LF)
        }
    };
    let pem = pem.expect("a short document always has a PEM form");
    Zeroizing::new(preamble(role) + &pem)
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

/// Reads a private key; asks for the passphrase only when it is encrypted.
pub(super) fn parse_private(
    text: &str,
    path: &Path,
    passphrase: impl FnOnce() -> Result<Passphrase, PassphraseError>,
) -> Result<SigningKey, ReadKeyError> {
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
    SigningKey::try_from(&bytes).map_err(|_| wrong("a key whose halves do not belong together"))
}

/// Reads a public key.
pub(super) fn parse_public(text: &str, path: &Path) -> Result<VerifyingKey, ReadKeyError> {
    let wrong = |found: &str| ReadKeyError::NotAKey {
        path: path.to_owned(),
        expected: "Ed25519 public key (SPKI PEM)",
        found: found.to_owned(),
    };
    let key = VerifyingKey::from_public_key_pem(text).map_err(|_| wrong(describe(text)))?;
    if key.is_weak() { Err(wrong("a weak key, which any signature fits")) } else { Ok(key) }
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
