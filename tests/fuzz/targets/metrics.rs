//! Fuzzes what servers count of themselves. How it is run stands in `tests/fuzz/Cargo.toml`; what is held against it in `src/fuzz.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| berth::fuzz::run("metrics", data));
