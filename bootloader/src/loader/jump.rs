//! The jump. Takes a [`VerifiedImage`], and nothing else can make one (`boot:B6`).
#![expect(unsafe_code, reason = "leaves this program for another one")]

use cortex_m::peripheral::SCB;
use sonde_bootloader::verify::VerifiedImage;

/// Hands the core over to an image. Not called but inlined: behind a call that never returns there is other code, into
/// which a core that leaves the call out would run on.
#[inline(always)]
#[expect(clippy::needless_pass_by_value, reason = "the proof is used up")]
pub(crate) fn to(image: VerifiedImage) -> ! {
    let entry = image.entry();
    // SAFETY: the vector table was verified with the image and is aligned for VTOR by the flash map; no exception can
    // come between here and the image, since the loader enables none. The stack pointer is 8-aligned in RAM and the
    // reset vector Thumb code inside the image (`verify_image`); nothing of the loader is used after it.
    unsafe {
        (*SCB::PTR).vtor.write(entry.vector_table);
        cortex_m::asm::dsb();
        cortex_m::asm::isb();
        cortex_m::asm::bootstrap(entry.stack_pointer as *const u32, entry.reset_vector as *const u32)
    }
}
