//! Plain state of the System Control Block, and the bits of its registers.

/// CFSR bits (B3.2.15).
pub(super) mod cfsr {
    pub(in crate::core) const IACCVIOL: u32 = 1;
    pub(in crate::core) const IBUSERR: u32 = 1 << 8;
    pub(in crate::core) const PRECISERR: u32 = 1 << 9;
    pub(in crate::core) const UNSTKERR: u32 = 1 << 11;
    pub(in crate::core) const STKERR: u32 = 1 << 12;
    pub(in crate::core) const LSPERR: u32 = 1 << 13;
    pub(in crate::core) const BFARVALID: u32 = 1 << 15;
    pub(in crate::core) const UNDEFINSTR: u32 = 1 << 16;
    pub(in crate::core) const INVSTATE: u32 = 1 << 17;
    pub(in crate::core) const INVPC: u32 = 1 << 18;
    pub(in crate::core) const NOCP: u32 = 1 << 19;
    pub(in crate::core) const UNALIGNED: u32 = 1 << 24;
    pub(in crate::core) const DIVBYZERO: u32 = 1 << 25;
}

/// HFSR bits.
pub(super) mod hfsr {
    pub(in crate::core) const VECTTBL: u32 = 1 << 1;
    pub(in crate::core) const FORCED: u32 = 1 << 30;
}

/// CCR bits.
pub(super) mod ccr {
    pub(in crate::core) const NONBASETHRDENA: u32 = 1;
    pub(in crate::core) const USERSETMPEND: u32 = 1 << 1;
    pub(in crate::core) const UNALIGN_TRP: u32 = 1 << 3;
    pub(in crate::core) const DIV_0_TRP: u32 = 1 << 4;
    pub(in crate::core) const BFHFNMIGN: u32 = 1 << 8;
    pub(in crate::core) const STKALIGN: u32 = 1 << 9;
}

/// SCR bits.
pub(super) mod scr {
    pub(in crate::core) const SLEEPONEXIT: u32 = 1 << 1;
    pub(in crate::core) const SLEEPDEEP: u32 = 1 << 2;
    pub(in crate::core) const SEVONPEND: u32 = 1 << 4;
}

/// SHCSR enable bits.
pub(super) mod shcsr {
    pub(in crate::core) const MEM_MANAGE_ENABLE: u32 = 1 << 16;
    pub(in crate::core) const BUS_FAULT_ENABLE: u32 = 1 << 17;
    pub(in crate::core) const USAGE_FAULT_ENABLE: u32 = 1 << 18;
    pub(in crate::core) const ENABLES: u32 = MEM_MANAGE_ENABLE | BUS_FAULT_ENABLE | USAGE_FAULT_ENABLE;
}

/// Registers of the SCB that are only stored.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct SystemControl {
    pub(super) vector_table: u32,
    /// SCR
    pub(super) sleep_control: u32,
    /// CCR
    pub(super) configuration: u32,
    /// SHCSR: the enable bits only.
    pub(super) handler_enables: u32,
    /// CFSR
    pub(super) fault_status: u32,
    /// HFSR
    pub(super) hard_fault_status: u32,
    /// MMFAR
    pub(super) memory_fault_address: u32,
    /// BFAR
    pub(super) bus_fault_address: u32,
    /// CPACR: the two FPU fields only.
    pub(super) coprocessor_access: u32,
    /// ACTLR: stored, without effect here.
    pub(super) auxiliary_control: u32,
    /// DEMCR: TRCENA only.
    pub(super) trace_enabled: bool,
}

impl Default for SystemControl {
    fn default() -> Self {
        SystemControl {
            vector_table: 0,
            sleep_control: 0,
            configuration: ccr::STKALIGN,
            handler_enables: 0,
            fault_status: 0,
            hard_fault_status: 0,
            memory_fault_address: 0,
            bus_fault_address: 0,
            coprocessor_access: 0,
            auxiliary_control: 0,
            trace_enabled: false,
        }
    }
}

/// The cycle counter of the DWT; its comparators are not modelled.
#[derive(Debug, Clone, Default)]
pub(super) struct CycleCounter {
    enabled: bool,
    /// The count while stopped; while running the value to add to the core's cycles.
    base: u32,
}

impl CycleCounter {
    /// CYCCNT
    pub(super) fn read(&self, now: u64) -> u32 {
        if self.enabled { self.base.wrapping_add(now as u32) } else { self.base }
    }

    /// CYCCNT
    pub(super) fn write(&mut self, value: u32, now: u64) {
        self.base = if self.enabled { value.wrapping_sub(now as u32) } else { value };
    }

    /// CTRL.CYCCNTENA together with DEMCR.TRCENA.
    pub(super) fn enable(&mut self, enabled: bool, now: u64) {
        let value = self.read(now);
        self.enabled = enabled;
        self.write(value, now);
    }
}

#[cfg(test)]
mod tests {
    use super::CycleCounter;

    #[test]
    fn cycle_counter_counts_only_while_enabled_and_wraps() {
        let mut counter = CycleCounter::default();
        counter.write(0xFFFF_FFF0, 1000);
        assert_eq!(counter.read(5000), 0xFFFF_FFF0);
        counter.enable(true, 5000);
        assert_eq!(counter.read(5020), 4);
        counter.enable(false, 5020);
        assert_eq!(counter.read(9000), 4);
    }
}
