//! Writes files whole or not at all: into a new file beside it first, then to its name.

use std::io::Write as _;
use std::path::Path;

/// What to do about a file of that name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Existing {
    /// Leave it: what was there cannot be made again.
    Keep,
    /// The new one takes its place.
    Replace,
}

/// Why a file was not written. Then nothing has changed.
#[derive(Debug)]
pub(crate) enum WriteError {
    /// There is one, and it is kept.
    Exists,
    /// The system said no.
    System(std::io::Error),
}

/// Writes a file with that mode.
pub(crate) fn write(path: &Path, contents: &[u8], mode: u32, existing: Existing) -> Result<(), WriteError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    set_mode(&mut builder, mode);
    let mut file = builder.tempfile_in(folder).map_err(WriteError::System)?;
    file.write_all(contents).and_then(|()| file.as_file().sync_all()).map_err(WriteError::System)?;
    let named = match existing {
        Existing::Keep => file.persist_noclobber(path),
        Existing::Replace => file.persist(path),
    };
    match named {
        Ok(_) => Ok(()),
        Err(error) if error.error.kind() == std::io::ErrorKind::AlreadyExists => Err(WriteError::Exists),
        Err(error) => Err(WriteError::System(error.error)),
    }
}

#[cfg(unix)]
fn set_mode(builder: &mut tempfile::Builder<'_, '_>, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    builder.permissions(std::fs::Permissions::from_mode(mode));
}

/// Elsewhere permissions are not bits.
#[cfg(not(unix))]
fn set_mode(_: &mut tempfile::Builder<'_, '_>, _: u32) {}
