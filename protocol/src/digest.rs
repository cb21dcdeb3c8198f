//! SHA-256 and the short forms of it that travel on the bus.

/// A whole SHA-256.
pub type Sha256Digest = [u8; 32];

pub use hash::sha256;

/// First 8 bytes of the SHA-256 of one flash page (`boot:U2`).
///
/// 64 bits keep a page map short on the wire. A wrong page that slips through costs a retry, never a wrong boot: the
/// whole image is verified before it is activated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "messages", derive(serde::Serialize, serde::Deserialize))]
pub struct PageHash(pub [u8; 8]);

impl PageHash {
    /// Hash of a page's bytes.
    #[must_use]
    pub fn of(page: &[u8]) -> Self {
        Self(short(&sha256(page)))
    }

    /// Stands for a page that cannot be read (poisoned): equal to no page worth having.
    pub const UNREADABLE: Self = Self([0; 8]);
}

/// First 8 bytes of an image's SHA-256: names an image in records and answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "messages", derive(serde::Serialize, serde::Deserialize))]
pub struct ImageTag(pub [u8; 8]);

impl ImageTag {
    /// Tag of the image with that SHA-256.
    #[must_use]
    pub fn of(digest: &Sha256Digest) -> Self {
        Self(short(digest))
    }
}

/// First 8 bytes of the SHA-256 of an Ed25519 public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "messages", derive(serde::Serialize, serde::Deserialize))]
pub struct KeyId(pub [u8; 8]);

impl KeyId {
    /// Id of a public key.
    #[must_use]
    pub fn of(public_key: &[u8; 32]) -> Self {
        Self(short(&sha256(public_key)))
    }
}

macro_rules! display_as_hex {
    ($($name:ident),*) => {$(
        impl core::fmt::Display for $name {
            fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
            }
        }
    )*};
}
display_as_hex!(PageHash, ImageTag, KeyId);

fn short(digest: &Sha256Digest) -> [u8; 8] {
    *digest.first_chunk().expect("8 bytes of 32")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_forms_are_the_first_eight_bytes() {
        // FIPS 180-4 example: SHA-256("abc").
        assert_eq!(sha256(b"abc")[..4], [0xBA, 0x78, 0x16, 0xBF]);
        assert_eq!(PageHash::of(b"abc").0, sha256(b"abc")[..8]);
        assert_eq!(format!("{}", ImageTag::of(&sha256(b"abc"))), "ba7816bf8f01cfea");
    }
}
