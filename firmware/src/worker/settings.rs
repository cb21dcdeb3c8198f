//! Settings and calibration: read, changed as a whole, kept.

use protocol::layout::{BANK_SIZE, Slot};
use protocol::message::{Refusal, TellValues};
use protocol::settings::{Change, ChangeError, Kind, SETTINGS_SCHEMA, Values};

use bootloader::update::refusals;

use super::{BackgroundFlash, Shared, Worker};
use crate::settings::{CalibrationRecord, SettingsRecord, Stored};
use crate::store::{AppendError, EraseGate, Store};
use crate::unit::Unit;

/// Lets a page of the bank that the code runs from be erased only while all channels are off, and keeps them off until it
/// is done: the core stands still for 22 ms, and an emergency stop would wait that long.
#[derive(Debug)]
pub(super) struct ChannelsOff<'a, S>(pub(super) &'a S);

impl<S: Shared> EraseGate for ChannelsOff<'_, S> {
    fn hold(&self, page: u32) -> bool {
        self.0.with(|unit| {
            let runs_in_first = unit.facts().slot == Slot::A;
            (page < BANK_SIZE) != runs_in_first || unit.channels.hold()
        })
    }

    fn release(&self) {
        self.0.with(|unit| unit.channels.release());
    }
}

impl<F: BackgroundFlash> Worker<F> {
    /// What is in force, and how it is stored.
    pub(super) async fn tell_values(&mut self, shared: &impl Shared, kind: Kind) -> TellValues {
        self.settle_settings(shared).await;
        shared.with(|unit| unit.settings.tell(kind, unit.live.uptime_ms))
    }

    /// Makes all changes, or none.
    pub(super) async fn change_values(
        &mut self,
        shared: &impl Shared,
        kind: Kind,
        changes: &[Change],
    ) -> Result<TellValues, Refusal> {
        self.settle_settings(shared).await;
        // A second change while one is on trial starts from what is on trial.
        let (from, now_ms) = shared.with(|unit| {
            let now_ms = unit.live.uptime_ms;
            let values = match kind {
                Kind::Setting => *unit.settings.in_force(now_ms),
                Kind::Calibration => unit.settings.of(kind).values,
            };
            (values, now_ms)
        });
        let values = from.changed(changes, SETTINGS_SCHEMA).map_err(|error| refusal(kind, error))?;
        let moves = kind == Kind::Setting && shared.with(|unit| unit.settings.changes_line(&values));
        if moves {
            shared.with(|unit| unit.settings.try_line(values, now_ms));
        } else if values != shared.with(|unit| unit.settings.of(kind).values) {
            self.keep_values(shared, kind, values).await?;
        }
        Ok(shared.with(|unit| unit.settings.tell(kind, unit.live.uptime_ms)))
    }

    /// Stores settings that were on trial, once a master has been heard; whether there were any.
    pub(super) async fn keep_proven(&mut self, shared: &impl Shared) -> bool {
        let Some(values) = shared.with(|unit| unit.settings.proven(unit.live.uptime_ms)) else { return false };
        if self.keep_values(shared, Kind::Setting, values).await.is_err() {
            // The line goes back to what is stored, and whoever asks reads so.
            shared.with(|unit| {
                let stored = *unit.settings.of(Kind::Setting);
                unit.take_in(Kind::Setting, stored);
            });
        }
        true
    }

    async fn keep_values(&mut self, shared: &impl Shared, kind: Kind, values: Values) -> Result<(), Refusal> {
        let gate = ChannelsOff(shared);
        let flash = self.stager.flash();
        let appended = match kind {
            Kind::Setting => Store::append(flash, &SettingsRecord(values), &gate).await,
            Kind::Calibration => Store::append(flash, &CalibrationRecord(values), &gate).await,
        };
        match appended {
            Ok(_) | Err(AppendError::OneCopy { .. }) => {}
            Err(AppendError::NotNow { .. }) => {
                let channels = shared.with(|unit| unit.channels.to_run_mask());
                return Err(Refusal::NoRoomWhileRunning { channels });
            }
            Err(AppendError::NoCopy { error }) => {
                return Err(Refusal::FlashFailed { offset: refusals::place_of(error) });
            }
        }
        let stored = Stored::read(flash, kind);
        shared.with(|unit| unit.take_in(kind, stored));
        Ok(())
    }

    /// Makes what flash says last, before a host is told of it; once a start.
    async fn settle_settings(&mut self, shared: &impl Shared) {
        if !shared.with(|unit| unit.settings_to_settle()) {
            return;
        }
        let (gate, flash) = (ChannelsOff(shared), self.stager.flash());
        // What does not settle is told as it reads, with the copies that are not good.
        let _settings = Store::<SettingsRecord>::settle(flash, &gate).await;
        let _calibration = Store::<CalibrationRecord>::settle(flash, &gate).await;
        for kind in [Kind::Setting, Kind::Calibration] {
            let stored = Stored::read(flash, kind);
            shared.with(|unit| {
                if *unit.settings.of(kind) != stored {
                    unit.take_in(kind, stored);
                }
            });
        }
        shared.with(Unit::settings_settled);
    }
}

fn refusal(kind: Kind, error: ChangeError) -> Refusal {
    match error {
        ChangeError::Unknown { code } => Refusal::NoSuchValue { kind, code },
        ChangeError::OutOfRange { code, number } => Refusal::ValueOutOfRange { kind, code, number },
        ChangeError::Twice { code } => Refusal::ValueTwice { kind, code },
    }
}
