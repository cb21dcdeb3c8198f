//! A hand on the segment from inside the process, while it is served.

use std::sync::mpsc::{Sender, channel};

use super::order::{Order, OrderError, Turn};
use super::server::Message;
use crate::board::{Board, Outputs, ResetRecord, Tear};
use crate::line::{LineCounters, Segment};
use crate::plant::CHANNELS;
use crate::time::VirtualTime;
use crate::unit::FIRST_UNIT_ID;

/// The server has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the server of the virtual units has ended; start it again")]
pub struct ServerGone;

/// Reaches the segment between two of its steps.
pub struct Control<S> {
    sender: Sender<Message<S>>,
}

impl<S> Clone for Control<S> {
    fn clone(&self) -> Self {
        Self { sender: self.sender.clone() }
    }
}

impl<S> Control<S> {
    pub(super) fn new(sender: Sender<Message<S>>) -> Self {
        Self { sender }
    }

    /// Does `work` at the present virtual time and returns what it returns.
    ///
    /// # Errors
    /// [`ServerGone`].
    pub fn with<R: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Segment<S>) -> R + Send + 'static,
    ) -> Result<R, ServerGone> {
        let (answer, result) = channel();
        let job = Box::new(move |segment: &mut Segment<S>| {
            // Whoever asked may have gone.
            let _ = answer.send(work(segment));
        });
        self.sender.send(Message::Work(job)).map_err(|_| ServerGone)?;
        result.recv().map_err(|_| ServerGone)
    }
}

/// What a demo or a test asks of the boards; `unit` is the index on the line, from 0.
impl Control<Board> {
    fn board<R: Send + 'static>(
        &self,
        unit: usize,
        work: impl FnOnce(&mut Board) -> R + Send + 'static,
    ) -> Result<R, ServerGone> {
        self.with(move |segment| work(segment.station_mut(unit)))
    }

    /// Cuts the power of a unit in its flash operation number `after_flash_operations` from now, and tears that one.
    ///
    /// # Errors
    /// [`ServerGone`], as for all of these.
    pub fn plan_power_cut(&self, unit: usize, after_flash_operations: u64, tear: Tear) -> Result<(), ServerGone> {
        self.board(unit, move |board| board.plan_power_cut(after_flash_operations, tear))
    }

    /// Power comes.
    ///
    /// # Errors
    /// [`ServerGone`].
    pub fn power_on(&self, unit: usize) -> Result<(), ServerGone> {
        self.board(unit, Board::power_on)
    }

    /// Power goes.
    ///
    /// # Errors
    /// [`ServerGone`].
    pub fn power_off(&self, unit: usize) -> Result<(), ServerGone> {
        self.board(unit, Board::power_off)
    }

    /// Whether the unit has power.
    ///
    /// # Errors
    /// [`ServerGone`].
    pub fn is_powered(&self, unit: usize) -> Result<bool, ServerGone> {
        self.board(unit, |board| board.is_powered())
    }

    /// The reset button; also revives a stopped machine.
    ///
    /// # Errors
    /// [`ServerGone`].
    pub fn pin_reset(&self, unit: usize) -> Result<(), ServerGone> {
        self.with(move |segment| {
            segment.station_mut(unit).pin_reset();
            segment.revive(unit);
        })
    }

    /// Levels of its outputs.
    ///
    /// # Errors
    /// [`ServerGone`].
    pub fn outputs(&self, unit: usize) -> Result<Outputs, ServerGone> {
        self.board(unit, |board| board.outputs())
    }

    /// Breaks or mends something at a unit's sonicators.
    ///
    /// # Errors
    /// [`ServerGone`]; the inner one when the line has no such unit.
    pub fn carry_out(&self, order: Order) -> Result<Result<(), OrderError>, ServerGone> {
        self.with(move |segment| {
            let unit = order.unit.checked_sub(FIRST_UNIT_ID).map(usize::from);
            let Some(unit) = unit.filter(|&unit| unit < segment.station_count()) else {
                return Err(OrderError::Unit { found: order.unit });
            };
            let plant = segment.station_mut(unit).plant_mut();
            match order.turn {
                Turn::On => plant.inject(order.channel - 1, order.fault),
                Turn::Off => plant.mend(order.channel - 1, order.fault),
            }
            Ok(())
        })
    }

    /// What the channels of a unit really emit, in watts.
    ///
    /// # Errors
    /// [`ServerGone`].
    pub fn watts(&self, unit: usize) -> Result<[f64; CHANNELS], ServerGone> {
        self.board(unit, |board| std::array::from_fn(|channel| board.plant().channel(channel).watts()))
    }

    /// Flash words programmed and pages erased since the board was made.
    ///
    /// # Errors
    /// [`ServerGone`].
    pub fn flash_operations(&self, unit: usize) -> Result<u64, ServerGone> {
        self.board(unit, |board| board.flash_operations())
    }

    /// Instructions executed since the board was made.
    ///
    /// # Errors
    /// [`ServerGone`].
    pub fn instructions(&self, unit: usize) -> Result<u64, ServerGone> {
        self.board(unit, |board| board.instructions())
    }

    /// Its resets so far.
    ///
    /// # Errors
    /// [`ServerGone`].
    pub fn resets(&self, unit: usize) -> Result<Vec<ResetRecord>, ServerGone> {
        self.board(unit, |board| board.resets().to_vec())
    }

    /// Why its machine stopped for good, if it did.
    ///
    /// # Errors
    /// [`ServerGone`].
    pub fn stopped(&self, unit: usize) -> Result<Option<String>, ServerGone> {
        self.with(move |segment| segment.stopped(unit).map(str::to_string))
    }

    /// Virtual time of the segment.
    ///
    /// # Errors
    /// [`ServerGone`].
    pub fn now(&self) -> Result<VirtualTime, ServerGone> {
        self.with(|segment| segment.now())
    }

    /// What went over the line.
    ///
    /// # Errors
    /// [`ServerGone`].
    pub fn counters(&self) -> Result<LineCounters, ServerGone> {
        self.with(|segment| segment.counters())
    }
}
