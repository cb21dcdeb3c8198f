//! The name of a case, from which it can be run again: `native/update.29/12p,40w3` is the story `update` on a unit whose log
//! holds 29 more records, power lost in operation 12 (counted from the last power-on), then in operation 40, there with the
//! fourth throw of the dice.

use std::fmt;
use std::str::FromStr;

use bootloader::model::Tear;

/// One loss of power.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// The flash operation that it hits; 0 is the first one after power-on.
    pub operation: u64,
    /// How the operation is torn.
    pub mode: Mode,
    /// Which of the ways that this mode leaves to chance: 0 is the first one.
    pub throw: u8,
}

impl Cut {
    /// What decides all that its mode leaves to chance; `salt` differs between cuts of a case. Throws in a row follow one
    /// another, so that four of them have every time that a weak word can hold ([`Mode::Weak`]).
    #[must_use]
    pub(super) fn seed(self, salt: u64) -> u64 {
        self.operation * 31 + salt + u64::from(self.throw)
    }

    /// The same in the loader's flash model.
    #[must_use]
    pub(super) fn tear(self, salt: u64) -> Tear {
        let seed = self.seed(salt);
        match self.mode {
            Mode::Before => Tear::Before,
            Mode::After => Tear::After,
            Mode::Garbage => Tear::Garbage(seed),
            Mode::Poison => Tear::Poison(seed),
            Mode::Unstable => Tear::Unstable(seed),
            Mode::Half => Tear::Half(seed),
            Mode::Weak => Tear::Weak(seed),
        }
    }
}

/// How an operation is torn (`fault:P1`, `fault:P3`, `fault:P4`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    /// Power went just before.
    Before,
    /// Power went just after.
    After,
    /// Words read as a mixture, always the same.
    Garbage,
    /// Words have double ECC errors.
    Poison,
    /// Words read differently each time.
    Unstable,
    /// An erase reached half of the page, a word half of its bits.
    Half,
    /// Words look right after the cut and decay, at once or some power-ons later.
    Weak,
}

impl Mode {
    /// Each of them.
    pub const ALL: [Self; 7] =
        [Self::Before, Self::After, Self::Garbage, Self::Poison, Self::Unstable, Self::Half, Self::Weak];

    /// Whether something is left to chance.
    #[cfg(feature = "embassy-boot")]
    pub(super) const fn is_torn(self) -> bool {
        !matches!(self, Self::Before | Self::After)
    }

    /// Its name in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::After => "after",
            Self::Garbage => "inside: garbage",
            Self::Poison => "inside: ECC fault",
            Self::Unstable => "inside: unstable",
            Self::Half => "inside: half",
            Self::Weak => "inside: decayed",
        }
    }

    const fn letter(self) -> char {
        match self {
            Self::Before => 'b',
            Self::After => 'a',
            Self::Garbage => 'g',
            Self::Poison => 'p',
            Self::Unstable => 'u',
            Self::Half => 'h',
            Self::Weak => 'w',
        }
    }
}

/// Which sweep a case belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sweep {
    /// The libraries over the flash model.
    Native,
    /// The linked images on the virtual board.
    Arm,
    /// embassy-boot over the same flash model.
    Embassy,
}

impl Sweep {
    const ALL: [Self; 3] = [Self::Native, Self::Arm, Self::Embassy];

    /// Its name, in seeds and tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Arm => "arm",
            Self::Embassy => "embassy",
        }
    }
}

/// A case by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seed {
    /// Which sweep.
    pub sweep: Sweep,
    /// Which story.
    pub story: String,
    /// The cuts, in order.
    pub cuts: Vec<Cut>,
}

/// Not the name of a case.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no seed; give one that a sweep has printed, such as native/update.29/12p,40w")]
pub struct SeedError(pub String);

impl FromStr for Seed {
    type Err = SeedError;

    fn from_str(text: &str) -> Result<Self, SeedError> {
        let parse = || {
            let mut parts = text.split('/');
            let name = parts.next()?;
            let sweep = Sweep::ALL.into_iter().find(|sweep| sweep.name() == name)?;
            let (story, cuts) = (parts.next()?, parts.next()?);
            let cuts = cuts.split(',').map(cut).collect::<Option<Vec<_>>>()?;
            parts.next().is_none().then(|| Self { sweep, story: story.into(), cuts })
        };
        parse().ok_or_else(|| SeedError(text.into()))
    }
}

fn cut(text: &str) -> Option<Cut> {
    let (place, letter) = text.char_indices().find(|(_, letter)| !letter.is_ascii_digit())?;
    let mode = Mode::ALL.into_iter().find(|mode| mode.letter() == letter)?;
    let operation = text[..place].parse().ok()?;
    let throw = match &text[place + letter.len_utf8()..] {
        "" => 0,
        throw => throw.parse().ok()?,
    };
    Some(Cut { operation, mode, throw })
}

impl fmt::Display for Seed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}/", self.sweep.name(), self.story)?;
        for (index, cut) in self.cuts.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(formatter, "{comma}{}{}", cut.operation, cut.mode.letter())?;
            if cut.throw > 0 {
                write!(formatter, "{}", cut.throw)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_comes_back_as_it_was_printed_and_anything_else_is_refused() {
        for text in ["native/update.29/12p,40w3", "arm/activate.0/3g", "embassy/update/4127u19"] {
            assert_eq!(text.parse::<Seed>().map(|seed| seed.to_string()), Ok(text.into()));
        }
        for text in [
            "",
            "native",
            "native/update/",
            "native/update/12",
            "native/update/12x",
            "native/u/1p/2",
            "arm/u/1pp",
            "arm/u/p",
        ] {
            assert!(text.parse::<Seed>().is_err(), "{text}");
        }
    }
}
