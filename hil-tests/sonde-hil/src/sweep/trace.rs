//! Which case a thread is at, for the message of a panic.

use std::cell::RefCell;

use super::seed::Seed;

thread_local! {
    static CASE: RefCell<Option<Seed>> = const { RefCell::new(None) };
}

/// This thread begins with a case.
pub(super) fn working_on(seed: &Seed) {
    CASE.with_borrow_mut(|case| *case = Some(seed.clone()));
}

/// The case that this thread is at: a panic in it is a failure, and this is its seed.
#[must_use]
pub fn case_at_hand() -> Option<Seed> {
    CASE.with_borrow(Clone::clone)
}
