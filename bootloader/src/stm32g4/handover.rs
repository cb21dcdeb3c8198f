//! The hand-over area at the end of RAM: report to the firmware, mark to the loader ([`protocol::handover`]).
#![expect(unsafe_code, reason = "the hand-over area is RAM at a fixed address, outside of every link script")]

use protocol::handover::{BootReport, MARK_SIZE, Mark, REPORT_SIZE};
use protocol::layout::{MARK_ADDRESS, REPORT_ADDRESS};

/// Leaves the loader's report for the firmware.
pub fn leave_report(report: &BootReport) {
    store(REPORT_ADDRESS, &report.emit());
}

/// What the loader reported at this boot; `None` when it left nothing whole.
#[must_use]
pub fn report() -> Option<BootReport> {
    BootReport::parse(&load::<REPORT_SIZE>(REPORT_ADDRESS))
}

/// Leaves a mark for the loader, to be found after the next reset.
pub fn leave_mark(mark: Mark) {
    store(MARK_ADDRESS, &mark.emit());
}

/// Takes the mark that the firmware left; the next boot will not find it again.
pub fn take_mark() -> Option<Mark> {
    let mark = Mark::parse(&load::<MARK_SIZE>(MARK_ADDRESS));
    store(MARK_ADDRESS, &[0; MARK_SIZE]);
    mark
}

// Byte by byte: a volatile access to a whole array becomes one instruction for each of its bytes.

fn load<const N: usize>(address: u32) -> [u8; N] {
    let mut bytes = [0; N];
    for (place, byte) in (address..).zip(&mut bytes) {
        // SAFETY: `address` and the N bytes behind it are the hand-over area: mapped RAM that no link script gives to
        // anybody, so no reference points there; any byte is a valid one.
        *byte = unsafe { (place as *const u8).read_volatile() };
    }
    bytes
}

fn store(address: u32, bytes: &[u8]) {
    for (place, &byte) in (address..).zip(bytes) {
        // SAFETY: as in `load`; volatile, since the reader is another program.
        unsafe { (place as *mut u8).write_volatile(byte) }
    }
}
