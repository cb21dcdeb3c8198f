//! Whether every task still reports: only then is the watchdog fed (`fault:P10`).
//!
//! Pure: the supervisor brings the time. A task that hangs, or that keeps others from running, stops the feeding, and the
//! watchdog resets the unit within a second; the outputs are off after that, and a trial falls back.

/// A task that has to report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// Answers the bus.
    Modbus,
    /// Does the slow work.
    Worker,
    /// Looks at the inputs and keeps the outputs.
    Control,
}

impl Task {
    /// Every task.
    pub const ALL: [Task; 3] = [Task::Modbus, Task::Worker, Task::Control];

    /// How often the task reports when it has nothing else to do, milliseconds: well inside every deadline.
    pub const PERIOD_MS: u64 = 100;

    /// Longest time between two reports, milliseconds.
    #[must_use]
    pub const fn deadline_ms(self) -> u64 {
        match self {
            // Never work for longer than one frame.
            Self::Modbus | Self::Control => 400,
            // One step of work: at most an image hashed twice and a signature verified, 150 ms at 170 MHz, tripled.
            Self::Worker => 500,
        }
    }
}

/// When each task last reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Health {
    last_ms: [u64; Task::ALL.len()],
}

impl Health {
    /// All tasks count as reported at start, time 0.
    #[must_use]
    pub const fn new() -> Self {
        Self { last_ms: [0; Task::ALL.len()] }
    }

    /// A task reports.
    pub fn report(&mut self, task: Task, now_ms: u64) {
        self.last_ms[task as usize] = now_ms;
    }

    /// The first task whose report is overdue.
    #[must_use]
    pub fn overdue(&self, now_ms: u64) -> Option<Task> {
        Task::ALL.into_iter().find(|&task| now_ms.saturating_sub(self.last_ms[task as usize]) > task.deadline_ms())
    }
}

impl Default for Health {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_tasks_have_their_deadline_after_start() {
        let health = Health::new();
        assert_eq!(health.overdue(Task::Modbus.deadline_ms()), None);
        assert_eq!(health.overdue(Task::Modbus.deadline_ms() + 1), Some(Task::Modbus));
    }

    #[test]
    fn one_silent_task_is_enough() {
        let mut health = Health::new();
        for now in (0..5_000).step_by(100) {
            health.report(Task::Modbus, now);
        }
        health.report(Task::Control, 4_900);
        assert_eq!(health.overdue(4_900), Some(Task::Worker));
        health.report(Task::Worker, 4_900);
        assert_eq!(health.overdue(4_900), None);
    }

    #[test]
    fn every_deadline_leaves_room_for_the_period_and_stays_below_the_watchdog() {
        // The watchdog runs out after 1 s; the supervisor looks far more often than that.
        for task in Task::ALL {
            assert!(task.deadline_ms() >= 3 * Task::PERIOD_MS && task.deadline_ms() < 1_000, "{task:?}");
        }
    }

    #[test]
    fn a_year_of_reports_is_still_a_year_of_health() {
        let mut health = Health::new();
        let year = 365 * 24 * 3_600_000;
        for task in Task::ALL {
            health.report(task, year);
        }
        assert_eq!(health.overdue(year + 100), None);
        // A report that comes from a moment later than the look is no reason for a reset.
        assert_eq!(health.overdue(year - 5), None);
    }
}
