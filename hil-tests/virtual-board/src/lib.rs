//! A virtual STM32G474 that runs linked ARM images instruction by instruction.

pub mod board;
pub mod chip;
pub mod core;
pub mod elf;
pub mod line;
pub mod plant;
pub mod serve;
pub mod time;
pub mod unit;
