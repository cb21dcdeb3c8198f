//! Flash that is written while others run.

use protocol::layout::PAGE_SIZE;

use crate::flash::{Flash, FlashError, write_words};

/// The slow operations of flash, awaited instead of waited for. They keep the contract of [`crate::flash`]: read
/// back before they are called done (`boot:U6`), and no more than one page in doubt after a loss of power.
///
/// As they stand here they wait: flash that has anything better to do brings its own.
#[expect(
    async_fn_in_trait,
    reason = "used with one known type at a time, on one executor: no bound on the future is needed"
)]
pub trait BackgroundFlash: Flash {
    /// Erases the page at `offset`.
    ///
    /// # Errors
    /// [`FlashError`]; the page may hold anything then.
    async fn erase_page(&mut self, offset: u32) -> Result<(), FlashError> {
        self.erase(offset, offset + PAGE_SIZE)
    }

    /// Writes whole words, as [`write_words`] does.
    ///
    /// # Errors
    /// [`FlashError`]; the words before the one it names are written.
    async fn write_words(&mut self, offset: u32, bytes: &[u8]) -> Result<(), FlashError> {
        write_words(self, offset, bytes)
    }
}

impl<F: BackgroundFlash> BackgroundFlash for &mut F {
    async fn erase_page(&mut self, offset: u32) -> Result<(), FlashError> {
        F::erase_page(self, offset).await
    }

    async fn write_words(&mut self, offset: u32, bytes: &[u8]) -> Result<(), FlashError> {
        F::write_words(self, offset, bytes).await
    }
}
