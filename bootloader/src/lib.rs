//! sonde-bootloader
