//! Who says when a page may be erased.

/// Says when a page may be erased, and keeps it so until the erase is done.
///
/// An erase of the bank that the code runs from stops the core for 22 ms: an emergency stop would wait that long.
pub trait EraseGate {
    /// Whether the page may be erased from now on until [`Self::release`].
    fn hold(&self, page: u32) -> bool;

    /// No erase is under way any more.
    fn release(&self);
}

/// Where nothing can be disturbed: before the channels are served, and in tests.
#[derive(Debug, Clone, Copy)]
pub struct Ungated;

impl EraseGate for Ungated {
    fn hold(&self, _page: u32) -> bool {
        true
    }

    fn release(&self) {}
}

/// Releases a gate at the end of whatever holds it.
#[derive(Debug)]
pub(super) struct Held<'a, G: EraseGate>(&'a G);

impl<'a, G: EraseGate> Held<'a, G> {
    pub(super) fn new(gate: &'a G) -> Self {
        Self(gate)
    }

    pub(super) fn lets(&self, page: u32) -> bool {
        self.0.hold(page)
    }
}

impl<G: EraseGate> Drop for Held<'_, G> {
    fn drop(&mut self) {
        self.0.release();
    }
}
