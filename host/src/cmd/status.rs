//! `sonde status`

use std::fmt::{self, Display, Formatter};

use protocol::boot_record::{Phase, Switch};
use protocol::layout::Slot;
use protocol::message::{Hello, SelfTest, SlotContent, Transfer, UnitStatus};
use serde::Serialize;
use sonde::bus::{UnitId, Wire};
use sonde::health::Health;
use sonde::session::{Session, Who};
use sonde::update::Image;

use super::connection::Connection;
use super::status_recovery::RecoveryReport;
use super::{Failed, status_health};

/// Show what a unit runs, since when and why, how it is and what its channels are at; of a unit in recovery why it is, and what to do
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  sonde status rtu:///dev/ttyUSB0\n  \
sonde status rtu+tcp://10.0.0.7:4001 --unit 3 --slots\n  sonde --json status rtu+tcp://10.0.0.7:4001")]
pub(crate) struct Args {
    #[command(flatten)]
    connection: Connection,
    /// Also verify and show what both slots hold; takes about a second
    #[arg(long)]
    slots: bool,
}

/// How a unit is.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum Report {
    Runs(Box<RunningReport>),
    Recovery(Box<RecoveryReport>),
}

/// How a unit is that runs something.
#[derive(Serialize)]
pub(crate) struct RunningReport {
    unit: u8,
    serial: String,
    product: String,
    hardware_revision: u8,
    running: Image,
    #[serde(flatten)]
    phase: PhaseReport,
    floor: String,
    last_switch: SwitchReport,
    boot_reason: String,
    reset: String,
    loader: String,
    boot_us: u32,
    uptime_ms: u32,
    boot_log_copies_good: [bool; 2],
    self_test: SelfTestReport,
    outputs: u8,
    transfer: TransferReport,
    /// `null` for a unit that is older than these registers.
    health: Option<Health>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    slots: Vec<SlotLine>,
    wire: Wire,
}

#[derive(Serialize)]
#[serde(tag = "phase", rename_all = "snake_case")]
enum PhaseReport {
    Confirmed,
    Trial { attempts: u8, fallback: Option<Image> },
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum SwitchReport {
    Factory,
    Activated { from: String },
    RolledBack { from: String },
    FellBack { from: String, cause: String, reset: String },
}

#[derive(Serialize)]
struct SelfTestReport {
    passed: bool,
    finished: bool,
    failed: Vec<String>,
}

#[derive(Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub(crate) enum TransferReport {
    Idle,
    Receiving { slot: String, pages_done: u8, pages: u8 },
    Staged { image: Image },
}

#[derive(Serialize)]
struct SlotLine {
    slot: String,
    content: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<Image>,
    #[serde(skip_serializing_if = "Option::is_none")]
    build_id: Option<String>,
}

/// Asks the unit.
pub(crate) fn run(args: &Args) -> Result<Report, Failed> {
    args.connection.run(async |bus, unit| {
        let (mut session, who) = Session::meet(&bus, unit).await?;
        let hello = match who {
            Who::Firmware(hello) => hello,
            // It says what is wrong with its slots without being asked.
            Who::Recovery(recovery) => {
                return Ok(Report::Recovery(Box::new(RecoveryReport::new(unit, &recovery, bus.wire()))));
            }
        };
        let status = session.status().await?;
        let mut slots = Vec::new();
        if args.slots {
            for slot in Slot::ALL {
                slots.push(slot_line(&mut session, slot).await?);
            }
        }
        let mut report = RunningReport::new(unit, &hello, &status);
        report.slots = slots;
        report.health = Health::read(&bus, unit).await?;
        report.wire = bus.wire();
        Ok(Report::Runs(Box::new(report)))
    })
}

async fn slot_line(session: &mut Session, slot: Slot) -> Result<SlotLine, Failed> {
    let report = session.slot_report(slot).await?;
    let (content, image, build_id) = match report.content {
        SlotContent::Empty => ("empty", None, None),
        SlotContent::Invalid => ("invalid", None, None),
        SlotContent::Bootable { image, build_id } => ("bootable", Some(image.into()), Some(hex(&build_id))),
    };
    Ok(SlotLine { slot: slot.to_string(), content, image, build_id })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl RunningReport {
    fn new(unit: UnitId, hello: &Hello, status: &UnitStatus) -> Self {
        Self {
            unit: unit.get(),
            serial: hello.serial.to_string(),
            product: format!("{:#010x}", hello.product),
            hardware_revision: hello.hardware_revision,
            running: status.running.into(),
            phase: status.phase.into(),
            floor: status.floor.to_string(),
            last_switch: status.last_switch.into(),
            boot_reason: status.boot_reason.to_string(),
            reset: status.reset.to_string(),
            loader: status.loader.to_string(),
            boot_us: status.boot_us,
            uptime_ms: status.uptime_ms,
            boot_log_copies_good: status.log_copies_good,
            self_test: status.self_test.into(),
            outputs: status.outputs,
            transfer: status.transfer.into(),
            health: None,
            slots: Vec::new(),
            wire: Wire::default(),
        }
    }
}

impl From<Phase> for PhaseReport {
    fn from(phase: Phase) -> Self {
        match phase {
            Phase::Confirmed => Self::Confirmed,
            Phase::Trial { attempts, fallback } => Self::Trial { attempts, fallback: fallback.map(Image::from) },
        }
    }
}

impl From<Switch> for SwitchReport {
    fn from(switch: Switch) -> Self {
        match switch {
            Switch::Factory => Self::Factory,
            Switch::Activated { from } => Self::Activated { from: from.to_string() },
            Switch::RolledBack { from } => Self::RolledBack { from: from.to_string() },
            Switch::FellBack { from, cause, reset } => {
                Self::FellBack { from: from.to_string(), cause: cause.to_string(), reset: reset.to_string() }
            }
        }
    }
}

impl From<SelfTest> for SelfTestReport {
    fn from(test: SelfTest) -> Self {
        let failed: Vec<String> = test.failures().map(|check| check.to_string()).collect();
        Self { passed: test.passed(), finished: test.passed() || !failed.is_empty(), failed }
    }
}

impl From<Transfer> for TransferReport {
    fn from(transfer: Transfer) -> Self {
        match transfer {
            Transfer::Idle => Self::Idle,
            Transfer::Receiving { slot, pages_done, pages } => {
                Self::Receiving { slot: slot.to_string(), pages_done, pages }
            }
            Transfer::Staged { image } => Self::Staged { image: image.into() },
        }
    }
}

impl super::Report for Report {}

impl Display for Report {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Runs(report) => report.fmt(formatter),
            Self::Recovery(report) => report.fmt(formatter),
        }
    }
}

impl Display for RunningReport {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let Self { unit, serial, product, hardware_revision, running, .. } = self;
        writeln!(formatter, "unit {unit}  serial {serial}, product {product}, hardware revision {hardware_revision}")?;
        writeln!(formatter, "  runs         {running}, {}", self.phase)?;
        writeln!(formatter, "  last switch  {}", self.last_switch)?;
        writeln!(
            formatter,
            "  started      {:.1} s ago: {}, after reset: {}",
            f64::from(self.uptime_ms) / 1000.0,
            self.boot_reason,
            self.reset
        )?;
        writeln!(
            formatter,
            "  loader       {}, {:.1} ms from reset to jump",
            self.loader,
            f64::from(self.boot_us) / 1000.0
        )?;
        writeln!(formatter, "  floor        {}", self.floor)?;
        writeln!(formatter, "  self-test    {}", self.self_test)?;
        writeln!(formatter, "  outputs      {:#06b}", self.outputs)?;
        writeln!(formatter, "  transfer     {}", self.transfer)?;
        match self.boot_log_copies_good {
            [true, true] => {}
            [false, false] => writeln!(formatter, "  boot log     none: a new unit writes it at its first update")?,
            _ => writeln!(formatter, "  boot log     1 of 2 copies does NOT read well; the next switch mends it")?,
        }
        for SlotLine { slot, content, image, build_id } in &self.slots {
            write!(formatter, "  slot {slot}       {content}")?;
            if let (Some(image), Some(build_id)) = (image, build_id) {
                write!(formatter, ": {}, build {build_id}", image.version)?;
            }
            writeln!(formatter)?;
        }
        match &self.health {
            Some(health) => status_health::lines(formatter, health),
            None => writeln!(formatter, "  channels     not known: this firmware has no registers for them"),
        }
    }
}

impl Display for PhaseReport {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Confirmed => formatter.write_str("confirmed"),
            Self::Trial { attempts, fallback: Some(image) } => {
                write!(formatter, "on trial (attempt {attempts}), else back to {image}")
            }
            Self::Trial { attempts, fallback: None } => write!(formatter, "on trial (attempt {attempts})"),
        }
    }
}

impl Display for SwitchReport {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Factory => formatter.write_str("none, as from the factory"),
            Self::Activated { from } => write!(formatter, "update from {from}"),
            Self::RolledBack { from } => write!(formatter, "rolled back from {from}"),
            Self::FellBack { from, cause, reset } => {
                write!(formatter, "FELL BACK from {from}: {cause}; last reset: {reset}")
            }
        }
    }
}

impl Display for SelfTestReport {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match (self.passed, self.failed.is_empty()) {
            (true, _) => formatter.write_str("passed"),
            (false, true) => formatter.write_str("not finished"),
            (false, false) => write!(formatter, "FAILED: {}", self.failed.join(", ")),
        }
    }
}

impl Display for TransferReport {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Idle => formatter.write_str("none"),
            Self::Receiving { slot, pages_done, pages } => {
                write!(formatter, "into slot {slot}, {pages_done} of {pages} pages")
            }
            Self::Staged { image } => write!(formatter, "{image} is staged"),
        }
    }
}
