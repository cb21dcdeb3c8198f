#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sonde_fuzz_targets::framing::run(data));
