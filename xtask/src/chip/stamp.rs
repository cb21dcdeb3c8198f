//! Whether a finished image is still what its inputs would give: contents, not times, decide.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// From what an image was made.
#[derive(Debug, PartialEq)]
pub(crate) struct Stamp {
    key: String,
    /// Digest of each input and each output; an absent input has none.
    files: BTreeMap<String, Option<String>>,
}

/// What decides about an image beside files: command line, environment given to it, toolchain.
pub(crate) fn key(command: &Command, toolchain: &str) -> String {
    let arguments = command.get_args().map(|argument| argument.to_string_lossy().into_owned());
    let environment = command
        .get_envs()
        .filter(|(name, _)| *name != "PATH")
        .filter_map(|(name, value)| Some(format!("{}={}", name.to_string_lossy(), value?.to_string_lossy())));
    arguments.chain(environment).chain([toolchain.to_owned()]).collect::<Vec<_>>().join("\n")
}

impl Stamp {
    /// Notes the state of all inputs and outputs.
    pub(crate) fn new(key: String, inputs: &[PathBuf], outputs: &[PathBuf]) -> Result<Self> {
        for output in outputs {
            digest(output).with_context(|| format!("cannot read {}, which was just built", output.display()))?;
        }
        let files = inputs.iter().chain(outputs).map(|path| (path.display().to_string(), digest(path))).collect();
        Ok(Self { key, files })
    }

    /// Reads a stamp; one that is absent or spoilt is none.
    pub(crate) fn load(path: &Path) -> Option<Self> {
        let value: Value = serde_json::from_str(&std::fs::read_to_string(path).ok()?).ok()?;
        let files = value["files"].as_object()?.iter();
        Some(Self {
            key: value["key"].as_str()?.to_owned(),
            files: files.map(|(path, digest)| (path.clone(), digest.as_str().map(str::to_owned))).collect(),
        })
    }

    /// Writes the stamp.
    pub(crate) fn save(&self, path: &Path) -> Result<()> {
        let text = format!("{:#}\n", json!({ "key": self.key, "files": self.files }));
        std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
    }

    /// Whether nothing changed since, and every output is there as it was made.
    pub(crate) fn is_current(&self, key: &str, outputs: &[PathBuf]) -> bool {
        self.key == key
            && outputs.iter().all(|output| self.files.contains_key(&output.display().to_string()))
            && self.files.iter().all(|(path, then)| digest(Path::new(path)) == *then)
    }
}

/// The files that a dep-info file (Makefile syntax, spaces escaped) names as inputs.
pub(crate) fn dependencies(dep_info: &str) -> Vec<PathBuf> {
    const SPACE: &str = "\u{0}";
    dep_info
        .lines()
        .filter_map(|line| line.split_once(": "))
        .flat_map(|(_, inputs)| {
            let inputs = inputs.replace("\\ ", SPACE);
            inputs.split_whitespace().map(|input| PathBuf::from(input.replace(SPACE, " "))).collect::<Vec<_>>()
        })
        .collect()
}

fn digest(path: &Path) -> Option<String> {
    let hash = Sha256::digest(std::fs::read(path).ok()?);
    Some(hash.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_with_spaces_are_read_from_the_dep_info() {
        let text = "/t/loader: /w/a.rs /w/my\\ dir/b.rs\n\n# nothing\n";
        assert_eq!(dependencies(text), [PathBuf::from("/w/a.rs"), PathBuf::from("/w/my dir/b.rs")]);
    }

    #[test]
    fn an_image_is_current_until_input_output_or_key_changes() {
        let folder = std::env::temp_dir().join(format!("xtask-stamp-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let [input, absent, output, path] = ["in", "absent", "out", "stamp"].map(|name| folder.join(name));
        std::fs::write(&input, "source").unwrap();
        std::fs::write(&output, "image").unwrap();
        let (inputs, outputs) = ([input.clone(), absent.clone()], [output.clone()]);
        Stamp::new("key".into(), &inputs, &outputs).unwrap().save(&path).unwrap();
        let stamp = Stamp::load(&path).unwrap();

        assert!(stamp.is_current("key", &outputs));
        assert!(!stamp.is_current("other key", &outputs));
        assert!(!stamp.is_current("key", &[output.clone(), folder.join("another")]));
        for changed in [&input, &output, &absent] {
            let before = std::fs::read(changed).ok();
            std::fs::write(changed, "changed").unwrap();
            assert!(!stamp.is_current("key", &outputs), "{}", changed.display());
            match before {
                Some(bytes) => std::fs::write(changed, bytes).unwrap(),
                None => std::fs::remove_file(changed).unwrap(),
            }
        }
        assert!(stamp.is_current("key", &outputs));
        std::fs::write(&path, "{").unwrap();
        assert_eq!(Stamp::load(&path), None);
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn the_key_holds_the_environment_that_was_given() {
        let mut command = Command::new("cargo");
        command.arg("build").env("SONDE_FIRMWARE_VERSION", "1.0.0").env_remove("RUSTFLAGS");
        let one = key(&command, "rustc 1.95");
        command.env("SONDE_FIRMWARE_VERSION", "1.1.0");
        assert_ne!(one, key(&command, "rustc 1.95"));
        assert!(one.ends_with("SONDE_FIRMWARE_VERSION=1.0.0\nrustc 1.95"), "{one}");
    }
}
