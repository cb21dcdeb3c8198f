//! Programs written by hand, from `guests/`: exceptions, faults, FPU frames.

use super::image::Image;

/// Name and assembled text of a guest.
pub(crate) type Guest = (&'static str, &'static str);

pub(crate) const PROGRAMS: [Guest; 3] = [
    ("exceptions", include_str!("../../guests/exceptions.hex")),
    ("faults", include_str!("../../guests/faults.hex")),
    ("float_frames", include_str!("../../guests/float_frames.hex")),
];

/// The image of a guest.
pub(crate) fn image(hex: &str) -> Image {
    let digits: Vec<u32> = hex.chars().filter_map(|digit| digit.to_digit(16)).collect();
    Image::from_bytes(&digits.chunks_exact(2).map(|pair| (pair[0] << 4 | pair[1]) as u8).collect::<Vec<_>>())
}
