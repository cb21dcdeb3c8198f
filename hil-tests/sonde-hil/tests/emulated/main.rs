//! The linked images for the chip, run instruction by instruction on the virtual board and asked over its line.
//!
//! In process and in virtual time, but for the witnesses: Modbus masters that we did not write, which come from outside.
//! A harness of its own, so that a test whose images or programs are missing says "skipped" instead of "ok".

mod attacks;
mod boots;
mod channels;
mod client;
mod config;
mod damage;
mod events;
mod expected;
mod flash;
mod flash_rules;
mod frames;
mod functions;
mod keys;
mod map;
mod operate;
mod power_cuts;
mod recovery;
mod releases;
mod resets;
mod revive;
mod rig;
mod settings;
mod site;
mod test;
mod updates;
mod witness;

use std::process::ExitCode;

use libtest_mimic::Arguments;

fn main() -> ExitCode {
    let tests = [
        map::tests(),
        functions::tests(),
        channels::tests(),
        settings::tests(),
        events::tests(),
        frames::tests(),
        boots::tests(),
        resets::tests(),
        damage::tests(),
        updates::tests(),
        power_cuts::tests(),
        recovery::tests(),
        site::tests(),
        attacks::tests(),
        flash_rules::tests(),
        witness::tests(),
    ];
    let missing = releases::missing();
    let trials = tests.into_iter().flatten().map(|test| test.into_trial(missing.as_deref())).collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}
