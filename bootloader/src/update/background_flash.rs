//! Flash that is written while others run.

use crate::flash::{Flash, FlashError};

/// The slow operations of flash, awaited instead of waited for. They keep the contract of [`crate::flash`]: read
/// back before they are called done (`boot:U6`), and no more than one page in doubt after a loss of power.
#[expect(
    async_fn_in_trait,
    reason = "used with one known type at a time, on one executor: no bound on the future is needed"
)]
pub trait BackgroundFlash: Flash {
    /// Erases the page at `offset`.
    ///
    /// # Errors
    /// [`FlashError`]; the page may hold anything then.
    async fn erase_page(&mut self, offset: u32) -> Result<(), FlashError>;

    /// Writes whole words from `offset` on, which have to be erased. Words that are all `0xFF` stay erased.
    ///
    /// # Errors
    /// [`FlashError`]; the words before the one it names are written.
    async fn write_words(&mut self, offset: u32, bytes: &[u8]) -> Result<(), FlashError>;
}
