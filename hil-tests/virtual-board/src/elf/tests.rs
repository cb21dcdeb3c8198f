use super::*;
use proptest::prelude::*;

/// A minimal ARM ELF with one segment: headers, then `bytes` loaded at `paddr`.
fn elf(machine: u8, paddr: u32, bytes: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    file.extend_from_slice(&[0x7F, b'E', b'L', b'F', 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    file.extend_from_slice(&[2, 0, machine, 0, 1, 0, 0, 0]);
    let words = [0u32, 52, 0, 0x0500_0000];
    words.iter().for_each(|word| file.extend_from_slice(&word.to_le_bytes()));
    let halves = [52u16, 32, 1, 40, 0, 0];
    halves.iter().for_each(|half| file.extend_from_slice(&half.to_le_bytes()));
    let length = bytes.len() as u32;
    let header = [1u32, 84, 0x2000_0000, paddr, length, length, 5, 4];
    header.iter().for_each(|word| file.extend_from_slice(&word.to_le_bytes()));
    file.extend_from_slice(bytes);
    file
}

#[test]
fn bytes_go_to_their_load_address_not_to_where_they_run() {
    let image = FlashImage::parse(&elf(40, 0x0801_0800, &[1, 2, 3])).unwrap();
    assert_eq!(image.range(), 0x10800..0x10803);
    assert_eq!(image.to_bytes(), [1, 2, 3]);
    let mut flash = Vec::new();
    image.place(&mut flash);
    assert_eq!((flash.len(), flash[0], &flash[0x10800..]), (0x10803, 0xFF, &[1u8, 2, 3][..]));
}

#[test]
fn wrong_files_say_what_they_are() {
    assert!(matches!(FlashImage::parse(b"hello"), Err(ElfError::Malformed(_))));
    assert!(matches!(FlashImage::parse(&elf(3, 0x0800_0000, &[1])), Err(ElfError::Architecture { .. })));
    let outside = FlashImage::parse(&elf(40, 0x0807_FFFF, &[1, 2]));
    assert_eq!(outside, Err(ElfError::OutsideFlash { address: 0x0807_FFFF, length: 2 }));
    assert_eq!(FlashImage::parse(&elf(40, 0x0800_0000, &[])), Err(ElfError::Empty));
}

proptest! {
    #[test]
    fn any_bytes_are_answered_without_panic(file: Vec<u8>, start in 0usize..100) {
        let mut real = elf(40, 0x0800_0000, &[1, 2, 3, 4]);
        real.truncate(start);
        real.extend_from_slice(&file);
        let _ = FlashImage::parse(&real);
    }
}
