#![cfg_attr(target_os = "none", no_std, no_main)]
//! loader
fn main() {}
