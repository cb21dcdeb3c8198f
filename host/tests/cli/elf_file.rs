//! The smallest ELF files that a linker could have made for the two slots.

use protocol::layout::Slot;

use crate::Folder;

/// An executable for ARM with one segment: a vector table and some bytes, at the start of the slot's image.
pub(crate) fn elf(slot: Slot, length: usize) -> Vec<u8> {
    let base = slot.image_address();
    let mut image = vec![slot.code() + 1; length];
    image[..4].copy_from_slice(&0x2001_0000_u32.to_le_bytes());
    image[4..8].copy_from_slice(&(base + 9).to_le_bytes());
    let mut file = b"\x7FELF\x01\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    let halves = |file: &mut Vec<u8>, values: &[u16]| values.iter().for_each(|value| file.extend(value.to_le_bytes()));
    let words = |file: &mut Vec<u8>, values: &[u32]| values.iter().for_each(|value| file.extend(value.to_le_bytes()));
    halves(&mut file, &[2, 40]); // executable, ARM
    words(&mut file, &[1, 0, 52, 0, 0x0500_0400]);
    halves(&mut file, &[52, 32, 1, 40, 0, 0]);
    words(&mut file, &[1, 84, base, base, length as u32, length as u32, 5, 4]);
    file.extend(image);
    file
}

/// `a.elf` and `b.elf`.
pub(crate) fn write_pair(folder: &Folder) {
    folder.write("a.elf", elf(Slot::A, 5000));
    folder.write("b.elf", elf(Slot::B, 5000));
}
