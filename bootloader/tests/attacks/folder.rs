//! The folders as they lie in the repository.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use sonde_bootloader::model::FlashModel;
use sonde_bootloader::model::fixture::Contents;

use crate::attack::{Attack, Control};
use crate::field::met;
use crate::verdict::verdict;

/// What the boot says, as a file.
pub(crate) const EXPECTED: &str = "expected.txt";

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/attacks");

/// A folder: its name and its files.
pub(crate) struct Folder {
    pub(crate) name: String,
    pub(crate) files: BTreeMap<String, Vec<u8>>,
}

impl Folder {
    pub(crate) fn of_control(control: Control) -> Self {
        let readme = format!(
            "# {}\n\nNot an attack: the unit that attacks start from, and the proof that nothing else is wrong with it. {}\n\n\
            It must boot slot {}.\n",
            control.folder(),
            control.is(),
            control.runs(),
        );
        Self::new(control.folder().to_owned(), &control.flash(), readme)
    }

    pub(crate) fn of_attack(attack: &Attack) -> Self {
        let Attack { id, did, must, control, .. } = attack;
        let readme = format!(
            "# {}\n\n- **What the attacker, or the fault, did:** {did}\n- **Where it was met:** {}\n- **What must happen:** {must}\n\
            - **Control:** `{}`, from which it differs in {}.\n\nTests name it `fault:{id}`.\n",
            attack.folder(),
            met(id),
            control.folder(),
            differences(&attack.flash(), *control)
                .into_iter()
                .map(|file| format!("`{file}`"))
                .collect::<Vec<_>>()
                .join(", "),
        );
        Self::new(attack.folder(), &attack.flash(), readme)
    }

    fn new(name: String, flash: &FlashModel, readme: String) -> Self {
        let mut files = Contents::of(flash).files();
        files.insert("README.md".to_owned(), readme.into_bytes());
        files.insert(EXPECTED.to_owned(), verdict(flash).text.into_bytes());
        Self { name, files }
    }

    /// Where it lies.
    pub(crate) fn path(&self) -> PathBuf {
        path(&self.name)
    }

    /// Its files as they lie in the repository.
    pub(crate) fn committed(&self) -> BTreeMap<String, Vec<u8>> {
        let Ok(entries) = fs::read_dir(self.path()) else { return BTreeMap::new() };
        entries
            .map(|entry| {
                let path = entry.expect("a folder of the repository").path();
                (file_name(&path), fs::read(&path).expect("a file of the repository"))
            })
            .collect()
    }

    /// Writes it anew.
    pub(crate) fn write(&self) {
        let _ = fs::remove_dir_all(self.path());
        fs::create_dir_all(self.path()).expect("the repository is writable");
        for (name, bytes) in &self.files {
            fs::write(self.path().join(name), bytes).expect("the repository is writable");
        }
    }
}

/// The files in which a unit's flash differs from its control's.
pub(crate) fn differences(flash: &FlashModel, control: Control) -> BTreeSet<String> {
    let (files, before) = (Contents::of(flash).files(), Contents::of(&control.flash()).files());
    let names = files.keys().chain(before.keys());
    names.filter(|name| files.get(*name) != before.get(*name)).cloned().collect()
}

/// Where a folder of that name lies.
pub(crate) fn path(name: &str) -> PathBuf {
    Path::new(ROOT).join(name)
}

/// Names of the folders of fixtures that lie in the repository.
pub(crate) fn committed_names() -> BTreeSet<String> {
    let entries = fs::read_dir(ROOT).expect("the tests lie beside their fixtures");
    let paths = entries.map(|entry| entry.expect("a folder of the repository").path());
    paths
        .filter(|path| path.join(EXPECTED).exists() || path.join("README.md").exists())
        .map(|path| file_name(&path))
        .collect()
}

fn file_name(path: &Path) -> String {
    path.file_name().expect("an entry has a name").to_string_lossy().into_owned()
}
