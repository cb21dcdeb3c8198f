//! What the board does to the world around it: its outputs, and the sonicators behind them.

use super::{Board, Outputs, Power};
use crate::chip::StartEdge;
use crate::plant::Plant;

impl Board {
    /// The pins that move things.
    #[must_use]
    pub fn outputs(&self) -> Outputs {
        self.core.chip.wires().outputs
    }

    /// Takes back [`Outputs::ever_on`], unless a START pin is high now.
    pub fn clear_output_latch(&mut self) {
        self.core.chip.clear_output_latch();
    }

    /// When the START pins went high and low since the board's creation, or since the list was cleared; to the cycle.
    #[must_use]
    pub fn start_edges(&self) -> &[StartEdge] {
        &self.core.chip.wires().edges
    }

    /// Forgets [`Board::start_edges`].
    pub fn clear_start_edges(&mut self) {
        self.core.chip.wires_mut().edges.clear();
    }

    /// The sonicators, as of the last time that the board ran to.
    #[must_use]
    pub fn plant(&self) -> &Plant {
        &self.core.chip.wires().plant
    }

    /// The same, to break and mend things. The channels' inputs are the board's business: it drives them.
    pub fn plant_mut(&mut self) -> &mut Plant {
        self.core.poke();
        self.poked = true;
        let wires = self.core.chip.wires_mut();
        wires.look_again();
        &mut wires.plant
    }

    /// The supply dips for a moment below the threshold of the chip's voltage monitor, but not so far that it is reset.
    pub fn dip_supply(&mut self) {
        if matches!(self.power, Power::On) {
            let cycle = self.core.cycles();
            self.core.chip.dip_supply(cycle);
            self.core.poke();
            self.poked = true;
        }
    }
}
