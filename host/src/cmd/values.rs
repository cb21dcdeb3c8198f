//! Values on the command line that several commands read.

use std::path::Path;

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

#[cfg(test)]
mod tests {
    use super::*;

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
