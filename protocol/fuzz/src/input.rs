//! Takes numbers and pieces off the front of an input. Behind its end everything is zero, so every input means something.

pub(super) struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn u8(&mut self) -> u8 {
        self.array::<1>()[0]
    }

    pub(super) fn u16(&mut self) -> u16 {
        u16::from_le_bytes(self.array())
    }

    /// The next bytes, zeros behind the end.
    pub(super) fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut array = [0; N];
        let taken = self.take(N);
        array[..taken.len()].copy_from_slice(taken);
        array
    }

    /// At most `count` bytes.
    pub(super) fn take(&mut self, count: usize) -> &'a [u8] {
        let (head, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        head
    }

    /// Up to seven changes of single bytes of `bytes`, each by exclusive or.
    pub(super) fn damage(&mut self, bytes: &mut [u8]) {
        for _ in 0..self.u8() % 8 {
            let place = usize::from(self.u16()) % bytes.len();
            bytes[place] ^= self.u8();
        }
    }
}
