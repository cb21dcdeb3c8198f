//! Every committed input of every fuzz target, through the target itself, on any toolchain (docs/fuzzing.md).

use std::fs;
use std::path::{Path, PathBuf};

// The name that the targets know it by.
extern crate sonde_firmware as firmware;

#[path = "../../protocol/fuzz/src/lib.rs"]
#[expect(unreachable_pub, reason = "a library of its own, in the fuzzer")]
mod targets;

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../protocol/fuzz/corpus")
}

#[test]
fn every_committed_input_keeps_its_target_quiet() {
    for (name, run) in targets::TARGETS {
        let folder = corpus().join(name);
        let mut files: Vec<_> = fs::read_dir(&folder)
            .unwrap_or_else(|error| panic!("{}: {error}; write the seeds with UPDATE_CORPUS=1", folder.display()))
            .map(|entry| entry.unwrap().path())
            .collect();
        files.sort();
        assert!(!files.is_empty(), "{} is empty", folder.display());
        for file in files {
            let bytes = fs::read(&file).unwrap();
            let quiet = std::panic::catch_unwind(|| run(&bytes));
            assert!(quiet.is_ok(), "target {name}: {}", file.display());
        }
    }
}

#[test]
fn targets_answer_inputs_that_are_nothing() {
    for (_, run) in targets::TARGETS {
        for bytes in [&[][..], &[0], &[0xFF], &[0; 700], &[0xFF; 700]] {
            run(bytes);
        }
    }
}

#[test]
fn seeds_are_what_is_committed() {
    let update = std::env::var_os("UPDATE_CORPUS").is_some();
    for seed in targets::seeds::seeds() {
        let file = corpus().join(seed.target).join(seed.name);
        if update {
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, &seed.bytes).unwrap();
        }
        let committed = fs::read(&file).unwrap_or_default();
        assert!(committed == seed.bytes, "{} is out of date: run with UPDATE_CORPUS=1", file.display());
    }
}

#[test]
fn every_target_has_a_program_of_its_name() {
    let folder = corpus().join("../fuzz_targets");
    let mut programs: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    let mut targets: Vec<&str> = targets::TARGETS.iter().map(|(name, _)| *name).collect();
    programs.sort();
    targets.sort_unstable();
    assert_eq!(programs, targets);
}
