//! `cargo xtask chip`: the loader and every firmware variant for the chip.

use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Args;

use crate::chip::size::Sizes;
use crate::chip::{self, Variant};
use crate::workspace::Workspace;
use crate::{output, toolchain};

/// Builds images into `target/sonde/chip/<version>[+feature]/{loader,firmware-a,firmware-b}.elf` and prints their sizes.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Build only this variant, named like its folder (`1.1.0`)
    #[arg(long)]
    variant: Option<String>,
}

/// Builds, prints the folder and the sizes of the first variant.
pub(crate) fn run(arguments: &Arguments, workspace: &Workspace) -> Result<ExitCode> {
    let variants = chosen(arguments.variant.as_deref())?;
    let toolchain = toolchain::find(workspace)?;
    let images = chip::build(workspace, &toolchain, &variants)?;
    for variant in &variants {
        output::result(images.join(variant.folder()).display());
    }
    output::result(Sizes::read(&images, &variants[0])?.table().trim_end());
    Ok(ExitCode::SUCCESS)
}

fn chosen(name: Option<&str>) -> Result<Vec<Variant>> {
    let Some(name) = name else { return Ok(Variant::ALL.to_vec()) };
    let known = Variant::ALL.iter().filter(|variant| variant.folder() == name);
    match known.copied().collect::<Vec<_>>() {
        chosen if !chosen.is_empty() => Ok(chosen),
        _ => {
            let names: Vec<String> = Variant::ALL.iter().map(Variant::folder).collect();
            bail!("there is no variant `{name}`; choose one of {}", names.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variant_is_chosen_by_its_folder_and_an_unknown_one_lists_the_others() {
        assert_eq!(chosen(None).unwrap().len(), 3);
        assert_eq!(chosen(Some("1.1.0")).unwrap(), [chip::SECOND]);
        assert!(chosen(Some("9")).unwrap_err().to_string().contains("1.0.0, 1.1.0, 1.2.0+fault-hang-after-boot"));
    }
}
