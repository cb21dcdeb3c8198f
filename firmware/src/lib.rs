//! sonde-firmware
