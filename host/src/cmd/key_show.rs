//! `sonde key show`

use std::path::PathBuf;

use serde::Serialize;
use sonde::key::file::{public_pem, read_any};

use super::Failed;
use crate::passphrase;

/// Show the id and the public half of a key
///
/// FILE is a private key or a public one, of a release or a root key. The private half is never shown.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  sonde key show release.key.pub.pem\n  sonde key show release.key")]
pub(crate) struct Args {
    /// Key file (PEM)
    file: PathBuf,
    /// Take the passphrase from the first line of this file
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

/// What is public about a key.
#[derive(Serialize)]
pub(crate) struct Report {
    key_id: String,
    role: String,
    public_key_hex: String,
    public_key_pem: String,
}

impl super::Report for Report {}

impl std::fmt::Display for Report {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(formatter, "{} key {}\n  bytes  {}", self.role, self.key_id, self.public_key_hex)?;
        formatter.write_str(&self.public_key_pem)
    }
}

/// Reads the key.
pub(crate) fn run(args: &Args) -> Result<Report, Failed> {
    let (role, key) = read_any(&args.file, || passphrase::existing(args.passphrase_file.as_deref()))?;
    Ok(Report {
        key_id: key.id().to_string(),
        role: role.to_string(),
        public_key_hex: key.bytes().iter().map(|byte| format!("{byte:02x}")).collect(),
        public_key_pem: public_pem(&key, role),
    })
}
