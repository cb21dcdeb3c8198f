//! sonde
