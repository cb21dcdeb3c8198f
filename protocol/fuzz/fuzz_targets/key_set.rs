#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sonde_fuzz_targets::key_set::run(data));
