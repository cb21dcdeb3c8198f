//! Where the peripherals are (RM0440 2.2.2), and which clock and reset gates them.

use super::rcc::{Bus, Gate};

/// A peripheral of the chip, by its kind and number in the chip's lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    Timer(usize),
    Usart(usize),
    Adc,
    Gpio(usize),
    Iwdg,
    Pwr,
    Syscfg,
    Exti,
    Rcc,
    Flash,
    Crc,
    Rng,
    Dbgmcu,
    Dma(usize),
    Dmamux,
}

/// A peripheral's place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Block {
    base: u32,
    pub(crate) name: &'static str,
    pub(crate) who: Who,
    /// `None`: always clocked.
    pub(crate) gate: Option<Gate>,
}

impl Block {
    /// Whether an address is one of the block's.
    pub(crate) fn holds(&self, address: u32) -> bool {
        address & !(BLOCK_BYTES - 1) == self.base
    }
}

/// All blocks are aligned to this and no larger.
const BLOCK_BYTES: u32 = 0x400;

const fn block(base: u32, name: &'static str, who: Who, bus: Bus, bit: u32) -> Block {
    Block { base, name, who, gate: Some((bus, bit)) }
}

const fn free(base: u32, name: &'static str, who: Who) -> Block {
    Block { base, name, who, gate: None }
}

/// Sorted by address.
static BLOCKS: [Block; 36] = [
    block(0x4000_0000, "TIM2", Who::Timer(1), Bus::Apb1a, 0),
    block(0x4000_0400, "TIM3", Who::Timer(2), Bus::Apb1a, 1),
    block(0x4000_0800, "TIM4", Who::Timer(3), Bus::Apb1a, 2),
    block(0x4000_0C00, "TIM5", Who::Timer(4), Bus::Apb1a, 3),
    block(0x4000_1000, "TIM6", Who::Timer(5), Bus::Apb1a, 4),
    block(0x4000_1400, "TIM7", Who::Timer(6), Bus::Apb1a, 5),
    free(0x4000_3000, "IWDG", Who::Iwdg),
    block(0x4000_4400, "USART2", Who::Usart(1), Bus::Apb1a, 17),
    block(0x4000_4800, "USART3", Who::Usart(2), Bus::Apb1a, 18),
    block(0x4000_4C00, "UART4", Who::Usart(3), Bus::Apb1a, 19),
    block(0x4000_5000, "UART5", Who::Usart(4), Bus::Apb1a, 20),
    block(0x4000_7000, "PWR", Who::Pwr, Bus::Apb1a, 28),
    block(0x4001_0000, "SYSCFG", Who::Syscfg, Bus::Apb2, 0),
    free(0x4001_0400, "EXTI", Who::Exti),
    block(0x4001_2C00, "TIM1", Who::Timer(0), Bus::Apb2, 11),
    block(0x4001_3400, "TIM8", Who::Timer(7), Bus::Apb2, 13),
    block(0x4001_3800, "USART1", Who::Usart(0), Bus::Apb2, 14),
    block(0x4001_4000, "TIM15", Who::Timer(8), Bus::Apb2, 16),
    block(0x4001_4400, "TIM16", Who::Timer(9), Bus::Apb2, 17),
    block(0x4001_4800, "TIM17", Who::Timer(10), Bus::Apb2, 18),
    block(0x4002_0000, "DMA1", Who::Dma(0), Bus::Ahb1, 0),
    block(0x4002_0400, "DMA2", Who::Dma(1), Bus::Ahb1, 1),
    block(0x4002_0800, "DMAMUX1", Who::Dmamux, Bus::Ahb1, 2),
    free(0x4002_1000, "RCC", Who::Rcc),
    block(0x4002_2000, "FLASH", Who::Flash, Bus::Ahb1, 8),
    block(0x4002_3000, "CRC", Who::Crc, Bus::Ahb1, 12),
    block(0x4800_0000, "GPIOA", Who::Gpio(0), Bus::Ahb2, 0),
    block(0x4800_0400, "GPIOB", Who::Gpio(1), Bus::Ahb2, 1),
    block(0x4800_0800, "GPIOC", Who::Gpio(2), Bus::Ahb2, 2),
    block(0x4800_0C00, "GPIOD", Who::Gpio(3), Bus::Ahb2, 3),
    block(0x4800_1000, "GPIOE", Who::Gpio(4), Bus::Ahb2, 4),
    block(0x4800_1400, "GPIOF", Who::Gpio(5), Bus::Ahb2, 5),
    block(0x4800_1800, "GPIOG", Who::Gpio(6), Bus::Ahb2, 6),
    block(0x5000_0000, "ADC1", Who::Adc, Bus::Ahb2, 13),
    // Four AHB2 blocks share 0x5006_0000..; only RNG is modelled.
    block(0x5006_0800, "RNG", Who::Rng, Bus::Ahb2, 26),
    // Debug registers of the core itself come before it; the core owns those.
    free(0xE004_2000, "DBGMCU", Who::Dbgmcu),
];

/// Blocks that exist on silicon and are not modelled, for messages: base, end, name.
static UNMODELLED: [(u32, u32, &str); 23] = [
    (0x4000_2000, 0x4000_2400, "CRS"),
    (0x4000_2400, 0x4000_2800, "TAMP"),
    (0x4000_2800, 0x4000_2C00, "RTC"),
    (0x4000_2C00, 0x4000_3000, "WWDG"),
    (0x4000_3800, 0x4000_4000, "SPI2/3"),
    (0x4000_5400, 0x4000_5C00, "I2C1/2"),
    (0x4000_5C00, 0x4000_6400, "USB"),
    (0x4000_6400, 0x4000_7000, "FDCAN"),
    (0x4000_7800, 0x4000_7C00, "I2C3"),
    (0x4000_7C00, 0x4000_8000, "LPTIM1"),
    (0x4000_8000, 0x4000_8400, "LPUART1"),
    (0x4000_8400, 0x4000_8800, "I2C4"),
    (0x4000_A000, 0x4000_A400, "UCPD1"),
    (0x4000_A400, 0x4000_B000, "FDCAN RAM"),
    (0x4001_3000, 0x4001_3400, "SPI1"),
    (0x4001_3C00, 0x4001_4000, "SPI4"),
    (0x4001_5000, 0x4001_5400, "TIM20"),
    (0x4001_5400, 0x4001_5800, "SAI1"),
    (0x4001_6800, 0x4001_7800, "HRTIM"),
    (0x4002_0C00, 0x4002_1000, "CORDIC"),
    (0x4002_1400, 0x4002_1800, "FMAC"),
    (0x5000_0400, 0x5000_0800, "ADC3/4/5"),
    (0x5000_0800, 0x5000_1800, "DAC"),
];

/// The block at an address.
pub(crate) fn block_at(address: u32) -> Option<&'static Block> {
    let base = address & !(BLOCK_BYTES - 1);
    BLOCKS.binary_search_by_key(&base, |block| block.base).ok().map(|index| &BLOCKS[index])
}

/// The name of a block that is known and not modelled.
pub(crate) fn unmodelled_at(address: u32) -> &'static str {
    UNMODELLED
        .iter()
        .find(|(base, end, _)| (*base..*end).contains(&address))
        .map_or("an address without a modelled peripheral", |(_, _, name)| name)
}

/// The blocks behind a gate.
pub(crate) fn gated() -> impl Iterator<Item = (Gate, Who)> {
    BLOCKS.iter().filter_map(|block| Some((block.gate?, block.who)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_map_is_sorted_and_aligned() {
        assert!(BLOCKS.windows(2).all(|pair| pair[0].base < pair[1].base));
        assert!(BLOCKS.iter().all(|block| block.base.is_multiple_of(BLOCK_BYTES)));
    }

    #[test]
    fn an_address_finds_its_block() {
        assert_eq!(block_at(0x4001_3828).map(|block| block.name), Some("USART1"));
        assert!(block_at(0x4001_3C00).is_none());
        assert_eq!(unmodelled_at(0x5000_0810), "DAC");
    }
}
