//! The firmware, linked for slot B. On the host there is nothing to run.
#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
#[cortex_m_rt::entry]
fn main() -> ! {
    sonde_firmware::chip::run(protocol::layout::Slot::B)
}

#[cfg(not(target_os = "none"))]
fn main() {}
