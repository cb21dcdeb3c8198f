//! Runs a future to its end, for who has nothing else to do meanwhile.

use core::pin::pin;
use core::task::{Context, Poll, Waker};

/// Polls until it is ready. What it waits for has to come by itself, as the end of a flash operation does.
pub fn to_the_end<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
}
