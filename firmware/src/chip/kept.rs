//! RAM that a reset leaves alone: what was kept ([`crate::kept`]), and the crash that ended a run.
//!
//! | offset in the kept RAM | bytes | what |
//! |---|---|---|
//! | 0 | 128 | two copies of what is kept |
//! | 128 | 512 | the crash record |
//! | 640 | 40 | registers at the start of the fault handler |
//! | 1024 | 3072 | stack of the fault handler, from the top |
#![expect(unsafe_code, reason = "RAM at a fixed address, outside of every section")]

use core::sync::atomic::{AtomicU32, Ordering};

use protocol::crash::{CRASH_SIZE, CrashRecord};
use protocol::layout::{KEPT_ADDRESS, KEPT_SIZE};

use crate::kept::{Kept, SIZE};

const CRASH: u32 = KEPT_ADDRESS + 128;
/// Where the fault handler puts r4-r11, the stack pointer and EXC_RETURN.
pub(super) const SAVED: u32 = KEPT_ADDRESS + 640;
/// Where the fault handler's stack begins.
pub(super) const STACK: u32 = KEPT_ADDRESS + KEPT_SIZE;

const _: () = assert!(2 * SIZE as u32 <= 128 && CRASH + CRASH_SIZE as u32 <= SAVED && SAVED + 40 < STACK - 3_072 + 1);

/// Number of the newest copy.
static NUMBER: AtomicU32 = AtomicU32::new(0);

/// What was kept over the last reset.
pub(super) fn read() -> Option<Kept> {
    let copies = [load(KEPT_ADDRESS), load(KEPT_ADDRESS + SIZE as u32)];
    let (number, kept) = Kept::newer(&copies)?;
    NUMBER.store(number, Ordering::Relaxed);
    Some(kept)
}

/// Keeps this. For one task only.
pub(super) fn write(kept: &Kept) {
    let number = NUMBER.load(Ordering::Relaxed).wrapping_add(1);
    NUMBER.store(number, Ordering::Relaxed);
    // Odd numbers to one place, even ones to the other: never over the newest.
    store(KEPT_ADDRESS + number % 2 * SIZE as u32, &kept.emit(number));
}

/// The crash that ended the last run; it is not found again.
pub(super) fn take_crash() -> Option<CrashRecord> {
    let crash = CrashRecord::parse(&load(CRASH));
    store(CRASH, &[0; 4]);
    crash
}

/// Leaves a crash for the next start.
pub(super) fn leave_crash(crash: &CrashRecord) {
    store(CRASH, &crash.emit());
}

/// Words of RAM from an address on; zero for what is none.
pub(super) fn peek<const N: usize>(address: u32) -> [u32; N] {
    use protocol::layout::{RAM_BASE, RAM_SIZE};
    let is_ram = |place: u32| place.is_multiple_of(4) && (RAM_BASE..RAM_BASE + RAM_SIZE).contains(&place);
    core::array::from_fn(|index| {
        let place = address.wrapping_add(index as u32 * 4);
        // SAFETY: an aligned word of RAM, which is always mapped; whatever is in it is a number.
        if is_ram(place) { unsafe { (place as *const u32).read_volatile() } } else { 0 }
    })
}

fn load<const N: usize>(address: u32) -> [u8; N] {
    core::array::from_fn(|index| {
        // SAFETY: every caller names a place in the kept RAM: mapped, and given to nobody by the link script (`build.rs`).
        unsafe { ((address + index as u32) as *const u8).read_volatile() }
    })
}

fn store(address: u32, bytes: &[u8]) {
    for (place, &byte) in (address..).zip(bytes) {
        // SAFETY: as in `load`; volatile, since the reader is the next run.
        unsafe { (place as *mut u8).write_volatile(byte) }
    }
}
