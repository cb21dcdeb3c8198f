//! The image in a linked ELF file: its loadable bytes, as they will stand in a slot.
//!
//! Does not link, relocate or strip: what the linker placed is what is signed.

use object::read::elf::{ElfFile32, ProgramHeader as _};
use object::{Endianness, Object as _, elf};
use protocol::layout::{ERASED, HANDOVER_ADDRESS, MAX_IMAGE, RAM_BASE, Slot, WORD_SIZE};

/// An image linked for one slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkedImage {
    /// The slot it is linked for.
    pub slot: Slot,
    /// Its bytes, from the vector table on; gaps and the end up to a whole flash word are `0xFF`.
    pub bytes: Vec<u8>,
    /// The linker's build id (its first 20 bytes), if it left one.
    pub build_id: Option<[u8; 20]>,
}

/// Why an ELF file holds no image for a slot.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ElfError {
    /// Not an ELF file, or a damaged one.
    #[error("no readable 32-bit ELF file ({reason}); name the file that cargo built for thumbv7em-none-eabihf")]
    NotElf {
        /// What the reader said.
        reason: String,
    },
    /// An ELF for another machine or of another type.
    #[error(
        "an ELF file for machine {machine} of type {kind}, expected machine 40 (ARM) of type 2 (executable); build it for thumbv7em-none-eabihf"
    )]
    NotArm {
        /// `e_machine`.
        machine: u16,
        /// `e_type`.
        kind: u16,
    },
    /// Nothing in it is loaded.
    #[error("no loadable bytes; link it with the firmware's link script")]
    Empty,
    /// It is the other slot's image.
    #[error(
        "linked for slot {found}, expected slot {expected}; exchange --slot-a and --slot-b, or link it for slot {expected}"
    )]
    OtherSlot {
        /// The slot asked for.
        expected: Slot,
        /// The slot it is linked for.
        found: Slot,
    },
    /// It does not start where the slot's image does.
    #[error("starts at {found:#010x}, expected {expected:#010x} (slot {slot}); link it with that slot's link script")]
    Start {
        /// The slot asked for.
        slot: Slot,
        /// Where that slot's image starts.
        expected: u32,
        /// Where it starts.
        found: u32,
    },
    /// It does not fit.
    #[error("{length} bytes from the slot's start, at most {MAX_IMAGE} fit; make the firmware smaller")]
    TooLarge {
        /// Bytes from the slot's start to its end.
        length: u64,
    },
    /// Two segments claim the same bytes.
    #[error("two segments overlap at {address:#010x}; the link script is wrong")]
    Overlap {
        /// Where.
        address: u32,
    },
    /// The initial stack pointer is nonsense.
    #[error(
        "its vector table starts with stack pointer {found:#010x}, expected a multiple of 8 in {low:#010x}..={high:#010x}; is .vector_table first in the link script?",
        low = RAM_BASE + 8, high = HANDOVER_ADDRESS
    )]
    StackPointer {
        /// The stack pointer.
        found: u32,
    },
    /// The reset vector is nonsense.
    #[error(
        "its reset vector is {found:#010x}, expected an odd address (Thumb) inside the image; is .vector_table first in the link script?"
    )]
    ResetVector {
        /// The vector.
        found: u32,
    },
}

impl LinkedImage {
    /// Reads the image linked for `slot` out of an ELF file.
    ///
    /// # Errors
    /// [`ElfError`], naming what is wrong with the file.
    pub fn from_elf(file: &[u8], slot: Slot) -> Result<Self, ElfError> {
        let not_elf = |error: object::Error| ElfError::NotElf { reason: error.to_string() };
        let elf: ElfFile32<'_, Endianness> = ElfFile32::parse(file).map_err(not_elf)?;
        let endian = elf.endian();
        let header = elf.elf_header();
        let (machine, kind) = (header.e_machine.get(endian), header.e_type.get(endian));
        if machine != elf::EM_ARM || kind != elf::ET_EXEC || endian != Endianness::Little {
            return Err(ElfError::NotArm { machine, kind });
        }
        let mut segments = Vec::new();
        for segment in elf.elf_program_headers() {
            if segment.p_type(endian) == elf::PT_LOAD && segment.p_filesz(endian) > 0 {
                let data = segment.data(endian, file).map_err(|()| ElfError::NotElf {
                    reason: "a segment reaches beyond the end of the file".to_owned(),
                })?;
                segments.push((segment.p_paddr(endian), data));
            }
        }
        let bytes = place(segments, slot)?;
        check_vectors(&bytes, slot)?;
        let build_id = elf.build_id().map_err(not_elf)?.and_then(|id| id.first_chunk::<20>().copied());
        Ok(Self { slot, bytes, build_id })
    }
}

/// Puts the segments where they belong.
fn place(mut segments: Vec<(u32, &[u8])>, slot: Slot) -> Result<Vec<u8>, ElfError> {
    segments.sort_by_key(|(address, _)| *address);
    let base = slot.image_address();
    let (start, _) = *segments.first().ok_or(ElfError::Empty)?;
    if start != base {
        if start == slot.other().image_address() {
            return Err(ElfError::OtherSlot { expected: slot, found: slot.other() });
        }
        return Err(ElfError::Start { slot, expected: base, found: start });
    }
    let mut bytes = Vec::new();
    for (address, data) in segments {
        let offset = u64::from(address - base);
        let end = offset + data.len() as u64;
        if end > u64::from(MAX_IMAGE) {
            return Err(ElfError::TooLarge { length: end });
        }
        let offset = offset as usize;
        if offset < bytes.len() {
            return Err(ElfError::Overlap { address });
        }
        bytes.resize(offset, ERASED);
        bytes.extend_from_slice(data);
    }
    bytes.resize(bytes.len().next_multiple_of(WORD_SIZE as usize), ERASED);
    Ok(bytes)
}

/// The two words that the loader will load (`boot:B4`, `fault:A9`).
fn check_vectors(bytes: &[u8], slot: Slot) -> Result<(), ElfError> {
    let word = |index: usize| {
        bytes.get(index * 4..).and_then(<[u8]>::first_chunk::<4>).map_or(0, |bytes| u32::from_le_bytes(*bytes))
    };
    let (stack, reset) = (word(0), word(1));
    if !(RAM_BASE + 8..=HANDOVER_ADDRESS).contains(&stack) || !stack.is_multiple_of(8) {
        return Err(ElfError::StackPointer { found: stack });
    }
    let code = slot.image_address()..slot.image_address() + bytes.len() as u32;
    if reset & 1 == 0 || !code.contains(&(reset - 1)) {
        return Err(ElfError::ResetVector { found: reset });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SP: u32 = 0x2001_0000;

    fn vectors(slot: Slot, length: usize) -> Vec<u8> {
        let mut bytes = vec![0x5A; length];
        bytes[..4].copy_from_slice(&SP.to_le_bytes());
        bytes[4..8].copy_from_slice(&(slot.image_address() + 9).to_le_bytes());
        bytes
    }

    /// The smallest ELF that a linker could have made of these segments.
    fn elf(segments: &[(u32, Vec<u8>)]) -> Vec<u8> {
        let mut file = vec![0x7F, b'E', b'L', b'F', 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let half = |file: &mut Vec<u8>, value: u16| file.extend(value.to_le_bytes());
        let word = |file: &mut Vec<u8>, value: u32| file.extend(value.to_le_bytes());
        half(&mut file, 2); // executable
        half(&mut file, 40); // ARM
        for value in [1, 0, 52, 0, 0x0500_0400] {
            word(&mut file, value); // version, entry, program headers, section headers, flags
        }
        for value in [52, 32, segments.len() as u16, 40, 0, 0] {
            half(&mut file, value);
        }
        let mut offset = 52 + 32 * segments.len();
        for (address, data) in segments {
            for value in [1, offset as u32, *address, *address, data.len() as u32, data.len() as u32, 5, 4] {
                word(&mut file, value);
            }
            offset += data.len();
        }
        segments.iter().for_each(|(_, data)| file.extend(data));
        file
    }

    #[test]
    fn segments_are_placed_and_gaps_are_erased_flash() {
        let base = Slot::B.image_address();
        let file = elf(&[(base + 20, vec![7; 3]), (base, vectors(Slot::B, 16))]);
        let image = LinkedImage::from_elf(&file, Slot::B).expect("a good image");
        let mut expected = vectors(Slot::B, 16);
        expected.extend([0xFF, 0xFF, 0xFF, 0xFF, 7, 7, 7, 0xFF]);
        assert_eq!(image, LinkedImage { slot: Slot::B, bytes: expected, build_id: None });
    }

    #[test]
    fn an_image_for_the_other_slot_is_named_as_such() {
        let file = elf(&[(Slot::B.image_address(), vectors(Slot::B, 16))]);
        let error = LinkedImage::from_elf(&file, Slot::A).expect_err("the other slot");
        assert_eq!(error, ElfError::OtherSlot { expected: Slot::A, found: Slot::B });
    }

    #[test]
    fn an_image_that_starts_elsewhere_or_is_too_large_is_refused() {
        let base = Slot::A.image_address();
        let at = |address, length| LinkedImage::from_elf(&elf(&[(address, vectors(Slot::A, length))]), Slot::A);
        assert!(matches!(at(0x0800_0000, 16), Err(ElfError::Start { found: 0x0800_0000, .. })));
        assert!(at(base, MAX_IMAGE as usize).is_ok());
        assert_eq!(at(base, MAX_IMAGE as usize + 1), Err(ElfError::TooLarge { length: u64::from(MAX_IMAGE) + 1 }));
        let far = elf(&[(base, vectors(Slot::A, 16)), (0x2000_0000, vec![1; 4])]);
        assert!(matches!(LinkedImage::from_elf(&far, Slot::A), Err(ElfError::TooLarge { .. })));
        let twice = elf(&[(base, vectors(Slot::A, 16)), (base + 8, vec![1; 4])]);
        assert_eq!(LinkedImage::from_elf(&twice, Slot::A), Err(ElfError::Overlap { address: base + 8 }));
        assert_eq!(LinkedImage::from_elf(&elf(&[]), Slot::A), Err(ElfError::Empty));
    }

    #[test]
    fn a_vector_table_that_no_loader_would_jump_through_is_refused() {
        // fault:A9
        let base = Slot::A.image_address();
        let with = |stack: u32, reset: u32| {
            let mut bytes = vectors(Slot::A, 64);
            bytes[..4].copy_from_slice(&stack.to_le_bytes());
            bytes[4..8].copy_from_slice(&reset.to_le_bytes());
            LinkedImage::from_elf(&elf(&[(base, bytes)]), Slot::A)
        };
        assert!(with(HANDOVER_ADDRESS, base + 1).is_ok());
        for stack in [0, RAM_BASE, SP + 4, HANDOVER_ADDRESS + 8, 0xFFFF_FFFF] {
            assert_eq!(with(stack, base + 1), Err(ElfError::StackPointer { found: stack }));
        }
        for reset in [0, base, base - 1, base + 65, Slot::B.image_address() + 1, 0xFFFF_FFFF] {
            assert_eq!(with(SP, reset), Err(ElfError::ResetVector { found: reset }));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(LinkedImage::from_elf(&bytes, Slot::A).is_err());
        }

        #[test]
        fn any_change_to_a_good_file_is_answered(
            patch in proptest::collection::vec(any::<u8>(), 1..24), at in 0_usize..140, cut in 0_usize..200,
        ) {
            let mut file = elf(&[(Slot::A.image_address(), vectors(Slot::A, 32)), (Slot::A.image_address() + 40, vec![1; 40])]);
            let end = (at + patch.len()).min(file.len());
            file[at..end].copy_from_slice(&patch[..end - at]);
            file.truncate(file.len().saturating_sub(cut));
            let _ = LinkedImage::from_elf(&file, Slot::A);
        }
    }
}
