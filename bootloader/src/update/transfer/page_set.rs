//! A set of pages of one image.

use protocol::layout::IMAGE_PAGES;

/// Page numbers 0 to [`IMAGE_PAGES`] - 1, a bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PageSet([u8; IMAGE_PAGES.div_ceil(8) as usize]);

impl PageSet {
    pub(super) const EMPTY: Self = Self([0; IMAGE_PAGES.div_ceil(8) as usize]);

    /// Adds a page; one beyond the last is not kept.
    pub(super) fn insert(&mut self, page: u8) {
        if let Some(byte) = self.0.get_mut(usize::from(page / 8)) {
            *byte |= 1 << (page % 8);
        }
    }

    pub(super) fn contains(&self, page: u8) -> bool {
        self.0.get(usize::from(page / 8)).is_some_and(|byte| byte >> (page % 8) & 1 == 1)
    }

    #[inline(never)]
    pub(super) fn count(&self) -> u8 {
        self.0.iter().map(|byte| byte.count_ones() as u8).sum()
    }
}
