//! The clients of a server, as the thread that owns the segment sees them.

use std::sync::mpsc::{SyncSender, TrySendError};

/// Pieces that wait for a client before it counts as too slow.
pub(super) const BACKLOG: usize = 1024;

/// Which client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PortId(pub(super) u64);

/// The way to one client.
#[derive(Debug)]
pub(super) struct Outlet {
    pub(super) id: PortId,
    /// For people.
    pub(super) name: String,
    pub(super) pieces: SyncSender<Vec<u8>>,
}

/// All clients.
#[derive(Debug, Default)]
pub(super) struct Outlets(Vec<Outlet>);

impl Outlets {
    pub(super) fn add(&mut self, outlet: Outlet) {
        self.0.push(outlet);
    }

    /// Forgets a client; its writer ends when it has written what waits.
    pub(super) fn remove(&mut self, id: PortId) -> Option<Outlet> {
        let place = self.0.iter().position(|outlet| outlet.id == id)?;
        Some(self.0.swap_remove(place))
    }

    /// Sends to all; returns those that do not read, which are forgotten.
    pub(super) fn send(&mut self, bytes: &[u8]) -> Vec<Outlet> {
        let (kept, lost) = std::mem::take(&mut self.0)
            .into_iter()
            .partition(|outlet| !matches!(outlet.pieces.try_send(bytes.to_vec()), Err(TrySendError::Full(_))));
        self.0 = kept;
        lost
    }
}
