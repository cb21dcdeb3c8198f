//! The version that this build calls itself.

use protocol::semver::Version;

/// From the environment variable `SONDE_FIRMWARE_VERSION` of the build; 0.0.0 without it. Anything but
/// `major.minor.patch` stops the build.
pub const FIRMWARE_VERSION: Version = match option_env!("SONDE_FIRMWARE_VERSION") {
    None => Version::ZERO,
    Some(text) => match Version::parse(text) {
        Some(version) => version,
        None => panic!("SONDE_FIRMWARE_VERSION is not major.minor.patch, each 0-65535"),
    },
};
