//! Values on the command line that several commands read.

use std::path::Path;

use protocol::channel::{Amplitude, ChannelId};
use protocol::digest::KeyId;
use protocol::semver::Version;
use sonde::key::file::{ReadKeyError, read_public};
use sonde::key::pair::Release;

/// `1.2.3`
pub(crate) fn version(text: &str) -> Result<Version, String> {
    Version::parse(text).ok_or_else(|| "expected three numbers from 0 to 65535, as in 1.2.3".to_owned())
}

/// A release key by its id, 16 hexadecimal digits, or by its public key file.
pub(crate) fn release_key(text: &str) -> Result<KeyId, ReadKeyError> {
    match key_id(text) {
        Some(id) => Ok(id),
        None => read_public::<Release>(Path::new(text)).map(|key| key.id()),
    }
}

fn key_id(text: &str) -> Option<KeyId> {
    let good = text.len() == 16 && text.bytes().all(|digit| digit.is_ascii_hexdigit());
    good.then(|| u64::from_str_radix(text, 16).ok()).flatten().map(|id| KeyId(id.to_be_bytes()))
}

/// The channels that an order is for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Channels {
    /// One.
    One([ChannelId; 1]),
    /// All four.
    All,
}

impl Channels {
    /// Which they are.
    pub(super) fn list(&self) -> &[ChannelId] {
        match self {
            Self::One(one) => one,
            Self::All => &ChannelId::ALL,
        }
    }
}

/// A channel's number.
pub(super) fn channel_id(text: &str) -> Result<ChannelId, String> {
    let number = text.parse().ok().and_then(ChannelId::from_number);
    number.ok_or_else(|| "a unit has channels 1 to 4".to_owned())
}

/// A channel's number, or all.
pub(super) fn channels(text: &str) -> Result<Channels, String> {
    if text == "all" { Ok(Channels::All) } else { channel_id(text).map(|channel| Channels::One([channel])) }
}

/// An amplitude. The unit clamps; here somebody has typed it, and a slip is better asked about.
pub(super) fn amplitude(text: &str) -> Result<Amplitude, String> {
    let percent = text.trim_end_matches('%').parse::<u16>().ok();
    let amplitude = percent.map(Amplitude::clamped).filter(|amplitude| Some(u16::from(amplitude.percent())) == percent);
    amplitude.ok_or_else(|| "an amplitude is 20 to 100 percent".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_and_amplitudes_out_of_range_are_asked_about() {
        assert_eq!(channels("all").unwrap().list(), ChannelId::ALL);
        assert_eq!(channels("4").unwrap().list(), [ChannelId::Four]);
        assert_eq!(["0", "5", "-1", "", "one", "1,2"].map(|text| channels(text).is_err()), [true; 6]);
        assert_eq!(amplitude("60"), amplitude("60%"));
        assert_eq!(["19", "101", "", "%", "50.5"].map(|text| amplitude(text).is_err()), [true; 5]);
    }

    #[test]
    fn a_key_id_reads_as_it_is_shown() {
        let id = KeyId([0x01, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xEF]);
        assert_eq!(key_id(&id.to_string()), Some(id));
        assert_eq!(key_id("0123456789ABCDEF"), Some(id));
        for text in ["", "0123456789abcde", "0123456789abcdefa", "+123456789abcdef", "key.pub.pem"] {
            assert_eq!(key_id(text), None, "{text}");
        }
    }
}
