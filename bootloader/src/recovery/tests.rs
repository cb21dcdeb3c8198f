//! Recovery from the mailbox to flash, over the flash model.

mod bench;
mod power_cuts;
mod requests;
mod revived;
