//! sonde-hil
