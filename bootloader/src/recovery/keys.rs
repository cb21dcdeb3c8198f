//! Key sets in recovery (`boot:B10`): the same rules as the firmware's, on the same copies. A key set is what brings back a
//! unit that a floor, or a revocation too early, has shut out (`fault:R6`).

use protocol::message::{GiveUp, Refusal};
use protocol::recovery::{RecoveryReason, SlotTrouble};

use super::reply::{Kind, Plain, Reply};
use super::worker::{Done, Worker};
use super::{Desk, Recovery, trouble};
use crate::flash::Flash;
use crate::unit::LOADER_VERSION;
use crate::update::KeySite;
use crate::update::at_once::{AtOnce, at_once};
use crate::verify::verify_image;

impl<F: Flash> Worker<F> {
    /// Takes a piece of a set: offset and length as postcard writes numbers, then the bytes.
    pub(super) fn key_set_part(&mut self, request: &[u8], reply: &mut Reply) -> Done {
        let part = number(request).and_then(|(offset, rest)| {
            let (length, bytes) = number(rest)?;
            (usize::from(length) == bytes.len()).then_some((offset, bytes))
        });
        let (offset, bytes) = part.ok_or_else(|| reply.refuse(Plain::NotUnderstood))?;
        let part = self.keys.part(offset, bytes).map_err(|refusal| reply.key_set(refusal))?;
        reply.done(Kind::KeySetPart).number(part.received.into());
        Ok(())
    }

    /// Judges the set that has come in and writes it. Should the image that was confirmed be one that may run by then, the
    /// unit restarts into it: nothing holds it here any more (`boot:B9`).
    pub(super) fn install_key_set(&mut self, desk: &impl Desk, give_up: GiveUp, reply: &mut Reply) -> Done {
        self.settle(desk, reply)?;
        let runs = match self.kept_slot(desk, reply)? {
            Some(slot) => verify_image(&mut self.flash, slot, &self.criteria).ok(),
            None => None,
        };
        let site =
            KeySite { log: self.state, loader: LOADER_VERSION, runs: runs.as_ref().map(|image| image.manifest()) };
        let installed = at_once(self.keys.install(&mut AtOnce(&mut self.flash), site, give_up));
        let installed = installed.unwrap_or(Err(Refusal::Busy)).map_err(|refusal| reply.key_set(refusal))?;
        self.criteria = self.keys.criteria(&mut self.flash, self.state, LOADER_VERSION);
        // The set is in force whether the log takes this record or not; the next one carries the same.
        let _told_by_the_copies = self.settle(desk, reply);
        self.look_at_slots(desk);
        if runs.is_none() && matches!(self.kept_slot(desk, reply), Ok(Some(_))) {
            desk.with(|unit| {
                if unit.situation.why == RecoveryReason::NoImage {
                    unit.plan_restart();
                }
            });
        }
        reply.done(Kind::KeySetInstalled).number(installed.number.into()).version(installed.floor);
        Ok(())
    }

    /// Which keys are believed.
    pub(super) fn key_set_report(&mut self, reply: &mut Reply) -> Done {
        let report = self.keys.report(&mut self.flash, self.state);
        let [first, second] = report.copies_good;
        reply.done(Kind::KeySetReport).number(report.number.into()).u8(first.into()).u8(second.into());
        match &report.given_up {
            Some(image) => reply.u8(1).image(image),
            None => reply.u8(0),
        };
        reply.u8(report.threshold).version(report.floor).u8(report.total).u8(report.keys.len() as u8);
        for key in &report.keys {
            // States are numbered from 1, and written by their place.
            reply.array(&key.key.0).u8(key.state.code() - 1);
        }
        Ok(())
    }

    /// Writes the floor that holds to the log, when it says another one.
    fn settle(&mut self, desk: &impl Desk, reply: &mut Reply) -> Done {
        match self.keys.unsettled(&mut self.flash, self.state) {
            Some(state) => self.append(desk, state, reply),
            None => Ok(()),
        }
    }

    fn look_at_slots(&mut self, desk: &impl Desk) {
        let slots = protocol::layout::Slot::ALL.map(|slot| {
            verify_image(&mut self.flash, slot, &self.criteria)
                .map_or_else(|invalid| trouble::trouble(&invalid), |_| SlotTrouble::None)
        });
        let (floor, key_set) = (self.criteria.floor, self.criteria.trust.number());
        desk.with(|unit: &mut Recovery| {
            unit.situation.slots = slots;
            (unit.floor, unit.key_set) = (floor, key_set);
        });
    }
}

/// A 16-bit number as postcard writes it, in its shortest form, and what is behind it.
fn number(bytes: &[u8]) -> Option<(u16, &[u8])> {
    let mut value = 0_u32;
    for (index, &byte) in bytes.iter().take(3).enumerate() {
        value |= u32::from(byte & 0x7F) << (7 * index);
        if byte & 0x80 == 0 {
            let is_shortest = byte != 0 || index == 0;
            return u16::try_from(value).ok().filter(|_| is_shortest).map(|value| (value, &bytes[index + 1..]));
        }
    }
    None
}
