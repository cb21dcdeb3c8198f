//! Tests of the core with a chip of plain flash and one console register.

mod support;

mod programs;
