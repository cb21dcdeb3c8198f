//! `sonde key new`

use std::path::{Path, PathBuf};

use protocol::digest::KeyId;
use serde::Serialize;
use sonde::key::ReleaseKey;
use sonde::key::file::{NewKeyError, Protection, write_new};

use super::Failed;
use crate::passphrase;

/// Make a key pair that signs releases
///
/// Writes the private key to FILE (mode 0600, encrypted with a passphrase) and the public one to FILE.pub.pem. The
/// passphrase is asked for, or taken from SONDE_PASSPHRASE or a file. Existing files are never overwritten.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  sonde key new --out release.key\n  \
SONDE_PASSPHRASE=... sonde key new --out release.key\n  sonde key new --out ci.key --no-passphrase")]
pub(crate) struct Args {
    #[command(flatten)]
    new: NewKey,
}

/// Where a new key goes and how it is protected.
#[derive(clap::Args, Debug)]
pub(crate) struct NewKey {
    /// File for the private key
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Take the passphrase from the first line of this file
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// Do not encrypt: the file mode is the only protection
    #[arg(long, conflicts_with = "passphrase_file")]
    no_passphrase: bool,
}

/// The key pair that was made.
#[derive(Serialize)]
pub(crate) struct Report {
    key_id: String,
    role: &'static str,
    private_key: PathBuf,
    public_key: PathBuf,
    encrypted: bool,
}

impl super::Report for Report {}

impl std::fmt::Display for Report {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let how = if self.encrypted { "encrypted" } else { "NOT encrypted" };
        writeln!(formatter, "{} key {}", self.role, self.key_id)?;
        writeln!(formatter, "  private  {} ({how}; keep it, nobody can make it again)", self.private_key.display())?;
        writeln!(formatter, "  public   {}", self.public_key.display())
    }
}

impl NewKey {
    /// Writes a key pair and says so.
    pub(crate) fn write(
        &self,
        role: &'static str,
        id: KeyId,
        write: impl FnOnce(&Path, &Protection) -> Result<PathBuf, NewKeyError>,
    ) -> Result<Report, Failed> {
        let protection = if self.no_passphrase {
            Protection::FileModeOnly
        } else {
            Protection::Encrypted(passphrase::new(self.passphrase_file.as_deref())?)
        };
        let public_key = write(&self.out, &protection)?;
        Ok(Report {
            key_id: id.to_string(),
            role,
            private_key: self.out.clone(),
            public_key,
            encrypted: matches!(protection, Protection::Encrypted(_)),
        })
    }
}

/// Makes the key pair.
pub(crate) fn run(args: &Args) -> Result<Report, Failed> {
    let key = ReleaseKey::generate();
    args.new.write("release", key.public().id(), |path, protection| write_new(path, &key, protection))
}
