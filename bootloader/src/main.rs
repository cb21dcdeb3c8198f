//! The loader: asks the library which image may run, then jumps to it. On the host there is nothing to run.
#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod loader;

#[cfg(not(target_os = "none"))]
fn main() {}
