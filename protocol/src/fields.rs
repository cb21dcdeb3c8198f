//! Reading and writing of fixed little-endian layouts, field by field, in the order of their offsets.

/// Takes fields off the front of a fixed-size record.
///
/// A record's `parse` takes an array of the record's exact size, so running out of bytes is a mistake in the layout
/// itself, which the round-trip tests of each record find.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) fn array<const N: usize>(&mut self) -> [u8; N] {
        let (head, rest) = self.rest.split_first_chunk::<N>().expect("fields add up to the record's size");
        self.rest = rest;
        *head
    }

    pub(crate) fn u8(&mut self) -> u8 {
        self.array::<1>()[0]
    }

    pub(crate) fn u16(&mut self) -> u16 {
        u16::from_le_bytes(self.array())
    }

    pub(crate) fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.array())
    }

    /// Whether the next `length` bytes are all zero; takes them.
    pub(crate) fn zeros(&mut self, length: usize) -> bool {
        let (head, rest) = self.rest.split_at(length);
        self.rest = rest;
        head.iter().all(|&byte| byte == 0)
    }
}

/// Fills a fixed-size record from the front; what is not written stays zero.
pub(crate) struct Writer<'a> {
    rest: &'a mut [u8],
}

impl<'a> Writer<'a> {
    pub(crate) fn new(bytes: &'a mut [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) fn array(&mut self, bytes: &[u8]) -> &mut Self {
        let (head, rest) = core::mem::take(&mut self.rest).split_at_mut(bytes.len());
        head.copy_from_slice(bytes);
        self.rest = rest;
        self
    }

    pub(crate) fn u8(&mut self, value: u8) -> &mut Self {
        self.array(&[value])
    }

    pub(crate) fn u16(&mut self, value: u16) -> &mut Self {
        self.array(&value.to_le_bytes())
    }

    pub(crate) fn u32(&mut self, value: u32) -> &mut Self {
        self.array(&value.to_le_bytes())
    }

    pub(crate) fn zeros(&mut self, length: usize) -> &mut Self {
        let (head, rest) = core::mem::take(&mut self.rest).split_at_mut(length);
        head.fill(0);
        self.rest = rest;
        self
    }
}
