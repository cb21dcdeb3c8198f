//! What the DMA controllers do when a peripheral asks.

use super::dma::{self, Item, Source};
use super::{Chip, Stm32g474};
use crate::core::bus::Signals;

impl Stm32g474 {
    /// Serves all requests; says whether there were any.
    pub(super) fn serve_requests(&mut self, ram: &mut [u8], signals: &mut Signals) -> bool {
        let mut served = false;
        // An item a turn, the lowest channel first. Each turn takes what is there or fills a place: it ends.
        while let Some((controller, item)) = self.next_item() {
            let worked = self.move_item(item, ram, signals).is_some();
            self.dma[controller].moved(item.channel, worked);
            served = true;
        }
        if served {
            self.drive_lines(signals);
        }
        served
    }

    fn next_item(&self) -> Option<(usize, Item)> {
        (0..2).filter(|&controller| self.dma[controller].is_on()).find_map(|controller| {
            (0..8).find_map(|channel| {
                let item = self.dma[controller].item(channel)?;
                let asks = match self.dmamux.source(controller * 8 + channel)? {
                    Source::Received(port) => self.usart[port].dma_requests().0,
                    Source::Room(port) => self.usart[port].dma_requests().1,
                    Source::Adc1 => self.adc.asks_for_dma(),
                };
                asks.then_some((controller, item))
            })
        })
    }

    /// `None`: a transfer error.
    fn move_item(&mut self, item: Item, ram: &mut [u8], signals: &mut Signals) -> Option<()> {
        if item.to_memory {
            let value = self.read(item.peripheral, item.width, signals).ok()?;
            dma::store(ram, item.memory, item.width, value)
        } else {
            let value = dma::load(ram, self.flash.bytes(), item.memory, item.width)?;
            self.write(item.peripheral, item.width, value, signals).ok().map(drop)
        }
    }
}
