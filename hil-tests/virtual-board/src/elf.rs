//! Puts the segments of a linked ARM image where its programmer would.

use std::ops::Range;

use object::{Architecture, Object, ObjectSegment};
use thiserror::Error;

use crate::chip::FLASH_BYTES;
use crate::core::FLASH_START;

/// Why an ELF file is not an image for this chip.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ElfError {
    /// Not an ELF file at all.
    #[error("not an ELF file: {0}; give the file that the linker wrote")]
    Malformed(String),
    /// For another processor.
    #[error("an ELF file for {found}, expected 32-bit ARM; build it for thumbv7em-none-eabihf")]
    Architecture {
        /// What it is for.
        found: String,
    },
    /// A loaded segment lies elsewhere.
    #[error(
        "a segment of {length} bytes at {address:#010x}, flash is 0x08000000 to 0x08080000; check the linker script"
    )]
    OutsideFlash {
        /// Where.
        address: u64,
        /// Bytes.
        length: u64,
    },
    /// Nothing to load.
    #[error("no segment with bytes for flash; check the linker script")]
    Empty,
}

/// The bytes that an ELF file puts into flash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlashImage {
    /// Offset from `0x0800_0000` of each segment, and its bytes.
    segments: Vec<(usize, Vec<u8>)>,
}

impl FlashImage {
    /// Reads an ELF file.
    ///
    /// # Errors
    /// [`ElfError`] when the file is damaged, for another processor, or has bytes outside of flash.
    pub fn parse(file: &[u8]) -> Result<Self, ElfError> {
        let elf = object::File::parse(file).map_err(|error| ElfError::Malformed(error.to_string()))?;
        if elf.architecture() != Architecture::Arm {
            return Err(ElfError::Architecture { found: format!("{:?}", elf.architecture()) });
        }
        let mut segments = Vec::new();
        for (address, bytes) in load_addresses(&elf, file)? {
            if bytes.is_empty() {
                continue;
            }
            let outside = ElfError::OutsideFlash { address, length: bytes.len() as u64 };
            let offset = address.checked_sub(u64::from(FLASH_START)).ok_or(outside.clone())?;
            if offset.saturating_add(bytes.len() as u64) > FLASH_BYTES as u64 {
                return Err(outside);
            }
            segments.push((offset as usize, bytes.to_vec()));
        }
        if segments.is_empty() { Err(ElfError::Empty) } else { Ok(Self { segments }) }
    }

    /// From the first byte to behind the last, as offsets in flash.
    #[must_use]
    pub fn range(&self) -> Range<usize> {
        let start = self.segments.iter().map(|(offset, _)| *offset).min().unwrap_or(0);
        let end = self.segments.iter().map(|(offset, bytes)| offset + bytes.len()).max().unwrap_or(0);
        start..end
    }

    /// The bytes of [`FlashImage::range`], gaps erased: what `objcopy -O binary` writes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let range = self.range();
        let mut bytes = vec![0xFF; range.len()];
        for (offset, segment) in &self.segments {
            let at = offset - range.start;
            bytes[at..at + segment.len()].copy_from_slice(segment);
        }
        bytes
    }

    /// Puts the segments into a flash image that begins at offset 0; it grows as needed.
    pub fn place(&self, flash: &mut Vec<u8>) {
        for (offset, segment) in &self.segments {
            let end = offset + segment.len();
            if flash.len() < end {
                flash.resize(end, 0xFF);
            }
            flash[*offset..end].copy_from_slice(segment);
        }
    }
}

/// Physical addresses and bytes of the segments to load.
fn load_addresses<'data>(elf: &object::File<'data>, _file: &'data [u8]) -> Result<Vec<(u64, &'data [u8])>, ElfError> {
    let malformed = |error: object::Error| ElfError::Malformed(error.to_string());
    match elf {
        object::File::Elf32(elf) => {
            use object::read::elf::ProgramHeader;
            let endian = elf.endian();
            let headers = elf.elf_program_headers().iter();
            headers
                .filter(|header| header.p_type(endian) == object::elf::PT_LOAD)
                .map(|header| {
                    let bytes = header
                        .data(endian, elf.data())
                        .map_err(|()| ElfError::Malformed("a segment lies beyond the end of the file".into()))?;
                    Ok((u64::from(header.p_paddr(endian)), bytes))
                })
                .collect()
        }
        other => other.segments().map(|segment| Ok((segment.address(), segment.data().map_err(malformed)?))).collect(),
    }
}

#[cfg(test)]
mod tests;
