//! The story itself.

use std::ffi::OsStr;
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::time::Instant;

use virtual_board::unit::{Factory, public_key_from_pem};

use super::measure::{Cost, measured, row};
use super::releases::{HARDWARE, Images, Releases, read};
use super::report::Report;
use super::step::{Seen, Step};
use super::{DemoError, told};
use crate::sonde::{Outcome, Sonde};
use crate::unit::ServedUnit;

/// Tells the story. `progress` is called with the name of each step before it begins.
///
/// # Errors
/// [`DemoError`] when it cannot be told to its end. Steps that go wrong are in the report.
pub fn tell(sonde: &Sonde, images: &Images, work: &Path, progress: &dyn Fn(&str)) -> Result<Report, DemoError> {
    let started = Instant::now();
    progress("making keys and releases");
    let releases = Releases::make(sonde, images, &work.join("releases"))?;
    let unit = ServedUnit::power_up(&factory(images, &releases)?, log(&work.join("line.log"))?)?;
    let mut story = Story { sonde, unit, releases, progress, steps: Vec::new() };
    story.begins()?;
    let full = story.updates()?;
    story.goes_back_and_forth(&full)?;
    story.survives_a_bad_release()?;
    story.loses_power_in_a_transfer(&full)?;
    story.refuses()?;
    story.ends()?;
    Ok(Report::new(story.steps, started.elapsed().as_secs_f64()))
}

/// What went over the line, for whoever wants to know more than the table tells.
fn log(path: &Path) -> Result<BufWriter<File>, DemoError> {
    File::create(path).map(BufWriter::new).map_err(|source| DemoError::File { path: path.into(), source })
}

fn factory(images: &Images, releases: &Releases) -> Result<Factory, DemoError> {
    let path = releases.trusted_key.clone();
    let pem = String::from_utf8_lossy(&read(&path)?).into_owned();
    let key = public_key_from_pem(&pem).map_err(|source| DemoError::Trust { path, source })?;
    Ok(Factory::new(&images.loader()?, &read(&releases.first)?, &[key], HARDWARE)?)
}

struct Story<'a> {
    sonde: &'a Sonde,
    unit: ServedUnit,
    releases: Releases,
    progress: &'a dyn Fn(&str),
    steps: Vec<Step>,
}

impl Story<'_> {
    /// Calls `sonde COMMAND URL --unit ID ...`.
    fn ask(&self, command: &str, more: &[&OsStr]) -> Result<Outcome, DemoError> {
        let id = self.unit.id();
        let fixed: [&OsStr; 4] = [command.as_ref(), self.unit.url().as_ref(), "--unit".as_ref(), id.as_ref()];
        Ok(self.sonde.call(fixed.iter().chain(more))?)
    }

    fn status(&self) -> Result<Outcome, DemoError> {
        self.ask("status", &[])
    }

    fn update(&self, bundle: &Path) -> Result<Outcome, DemoError> {
        self.ask("update", &[bundle.as_os_str()])
    }

    /// Does one step: acts, judges what came of it and what it cost, and adds the row.
    fn step(
        &mut self,
        name: &str,
        expected: &str,
        act: impl FnOnce(&Self) -> Result<Outcome, DemoError>,
        judge: impl FnOnce(&Outcome, &Cost) -> Seen,
    ) -> Result<(Outcome, Cost), DemoError> {
        (self.progress)(name);
        let (outcome, cost) = measured(&self.unit, || act(self))?;
        let seen = judge(&outcome, &cost).and(self.health()?);
        self.steps.push(row(name, expected, &seen, &cost));
        Ok((outcome, cost))
    }

    /// What must be so at any time: no channel was ever on, the machine runs.
    fn health(&self) -> Result<Seen, DemoError> {
        let outputs = self.unit.outputs()?;
        let stopped = self.unit.stopped()?;
        let reason = stopped.as_deref().unwrap_or_default();
        Ok(Seen::nothing()
            .must(!outputs.ever_on, "no channel ever on")
            .must(stopped.is_none(), format!("the machine runs, but it stopped {reason}")))
    }

    fn begins(&mut self) -> Result<(), DemoError> {
        self.step(
            "power up a new unit with 1.0.0, ask for its status",
            "1.0.0 in slot A, all outputs off",
            Self::status,
            |outcome, _| told::runs(outcome, "1.0.0", "A"),
        )?;
        Ok(())
    }

    /// Returns what a whole transfer costs.
    fn updates(&mut self) -> Result<Cost, DemoError> {
        let judge = |outcome: &Outcome, _: &Cost| match told::pages(outcome) {
            Some(pages) => told::confirmed(outcome, "1.1.0", "B")
                .must(pages.sent >= pages.all && pages.all > 0, "all pages sent")
                .and(pages.told()),
            None => told::confirmed(outcome, "1.1.0", "B").must(false, "a transfer"),
        };
        let (_, cost) = self.step(
            "update to 1.1.0",
            "transfer, trial, self-test, confirmed in slot B",
            |story| story.update(&story.releases.second),
            judge,
        )?;
        Ok(cost)
    }

    fn goes_back_and_forth(&mut self, full: &Cost) -> Result<(), DemoError> {
        self.step(
            "roll back by hand",
            "1.0.0 in slot A, no image sent",
            |story| story.ask("rollback", &[]),
            |outcome, cost| told::confirmed(outcome, "1.0.0", "A").and(little(cost, full)),
        )?;
        self.step(
            "update to 1.1.0 again",
            "1.1.0 in slot B, no page sent: it is there",
            |story| story.update(&story.releases.second),
            |outcome, cost| {
                let sent = told::pages(outcome).map_or(0, |pages| pages.sent);
                told::confirmed(outcome, "1.1.0", "B")
                    .must(sent == 0, format!("no page sent, but {sent}"))
                    .and(little(cost, full))
            },
        )?;
        Ok(())
    }

    fn survives_a_bad_release(&mut self) -> Result<(), DemoError> {
        self.step(
            "update to 1.2.0, whose firmware hangs after boot",
            "watchdog, then 1.1.0 by itself, with the reason (exit 1)",
            // Three watchdog periods of a core that never sleeps: on a busy machine they take their time.
            |story| {
                let patient: [&OsStr; 2] = ["--trial-timeout".as_ref(), "60".as_ref()];
                story.ask("update", &[&[story.releases.hanging.as_os_str()], &patient[..]].concat())
            },
            |outcome, _| told::fell_back(outcome, "1.1.0"),
        )?;
        Ok(())
    }

    fn loses_power_in_a_transfer(&mut self, full: &Cost) -> Result<(), DemoError> {
        let half = full.flash_operations() / 2;
        let back = |story: &Self| story.ask("rollback", &["--to".as_ref(), story.releases.first.as_os_str()]);
        let (_, cut) = self.step(
            "roll back to 1.0.0 with its bundle; power goes in the transfer",
            &format!("power lost in flash operation {half}, a torn word stays"),
            |story| {
                story.unit.plan_power_cut(half)?;
                back(story)
            },
            |outcome, _| told::exit(outcome, 3).tell(outcome.said()),
        )?;
        let off = !self.unit.is_powered()?;
        self.unit.power_on()?;
        let (full_bytes, cut_bytes) = (full.bytes(), cut.bytes());
        self.step("power on, the same again", "goes on where it was, 1.0.0 in slot A", back, |outcome, cost| {
            let pages = told::pages(outcome);
            let (sent, skipped) = pages.map_or((0, 0), |pages| (pages.sent, pages.skipped));
            told::confirmed(outcome, "1.0.0", "A")
                .must(off, "power lost before")
                .must(sent > 0 && skipped > 0, "only what was missing sent")
                .must(
                    cut_bytes + cost.bytes() <= full_bytes + full_bytes / 5,
                    format!("nothing sent twice, but {cut_bytes} + {} bytes of {full_bytes}", cost.bytes()),
                )
                .and(pages.map_or_else(Seen::nothing, told::Pages::told))
        })?;
        Ok(())
    }

    fn refuses(&mut self) -> Result<(), DemoError> {
        let releases = self.releases.clone();
        // The unit is to judge: without this `sonde` would see by itself that the hardware is another one.
        let judged_by_unit: &[&OsStr] = &["--no-precheck".as_ref()];
        let wrong = [
            ("update with one byte of the bundle flipped", "damaged", &releases.flipped),
            ("update with a bundle for other hardware", "wrong_hardware", &releases.other_hardware),
            ("update with a bundle signed by an unknown key", "unknown_key", &releases.unknown_key),
        ];
        for (name, kind, bundle) in wrong {
            let expected = format!("refused ({kind}), flash not touched");
            self.step(
                name,
                &expected,
                |story| story.ask("update", &[&[bundle.as_os_str()], judged_by_unit].concat()),
                |outcome, cost| {
                    let operations = cost.flash_operations();
                    told::refused(outcome, kind)
                        .must(operations == 0, format!("flash not touched, but {operations} operations"))
                },
            )?;
        }
        Ok(())
    }

    fn ends(&mut self) -> Result<(), DemoError> {
        self.step(
            "update to 1.1.0",
            "1.1.0 in slot B, no page sent: it is there",
            |story| story.update(&story.releases.second),
            |outcome, _| {
                let sent = told::pages(outcome).map_or(0, |pages| pages.sent);
                told::confirmed(outcome, "1.1.0", "B").must(sent == 0, format!("no page sent, but {sent}"))
            },
        )?;
        self.step(
            "ask for the status",
            "1.1.0 in slot B, confirmed, no channel was ever on",
            Self::status,
            |outcome, _| told::runs(outcome, "1.1.0", "B").tell("no channel was ever on"),
        )?;
        Ok(())
    }
}

/// No image went over the line.
fn little(cost: &Cost, full: &Cost) -> Seen {
    let (bytes, all) = (cost.bytes(), full.bytes());
    Seen::nothing().must(bytes < all / 4, format!("far less than {all} bytes on the wire, but {bytes}"))
}
