//! When the firmware goes wrong: outputs off, a record of it to RAM that a reset leaves alone, a mark for the loader, reset
//! (`boot:U8`). Nothing here writes flash, waits, or comes back.
//!
//! The hard fault has a stack of its own, so that an overflowing one is told like anything else. Faults of memory, bus and
//! usage are not enabled: they come as hard faults, and the fault registers say which they are.
#![expect(unsafe_code, reason = "exception handlers are unsafe to declare")]

use core::arch::naked_asm;
use core::cell::Cell;
use core::panic::PanicInfo;

use cortex_m::peripheral::SCB;
use cortex_m_rt::exception;
use embassy_sync::blocking_mutex::Mutex;
use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_time::Instant;
use protocol::crash::{CRASH_TEXT, CrashKind, CrashRecord, FaultStatus, Registers};
use protocol::handover::{Mark, MarkKind};
use protocol::layout::{FLASH_BASE, MAX_IMAGE, Slot};

use bootloader::stm32g4::ecc::{Nmi, on_nmi};
use bootloader::stm32g4::{handover, outputs};

use super::kept;
use crate::version::FIRMWARE_VERSION;

/// What runs: for the record.
static RUNNING: Mutex<CriticalSectionRawMutex, Cell<(Slot, [u8; 20])>> = Mutex::new(Cell::new((Slot::A, [0; 20])));

/// Says what runs.
pub(super) fn running(slot: Slot, build_id: [u8; 20]) {
    RUNNING.lock(|running| running.set((slot, build_id)));
}

/// The text is the end of the file's name and the message, where that is a plain one; a message that would have to be put
/// together is left out. The program counter is the address of the panic's source location.
#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    outputs::all_off();
    let place = info.location().map_or(0, |location| core::ptr::from_ref(location) as u32);
    let sp = cortex_m::register::msp::read();
    let line = info.location().map_or(0, |location| location.line() as u16);
    let file = info.location().map_or("", |location| location.file());
    let message = info.message().as_str().unwrap_or_default();
    let registers = Registers { pc: place, sp, ..Registers::default() };
    let record = CrashRecord { line, text: text(file, message), ..record(CrashKind::Panic, registers, sp) };
    die(&record, place)
}

/// `end/of/file.rs: message`, as far as it fits.
fn text(file: &str, message: &str) -> [u8; CRASH_TEXT] {
    const FILE: usize = 48;
    let mut text = [0; CRASH_TEXT];
    let file = file.as_bytes();
    let file = &file[file.len().saturating_sub(FILE)..];
    let all = file.iter().chain(b": ").chain(message.as_bytes());
    text.iter_mut().zip(all).for_each(|(place, &byte)| *place = byte);
    text
}

/// Saves the registers that the core has not put on the stack, and goes on with a stack of its own.
// SAFETY: touches nothing that the interrupted code holds; it never returns.
#[unsafe(naked)]
#[unsafe(export_name = "HardFault")]
unsafe extern "C" fn hard_fault() -> ! {
    naked_asm!(
        "movw r0, #:lower16:{saved}",
        "movt r0, #:upper16:{saved}",
        "tst lr, #4",
        "ite eq",
        "mrseq r1, msp",
        "mrsne r1, psp",
        "stmia r0!, {{r4-r11}}",
        "str r1, [r0]",
        "str lr, [r0, #4]",
        "movw r2, #:lower16:{stack}",
        "movt r2, #:upper16:{stack}",
        "msr msp, r2",
        "b {tell}",
        saved = const kept::SAVED,
        stack = const kept::STACK,
        tell = sym tell_hard_fault,
    )
}

/// Tells of a hard fault from what the handler has saved.
extern "C" fn tell_hard_fault() -> ! {
    /// The exception's frame has room for the registers of the floating-point unit when this bit is clear.
    const BASIC_FRAME: u32 = 1 << 4;
    outputs::all_off();
    let [r4, r5, r6, r7, r8, r9, r10, r11, frame, exc_return] = kept::peek(kept::SAVED);
    let [r0, r1, r2, r3, r12, lr, pc, xpsr] = kept::peek(frame);
    let length = if exc_return & BASIC_FRAME == 0 { 104 } else { 32 };
    // Bit 9: a word was left out to align the frame.
    let sp = frame.wrapping_add(length + ((xpsr >> 9 & 1) * 4));
    let general = [r0, r1, r2, r3, r4, r5, r6, r7, r8, r9, r10, r11, r12];
    let registers = Registers { general, sp, lr, pc, xpsr, exc_return };
    let mut record = record(CrashKind::HardFault, registers, sp);
    record.kind = record.status.kind();
    record.exception = (xpsr & 0x1FF) as u16;
    die(&record, pc)
}

// SAFETY: comes only for an interrupt that nobody serves, and never returns.
#[exception]
unsafe fn DefaultHandler(_number: i16) {
    fatal(CrashKind::Unserved, 0);
}

// SAFETY: only sets two flags, which the checked read looks at.
#[exception]
unsafe fn NonMaskableInt() {
    match on_nmi() {
        Nmi::Expected => {}
        Nmi::Unexpected { offset } if is_own(offset) => fatal(CrashKind::Nmi, FLASH_BASE + offset),
        // A prefetch beyond the image's end; nothing was executed from there.
        Nmi::Unexpected { .. } => {}
        Nmi::Other => fatal(CrashKind::Nmi, 0),
    }
}

/// Whether an offset in flash is inside the slot that this code runs from.
fn is_own(offset: u32) -> bool {
    let here = is_own as fn(u32) -> bool as usize as u32 - FLASH_BASE;
    Slot::ALL
        .into_iter()
        .map(|slot| slot.image_offset()..slot.image_offset() + MAX_IMAGE)
        .any(|image| image.contains(&here) && image.contains(&offset))
}

/// The end, in an exception that tells no more than this address.
fn fatal(kind: CrashKind, place: u32) -> ! {
    outputs::all_off();
    let sp = cortex_m::register::msp::read();
    let registers = Registers { pc: place, sp, ..Registers::default() };
    die(&record(kind, registers, sp), place)
}

/// What can be told of a crash anywhere.
fn record(kind: CrashKind, registers: Registers, sp: u32) -> CrashRecord {
    let (slot, build_id) = RUNNING.lock(Cell::get);
    // SAFETY: the registers of the core's system control are read, which has no side effect.
    let core = unsafe { &*SCB::PTR };
    CrashRecord {
        kind,
        slot,
        exception: (core.icsr.read() & 0x1FF) as u16,
        number: 0,
        boot: 0,
        time_ms: Instant::now().as_millis() as u32,
        version: FIRMWARE_VERSION,
        line: 0,
        build_id,
        registers,
        status: FaultStatus {
            cfsr: core.cfsr.read(),
            hfsr: core.hfsr.read(),
            mmfar: core.mmfar.read(),
            bfar: core.bfar.read(),
        },
        text: [0; CRASH_TEXT],
        stack: kept::peek(sp),
    }
}

fn die(record: &CrashRecord, detail: u32) -> ! {
    kept::leave_crash(record);
    handover::leave_mark(Mark { kind: MarkKind::Panic, detail });
    SCB::sys_reset()
}
