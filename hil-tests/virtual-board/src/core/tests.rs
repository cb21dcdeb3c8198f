//! Tests of the core with a chip of plain flash, a console, and registers that pull the core's wires.

mod support;

mod exceptions;
mod faults;
mod hostile;
mod instructions;
mod memory;
mod programs;
mod shortcuts;
mod sleep;
mod wires;
