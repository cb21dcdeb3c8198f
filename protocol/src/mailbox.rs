//! Mailboxes: windows of holding registers, outside the PLC's map, that carry messages and image chunks (`bus:M2`).
//!
//! A message is written to the request window and its reply read from the response window, in one FC23 transaction in
//! `direct` mode. Reading has no side effect; a repeated sequence number returns the cached reply (`boot:U3`).
//!
//! Envelope, at the start of either window: length of the payload (1 byte), flags (1, zero), session (2, little-endian),
//! sequence (2, little-endian), then the postcard payload, zero-padded to whole registers.
//!
//! Chunk, at the start of the chunk window, FC16: tag of the transfer (1), offset in the image (3, little-endian, even),
//! then image bytes. 4 bytes of header leave 242 of the 246 bytes that FC16 carries: 98.4 %.

/// First register of the request window: written by the host.
pub const REQUEST: u16 = 0xF000;
/// First register of the response window: read by the host.
pub const RESPONSE: u16 = 0xF100;
/// First register of the chunk window: written by the host, also by broadcast.
pub const CHUNK: u16 = 0xF200;
/// First register of the status window: [`StatusWindow`], read by the host, needs no session.
pub const STATUS: u16 = 0xF300;

/// Registers of the request window: what FC23 can write.
pub const REQUEST_REGISTERS: u16 = 121;
/// Registers of the response window: what FC3 and FC23 can read.
pub const RESPONSE_REGISTERS: u16 = 125;
/// Registers of the chunk window: what FC16 can write.
pub const CHUNK_REGISTERS: u16 = 123;

/// Bytes of the envelope before the payload.
pub const ENVELOPE_SIZE: usize = 6;
/// Longest payload of a request, bytes.
pub const MAX_REQUEST: usize = REQUEST_REGISTERS as usize * 2 - ENVELOPE_SIZE;
/// Longest payload of a reply, bytes.
pub const MAX_REPLY: usize = RESPONSE_REGISTERS as usize * 2 - ENVELOPE_SIZE;
/// Bytes of the chunk header.
pub const CHUNK_HEADER: usize = 4;
/// Most image bytes in one chunk.
pub const MAX_CHUNK: usize = CHUNK_REGISTERS as usize * 2 - CHUNK_HEADER;

/// Which request of which client a message belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Envelope {
    /// Chosen at random by the client; one client at a time.
    pub session: u16,
    /// One more for each new request; the same for a repetition.
    pub sequence: u16,
}

/// Why window contents are not a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EnvelopeError {
    /// Fewer bytes than the envelope and its payload need.
    Short {
        /// Bytes needed.
        needed: usize,
        /// Bytes there.
        found: usize,
    },
    /// A flag that this version does not know.
    Flags {
        /// The flags found.
        found: u8,
    },
    /// Something other than zero behind the payload.
    Padding,
}

impl Envelope {
    /// Splits window contents into envelope and payload.
    ///
    /// # Errors
    /// [`EnvelopeError`] when the contents are not exactly one message and zeros.
    pub fn parse(window: &[u8]) -> Result<(Self, &[u8]), EnvelopeError> {
        let short = |needed| EnvelopeError::Short { needed, found: window.len() };
        let (head, rest) = window.split_first_chunk::<ENVELOPE_SIZE>().ok_or(short(ENVELOPE_SIZE))?;
        let [length, flags, session_low, session_high, sequence_low, sequence_high] = *head;
        if flags != 0 {
            return Err(EnvelopeError::Flags { found: flags });
        }
        let length = usize::from(length);
        let (payload, padding) = rest.split_at_checked(length).ok_or(short(ENVELOPE_SIZE + length))?;
        if padding.iter().any(|&byte| byte != 0) {
            return Err(EnvelopeError::Padding);
        }
        let envelope = Self {
            session: u16::from_le_bytes([session_low, session_high]),
            sequence: u16::from_le_bytes([sequence_low, sequence_high]),
        };
        Ok((envelope, payload))
    }

    /// Writes envelope and payload; returns the bytes used, an even number. `None` when they do not fit `window`.
    pub fn emit(self, payload: &[u8], window: &mut [u8]) -> Option<usize> {
        let length = u8::try_from(payload.len()).ok()?;
        let used = (ENVELOPE_SIZE + payload.len()).next_multiple_of(2);
        let window = window.get_mut(..used)?;
        window.fill(0);
        window[0] = length;
        window[2..4].copy_from_slice(&self.session.to_le_bytes());
        window[4..6].copy_from_slice(&self.sequence.to_le_bytes());
        window[ENVELOPE_SIZE..ENVELOPE_SIZE + payload.len()].copy_from_slice(payload);
        Some(used)
    }
}

/// Bytes that the response window holds for a message that begins with these; `None` before the envelope is there.
#[must_use]
pub fn message_length(window: &[u8]) -> Option<usize> {
    window.first().map(|&length| (ENVELOPE_SIZE + usize::from(length)).next_multiple_of(2))
}

/// A piece of an image that says where it belongs (`boot:U2`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunk<'a> {
    /// The transfer it belongs to, from [`crate::message::Began`].
    pub tag: u8,
    /// Where its bytes start in the image; even.
    pub offset: u32,
    /// Image bytes: 2 to [`MAX_CHUNK`], an even number. The last ones of an image are padded with `0xFF`.
    pub data: &'a [u8],
}

impl<'a> Chunk<'a> {
    /// Reads what FC16 wrote; `None` for anything that is not exactly one chunk.
    #[must_use]
    pub fn parse(window: &'a [u8]) -> Option<Self> {
        let ([tag, low, middle, high], data) = window.split_first_chunk::<CHUNK_HEADER>()?;
        let offset = u32::from_le_bytes([*low, *middle, *high, 0]);
        let good = (2..=MAX_CHUNK).contains(&data.len()) && data.len().is_multiple_of(2) && offset.is_multiple_of(2);
        good.then_some(Self { tag: *tag, offset, data })
    }

    /// Writes the chunk; returns the bytes used. `None` when it would not parse back.
    pub fn emit(&self, window: &mut [u8; CHUNK_REGISTERS as usize * 2]) -> Option<usize> {
        let used = CHUNK_HEADER + self.data.len();
        let [low, middle, high, 0] = self.offset.to_le_bytes() else { return None };
        window.get_mut(CHUNK_HEADER..used)?.copy_from_slice(self.data);
        window[..CHUNK_HEADER].copy_from_slice(&[self.tag, low, middle, high]);
        Chunk::parse(&window[..used])?;
        Some(used)
    }
}

/// What the status window tells without a session: one register a field, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatusWindow {
    /// Oldest message version the unit understands.
    pub oldest_version: u16,
    /// Message version it speaks.
    pub current_version: u16,
    /// Most image bytes it takes in a chunk.
    pub max_chunk: u16,
    /// Page buffers free for chunks of further pages.
    pub free_buffers: u16,
    /// Tag of the transfer under way, 0 when none.
    pub transfer: u16,
    /// Pages of it that are in flash and read back.
    pub pages_done: u16,
    /// Pages it has.
    pub pages: u16,
    /// Sequence number of the last request that was executed.
    pub sequence: u16,
}

/// Registers of the status window.
pub const STATUS_REGISTERS: u16 = 8;

impl StatusWindow {
    /// The registers.
    #[must_use]
    pub const fn emit(&self) -> [u16; STATUS_REGISTERS as usize] {
        [
            self.oldest_version,
            self.current_version,
            self.max_chunk,
            self.free_buffers,
            self.transfer,
            self.pages_done,
            self.pages,
            self.sequence,
        ]
    }

    /// Copies the first registers into `out`, two bytes each, high byte first.
    pub fn read(&self, out: &mut [u8]) {
        for (place, word) in out.chunks_exact_mut(2).zip(self.emit()) {
            place.copy_from_slice(&word.to_be_bytes());
        }
    }

    /// From the registers.
    #[must_use]
    pub const fn parse(registers: &[u16; STATUS_REGISTERS as usize]) -> Self {
        let [oldest_version, current_version, max_chunk, free_buffers, transfer, pages_done, pages, sequence] =
            *registers;
        Self { oldest_version, current_version, max_chunk, free_buffers, transfer, pages_done, pages, sequence }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_window_is_answered(bytes in proptest::collection::vec(any::<u8>(), 0..260)) {
            let _ = Envelope::parse(&bytes);
            let _ = Chunk::parse(&bytes);
        }

        #[test]
        fn a_message_survives_the_window(
            session: u16, sequence: u16,
            payload in proptest::collection::vec(any::<u8>(), 0..=MAX_REPLY), zeros in 0_usize..20,
        ) {
            let mut window = [0xAA; 250];
            let envelope = Envelope { session, sequence };
            let used = envelope.emit(&payload, &mut window).expect("at most the window's size");
            prop_assert_eq!(message_length(&window), Some(used));
            let mut read = window[..used].to_vec();
            read.extend(vec![0; zeros]);
            prop_assert_eq!(Envelope::parse(&read), Ok((envelope, &payload[..])));
        }

        #[test]
        fn a_chunk_survives_the_window(tag: u8, offset in 0_u32..1 << 23, data in proptest::collection::vec(any::<[u8; 2]>(), 1..=121)) {
            let data = data.concat();
            let chunk = Chunk { tag, offset: offset * 2, data: &data };
            let mut window = [0; 246];
            let used = chunk.emit(&mut window).expect("an even offset below 2^24");
            prop_assert_eq!(Chunk::parse(&window[..used]), Some(chunk));
        }
    }

    #[test]
    fn a_chunk_that_would_not_parse_is_not_emitted() {
        let mut window = [0; 246];
        for chunk in [
            Chunk { tag: 1, offset: 1, data: &[0; 2] },
            Chunk { tag: 1, offset: 1 << 24, data: &[0; 2] },
            Chunk { tag: 1, offset: 0, data: &[0; 3] },
            Chunk { tag: 1, offset: 0, data: &[] },
            Chunk { tag: 1, offset: 0, data: &[0; 244] },
        ] {
            assert_eq!(chunk.emit(&mut window), None, "{chunk:?}");
        }
    }
}
