//! Registers and bits of a USART (RM0440 37.8).

use crate::chip::registers::Register;

pub(super) const CR1: u32 = 0x00;
pub(super) const CR2: u32 = 0x04;
pub(super) const CR3: u32 = 0x08;
pub(super) const BRR: u32 = 0x0C;
pub(super) const RTOR: u32 = 0x14;
pub(super) const RQR: u32 = 0x18;
pub(super) const ISR: u32 = 0x1C;
pub(super) const ICR: u32 = 0x20;
pub(super) const RDR: u32 = 0x24;
pub(super) const TDR: u32 = 0x28;
pub(super) const PRESC: u32 = 0x2C;

pub(super) static REGISTERS: [Register; 11] = [
    Register::new(CR1, "CR1", 0, 0xFFFF_FFFF),
    Register::new(CR2, "CR2", 0, 0xFFFF_FF79),
    Register::new(CR3, "CR3", 0, 0xFFFE_FFFF),
    Register::new(BRR, "BRR", 0, 0xFFFF),
    Register::new(RTOR, "RTOR", 0, 0xFFFF_FFFF),
    Register::new(RQR, "RQR", 0, 0).hardware(0x1F),
    Register::read_only(ISR, "ISR", 0),
    // Drivers write all of ISR back: what is no flag of ICR is ignored.
    Register::new(ICR, "ICR", 0, 0).hardware(0xFFFF_FFFF),
    Register::read_only(RDR, "RDR", 0),
    Register::new(TDR, "TDR", 0, 0).hardware(0x1FF),
    Register::new(PRESC, "PRESC", 0, 0xF),
];

pub(super) const UE: u32 = 1 << 0;
pub(super) const RE: u32 = 1 << 2;
pub(super) const TE: u32 = 1 << 3;
pub(super) const IDLEIE: u32 = 1 << 4;
pub(super) const RXNEIE: u32 = 1 << 5;
pub(super) const TCIE: u32 = 1 << 6;
pub(super) const TXEIE: u32 = 1 << 7;
pub(super) const PEIE: u32 = 1 << 8;
pub(super) const PS: u32 = 1 << 9;
pub(super) const PCE: u32 = 1 << 10;
pub(super) const M0: u32 = 1 << 12;
pub(super) const OVER8: u32 = 1 << 15;
pub(super) const DEDT: u32 = 0x1F << 16;
pub(super) const DEAT: u32 = 0x1F << 21;
pub(super) const RTOIE: u32 = 1 << 26;
pub(super) const M1: u32 = 1 << 28;
pub(super) const FIFOEN: u32 = 1 << 29;
pub(super) const TXFEIE: u32 = 1 << 30;
pub(super) const RXFFIE: u32 = 1 << 31;
/// UESM, WAKE, MME, CMIE, EOBIE.
pub(super) const UNMODELLED_CR1: u32 = 1 << 1 | 1 << 11 | 1 << 13 | 1 << 14 | 1 << 27;

pub(super) const STOP: u32 = 3 << 12;
/// Inverted levels and bit order: they shape the line, which the other side does not see in this model.
pub(super) const DATA_SHAPE: u32 = 0x000F_8000;
pub(super) const RTOEN: u32 = 1 << 23;
/// Everything but STOP, RTOEN and ADD.
pub(super) const UNMODELLED_CR2: u32 = 0x007F_CF79;

pub(super) const EIE: u32 = 1 << 0;
pub(super) const DMAR: u32 = 1 << 6;
pub(super) const DMAT: u32 = 1 << 7;
pub(super) const ONEBIT: u32 = 1 << 11;
pub(super) const OVRDIS: u32 = 1 << 12;
pub(super) const DEM: u32 = 1 << 14;
pub(super) const DEP: u32 = 1 << 15;
pub(super) const TXFTIE: u32 = 1 << 23;
pub(super) const RXFTIE: u32 = 1 << 28;
/// IrDA, half-duplex, smartcard, flow control, DDRE, wake-up, TCBGTIE.
pub(super) const UNMODELLED_CR3: u32 = 0x017E_273E;

pub(super) const PE: u32 = 1 << 0;
pub(super) const FE: u32 = 1 << 1;
pub(super) const NE: u32 = 1 << 2;
pub(super) const ORE: u32 = 1 << 3;
pub(super) const IDLE: u32 = 1 << 4;
pub(super) const RXNE: u32 = 1 << 5;
pub(super) const TC: u32 = 1 << 6;
pub(super) const TXE: u32 = 1 << 7;
pub(super) const RTOF: u32 = 1 << 11;
pub(super) const BUSY: u32 = 1 << 16;
pub(super) const TEACK: u32 = 1 << 21;
pub(super) const REACK: u32 = 1 << 22;
pub(super) const TXFE: u32 = 1 << 23;
pub(super) const RXFF: u32 = 1 << 24;
pub(super) const RXFT: u32 = 1 << 26;
pub(super) const TXFT: u32 = 1 << 27;
