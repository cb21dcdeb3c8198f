//! Modbus as far as both ends need it: function codes, exceptions, and how long a frame is (`bus:M1`, `bus:M5`).

pub mod exception;
pub mod function;
pub mod receiver;
pub mod rtu;

/// Largest PDU, bytes. The specification allows 253; common gateways reset the connection there (`bus:M3`).
pub const MAX_PDU: usize = 252;
/// Largest RTU frame that a unit must accept: address, a PDU of 253 bytes, CRC.
pub const MAX_FRAME: usize = 256;
/// Most registers in one FC16 request (Modbus application protocol V1.1b3, section 6.12).
pub const MAX_WRITE: u16 = 123;
/// Most registers in one FC3 or FC4 answer (section 6.3).
pub const MAX_READ: u16 = 125;
/// Most registers written by one FC23 request (section 6.17).
pub const MAX_READ_WRITE: u16 = 121;
/// Address of every unit at once; never answered.
pub const BROADCAST: u8 = 0;
