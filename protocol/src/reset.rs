//! Why the unit last reset, as far as the chip and the marks in RAM can tell (`boot:B7`, `fault:S4`).

use crate::coded::coded;

coded! {
    /// Cause of a reset. The loader finds it from `RCC_CSR` and from the mark that the firmware left in RAM.
    ResetCause {
        /// Nothing claims it.
        Unknown = 0, "unknown";
        /// Power was applied.
        PowerOn = 1, "power-on";
        /// The supply dipped and RAM kept its contents.
        BrownOut = 2, "brown-out";
        /// The reset pin alone.
        Pin = 3, "reset pin";
        /// The firmware asked for it, after a command.
        Requested = 4, "requested";
        /// The firmware panicked or took a hard fault.
        Panic = 5, "panic";
        /// The independent watchdog ran out.
        Watchdog = 6, "watchdog";
        /// The window watchdog ran out.
        WindowWatchdog = 7, "window watchdog";
        /// An illegal low-power mode was entered.
        LowPower = 8, "low-power";
        /// Option bytes were reloaded.
        OptionBytes = 9, "option bytes";
        /// A software reset that the firmware did not announce: a debugger.
        Debugger = 10, "debugger";
    }
}
