//! The jobs of a sweep, on as many threads as there are cores.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::tally::Tally;

/// Runs each job once, in no order to rely on, and adds up what the threads have counted.
pub(super) fn share<J: Sync>(jobs: &[J], run: impl Fn(&J, &mut Tally) + Sync) -> Tally {
    let next = AtomicUsize::new(0);
    let total = Mutex::new(Tally::default());
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut tally = Tally::default();
                while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    run(job, &mut tally);
                }
                total.lock().expect("a thread that panics ends the program").merge(tally);
            });
        }
    });
    total.into_inner().expect("all threads have ended")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sweep::tally::Outcome;

    #[test]
    fn each_job_is_run_once_and_counted() {
        let jobs: Vec<u64> = (0..1_000).collect();
        let tally = share(&jobs, |job, tally| {
            tally.count(&["before"], if job % 2 == 0 { "even" } else { "odd" }, &Ok(Outcome::Old));
        });
        assert_eq!((tally.stories["even"].old, tally.stories["odd"].old, tally.total().cuts()), (500, 500, 1_000));
    }
}
