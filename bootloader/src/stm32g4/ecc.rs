//! Double ECC errors of flash (`boot:B3`): the NMI that they raise, and who was reading.
//!
//! The image calls [`on_nmi`] from its `NonMaskableInt` handler. While [`watch`] runs, an error belongs to the read that
//! it wraps; at any other time nobody expected it, and the image decides.

use core::sync::atomic::{AtomicBool, Ordering, compiler_fence};

use stm32_metapac::FLASH;
use stm32_metapac::flash::regs::Eccr;

static WATCHING: AtomicBool = AtomicBool::new(false);
static POISONED: AtomicBool = AtomicBool::new(false);

/// Where an NMI came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nmi {
    /// A poisoned word under a checked read; the read returns an error. Return from the handler.
    Expected,
    /// A poisoned word that no checked read asked for. Inside the image's own bytes this is fatal; elsewhere it is a
    /// prefetch and can be ignored.
    Unexpected {
        /// Offset of the word in flash, as far as the controller tells.
        offset: u32,
    },
    /// Not flash: clock security or SRAM parity. Fatal.
    Other,
}

/// Sorts out an NMI and clears its cause. For the image's `NonMaskableInt` handler.
pub fn on_nmi() -> Nmi {
    let status = FLASH.eccr().read();
    if !status.eccd() {
        return Nmi::Other;
    }
    clear(status);
    if WATCHING.load(Ordering::Relaxed) {
        POISONED.store(true, Ordering::Relaxed);
        return Nmi::Expected;
    }
    let bank = if status.bk_ecc() { protocol::layout::BANK_SIZE } else { 0 };
    Nmi::Unexpected { offset: bank + status.addr_ecc() }
}

/// Runs a read of flash; `None` when it met a poisoned word. Not for interrupt handlers: one read at a time.
pub(super) fn watch<T>(read: impl FnOnce() -> T) -> Option<T> {
    clear(FLASH.eccr().read());
    POISONED.store(false, Ordering::Relaxed);
    WATCHING.store(true, Ordering::Relaxed);
    compiler_fence(Ordering::SeqCst);
    let value = read();
    // The NMI of the last load has been taken when these have completed.
    cortex_m::asm::dsb();
    cortex_m::asm::isb();
    compiler_fence(Ordering::SeqCst);
    WATCHING.store(false, Ordering::Relaxed);
    let status = FLASH.eccr().read();
    let poisoned = POISONED.load(Ordering::Relaxed) || status.eccd();
    clear(status);
    (!poisoned).then_some(value)
}

/// The flags clear by writing one; the interrupt enable keeps its value.
fn clear(status: Eccr) {
    if status.eccd() {
        FLASH.eccr().write_value(status);
    }
}
