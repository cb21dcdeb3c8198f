//! Key sets over the bus (`boot:B10`): takes the parts of one, judges it, has it written, tells what is believed.
//!
//! What the unit believes is read from flash when it is first asked about, and again after each install: checking the
//! signatures takes 10 ms each, and nothing else changes it.
//!
//! Does not append to the boot log: [`Keys::unsettled`] says what has to be, before an install and after it.

use protocol::boot_record::BootState;
use protocol::key_set::{AcceptanceNote, KeySet, SIGNED_SIZE, SignedKeySet};
use protocol::layout::WORD_SIZE;
use protocol::manifest::Manifest;
use protocol::message::{GiveUp, KeySetInstalled, KeySetPart, KeySetReport, Refusal};
use protocol::semver::Version;

use super::BackgroundFlash;
use super::refusals::place_of;
use crate::flash::CheckedRead;
use crate::trust::Trust;
use crate::trust::accept::{Acceptance, Site, accept};
use crate::trust::store::{InstallError, KeyStore, LOOKS};
use crate::unit::{Criteria, read_identity};

/// A key set that comes in, in pieces.
#[derive(Debug)]
struct KeyParts {
    bytes: [u8; SIGNED_SIZE],
    /// One bit for each word that has arrived.
    arrived: u128,
}

const _: () = assert!(SIGNED_SIZE / WORD_SIZE as usize <= u128::BITS as usize);

impl KeyParts {
    const NONE: Self = Self { bytes: [0; SIGNED_SIZE], arrived: 0 };

    /// Takes a piece. The first one of another set starts anew.
    fn take(&mut self, offset: u16, part: &[u8]) -> Result<KeySetPart, Refusal> {
        const WORD: usize = WORD_SIZE as usize;
        let offset = usize::from(offset);
        let is_whole_words = offset.is_multiple_of(WORD) && part.len().is_multiple_of(WORD) && !part.is_empty();
        let place = self.bytes.get_mut(offset..offset + part.len()).filter(|_| is_whole_words);
        let place = place.ok_or(Refusal::BadKeySet)?;
        if offset == 0 && place != part {
            self.arrived = 0;
        }
        place.copy_from_slice(part);
        (offset / WORD..(offset + part.len()) / WORD).for_each(|word| self.arrived |= 1 << word);
        Ok(KeySetPart { received: self.received() })
    }

    fn received(&self) -> u16 {
        (self.arrived.count_ones() * WORD_SIZE) as u16
    }

    fn whole(&self) -> Result<SignedKeySet, Refusal> {
        let (have, need) = (self.received(), SIGNED_SIZE as u16);
        if have == need { Ok(SignedKeySet(self.bytes)) } else { Err(Refusal::KeySetIncomplete { have, need }) }
    }
}

/// What a unit believes, and the key set that comes in.
#[derive(Debug)]
pub struct Keys {
    /// Once it was asked about.
    trust: Option<Trust>,
    parts: KeyParts,
}

/// Where a set is to be installed.
#[derive(Debug, Clone, Copy)]
pub struct KeySite<'a> {
    /// The boot state in force.
    pub log: Option<BootState>,
    /// Version of the loader.
    pub loader: Version,
    /// The image that must not be lost; `None` when there is none.
    pub runs: Option<&'a Manifest>,
}

impl Keys {
    /// Nothing asked yet, nothing under way.
    #[must_use]
    pub const fn new() -> Self {
        Self { trust: None, parts: KeyParts::NONE }
    }

    /// What the unit believes.
    pub fn trust<F: CheckedRead>(&mut self, flash: &mut F) -> &Trust {
        self.trust.get_or_insert_with(|| Trust::read(flash))
    }

    /// What an image is judged against now, as the next boot will judge it.
    pub fn criteria<F: CheckedRead>(&mut self, flash: &mut F, log: Option<BootState>, loader: Version) -> Criteria {
        let trust = *self.trust(flash);
        Criteria::of(flash, trust, log, loader)
    }

    /// What has to be appended so that the log tells the floor that holds; `None` when it does. Due before a set is
    /// replaced, since the next one does not repeat its floor reset, and after it.
    pub fn unsettled<F: CheckedRead>(&mut self, flash: &mut F, log: Option<BootState>) -> Option<BootState> {
        let state = log?;
        let settled = self.criteria(flash, log, Version::ZERO).settle(state);
        (settled != state).then_some(settled)
    }

    /// Takes a piece of a key set.
    ///
    /// # Errors
    /// When it lies outside of a set, or is not made of whole words.
    pub fn part(&mut self, offset: u16, part: &[u8]) -> Result<KeySetPart, Refusal> {
        self.parts.take(offset, part)
    }

    /// Judges the set that has come in and writes it. Installed before, it is only looked after: every request may
    /// arrive twice.
    ///
    /// # Errors
    /// Why the set is not in force.
    pub async fn install<F: BackgroundFlash>(
        &mut self,
        flash: &mut F,
        site: KeySite<'_>,
        give_up: GiveUp,
    ) -> Result<KeySetInstalled, Refusal> {
        let offered = self.parts.whole()?;
        // What flash says now, not what it said some time ago.
        self.trust = None;
        let criteria = self.criteria(flash, site.log, site.loader);
        let serial = read_identity(flash).map(|identity| identity.serial);
        let site_now = Site { criteria: &criteria, log: site.log, serial, runs: site.runs };
        match accept(site_now, &offered, give_up)? {
            Acceptance::InForce => self.repair(flash).await,
            Acceptance::Install { note, .. } => {
                let written = self.write(flash, &offered, &note).await;
                self.trust = None;
                // In force with one copy as well; the report tells.
                if let Err(InstallError::NoCopy { error }) = written {
                    return Err(Refusal::FlashFailed { offset: place_of(error) });
                }
            }
        }
        let criteria = self.criteria(flash, site.log, site.loader);
        Ok(KeySetInstalled { number: criteria.trust.number(), floor: criteria.floor })
    }

    /// Sees that both copies hold the set in force. Writes nothing when they do, or when there is none.
    pub async fn repair<F: BackgroundFlash>(&mut self, flash: &mut F) {
        let Some((set, note)) = self.in_force(flash) else { return };
        if KeyStore::holding(flash, &set) == [true, true] {
            return;
        }
        // The report tells when it fails; the set is in force all the same.
        let _told_in_the_report = self.write(flash, &set, &note).await;
        self.trust = None;
    }

    /// Which keys are believed.
    pub fn report<F: CheckedRead>(&mut self, flash: &mut F, log: Option<BootState>) -> KeySetReport {
        let criteria = self.criteria(flash, log, Version::ZERO);
        criteria.trust.report(flash, criteria.floor)
    }

    async fn write<F: BackgroundFlash>(
        &mut self,
        flash: &mut F,
        set: &SignedKeySet,
        note: &AcceptanceNote,
    ) -> Result<(), InstallError> {
        let mut written = Ok(());
        for _ in 0..LOOKS {
            let trust = *self.trust(flash);
            let known = trust.known(flash);
            written = KeyStore::install(flash, set, note, &known).await;
            if !written.is_err_and(InstallError::keeper_changed) {
                break;
            }
        }
        written
    }

    /// The set in force as it stands in flash, with its note.
    fn in_force<F: CheckedRead>(&mut self, flash: &mut F) -> Option<(SignedKeySet, AcceptanceNote)> {
        let copy = self.trust(flash).copy()?;
        let (signed, set) = KeyStore::read_copy(flash, copy)?;
        let number = KeySet::number(&set);
        let note = KeyStore::read_note(flash, copy, number);
        Some((signed, note.unwrap_or(AcceptanceNote { number, given_up: None })))
    }
}

impl Default for Keys {
    fn default() -> Self {
        Self::new()
    }
}
