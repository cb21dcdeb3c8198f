//! The loader's flash model as the firmware wants its flash.

use bootloader::flash::FlashError;
use bootloader::model::FlashModel;
use bootloader::update::BackgroundFlash;
use embedded_storage::nor_flash::{ErrorType, NorFlash, ReadNorFlash};
use protocol::layout::{ERASED, PAGE_SIZE, WORD_SIZE};

/// Flash that the firmware's worker holds for the length of a session.
#[derive(Debug)]
pub(super) struct Cells<'a>(pub(super) &'a mut FlashModel);

impl ErrorType for Cells<'_> {
    type Error = FlashError;
}

impl ReadNorFlash for Cells<'_> {
    const READ_SIZE: usize = FlashModel::READ_SIZE;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), FlashError> {
        self.0.read(offset, bytes)
    }

    fn capacity(&self) -> usize {
        self.0.capacity()
    }
}

impl NorFlash for Cells<'_> {
    const WRITE_SIZE: usize = FlashModel::WRITE_SIZE;
    const ERASE_SIZE: usize = FlashModel::ERASE_SIZE;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), FlashError> {
        self.0.erase(from, to)
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), FlashError> {
        self.0.write(offset, bytes)
    }
}

impl BackgroundFlash for Cells<'_> {
    async fn erase_page(&mut self, offset: u32) -> Result<(), FlashError> {
        self.erase(offset, offset + PAGE_SIZE)
    }

    async fn write_words(&mut self, offset: u32, bytes: &[u8]) -> Result<(), FlashError> {
        for (offset, word) in (offset..).step_by(WORD_SIZE as usize).zip(bytes.chunks(WORD_SIZE as usize)) {
            // As the chip's driver does: a word of 0xFF stays erased.
            if word.iter().any(|&byte| byte != ERASED) {
                self.write(offset, word)?;
            }
        }
        Ok(())
    }
}
