//! How much flash and static RAM an image takes, read from its ELF file and held against the goals.

use std::path::Path;

use anyhow::{Context, Result};
use object::elf::{FileHeader32, SHF_ALLOC, SHF_WRITE, SHT_NOBITS};
use object::read::elf::{FileHeader, SectionHeader};
use object::{Endianness, FileKind};

use crate::chip::{FIRMWARE, LOADER, Variant};
use crate::figure::Figure;
use crate::table::table;

/// Bytes an image takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    /// Flash: code, constants and the initial values of variables.
    pub(crate) flash: u64,
    /// Static RAM: variables, initialised or not; the stack is not counted.
    pub(crate) ram: u64,
}

impl Size {
    /// Reads the size of an ELF file for the chip.
    pub(crate) fn of(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        Self::parse(&bytes).with_context(|| format!("{} is no ELF file for the chip", path.display()))
    }

    fn parse(bytes: &[u8]) -> Result<Self> {
        anyhow::ensure!(FileKind::parse(bytes)? == FileKind::Elf32, "not a 32-bit ELF file");
        let header = FileHeader32::<Endianness>::parse(bytes)?;
        let endian = header.endian()?;
        let mut size = Self { flash: 0, ram: 0 };
        for section in header.section_headers(endian, bytes)? {
            let (flags, bytes) = (section.sh_flags(endian), u64::from(section.sh_size(endian)));
            if flags & SHF_ALLOC == 0 {
                continue;
            }
            if section.sh_type(endian) != SHT_NOBITS {
                size.flash += bytes;
            }
            if flags & SHF_WRITE != 0 {
                size.ram += bytes;
            }
        }
        Ok(size)
    }
}

/// The sizes of one variant: a table for people, and the figures that have goals.
pub(crate) struct Sizes {
    rows: Vec<Vec<String>>,
    /// `loader.bytes`, `firmware.bytes`, `firmware.ram_bytes`; the firmware's are those of its larger link.
    pub(crate) figures: Vec<Figure>,
}

impl Sizes {
    /// Reads the images of a variant below the images' folder.
    pub(crate) fn read(images: &Path, variant: &Variant) -> Result<Self> {
        let folder = images.join(variant.folder());
        let mut rows = Vec::new();
        let mut largest = |programs: &[&str]| -> Result<Size> {
            let mut largest = Size { flash: 0, ram: 0 };
            for program in programs {
                let size = Size::of(&folder.join(format!("{program}.elf")))?;
                rows.push(vec![(*program).to_owned(), size.flash.to_string(), size.ram.to_string()]);
                largest = Size { flash: largest.flash.max(size.flash), ram: largest.ram.max(size.ram) };
            }
            Ok(largest)
        };
        let (loader, firmware) = (largest(LOADER.programs)?, largest(FIRMWARE.programs)?);
        let figures = [
            ("loader.bytes", loader.flash, "<=49152"),
            ("firmware.bytes", firmware.flash, "<=131072"),
            ("firmware.ram_bytes", firmware.ram, "<=65536"),
        ];
        // Image sizes are far below 2^52, where a float stops being exact.
        let figures = figures.map(|(name, bytes, goal)| Figure::judged(name, bytes as f64, "B", goal)).to_vec();
        Ok(Self { rows, figures })
    }

    /// The images and their sizes.
    pub(crate) fn table(&self) -> String {
        table(&["image", "flash B", "RAM B"], &self.rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An ELF file of section headers only: (flags, type, size) each.
    fn elf(sections: &[(u32, u32, u32)]) -> Vec<u8> {
        let mut bytes = vec![0x7F, b'E', b'L', b'F', 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let half = |bytes: &mut Vec<u8>, value: u16| bytes.extend(value.to_le_bytes());
        let word = |bytes: &mut Vec<u8>, value: u32| bytes.extend(value.to_le_bytes());
        half(&mut bytes, 2); // an executable
        half(&mut bytes, 40); // for ARM
        for value in [1, 0, 0, 52, 0] {
            word(&mut bytes, value); // version, entry, no program headers, section headers at 52, flags
        }
        for value in [52, 32, 0, 40, sections.len() as u16, 0] {
            half(&mut bytes, value);
        }
        for (flags, kind, size) in sections {
            for value in [0, *kind, *flags, 0, 0, *size, 0, 0, 1, 0] {
                word(&mut bytes, value);
            }
        }
        bytes
    }

    #[test]
    fn initial_values_count_in_flash_and_in_ram() {
        let code = (SHF_ALLOC, 1, 1000);
        let data = (SHF_ALLOC | SHF_WRITE, 1, 24);
        let bss = (SHF_ALLOC | SHF_WRITE, SHT_NOBITS, 400);
        let debug = (0, 1, 90_000);
        let null = (0, 0, 0);
        assert_eq!(Size::parse(&elf(&[null, code, data, bss, debug])).unwrap(), Size { flash: 1024, ram: 424 });
    }

    #[test]
    fn what_is_no_elf_file_is_an_error() {
        assert!(Size::parse(b"").is_err());
        assert!(Size::parse(b"\x7FELF").is_err());
        assert!(Size::parse(&elf(&[(0, 0, 0)])[..60]).is_err());
    }
}
