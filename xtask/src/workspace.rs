//! This checkout: where it is, what its members are, and how to call cargo in it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::process;

/// What the outer `cargo run` leaves in our environment about xtask itself; nested builds must not see it.
const OWN_VARIABLES: [&str; 4] = ["CARGO_MANIFEST_", "CARGO_PKG_", "CARGO_BIN_NAME", "CARGO_CRATE_NAME"];

/// The checkout and what `cargo metadata` says about it.
pub(crate) struct Workspace {
    /// The folder of the root Cargo.toml.
    pub(crate) root: PathBuf,
    /// The target folder, absolute; follows `CARGO_TARGET_DIR`.
    pub(crate) target: PathBuf,
    /// The members.
    pub(crate) packages: Vec<Package>,
}

/// A member of the workspace.
#[derive(Debug, Clone)]
pub(crate) struct Package {
    /// The package name.
    pub(crate) name: String,
    /// The folder of its Cargo.toml.
    pub(crate) folder: PathBuf,
    /// Its programs: (kind, name), the kind being `bin` or `bench`.
    pub(crate) programs: Vec<(String, String)>,
    /// What it depends on.
    pub(crate) dependencies: Vec<Dependency>,
}

/// One dependency of a member.
#[derive(Debug, Clone)]
pub(crate) struct Dependency {
    /// The package it names, not the key it is renamed to.
    pub(crate) package: String,
    /// `normal`, `dev` or `build`.
    pub(crate) kind: String,
}

impl Workspace {
    /// Asks cargo about the checkout this xtask belongs to.
    pub(crate) fn find() -> Result<Self> {
        let own = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
        let root = Path::new(&own).parent().context("xtask lies in a folder of the workspace")?;
        let mut command = cargo("metadata");
        command.args(["--no-deps", "--format-version", "1", "--manifest-path"]).arg(root.join("Cargo.toml"));
        Self::parse(&process::capture(&mut command)?)
    }

    fn parse(metadata: &str) -> Result<Self> {
        let metadata: Value = serde_json::from_str(metadata).context("cargo metadata did not print JSON")?;
        let packages = metadata["packages"].as_array().context("cargo metadata names no packages")?;
        Ok(Self {
            root: text(&metadata["workspace_root"])?.into(),
            target: text(&metadata["target_directory"])?.into(),
            packages: packages.iter().map(package).collect::<Result<_>>()?,
        })
    }

    /// `cargo <subcommand>` of the active toolchain, in the root, with the target folder given outright.
    pub(crate) fn cargo(&self, subcommand: &str) -> Command {
        let mut command = cargo(subcommand);
        self.prepare(&mut command);
        command
    }

    /// Sets folder and environment for a cargo, whichever it is.
    pub(crate) fn prepare(&self, command: &mut Command) {
        without_own_variables(command);
        command.current_dir(&self.root).env("CARGO_TARGET_DIR", &self.target);
    }

    /// Where xtask keeps what it makes.
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        self.target.join("sonde").join(name)
    }

    /// Builds a program with the profile `tool` and returns its path.
    pub(crate) fn build_tool(&self, package: &str, program: &str) -> Result<PathBuf> {
        self.build_tool_with(package, program, &[])
    }

    /// The same with features of its package.
    pub(crate) fn build_tool_with(&self, package: &str, program: &str, features: &[&str]) -> Result<PathBuf> {
        let mut command = self.cargo("build");
        command.args(["--profile", "tool", "--package", package, "--bin", program]);
        command.args(["--features", &features.join(",")]);
        process::run(&mut command)?;
        Ok(self.target.join("tool").join(format!("{program}{}", std::env::consts::EXE_SUFFIX)))
    }

    /// The member of that name.
    pub(crate) fn package(&self, name: &str) -> Result<&Package> {
        self.packages.iter().find(|package| package.name == name).with_context(|| {
            format!(
                "the workspace has no package `{name}`; see `members` in {}",
                self.root.join("Cargo.toml").display()
            )
        })
    }
}

/// The cargo that started us, else the one on PATH.
fn cargo(subcommand: &str) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    without_own_variables(&mut command);
    command.arg(subcommand);
    command
}

fn without_own_variables(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| OWN_VARIABLES.iter().any(|own| name.starts_with(own))) {
            command.env_remove(name);
        }
    }
}

fn package(package: &Value) -> Result<Package> {
    let manifest = PathBuf::from(text(&package["manifest_path"])?);
    let targets = package["targets"].as_array().context("a package without targets")?;
    let dependencies = package["dependencies"].as_array().context("a package without a list of dependencies")?;
    Ok(Package {
        name: text(&package["name"])?.to_owned(),
        folder: manifest.parent().context("a manifest lies in a folder")?.to_owned(),
        programs: targets
            .iter()
            .filter_map(|target| Some((target["kind"][0].as_str()?.to_owned(), target["name"].as_str()?.to_owned())))
            .filter(|(kind, _)| kind == "bin" || kind == "bench")
            .collect(),
        dependencies: dependencies
            .iter()
            .map(|dependency| {
                let kind = dependency["kind"].as_str().unwrap_or("normal").to_owned();
                Ok(Dependency { package: text(&dependency["name"])?.to_owned(), kind })
            })
            .collect::<Result<_>>()?,
    })
}

fn text(value: &Value) -> Result<&str> {
    value.as_str().context("cargo metadata lacks a name or a path")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_programs_and_renamed_dependencies_are_read_from_the_metadata() {
        let metadata = r#"{"workspace_root":"/w","target_directory":"/t","packages":[{"name":"sonde",
            "manifest_path":"/w/host/Cargo.toml",
            "targets":[{"kind":["lib"],"name":"sonde"},{"kind":["bin"],"name":"sonde"}],
            "dependencies":[{"name":"sonde-protocol","rename":"protocol","kind":null},{"name":"proptest","kind":"dev"}]}]}"#;
        let workspace = Workspace::parse(metadata).unwrap();
        let sonde = workspace.package("sonde").unwrap();
        assert_eq!(sonde.folder, Path::new("/w/host"));
        assert_eq!(sonde.programs, [("bin".to_owned(), "sonde".to_owned())]);
        assert_eq!(sonde.dependencies[0].package, "sonde-protocol");
        assert_eq!(sonde.dependencies[1].kind, "dev");
        assert_eq!(workspace.folder("chip"), Path::new("/t/sonde/chip"));
    }

    #[test]
    fn metadata_of_another_shape_is_an_error() {
        assert!(Workspace::parse("[]").is_err());
        assert!(Workspace::parse("not json").is_err());
    }
}
