//! What loader and firmware share on the STM32G4 itself. Only for the chip; the host tests use the flash model.

pub mod background;
pub mod ecc;
pub mod flash;
pub mod handover;
pub mod outputs;
