//! Orders on stdin.

use std::io::BufRead;

use virtual_board::board::Board;
use virtual_board::serve::{Control, Order};

use crate::output;

/// Carries out what comes, on a thread of its own, until stdin or the server ends.
pub(crate) fn take(control: Control<Board>) {
    // Nobody waits for it: it may sit in a read when the program ends.
    let _ = std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if line.trim().is_empty() {
                continue;
            }
            let order = match line.parse::<Order>() {
                Ok(order) => order,
                Err(error) => {
                    output::log(format_args!("{error}"));
                    continue;
                }
            };
            match control.carry_out(order) {
                Ok(Ok(())) => output::log(format_args!("{order}")),
                Ok(Err(error)) => output::log(format_args!("{error}")),
                Err(_) => return,
            }
        }
    });
}
