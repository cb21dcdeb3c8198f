//! Gives the linker the loader's memory. Nothing on the host.

use std::path::PathBuf;
use std::{env, fs};

/// The anchors page is the last one of the loader's 64 KB; the last 256 bytes of RAM are the hand-over area.
const MEMORY: &str = "MEMORY {
  FLASH : ORIGIN = 0x08000000, LENGTH = 62K
  RAM : ORIGIN = 0x20000000, LENGTH = 128K - 256
}
";

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if env::var("CARGO_CFG_TARGET_OS").as_deref() != Ok("none") {
        return;
    }
    let folder = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    fs::write(folder.join("memory.x"), MEMORY).expect("OUT_DIR is writable");
    // Names of interrupt handlers: there are none.
    fs::write(folder.join("device.x"), "").expect("OUT_DIR is writable");
    // For this program only: a search path would reach every image that uses the library.
    println!("cargo:rustc-link-arg-bin=loader=-L{}", folder.display());
    println!("cargo:rustc-link-arg-bin=loader=-Tlink.x");
    println!("cargo:rustc-link-arg-bin=loader=--nmagic");
}
