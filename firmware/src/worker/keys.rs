//! Key sets (`boot:B10`): what the shared service does with them, around it the boot log.

use protocol::message::{GiveUp, KeySetInstalled, Refusal};

use bootloader::update::KeySite;

use super::{BackgroundFlash, Shared, Worker};
use crate::unit::Unit;

impl<F: BackgroundFlash> Worker<F> {
    /// Installs the set that has come in. A floor reset of the set before is in the log by then: the new set does not
    /// repeat it.
    pub(super) async fn install_key_set(
        &mut self,
        shared: &impl Shared,
        give_up: GiveUp,
    ) -> Result<KeySetInstalled, Refusal> {
        self.settle_log(shared)?;
        let (log, loader, manifest) =
            shared.with(|unit| (unit.log(), unit.facts().loader(), unit.facts().manifest.clone()));
        let (keys, flash) = self.stager.keys();
        let installed = keys.install(flash, KeySite { log, loader, runs: manifest.as_ref() }, give_up).await?;
        // The set is in force whether the log takes this record or not; the next one carries the same.
        let _told_in_the_status = self.settle_log(shared);
        Ok(installed)
    }

    /// Once a start, before a host is told anything: copies and log say the same as each other.
    pub(super) async fn look_after_keys(&mut self, shared: &impl Shared) {
        if shared.with(|unit| unit.keys_to_look_after()) {
            let (keys, flash) = self.stager.keys();
            keys.repair(flash).await;
            let _told_in_the_status = self.settle_log(shared);
            shared.with(Unit::keys_looked_after);
        }
    }

    fn settle_log(&mut self, shared: &impl Shared) -> Result<(), Refusal> {
        let log = shared.with(|unit| unit.log());
        let (keys, flash) = self.stager.keys();
        match keys.unsettled(flash, log) {
            Some(state) => self.append(shared, state),
            None => Ok(()),
        }
    }
}
