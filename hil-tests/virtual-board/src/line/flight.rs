//! Characters that are on the line, and who disturbs whom.

use super::trace::Sender;
use crate::time::VirtualTime;

/// A character from its start bit to its last stop bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Character {
    pub(super) sender: Sender,
    pub(super) value: u8,
    pub(super) start: VirtualTime,
    pub(super) end: VirtualTime,
    /// Another driver was on at the same time.
    pub(super) collided: bool,
}

impl Character {
    pub(super) fn length(&self) -> VirtualTime {
        self.end - self.start
    }

    fn overlaps(&self, other: &Self) -> bool {
        self.start < other.end && other.start < self.end
    }
}

/// The characters in flight, and those over that a later report may still overlap.
#[derive(Debug, Default)]
pub(super) struct Flight {
    /// Sorted by end.
    airborne: Vec<Character>,
    /// The last character of each sender that is over: its driver was on until then.
    landed: Vec<Character>,
}

impl Flight {
    /// A character began; overlapping ones of other drivers spoil each other.
    pub(super) fn begin(&mut self, mut character: Character) {
        for other in &mut self.airborne {
            if other.sender != character.sender && other.overlaps(&character) {
                other.collided = true;
                character.collided = true;
            }
        }
        let late = self.landed.iter().any(|other| other.sender != character.sender && other.overlaps(&character));
        character.collided |= late;
        let place = self.airborne.partition_point(|other| other.end <= character.end);
        self.airborne.insert(place, character);
    }

    /// When the next character ends.
    pub(super) fn next_end(&self) -> Option<VirtualTime> {
        self.airborne.first().map(|character| character.end)
    }

    /// The next character that is over at `now`.
    pub(super) fn land(&mut self, now: VirtualTime) -> Option<Character> {
        if self.airborne.first()?.end > now {
            return None;
        }
        let character = self.airborne.remove(0);
        self.landed.retain(|other| other.sender != character.sender);
        self.landed.push(character);
        Some(character)
    }

    /// Whether that sender's driver was on during any part of the character.
    pub(super) fn drove_during(&self, sender: Sender, character: &Character) -> bool {
        let mut others = self.airborne.iter().chain(&self.landed);
        others.any(|other| other.sender == sender && other.overlaps(character))
    }

    /// Whether nothing is on the line.
    pub(super) fn is_empty(&self) -> bool {
        self.airborne.is_empty()
    }

    /// Whether a station is sending.
    pub(super) fn has_answer(&self) -> bool {
        self.airborne.iter().any(|character| character.sender != Sender::Master)
    }

    /// A sender is gone in the middle of a character: what is left of it is garbage.
    pub(super) fn cut(&mut self, sender: Sender) {
        for character in self.airborne.iter_mut().filter(|character| character.sender == sender) {
            character.collided = true;
        }
    }
}
