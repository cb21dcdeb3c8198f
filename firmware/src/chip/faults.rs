//! When the firmware goes wrong: leave a mark with the place, and reset. Outputs are off after that (`boot:U8`).
#![expect(unsafe_code, reason = "exception handlers are unsafe to declare")]

use core::panic::PanicInfo;

use cortex_m::peripheral::SCB;
use cortex_m_rt::{ExceptionFrame, exception};
use protocol::handover::{Mark, MarkKind};
use protocol::layout::{FLASH_BASE, MAX_IMAGE, Slot};

use bootloader::stm32g4::ecc::{Nmi, on_nmi};
use bootloader::stm32g4::handover;

/// The detail is the address of the panic's source location: symbols tell file and line.
#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    die(info.location().map_or(0, |location| core::ptr::from_ref(location) as u32))
}

// SAFETY: touches nothing that the interrupted code holds; it never returns.
#[exception]
unsafe fn HardFault(frame: &ExceptionFrame) -> ! {
    die(frame.pc())
}

// SAFETY: comes only for an interrupt that nobody serves, and never returns.
#[exception]
unsafe fn DefaultHandler(_number: i16) {
    die(0);
}

// SAFETY: only sets two flags, which the checked read looks at.
#[exception]
unsafe fn NonMaskableInt() {
    match on_nmi() {
        Nmi::Expected => {}
        Nmi::Unexpected { offset } if is_own(offset) => die(FLASH_BASE + offset),
        // A prefetch beyond the image's end; nothing was executed from there.
        Nmi::Unexpected { .. } => {}
        Nmi::Other => die(0),
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

fn die(detail: u32) -> ! {
    handover::leave_mark(Mark { kind: MarkKind::Panic, detail });
    SCB::sys_reset()
}
