//! sonde-protocol
