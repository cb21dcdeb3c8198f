//! Memory in which chunks become pages: flash is erased by the page, so a page is written when all of it is there.

use protocol::layout::PAGE_SIZE;

use super::PAGE;

/// Pages that can be collected at once. Two for a sender that goes straight on (a chunk lies across two pages at most),
/// and as many again for the time that the worker takes to erase and write one.
pub const PAGE_BUFFERS: usize = 4;

/// Half words of a page: chunks begin and end at even offsets.
const HALF_WORDS: usize = PAGE / 2;

/// All buffers.
#[derive(Debug)]
pub(super) struct PageBuffers {
    buffers: [PageBuffer; PAGE_BUFFERS],
    /// Counts chunks, to tell which buffer has waited longest.
    clock: u32,
}

/// One page in the making.
#[derive(Debug)]
struct PageBuffer {
    page: Option<u8>,
    bytes: [u8; PAGE],
    received: [u32; HALF_WORDS / 32],
    missing: u16,
    touched: u32,
}

/// The part of a chunk that lies in one page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece<'a> {
    pub(super) page: u8,
    offset: usize,
    bytes: &'a [u8],
}

impl<'a> Piece<'a> {
    /// The one or two pieces of a chunk; offset and length are even, and a chunk is shorter than a page.
    pub(super) fn split(offset: u32, data: &'a [u8]) -> [Option<Self>; 2] {
        let (page, offset) = ((offset / PAGE_SIZE) as u8, (offset % PAGE_SIZE) as usize);
        let (first, second) = data.split_at(data.len().min(PAGE - offset));
        let first = Self { page, offset, bytes: first };
        let second = Self { page: page + 1, offset: 0, bytes: second };
        [Some(first), (!second.bytes.is_empty()).then_some(second)]
    }
}

impl PageBuffers {
    pub(super) const EMPTY: Self = Self { buffers: [const { PageBuffer::FREE }; PAGE_BUFFERS], clock: 0 };

    pub(super) fn clear(&mut self) {
        for buffer in &mut self.buffers {
            buffer.page = None;
        }
    }

    /// Buffers that hold nothing.
    pub(super) fn free(&self) -> usize {
        self.buffers.iter().filter(|buffer| buffer.page.is_none()).count()
    }

    /// Stores the pieces, all or none; `false` when there is no room for all.
    pub(super) fn store(&mut self, [first, second]: [Option<Piece<'_>>; 2]) -> bool {
        self.clock = self.clock.wrapping_add(1);
        let pages = [first.map(|piece| piece.page), second.map(|piece| piece.page)];
        if pages.into_iter().flatten().any(|page| self.room_for(page, pages).is_none()) {
            // What was opened for the other page is not kept waiting for a chunk that may never come again.
            for buffer in &mut self.buffers {
                buffer.page = buffer.page.filter(|_| !buffer.is_blank());
            }
            return false;
        }
        for piece in [first, second].iter().flatten() {
            if let Some(buffer) = self.room_for(piece.page, pages) {
                buffer.fill(piece);
            }
        }
        true
    }

    /// Copies out a page that is whole, and frees its buffer.
    pub(super) fn take_full(&mut self, out: &mut [u8; PAGE]) -> Option<u8> {
        let buffer = self.buffers.iter_mut().find(|buffer| buffer.is_full())?;
        out.copy_from_slice(&buffer.bytes);
        buffer.page.take()
    }

    /// The buffer for a page: the one that it has, or a free one.
    ///
    /// When every buffer holds a part of a page, and none a whole one, waiting would not help: then the part that has
    /// waited longest gives way, unless it is one of those `wanted` now. Its chunks will be found missing and sent again.
    #[inline(never)]
    fn room_for(&mut self, page: u8, wanted: [Option<u8>; 2]) -> Option<&mut PageBuffer> {
        let nobody_gives_way = self.buffers.iter().any(PageBuffer::is_full);
        let (mut best, mut best_rank) = (None, 0);
        for buffer in &mut self.buffers {
            let rank = match buffer.page {
                Some(own) if own == page => u32::MAX,
                None => u32::MAX - 1,
                own if nobody_gives_way || wanted.contains(&own) => 0,
                Some(_) => self.clock.wrapping_sub(buffer.touched),
            };
            if rank > best_rank {
                (best, best_rank) = (Some(buffer), rank);
            }
        }
        let buffer = best?;
        if buffer.page != Some(page) {
            buffer.page = Some(page);
            buffer.received = [0; HALF_WORDS / 32];
            buffer.missing = HALF_WORDS as u16;
        }
        buffer.touched = self.clock;
        Some(buffer)
    }
}

impl PageBuffer {
    const FREE: Self = Self { page: None, bytes: [0; PAGE], received: [0; HALF_WORDS / 32], missing: 0, touched: 0 };

    fn is_full(&self) -> bool {
        self.page.is_some() && self.missing == 0
    }

    fn is_blank(&self) -> bool {
        self.missing == HALF_WORDS as u16
    }

    fn fill(&mut self, piece: &Piece<'_>) {
        self.bytes[piece.offset..piece.offset + piece.bytes.len()].copy_from_slice(piece.bytes);
        let first = piece.offset / 2;
        for half_word in first..first + piece.bytes.len() / 2 {
            let (word, bit) = (&mut self.received[half_word / 32], 1 << (half_word % 32));
            if *word & bit == 0 {
                *word |= bit;
                self.missing -= 1;
            }
        }
    }
}
