//! What a key set does to the floor (`boot:B8`): the way back from one that shuts out too much (`fault:R6`).
//!
//! A reset counts from the moment its set is in force: writing the set is the one step there is, so no loss of power can
//! come between. Each state that is appended from then on carries the floor that holds and the number of the set, and a
//! set with this number or a lower one resets nothing any more: neither a floor that has risen since, nor a set that is
//! played back.

use protocol::boot_record::BootState;
use protocol::identity::Serial;
use protocol::key_set::KeySet;
use protocol::semver::Version;

use super::Trust;
use crate::boot_log::NumberedReset;
use crate::unit::Criteria;

impl Trust {
    /// The floor that holds, for a unit with this serial number.
    #[must_use]
    pub fn floor(&self, log: Option<BootState>, serial: Option<Serial>) -> Version {
        let (floor, order) = log.map_or((Version::ZERO, 0), |state| (state.floor, state.floor_order));
        let reset = self.key_set().filter(|set| set.number() > order).and_then(KeySet::floor_reset);
        match reset {
            Some(reset) if reset.units.include(serial) => reset.to,
            _ => floor,
        }
    }

    /// The floor reset of the key set in force, due or not: what an append holds a lower floor against. Read anew, so that
    /// one disturbed instruction does not reach both.
    #[must_use]
    pub fn numbered_reset(&self) -> Option<NumberedReset> {
        let set = self.key_set()?;
        set.floor_reset().map(|reset| NumberedReset { key_set: set.number(), to: reset.to })
    }
}

impl Criteria {
    /// The state in force with the floor that holds: what decisions are made from, and what is appended after them.
    #[must_use]
    #[inline(never)]
    pub fn settle(&self, state: BootState) -> BootState {
        BootState { floor: self.floor, floor_order: state.floor_order.max(self.trust.number()), ..state }
    }

    /// A state that a decision has made, ready to be appended. Made of a settled one it stays as it is. Made of nothing,
    /// its floor has not heard of a reset: it must not fall behind it, and not be reset once more later.
    #[must_use]
    pub fn stamp(&self, state: BootState) -> BootState {
        if state.floor_order >= self.trust.number() {
            return state;
        }
        BootState { floor: state.floor.max(self.floor), floor_order: self.trust.number(), ..state }
    }
}
