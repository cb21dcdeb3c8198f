//! When the loader itself goes wrong: leave a mark and reset. Never writes flash, so not even a loop of them wears it.
#![expect(unsafe_code, reason = "exception handlers are unsafe to declare")]

use core::panic::PanicInfo;

use cortex_m::peripheral::SCB;
use cortex_m_rt::{ExceptionFrame, exception};
use protocol::handover::{Mark, MarkKind};
use sonde_bootloader::stm32g4::ecc::{Nmi, on_nmi};
use sonde_bootloader::stm32g4::handover;

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    die(0)
}

// SAFETY: touches nothing that the interrupted code holds; it never returns.
#[exception]
unsafe fn HardFault(frame: &ExceptionFrame) -> ! {
    die(frame.pc())
}

// SAFETY: nothing enables an interrupt or another exception; if one comes nevertheless, this never returns.
#[exception]
unsafe fn DefaultHandler(_number: i16) {
    die(0);
}

unsafe extern "C" {
    #[link_name = "DefaultHandler"]
    fn default_handler();
}

/// The interrupts of the chip. None is ever enabled, so the table ends after the first one, which the linker asks for: all
/// of them would be 408 bytes of one address.
// SAFETY: the linker puts it behind the vectors of the core, and each word of it leads to a handler that never returns.
#[unsafe(link_section = ".vector_table.interrupts")]
#[unsafe(no_mangle)]
#[used]
static __INTERRUPTS: [unsafe extern "C" fn(); 1] = [default_handler];

// SAFETY: only sets two flags, which the checked read looks at.
#[exception]
unsafe fn NonMaskableInt() {
    match on_nmi() {
        Nmi::Expected => {}
        // The loader reads everything else through checked reads, so this is its own code (`boot:B3`).
        Nmi::Unexpected { offset } => die(offset),
        Nmi::Other => die(0),
    }
}

fn die(detail: u32) -> ! {
    handover::leave_mark(Mark { kind: MarkKind::Panic, detail });
    SCB::sys_reset()
}
