//! The RS-485 line: USART1 on PA9, PA10 and PA12, 115200 8N1, received and sent by DMA.
//!
//! The port itself drives the transceiver while it sends and lets go when it has sent: whatever becomes of the program,
//! the line is not held (`fault:B9`).
#![expect(unsafe_code, reason = "memory that DMA reads and writes")]

use core::ptr::addr_of_mut;

use protocol::modbus::MAX_FRAME;
use stm32_metapac::bdma::Ch;
use stm32_metapac::bdma::vals::{Dir, Size};
use stm32_metapac::gpio::vals::{Moder, Pupdr};
use stm32_metapac::{DMA1, DMAMUX1, GPIOA, RCC, USART1};

use crate::loader::clock::Clock;

const BAUD: u32 = 115_200;
const SEND_PIN: usize = 9;
const RECEIVE_PIN: usize = 10;
const DRIVER_PIN: usize = 12;
/// USART1 on these pins (datasheet table 12).
const ALTERNATE: u8 = 7;
/// Channels of DMA1; DMAMUX counts the same channels from zero.
const RECEIVE: usize = 0;
const SEND: usize = 1;
/// Requests of USART1 (RM0440 table 91).
const RECEIVE_REQUEST: u8 = 24;
const SEND_REQUEST: u8 = 25;
/// Driver enable before the first and after the last bit, in sixteenths of a bit.
const DRIVER_MARGIN: u8 = 16;
/// Bytes that wait for the program: 89 ms of line, and the longest standstill is an erase, 25 ms.
const RING: usize = 1_024;

#[unsafe(link_section = ".uninit.recovery")]
static mut RECEIVED: [u8; RING] = [0; RING];
#[unsafe(link_section = ".uninit.recovery")]
static mut TO_SEND: [u8; MAX_FRAME] = [0; MAX_FRAME];

/// The line.
#[derive(Debug)]
pub(super) struct Line {
    clock: Clock,
    /// Where in the ring the next byte to be taken is.
    next: usize,
}

impl Line {
    /// Opens it.
    pub(super) fn open(clock: Clock) -> Self {
        RCC.ahb1enr().modify(|enable| {
            enable.set_dma1en(true);
            enable.set_dmamux1en(true);
        });
        RCC.ahb2enr().modify(|enable| enable.set_gpioaen(true));
        RCC.apb2enr().modify(|enable| enable.set_usart1en(true));
        let _ = RCC.apb2enr().read();
        // Not a word from a line that is not connected.
        GPIOA.pupdr().modify(|pulls| pulls.set_pupdr(RECEIVE_PIN, Pupdr::PULL_UP));
        // Pin by pin, since a loop over them is not unrolled.
        GPIOA.afr(1).modify(|functions| {
            functions.set_afr(SEND_PIN - 8, ALTERNATE);
            functions.set_afr(RECEIVE_PIN - 8, ALTERNATE);
            functions.set_afr(DRIVER_PIN - 8, ALTERNATE);
        });
        GPIOA.moder().modify(|modes| {
            modes.set_moder(SEND_PIN, Moder::ALTERNATE);
            modes.set_moder(RECEIVE_PIN, Moder::ALTERNATE);
            modes.set_moder(DRIVER_PIN, Moder::ALTERNATE);
        });
        let mut line = Self { clock, next: 0 };
        line.restart();
        line
    }

    /// Starts the port anew: whatever it was at is broken off, the transceiver is released.
    pub(super) fn restart(&mut self) {
        USART1.cr1().modify(|control| control.set_ue(false));
        for channel in [RECEIVE, SEND] {
            DMA1.ch(channel).cr().modify(|control| control.set_en(false));
        }
        USART1.brr().write(|rate| rate.0 = (u32::from(self.clock.megahertz()) * 1_000_000 + BAUD / 2) / BAUD);
        USART1.cr3().write(|control| {
            control.set_dem(true);
            control.set_dmar(true);
            control.set_dmat(true);
            // The byte that had no room is lost either way; the CRC tells.
            control.set_ovrdis(true);
        });
        self.receive();
        USART1.cr1().write(|control| {
            control.set_deat(DRIVER_MARGIN);
            control.set_dedt(DRIVER_MARGIN);
            control.set_te(true);
            control.set_re(true);
            control.set_ue(true);
        });
    }

    /// Receives round and round.
    fn receive(&mut self) {
        self.next = 0;
        let place = addr_of_mut!(RECEIVED) as u32;
        start(RECEIVE, RECEIVE_REQUEST, USART1.rdr().as_ptr() as u32, place, RING, Way::FromLineForEver);
    }

    /// Bytes that wait to be taken.
    pub(super) fn waiting(&self) -> usize {
        let written = RING - usize::from(DMA1.ch(RECEIVE).ndtr().read().ndt());
        (written + RING - self.next) % RING
    }

    /// Takes a byte; there has to be one waiting.
    pub(super) fn take(&mut self) -> u8 {
        let byte = self.look(0);
        self.next = (self.next + 1) % RING;
        byte
    }

    /// A byte that waits, so many places behind the next one.
    fn look(&self, behind: usize) -> u8 {
        // SAFETY: inside RECEIVED, which nobody has a reference to; volatile, since DMA writes it.
        unsafe { (addr_of_mut!(RECEIVED) as *const u8).add((self.next + behind) % RING).read_volatile() }
    }

    /// Forgets what waits.
    pub(super) fn forget(&mut self) {
        self.next = (self.next + self.waiting()) % RING;
    }

    /// Forgets what was heard of an answer of its own, if the transceiver lets it hear that. What came behind it stays: an
    /// erase may have stopped the core until the next request was there.
    pub(super) fn forget_echo(&mut self, sent: &[u8]) {
        let is_echo = self.waiting() >= sent.len() && sent.iter().enumerate().all(|(at, &byte)| self.look(at) == byte);
        if is_echo {
            self.next = (self.next + sent.len()) % RING;
        }
    }

    /// Whether the receiver works; DMA gives up after a bus error.
    pub(super) fn is_open(&self) -> bool {
        DMA1.ch(RECEIVE).cr().read().en()
    }

    /// Starts to send. What is too long for a frame is not sent.
    pub(super) fn send(&mut self, bytes: &[u8]) {
        let place = addr_of_mut!(TO_SEND);
        // SAFETY: nobody has a reference to TO_SEND, and DMA does not read it: the channel that could is off.
        let Some(buffer) = (unsafe { (*place).get_mut(..bytes.len()) }) else { return };
        buffer.copy_from_slice(bytes);
        DMA1.ch(SEND).cr().modify(|control| control.set_en(false));
        USART1.icr().write(|clear| clear.set_tc(true));
        start(SEND, SEND_REQUEST, USART1.tdr().as_ptr() as u32, place as u32, bytes.len(), Way::ToLine);
    }

    /// Whether the last bit of what was sent has left.
    pub(super) fn has_sent(&self) -> bool {
        DMA1.ch(SEND).ndtr().read().ndt() == 0 && USART1.isr().read().tc()
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Way {
    FromLineForEver,
    ToLine,
}

/// Starts a channel that is off.
fn start(channel: usize, request: u8, port: u32, memory: u32, bytes: usize, way: Way) {
    DMAMUX1.ccr(channel).write(|control| control.set_dmareq_id(request));
    let on: Ch = DMA1.ch(channel);
    on.par().write_value(port);
    on.mar().write_value(memory);
    on.ndtr().write(|count| count.set_ndt(bytes as u16));
    // The bytes to be sent are in memory before DMA looks for them.
    cortex_m::asm::dsb();
    on.cr().write(|control| {
        control.set_minc(true);
        control.set_psize(Size::BITS8);
        control.set_msize(Size::BITS8);
        control.set_circ(way == Way::FromLineForEver);
        control.set_dir(if way == Way::ToLine { Dir::FROM_MEMORY } else { Dir::FROM_PERIPHERAL });
        control.set_en(true);
    });
}
