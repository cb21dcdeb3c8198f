//! Erase and program as something to await: the core sleeps or serves others meanwhile. Code in the other bank is not
//! even slowed down.

use protocol::layout::{ERASED, WORD_SIZE};

use super::flash::ChipFlash;
use crate::flash::{FlashError, check_write};
use crate::update::BackgroundFlash;

/// How to wait.
#[expect(async_fn_in_trait, reason = "used with one known type at a time, on one executor: no bound is needed")]
pub trait Pause {
    /// Lets some microseconds pass.
    async fn pause(us: u64);
}

/// Waits by asking again and again: for who has nothing else to do.
#[derive(Debug)]
pub enum Spin {}

impl Pause for Spin {
    async fn pause(_us: u64) {}
}

/// A page erase takes 22.1 ms, 24.5 ms at most (datasheet table 47); looked for again at the second interval.
const ERASE_US: [u64; 2] = [22_100, 200];
/// A word takes 82.7 us, 124 us at most (datasheet table 47).
const PROGRAM_US: [u64; 2] = [84, 5];

impl<P: Pause> BackgroundFlash for ChipFlash<P> {
    async fn erase_page(&mut self, offset: u32) -> Result<(), FlashError> {
        self.start_erase(offset)?;
        finish(self, ERASE_US).await
    }

    async fn write_words(&mut self, offset: u32, bytes: &[u8]) -> Result<(), FlashError> {
        check_write(offset, bytes.len())?;
        let (words, _) = bytes.as_chunks::<{ WORD_SIZE as usize }>();
        for (index, word) in (0..).zip(words) {
            if word.iter().any(|&byte| byte != ERASED) {
                self.start_program(offset + index * WORD_SIZE, *word)?;
                finish(self, PROGRAM_US).await?;
            }
        }
        Ok(())
    }
}

async fn finish<P: Pause>(flash: &mut ChipFlash<P>, [first, again]: [u64; 2]) -> Result<(), FlashError> {
    P::pause(first).await;
    while flash.is_busy() {
        P::pause(again).await;
    }
    flash.finish()
}
