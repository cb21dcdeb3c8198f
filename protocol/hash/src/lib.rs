//! The two hashes that sonde needs (FIPS 180-4): [`Sha256`] of images, pages and keys, [`sha512`] for signatures.
//!
//! - Own code for what it costs on the chip: SHA-256 runs at every boot, so it is fast; SHA-512 sees a few hundred bytes, so
//!   it is small. The figures are in `docs/decisions/ed25519.md`.
//! - The tests hold both against the crate `sha2`, and against the examples of the standard.
//! - No secrets: nothing is wiped.
//! - A crate of its own, since one round of SHA-256 is assembly on the chip, and `protocol` is free of `unsafe`.
#![no_std]

mod constants;
mod sha256;
mod sha512;

pub use sha256::{Sha256, sha256};
pub use sha512::sha512;

#[cfg(test)]
mod tests;
