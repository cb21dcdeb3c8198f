//! A virtual STM32G474 that runs linked ARM images instruction by instruction.

pub mod core;
