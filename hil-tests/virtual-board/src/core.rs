//! The Armv7E-M core: a predecoded interpreter, deterministic (one instruction is one cycle).

pub mod bus;
