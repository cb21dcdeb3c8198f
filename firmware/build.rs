//! Link scripts of the two images: the same program at the addresses of slot A and slot B.
//!
//! Flash starts behind the slot's manifest page and ends with the slot. RAM has data from below, then what is kept over a
//! reset, which is given to nobody, then the stack up to the hand-over area. The numbers are those of `protocol::layout`.

use std::path::PathBuf;

use protocol::layout::{HANDOVER_ADDRESS, KEPT_ADDRESS, KEPT_SIZE, MAX_IMAGE, RAM_BASE, Slot};

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() != Ok("none") {
        return;
    }
    let out = PathBuf::from(std::env::var("OUT_DIR").expect("cargo sets OUT_DIR"));
    for (slot, program) in [(Slot::A, "firmware-a"), (Slot::B, "firmware-b")] {
        // `link.x` of cortex-m-rt includes a file of this very name: one folder for each program.
        let folder = out.join(program);
        std::fs::create_dir_all(&folder).expect("OUT_DIR is writable");
        std::fs::write(folder.join("memory.x"), memory(slot)).expect("OUT_DIR is writable");
        println!("cargo:rustc-link-arg-bin={program}=-L{}", folder.display());
        println!("cargo:rustc-link-arg-bin={program}=-Tlink.x");
        // Sections follow each other directly: there are no memory pages to align them to.
        println!("cargo:rustc-link-arg-bin={program}=--nmagic");
    }
}

fn memory(slot: Slot) -> String {
    let (flash, ram) = (slot.image_address(), KEPT_ADDRESS - RAM_BASE);
    let (stack_end, stack_start) = (KEPT_ADDRESS + KEPT_SIZE, HANDOVER_ADDRESS);
    format!(
        "MEMORY\n{{\n    FLASH : ORIGIN = {flash:#010x}, LENGTH = {MAX_IMAGE}\n    RAM : ORIGIN = {RAM_BASE:#010x}, LENGTH = {ram}\n}}\n\
        _stack_start = {stack_start:#010x};\n_stack_end = {stack_end:#010x};\n"
    )
}
