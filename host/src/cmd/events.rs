//! `sonde events`

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use protocol::event::{EventRecord, KINDS};
use serde::Serialize;
use sonde::events::{self, Verdict, words};

use super::connection::Connection;
use super::{Answer, Failed};
use crate::output;

/// How often --follow looks.
const LOOK: Duration = Duration::from_secs(1);

/// List what happened to a unit, and verify that nothing was changed or removed
///
/// Each record names the one before it by its hash. A chain that does not hold is told with the place, and the exit code is 1.
/// With --kind all records are verified and the chosen ones shown. A unit that is asked all the time does not miss its
/// master: do not --follow a unit whose silence trip is to be tested.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  sonde events rtu:///dev/ttyUSB0 --unit 3\n  sonde events rtu:///dev/ttyUSB0 --since 120 --kind channel-stopped\n  \
sonde events rtu+tcp://10.0.0.7:4001 --follow --json\n  sonde crash rtu:///dev/ttyUSB0 --elf firmware-a --elf firmware-b"
)]
pub(crate) struct Args {
    #[command(flatten)]
    connection: Connection,
    /// Begin with this number
    #[arg(long, value_name = "N", default_value_t = 0)]
    since: u32,
    /// Go on with what happens from now on, until Ctrl-C
    #[arg(long)]
    follow: bool,
    /// Show this kind only, as docs/events.md names it; may be given more than once
    #[arg(long, value_name = "KIND", value_parser = kind)]
    kind: Vec<u8>,
}

fn kind(text: &str) -> Result<u8, String> {
    let row = KINDS.iter().find(|row| row.name == text || row.number.to_string() == text);
    row.map(|row| row.number).ok_or_else(|| {
        let names: Vec<&str> = KINDS.iter().map(|row| row.name).collect();
        format!("there is no such kind; the kinds are {}", names.join(", "))
    })
}

/// One record.
#[derive(Serialize)]
struct Line {
    number: u32,
    boot: u32,
    time_ms: u64,
    kind: &'static str,
    repeats: u8,
    told: String,
}

impl Line {
    fn new(record: &EventRecord) -> Self {
        let EventRecord { number, boot, time_ms, repeats, ref event, .. } = *record;
        Self { number, boot, time_ms, kind: event.name(), repeats, told: words::told(event) }
    }
}

impl Display for Line {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let Self { number, boot, time_ms, kind, repeats, told } = self;
        let (seconds, rest) = (time_ms / 1000, time_ms % 1000);
        let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        write!(formatter, "{number:>6} {boot:>6}  {hours:>4}:{minutes:02}:{seconds:02}.{rest:03}  {kind:<22} {told}")?;
        if *repeats > 1 { write!(formatter, " ({repeats} times)") } else { Ok(()) }
    }
}

/// The events of a unit.
#[derive(Serialize)]
pub(crate) struct Report {
    unit: u8,
    boot: u32,
    uptime_ms: u64,
    records: u16,
    unreadable: u16,
    waiting: u8,
    events: Vec<Line>,
    chain: Verdict,
}

impl super::Report for Report {
    fn answer(&self) -> Answer {
        if self.chain.holds() { Answer::Yes } else { Answer::No }
    }
}

impl Display for Report {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "number  start      after it  kind                   what")?;
        self.events.iter().try_for_each(|line| writeln!(formatter, "{line}"))?;
        let Self { unit, boot, records, unreadable, waiting, .. } = self;
        writeln!(formatter, "unit {unit}: {records} records, start {boot}")?;
        if *waiting > 0 {
            writeln!(formatter, "{waiting} events wait to be written")?;
        }
        if *unreadable > 0 {
            writeln!(formatter, "{unreadable} places in flash hold no record: power was lost there")?;
        }
        self.chain.fmt(formatter)
    }
}

/// Reads, verifies, and follows when asked to.
pub(crate) fn run(args: &Args, json: bool) -> Result<Report, Failed> {
    args.connection.run(async |bus, unit| {
        let mut session = events::open(&bus, unit).await?;
        let is_chosen = |record: &&EventRecord| args.kind.is_empty() || args.kind.contains(&record.event.kind());
        let mut head = events::head(&mut session).await?;
        let mut records = events::read(&mut session, args.since).await?;
        if args.follow {
            let mut shown = 0;
            loop {
                for record in records[shown..].iter().filter(is_chosen) {
                    output::line(&Line::new(record), json);
                }
                shown = records.len();
                tokio::select! {
                    _ = tokio::signal::ctrl_c() => break,
                    () = tokio::time::sleep(LOOK) => {}
                }
                let next = records.last().map_or(args.since, |last| last.number.saturating_add(1));
                records.extend(events::read(&mut session, next).await?);
            }
            head = events::head(&mut session).await?;
        }
        let shown = if args.follow { &[][..] } else { &records };
        Ok(Report {
            unit: unit.get(),
            boot: head.boot,
            uptime_ms: head.uptime_ms,
            records: head.count,
            unreadable: head.unreadable,
            waiting: head.waiting,
            events: shown.iter().filter(is_chosen).map(Line::new).collect(),
            chain: Verdict::of(&records, &head),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::event::{ChainHash, Event};

    #[test]
    fn kinds_are_named_as_in_the_page_of_events() {
        assert_eq!((kind("boot"), kind("18")), (Ok(1), Ok(18)));
        assert!(kind("nonsense").is_err_and(|text| text.contains("channel-started")));
    }

    #[test]
    fn a_line_has_number_start_time_kind_and_words() {
        let event = Event::EmergencyStopLifted;
        let previous = ChainHash::START;
        let record = EventRecord { number: 7, skipped: 0, boot: 2, time_ms: 3_723_004, repeats: 2, event, previous };
        let line = Line::new(&record).to_string();
        assert_eq!(line, "     7      2     1:02:03.004  emergency-stop-lifted  emergency stop lifted (2 times)");
    }
}
