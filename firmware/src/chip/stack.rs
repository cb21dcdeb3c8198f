//! How much of the stack was never used.
#![expect(unsafe_code, reason = "looks at the stack's own memory")]

/// What `cortex-m-rt` paints the stack with before anything runs (feature `paint-stack`).
const PAINT: u32 = 0xCCCC_CCCC;

unsafe extern "C" {
    static _stack_end: u32;
    static _stack_start: u32;
}

/// Bytes above the lowest address of the stack that still hold the paint; at most 65,535.
pub(super) fn free() -> u16 {
    let (mut place, top) = (&raw const _stack_end, &raw const _stack_start);
    let mut free = 0_u16;
    // SAFETY: whole words between two symbols of the link script, all of them RAM; others may write there meanwhile, which a
    // volatile read stands.
    while place < top && unsafe { place.read_volatile() } == PAINT {
        free = free.saturating_add(4);
        // SAFETY: as above, still below `top`.
        place = unsafe { place.add(1) };
        if free == u16::MAX {
            break;
        }
    }
    free
}
