//! The two answers that need no work: who the unit is, and how it is.

use protocol::boot_record::Switch;
use protocol::manifest::PRODUCT;
use protocol::message::{Hello, UnitStatus};
use protocol::version;

use bootloader::transition::floor_of;

use crate::unit::Unit;

/// Who is there.
#[must_use]
pub fn hello(unit: &Unit) -> Hello {
    let facts = unit.facts();
    Hello {
        oldest_version: version::MIN,
        current_version: version::CURRENT,
        product: PRODUCT,
        hardware_revision: facts.hardware_revision(),
        serial: facts.serial(),
        running: facts.running(),
    }
}

/// How the unit is.
#[must_use]
pub fn status(unit: &Unit) -> UnitStatus {
    let (facts, live) = (unit.facts(), unit.live);
    UnitStatus {
        running: facts.running(),
        phase: unit.phase(),
        floor: floor_of(unit.log()),
        last_switch: unit.log().map_or(Switch::Factory, |state| state.last_switch),
        boot_reason: facts.boot_reason(),
        reset: facts.reset(),
        loader: facts.loader(),
        boot_us: facts.report.map_or(0, |report| report.boot_us),
        log_copies_good: live.log.copies_good(),
        self_test: live.self_test,
        outputs: live.outputs.start,
        transfer: unit.update.transfer.progress(),
        uptime_ms: u32::try_from(live.uptime_ms).unwrap_or(u32::MAX),
    }
}
