//! The flags of FLASH_SR (RM0440 3.7.5).

/// An operation ended well; set only while CR.EOPIE is.
pub(super) const EOP: u32 = 1 << 0;
/// An operation failed; set only while CR.ERRIE is.
pub(super) const OPERR: u32 = 1 << 1;
/// The double word was not erased (`fault:P6`).
pub(super) const PROGERR: u32 = 1 << 3;
/// The page is write-protected.
pub(super) const WRPERR: u32 = 1 << 4;
/// The two halves are not those of one aligned double word.
pub(super) const PGAERR: u32 = 1 << 5;
/// An access narrower than a word.
pub(super) const SIZERR: u32 = 1 << 6;
/// Wrong order: no PG, erase with PG, or an older error still flagged (`fault:P6`).
pub(super) const PGSERR: u32 = 1 << 7;
/// All flags that block the next operation; MISSERR, FASTERR, RDERR and OPTVERR never rise in this model.
pub(super) const ALL_ERRORS: u32 = 0xC3FA;
/// An operation is in progress.
pub(super) const BSY: u32 = 1 << 16;
