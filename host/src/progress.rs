//! The progress line on stderr, with rate and remaining time. Nothing when stderr is no terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

const WAITING: &str = "{spinner} {msg}";
const SENDING: &str = "{spinner} {msg} [{bar:30}] {bytes}/{total_bytes} {bytes_per_sec}, {eta} left";

/// The line; wiped when dropped.
pub(crate) struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// Starts with an empty line.
    pub(crate) fn start() -> Self {
        let bar = ProgressBar::new_spinner();
        bar.enable_steady_tick(Duration::from_millis(100));
        Self { bar }
    }

    /// Shows what goes on.
    pub(crate) fn tell(&mut self, what: &str) {
        self.bar.set_style(style(WAITING));
        self.bar.set_message(what.to_owned());
    }

    /// Shows how far an update is.
    pub(crate) fn show(&mut self, progress: sonde::update::Progress) {
        match progress {
            sonde::update::Progress::Step(step) => {
                tracing::info!("{step}");
                self.bar.set_style(style(WAITING));
                self.bar.set_message(step);
            }
            sonde::update::Progress::Sending { done: 0, total } => {
                self.bar.set_style(style(SENDING));
                self.bar.set_message("sending");
                self.bar.set_length(total);
                self.bar.reset_eta();
                self.bar.set_position(0);
            }
            sonde::update::Progress::Sending { done, .. } => self.bar.set_position(done),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the templates are constants that parse")
}
