//! Registers by name: the sixteen, the special ones of `MRS` and `MSR`, and the stack pointers behind r13.

use super::Core;
use super::bus::Chip;
use super::flags::Flags;

/// SYSm values of `MRS` and `MSR` (B5.1).
mod sysm {
    pub(super) const MSP: u32 = 8;
    pub(super) const PSP: u32 = 9;
    pub(super) const PRIMASK: u32 = 16;
    pub(super) const BASEPRI: u32 = 17;
    pub(super) const BASEPRI_MAX: u32 = 18;
    pub(super) const FAULTMASK: u32 = 19;
    pub(super) const CONTROL: u32 = 20;
}

impl<C: Chip> Core<C> {
    /// r0-r12, the active SP, LR, and the address of the next instruction.
    #[must_use]
    pub fn registers(&self) -> [u32; 16] {
        self.registers
    }

    /// Sets register `number` (0-15); the low bits that SP and PC do not have are ignored.
    pub fn set_register(&mut self, number: usize, value: u32) {
        self.registers[number] = match number {
            13 => value & !3,
            15 => value & !1,
            _ => value,
        };
    }

    /// xPSR: APSR, IPSR and EPSR in one.
    #[must_use]
    pub fn xpsr(&self) -> u32 {
        let it = u32::from(self.it_state);
        self.flags.to_bits()
            | (it & 3) << 25
            | (it >> 2) << 10
            | u32::from(self.thumb) << 24
            | u32::from(self.exception_number)
    }

    /// Sets the APSR flags and, for a debugger, T and the IT state; the exception number stays.
    pub fn set_xpsr(&mut self, value: u32) {
        self.flags = Flags::from_bits(value);
        self.it_state = ((value >> 25 & 3) | (value >> 10 & 0x3F) << 2) as u8;
        self.thumb = value >> 24 & 1 != 0;
        self.ask_attention();
    }

    /// PRIMASK
    #[must_use]
    pub fn primask(&self) -> bool {
        self.masks.primask
    }

    /// Sets PRIMASK from outside, as a debugger does: a core that serves no interrupt any more.
    pub fn set_primask(&mut self, masked: bool) {
        self.masks.primask = masked;
    }

    /// FAULTMASK
    #[must_use]
    pub fn faultmask(&self) -> bool {
        self.masks.faultmask
    }

    /// BASEPRI
    #[must_use]
    pub fn basepri(&self) -> u8 {
        self.masks.basepri
    }

    /// CONTROL: bit 0 nPRIV, bit 1 SPSEL, bit 2 FPCA.
    #[must_use]
    pub fn control(&self) -> u32 {
        u32::from(self.unprivileged_thread) | u32::from(self.on_process_stack) << 1 | u32::from(self.float_active) << 2
    }

    /// The main stack pointer.
    #[must_use]
    pub fn main_stack_pointer(&self) -> u32 {
        if self.on_process_stack { self.other_stack_pointer } else { self.registers[13] }
    }

    /// The process stack pointer.
    #[must_use]
    pub fn process_stack_pointer(&self) -> u32 {
        if self.on_process_stack { self.registers[13] } else { self.other_stack_pointer }
    }

    /// S0-S31
    #[must_use]
    pub fn float_registers(&self) -> [u32; 32] {
        self.float.registers
    }

    /// Sets S`number` (0-31).
    pub fn set_float_register(&mut self, number: usize, value: u32) {
        self.float.registers[number] = value;
    }

    /// FPSCR
    #[must_use]
    pub fn fpscr(&self) -> u32 {
        self.float.status
    }

    /// Handlers are always privileged, threads unless CONTROL.nPRIV says otherwise.
    pub(super) fn is_privileged(&self) -> bool {
        self.exception_number != 0 || !self.unprivileged_thread
    }

    /// Makes r13 the process or the main stack pointer.
    pub(super) fn select_stack(&mut self, process: bool) {
        if self.on_process_stack != process {
            std::mem::swap(&mut self.registers[13], &mut self.other_stack_pointer);
            self.on_process_stack = process;
        }
    }

    /// `MRS`; `None` for a register that does not exist. Unprivileged code reads zeros.
    pub(super) fn read_special(&self, number: u32) -> Option<u32> {
        let privileged = |value: u32| if self.is_privileged() { value } else { 0 };
        Some(match number {
            // Bit 2 leaves the flags out, bit 0 puts the exception number in; EPSR reads as zero.
            0..=3 | 5..=7 => {
                let flags = if number & 4 == 0 { self.flags.to_bits() } else { 0 };
                let exception = if number & 1 != 0 { privileged(u32::from(self.exception_number)) } else { 0 };
                flags | exception
            }
            sysm::MSP => privileged(self.main_stack_pointer()),
            sysm::PSP => privileged(self.process_stack_pointer()),
            sysm::PRIMASK => privileged(u32::from(self.masks.primask)),
            sysm::BASEPRI | sysm::BASEPRI_MAX => privileged(u32::from(self.masks.basepri)),
            sysm::FAULTMASK => privileged(u32::from(self.masks.faultmask)),
            sysm::CONTROL => self.control(),
            _ => return None,
        })
    }

    /// `MSR`; `None` for a register that does not exist. `mask` bit 1 writes NZCVQ, bit 0 GE. Unprivileged code writes flags only.
    pub(super) fn write_special(&mut self, number: u32, mask: u8, value: u32) -> Option<()> {
        if matches!(number, 0..=3) {
            let written = Flags::from_bits(value);
            if mask & 2 != 0 {
                self.flags = Flags { greater_equal: self.flags.greater_equal, ..written };
            }
            if mask & 1 != 0 {
                self.flags.greater_equal = written.greater_equal;
            }
            return Some(());
        }
        if !matches!(number, 5..=9 | 16..=20) {
            return None;
        }
        if self.is_privileged() {
            self.write_privileged(number, value);
            self.exceptions_changed();
        }
        Some(())
    }

    fn write_privileged(&mut self, number: u32, value: u32) {
        let priority = value as u8 & 0xF0;
        match number {
            sysm::MSP if self.on_process_stack => self.other_stack_pointer = value & !3,
            sysm::PSP if !self.on_process_stack => self.other_stack_pointer = value & !3,
            sysm::MSP | sysm::PSP => self.registers[13] = value & !3,
            sysm::PRIMASK => self.masks.primask = value & 1 != 0,
            sysm::BASEPRI => self.masks.basepri = priority,
            sysm::BASEPRI_MAX if priority == 0 || (self.masks.basepri != 0 && priority >= self.masks.basepri) => {}
            sysm::BASEPRI_MAX => self.masks.basepri = priority,
            sysm::FAULTMASK => self.set_faultmask(value & 1 != 0),
            sysm::CONTROL => {
                self.unprivileged_thread = value & 1 != 0;
                if self.exception_number == 0 {
                    self.select_stack(value & 2 != 0);
                }
                self.float_active = value & 4 != 0;
            }
            _ => {} // IPSR and EPSR: writes are ignored
        }
    }

    /// FAULTMASK cannot be set at the priority of HardFault or NMI.
    fn set_faultmask(&mut self, set: bool) {
        if !set || self.execution_priority() > -1 {
            self.masks.faultmask = set;
        }
    }

    /// `CPSID`, `CPSIE`: bit 4 disables, bit 1 means PRIMASK, bit 0 FAULTMASK.
    pub(super) fn change_processor_state(&mut self, bits: u32) {
        if !self.is_privileged() {
            return;
        }
        let disable = bits & 0x10 != 0;
        if bits & 2 != 0 {
            self.masks.primask = disable;
        }
        if bits & 1 != 0 {
            self.set_faultmask(disable);
        }
        self.exceptions_changed();
    }
}
