//! `sonde bundle verify`

use std::path::PathBuf;

use serde::Serialize;
use sonde::bundle::verify::{ImageVerdict, verify};
use sonde::bundle::{ReadReleaseError, Release};
use sonde::key::Vouched;
use sonde::key::file::read_public;

use super::release_age::warn_of_age;
use super::{Answer, Failed};

/// Check a release file against the keys you trust; exit code 1 when it does not verify
///
/// Every image must be signed by one of the keys, and be the one its manifest describes.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  sonde bundle verify 1.1.0.sonde --trust release.key.pub.pem")]
pub(crate) struct Args {
    /// Release file
    file: PathBuf,
    /// Public key (PEM) that is believed; may be given more than once
    #[arg(long, value_name = "PUB", required = true, num_args = 1..)]
    trust: Vec<PathBuf>,
}

/// Whether a release is to be believed.
#[derive(Serialize)]
pub(crate) struct Report {
    bundle: PathBuf,
    verified: bool,
    images: Vec<Image>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

#[derive(Serialize)]
struct Image {
    slot: String,
    version: String,
    key_id: String,
    verdict: &'static str,
}

impl From<ImageVerdict> for Image {
    fn from(verdict: ImageVerdict) -> Self {
        let (key, text) = match verdict.vouched {
            Vouched::By(key) => (key, "signed by trusted key"),
            Vouched::UnknownKey(key) => (key, "names a key that is not trusted:"),
            Vouched::BadSignature(key) => (key, "signature is NOT that of trusted key"),
        };
        Self {
            slot: verdict.slot.to_string(),
            version: verdict.version.to_string(),
            key_id: key.to_string(),
            verdict: text,
        }
    }
}

impl super::Report for Report {
    fn answer(&self) -> Answer {
        if self.verified { Answer::Yes } else { Answer::No }
    }
}

impl std::fmt::Display for Report {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let verdict = if self.verified { "verified" } else { "DOES NOT VERIFY; do not use it" };
        match &self.problem {
            Some(problem) => writeln!(formatter, "{verdict}\n  {problem}")?,
            None => writeln!(formatter, "{}: {verdict}", self.bundle.display())?,
        }
        for image in &self.images {
            let Image { slot, version, key_id, verdict } = image;
            writeln!(formatter, "  slot {slot}  version {version}  {verdict} {key_id}")?;
        }
        Ok(())
    }
}

/// Checks the release. A file that is no good release is an answer here, not an error.
pub(crate) fn run(args: &Args) -> Result<Report, Failed> {
    let trusted = args.trust.iter().map(|path| read_public(path)).collect::<Result<Vec<_>, _>>()?;
    let bundle = args.file.clone();
    match Release::read(&args.file) {
        Ok(release) => {
            warn_of_age(&release);
            let verdicts = verify(&release, &trusted);
            let verified = verdicts.iter().all(|verdict| verdict.believed().is_some());
            Ok(Report { bundle, verified, images: verdicts.into_iter().map(Image::from).collect(), problem: None })
        }
        Err(error @ ReadReleaseError::Open { .. }) => Err(error.into()),
        Err(error) => Ok(Report { bundle, verified: false, images: Vec::new(), problem: Some(error.to_string()) }),
    }
}
