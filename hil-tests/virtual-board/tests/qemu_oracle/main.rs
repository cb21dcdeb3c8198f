//! The oracle: the same programs on our core and on QEMU's Cortex-M4, registers and memory compared.
//!
//! A harness of its own, so that without QEMU it says "skipped" instead of "ok".
#![expect(clippy::print_stdout, reason = "a test harness prints its verdicts")]

mod blocks;
mod image;
mod programs;
mod qemu;
mod random;

use std::path::Path;
use std::process::ExitCode;

use virtual_board::core::plain::PlainChip;
use virtual_board::core::{Core, RAM_START, ResetSource, Stop};

use image::{Image, RAM_BYTES};
use random::KINDS;

/// More than any guest runs.
const CYCLE_LIMIT: u64 = 10_000_000;

fn main() -> ExitCode {
    let names = filters(std::env::args().skip(1));
    let tests = tests();
    let wanted = |name: &str| names.is_empty() || names.iter().any(|part| name.contains(part.as_str()));
    if std::env::args().any(|argument| argument == "--list") {
        for (name, _) in &tests {
            println!("{name}: test");
        }
        return ExitCode::SUCCESS;
    }
    if !qemu::is_installed() {
        println!("skipped: qemu-system-arm not found (apt-get install qemu-system-arm)");
        return ExitCode::SUCCESS;
    }
    let mut failed = 0;
    for (name, run) in tests.iter().filter(|(name, _)| wanted(name)) {
        match run() {
            Ok(summary) => println!("test {name} ... ok ({summary})"),
            Err(difference) => {
                failed += 1;
                println!("test {name} ... FAILED\n{difference}");
            }
        }
    }
    println!("oracle: {failed} failed");
    ExitCode::from(u8::from(failed != 0))
}

/// The names among libtest's arguments; values of its options are none.
fn filters(arguments: impl Iterator<Item = String>) -> Vec<String> {
    const WITH_VALUE: [&str; 5] = ["--test-threads", "--skip", "--format", "--color", "-Z"];
    let mut names = Vec::new();
    let mut is_value = false;
    for argument in arguments {
        if !is_value && !argument.starts_with('-') {
            names.push(argument.clone());
        }
        is_value = WITH_VALUE.contains(&argument.as_str());
    }
    names
}

/// Images of each kind of random block: few in every test run, as many as `QEMU_ORACLE_SEEDS` says by hand.
fn seeds() -> u64 {
    const USUAL: u64 = 3;
    std::env::var("QEMU_ORACLE_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(USUAL)
}

type Run = Box<dyn Fn() -> Result<String, String>>;

fn tests() -> Vec<(String, Run)> {
    let mut tests: Vec<(String, Run)> = Vec::new();
    for kind in KINDS {
        let run = move || (1..=seeds()).try_fold(0, |sum, seed| Ok(sum + compare_blocks(kind, seed)?));
        let summary = move || run().map(|halfwords: usize| format!("{halfwords} random halfwords"));
        tests.push((format!("random_{kind:?}").to_lowercase(), Box::new(summary)));
    }
    for (name, hex) in programs::PROGRAMS {
        tests.push((name.into(), Box::new(move || compare_program(&programs::image(hex)))));
    }
    tests
}

/// Runs an image on our core until it resets itself.
fn run_core(image: &Image) -> Result<Vec<u8>, String> {
    let mut core = Core::new(PlainChip::new(image.bytes().to_vec()), RAM_BYTES);
    core.reset();
    match core.run_until(CYCLE_LIMIT) {
        Stop::Reset(ResetSource::SysResetReq) => Ok(core.ram().to_vec()),
        stop => {
            // What guests log grows up from here; zeros have not been written.
            let logged = core.ram()[0x100..0x2000]
                .chunks_exact(4)
                .map(|word| u32::from_le_bytes([word[0], word[1], word[2], word[3]]));
            let log: Vec<u32> = logged.filter(|&word| word != 0).collect();
            let tail = &log[log.len().saturating_sub(16)..];
            Err(format!("  our core stopped with {stop:X?}, registers {:08X?}, log {tail:08X?}\n", core.registers()))
        }
    }
}

/// The SRAM after a run on both machines: ours, QEMU's.
fn run_both(image: &Image) -> Result<(Vec<u8>, Vec<u8>), String> {
    let directory = tempfile::tempdir().map_err(|error| format!("no temporary directory: {error}"))?;
    let ours = run_core(image)?;
    Ok((ours, qemu::run(image.bytes(), Path::new(directory.path()))))
}

fn word(ram: &[u8], address: u32) -> u32 {
    let offset = (address - RAM_START) as usize;
    u32::from_le_bytes(ram[offset..offset + 4].try_into().expect("the address is in SRAM"))
}

/// Compares all random blocks of one image; returns how many halfwords of random code they had.
fn compare_blocks(kind: random::Kind, seed: u64) -> Result<usize, String> {
    let blocks = blocks::build(kind, seed);
    let (ours, theirs) = run_both(&blocks.image)?;
    let names = blocks::dump_names();
    let mut report = String::new();
    let mut different = 0;
    for (number, code) in blocks.code.iter().enumerate() {
        let start = blocks::dump_address(number);
        let dumps = (start..).step_by(4).zip(&names).map(|(at, name)| (name, word(&ours, at), word(&theirs, at)));
        let lines: Vec<String> = dumps
            .filter(|(_, ours, theirs)| ours != theirs)
            .map(|(name, ours, theirs)| format!("    {name}: ours {ours:08X}, QEMU {theirs:08X}\n"))
            .collect();
        if lines.is_empty() {
            continue;
        }
        different += 1;
        if different <= 4 {
            let halfwords = code.iter().map(|half| format!("{half:04X}")).collect::<Vec<_>>().join(" ");
            report += &format!("  seed {seed} block {number}: {halfwords}\n    from {:08X?}\n", blocks.initial[number]);
            report.extend(lines);
        }
    }
    if different != 0 {
        return Err(format!("{report}  {different} of {} blocks differ\n", blocks.code.len()));
    }
    match (ours == theirs).then(|| blocks.code.iter().map(Vec::len).sum()) {
        Some(halfwords) => Ok(halfwords),
        None => Err(format!("  seed {seed}: the dumps agree, the scratch memory does not\n")),
    }
}

/// Compares the whole SRAM after one hand-written program.
fn compare_program(image: &Image) -> Result<String, String> {
    let (ours, theirs) = run_both(image)?;
    let pairs = ours.chunks_exact(4).zip(theirs.chunks_exact(4)).zip((RAM_START..).step_by(4));
    let lines: Vec<String> = pairs
        .filter(|((ours, theirs), _)| ours != theirs)
        .map(|((ours, theirs), address)| format!("  {address:08X}: ours {ours:02X?}, QEMU {theirs:02X?}\n"))
        .collect();
    if lines.is_empty() { Ok("SRAM equal".into()) } else { Err(lines.concat()) }
}
