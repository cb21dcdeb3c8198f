//! A key set file, in words: what `rotate`, `revoke`, `sign` and `list` show of it.

use std::fmt::{self, Display, Formatter};
use std::path::{Path, PathBuf};

use protocol::anchors::Stage;
use protocol::digest::KeyId;
use protocol::key_set::{FloorReset, ReleaseKey, Units};
use serde::Serialize;
use sonde::key::anchors;
use sonde::key::file::read_public;
use sonde::key_set::file::KeySetFile;
use sonde::key_set::signatures::{Roots, Worth};

use super::Failed;

/// Root keys to check signatures against.
#[derive(clap::Args, Debug)]
pub(crate) struct RootOptions {
    /// Check signatures against the root keys and the threshold of this anchors page
    #[arg(long, value_name = "PAGE", conflicts_with_all = ["root", "threshold"])]
    anchors: Option<PathBuf>,
    /// Check signatures against this public root key (PEM); may be given more than once
    #[arg(long, value_name = "ROOT.pub", requires = "threshold")]
    root: Vec<PathBuf>,
    /// How many of them have to sign
    #[arg(long, value_name = "K", requires = "root", value_parser = clap::value_parser!(u8).range(1..))]
    threshold: Option<u8>,
}

impl RootOptions {
    /// The root keys, if any were named.
    pub(crate) fn roots(&self) -> Result<Option<Roots>, Failed> {
        if let Some(page) = &self.anchors {
            return Ok(Some(Roots::of(&anchors::read(page)?)));
        }
        let Some(threshold) = self.threshold else { return Ok(None) };
        let keys = self.root.iter().map(|path| read_public(path)).collect::<Result<_, _>>()?;
        Ok(Some(Roots { keys, threshold }))
    }
}

/// A key set file.
#[derive(Serialize)]
pub(crate) struct View {
    key_set: PathBuf,
    number: u16,
    product: String,
    keys: Vec<Key>,
    revoked: Vec<String>,
    floor_reset: Option<Reset>,
    signatures: Vec<Signature>,
    #[serde(flatten)]
    agreed: Option<Agreed>,
}

#[derive(Serialize)]
struct Key {
    key_id: String,
    stage: &'static str,
    expires_at_floor: Option<String>,
}

#[derive(Serialize)]
struct Reset {
    to: String,
    unit: String,
}

#[derive(Serialize)]
struct Signature {
    root: String,
    worth: Worth,
}

/// Whether enough root keys have signed.
#[derive(Serialize)]
struct Agreed {
    valid: usize,
    threshold: u8,
    roots: usize,
    enough: bool,
}

impl View {
    pub(crate) fn new(path: &Path, KeySetFile { set, signed }: &KeySetFile, roots: Option<&Roots>) -> Self {
        let judged = roots.cloned().unwrap_or_default().judge(signed);
        let agreed = roots.map(|roots| {
            let valid = judged.iter().filter(|(_, worth)| *worth == Worth::Valid).count();
            let enough = valid >= usize::from(roots.threshold) && roots.threshold > 0;
            Agreed { valid, threshold: roots.threshold, roots: roots.keys.len(), enough }
        });
        Self {
            key_set: path.to_owned(),
            number: set.number(),
            product: format!("{:#010x}", set.product()),
            keys: set.keys().map(|key| Key::from(&key)).collect(),
            revoked: set.revoked().map(|id| id.to_string()).collect(),
            floor_reset: set.floor_reset().map(Reset::from),
            signatures: judged.into_iter().map(|(id, worth)| Signature { root: id.to_string(), worth }).collect(),
            agreed,
        }
    }
}

impl From<&ReleaseKey> for Key {
    fn from(key: &ReleaseKey) -> Self {
        Self {
            key_id: KeyId::of(&key.public_key).to_string(),
            stage: match key.stage {
                Stage::Production => "production",
                Stage::Development => "development",
            },
            expires_at_floor: key.expires_at_floor.map(|version| version.to_string()),
        }
    }
}

impl From<FloorReset> for Reset {
    fn from(reset: FloorReset) -> Self {
        let unit = match reset.units {
            Units::Any => "any".to_owned(),
            Units::One(serial) => serial.to_string(),
        };
        Self { to: reset.to.to_string(), unit }
    }
}

impl super::Report for View {}

impl Display for View {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{}: key set {}, product {}", self.key_set.display(), self.number, self.product)?;
        for Key { key_id, stage, expires_at_floor } in &self.keys {
            let expiry = expires_at_floor.as_ref().map_or(String::new(), |floor| format!(", until floor {floor}"));
            writeln!(formatter, "  key      {key_id}  {stage}{expiry}")?;
        }
        for id in &self.revoked {
            writeln!(formatter, "  revoked  {id}")?;
        }
        if let Some(Reset { to, unit }) = &self.floor_reset {
            let unit = if unit == "any" { "ANY UNIT" } else { unit };
            writeln!(formatter, "  FLOOR    starts again from {to} on {unit}")?;
        }
        for Signature { root, worth } in &self.signatures {
            let worth = match worth {
                Worth::Valid => "valid",
                Worth::Invalid => "NOT VALID",
                Worth::NotKnown if self.agreed.is_some() => "by none of these root keys",
                Worth::NotKnown => "not checked; name root keys with --anchors or --root",
            };
            writeln!(formatter, "  signed   {root}  {worth}")?;
        }
        match &self.agreed {
            Some(Agreed { valid, threshold, enough, .. }) => {
                let enough = if *enough { "enough" } else { "NOT ENOUGH" };
                writeln!(formatter, "  valid    {valid} of {threshold} signatures that are needed: {enough}")
            }
            None if self.signatures.is_empty() => {
                writeln!(formatter, "  signed   by nobody yet; root holders sign it with: sonde key sign")
            }
            None => Ok(()),
        }
    }
}
