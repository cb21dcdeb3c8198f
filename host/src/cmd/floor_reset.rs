//! The one dangerous thing a key set can say, and the words that have to be typed for it.

use protocol::identity::Serial;
use protocol::key_set::{FloorReset, Units};
use sonde::failure::{Class, Failure};

use super::Failed;
use crate::output;

const DANGER: &str = "\
DANGER: the floor keeps out releases that are known to be bad. Lowered, everyone who still has such a release with its
good signature can bring it onto the unit and use what is wrong with it. A unit does it once, when it takes the key set.
Do this only to bring back a unit whose floor shuts out every release that you have.";

/// The words that say it is meant.
#[derive(clap::Args, Debug)]
pub(crate) struct Confirm {
    /// The words to type for a floor reset, for scripts
    #[arg(long, value_name = "WORDS")]
    confirm: Option<String>,
}

/// The words were not said.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotMeantError {
    /// Nobody to ask.
    #[error("{DANGER}\nThere is no terminal to ask on; if it is meant, say: --confirm \"{words}\"")]
    NoTerminal {
        /// What to say.
        words: String,
    },
    /// Something else was said.
    #[error("{DANGER}\nNothing was done: \"{said}\" was said; if it is meant, say exactly \"{words}\"")]
    Other {
        /// What to say.
        words: String,
        /// What was said.
        said: String,
    },
}

impl Failure for NotMeantError {
    fn class(&self) -> Class {
        Class::Usage
    }

    fn kind(&self) -> &'static str {
        "key_set.not_meant"
    }
}

impl Confirm {
    /// Passes only when the exact words are said, on the command line or the terminal.
    pub(crate) fn meant(&self, reset: FloorReset) -> Result<(), Failed> {
        let words = words(reset);
        let said = match &self.confirm {
            Some(said) => said.clone(),
            None => output::ask(&format!("{DANGER}\nIf it is meant, type: {words}\n> "))
                .ok_or_else(|| NotMeantError::NoTerminal { words: words.clone() })?,
        };
        if said.trim() == words { Ok(()) } else { Err(NotMeantError::Other { words, said }.into()) }
    }
}

/// They name version and unit, so that nobody says them without having looked.
fn words(reset: FloorReset) -> String {
    let unit = match reset.units {
        Units::Any => "any unit".to_owned(),
        Units::One(serial) => serial.to_string(),
    };
    format!("lower the floor to {} on {unit}", reset.to)
}

/// `any`, or a serial number.
pub(crate) fn units(text: &str) -> Result<Units, String> {
    if text == "any" {
        return Ok(Units::Any);
    }
    let serial = Serial::parse(text).ok_or_else(|| {
        "expected the serial number of one unit (1 to 16 characters, as `sonde status` shows it), or any".to_owned()
    })?;
    Ok(Units::One(serial))
}
