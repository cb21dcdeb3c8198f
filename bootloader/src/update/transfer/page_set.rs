//! A set of pages of one image.

use protocol::layout::IMAGE_PAGES;

/// Page numbers 0 to [`IMAGE_PAGES`] - 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PageSet(u128);

const _: () = assert!(IMAGE_PAGES <= u128::BITS);

impl PageSet {
    pub(super) const EMPTY: Self = Self(0);

    pub(super) fn insert(&mut self, page: u8) {
        self.0 |= 1 << page;
    }

    pub(super) fn contains(self, page: u8) -> bool {
        self.0 >> page & 1 == 1
    }

    pub(super) fn count(self) -> u8 {
        self.0.count_ones() as u8
    }
}
