//! `sonde bundle show`

use std::path::PathBuf;

use serde::Serialize;
use sonde::bundle::last_day::last_day;
use sonde::bundle::{Release, ReleaseImage};

use super::Failed;
use super::release_age::warn_of_age;

/// Show what a release file holds; says nothing about who may be believed
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  sonde bundle show 1.1.0.sonde")]
pub(crate) struct Args {
    /// Release file
    file: PathBuf,
}

/// What a release file holds.
#[derive(Serialize)]
pub(crate) struct Report {
    bundle: PathBuf,
    images: Vec<Image>,
}

#[derive(Serialize)]
struct Image {
    slot: String,
    version: String,
    hardware: String,
    bytes: u32,
    sha256: String,
    security_floor: String,
    minimum_loader: String,
    register_map: u16,
    build_id: String,
    key_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_day: Option<String>,
}

impl From<&ReleaseImage> for Image {
    fn from(image: &ReleaseImage) -> Self {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let manifest = &image.manifest;
        Self {
            slot: manifest.slot.to_string(),
            version: manifest.version.to_string(),
            hardware: manifest.hardware.to_string(),
            bytes: manifest.length,
            sha256: hex(&manifest.sha256),
            security_floor: manifest.security_floor.to_string(),
            minimum_loader: manifest.minimum_loader.to_string(),
            register_map: manifest.register_map,
            build_id: hex(&manifest.build_id),
            key_id: manifest.key_id.to_string(),
            last_day: last_day(manifest).map(|day| day.to_string()),
        }
    }
}

impl super::Report for Report {}

impl std::fmt::Display for Report {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(formatter, "{}", self.bundle.display())?;
        for image in &self.images {
            writeln!(formatter, "slot {}  version {}, {} bytes", image.slot, image.version, image.bytes)?;
            writeln!(formatter, "  hardware      {}", image.hardware)?;
            writeln!(formatter, "  floor         {}", image.security_floor)?;
            writeln!(formatter, "  needs loader  {}", image.minimum_loader)?;
            writeln!(formatter, "  register map  {}", image.register_map)?;
            writeln!(formatter, "  build id      {}", image.build_id)?;
            writeln!(formatter, "  SHA-256       {}", image.sha256)?;
            writeln!(formatter, "  names key     {}", image.key_id)?;
            if let Some(day) = &image.last_day {
                writeln!(formatter, "  last day      {day}")?;
            }
        }
        Ok(())
    }
}

/// Reads the release.
pub(crate) fn run(args: &Args) -> Result<Report, Failed> {
    let release = Release::read(&args.file)?;
    warn_of_age(&release);
    Ok(Report { bundle: args.file.clone(), images: release.images().iter().map(Image::from).collect() })
}
