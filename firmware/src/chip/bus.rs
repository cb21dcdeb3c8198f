//! The RS-485 line: USART1 with the driver enable in hardware, as the settings say.
//!
//! A frame is answered when the line has been silent for as long as the specification wants between frames, and no
//! later: above 19200 baud 1.75 ms after its last bit. What is heard while sending is thrown away.

use embassy_stm32::peripherals::{PA9, PA10, PA12, USART1};
use embassy_stm32::usart::{self, BufferedInterruptHandler, BufferedUart};
use embassy_stm32::{Peri, bind_interrupts};
use embassy_time::{Duration, Instant, Timer, with_deadline};
use embedded_io_async::{BufRead as _, Read as _, ReadReady as _, Write as _};
use protocol::modbus::receiver::{FRAME_GAP_US, Heard, Receiver, arrivals_spaced};
use protocol::modbus::rtu::Frame;
use protocol::modbus::{MAX_FRAME, MAX_PDU};
use static_cell::StaticCell;

use super::board::Board;
use crate::health::Task;
use crate::settings::{Line, Parity};
use bootloader::bus;
use bootloader::update::Shared as _;

/// Bytes that the port keeps until they are read.
const RECEIVED: usize = 2 * MAX_FRAME;
/// What the time from the last bit to here is less than a whole character, microseconds.
const EARLY_US: u64 = 7;
/// Up to this speed the pause between frames is counted in characters (Modbus over serial line V1.02, section 2.5.1.1).
const SLOW_BAUD: u32 = 19_200;

bind_interrupts!(struct Interrupts {
    USART1 => BufferedInterruptHandler<USART1>;
});

/// Opens the line.
pub(super) fn open(
    uart: Peri<'static, USART1>,
    receive: Peri<'static, PA10>,
    transmit: Peri<'static, PA9>,
    driver_enable: Peri<'static, PA12>,
    settings: Line,
) -> BufferedUart<'static> {
    static FROM_LINE: StaticCell<[u8; RECEIVED]> = StaticCell::new();
    static TO_SEND: StaticCell<[u8; MAX_FRAME]> = StaticCell::new();
    let (to_send, received) = (TO_SEND.init([0; MAX_FRAME]), FROM_LINE.init([0; RECEIVED]));
    let config = config(settings);
    BufferedUart::new_with_de(uart, receive, transmit, driver_enable, Interrupts, to_send, received, config)
        .expect("every speed of the settings can be made from 170 MHz")
}

fn config(settings: Line) -> usart::Config {
    let mut config = usart::Config::default();
    config.baudrate = settings.baud;
    config.parity = match settings.parity {
        Parity::None => usart::Parity::ParityNone,
        Parity::Even => usart::Parity::ParityEven,
        Parity::Odd => usart::Parity::ParityOdd,
    };
    config
}

/// Times of the line at its speed, microseconds.
#[derive(Clone, Copy)]
struct Timing {
    character_us: u64,
    /// From when the UART reports silence, one character after the last bit, to the answer.
    answer_us: u64,
}

impl Timing {
    fn of(settings: Line) -> Self {
        let bits = if settings.parity == Parity::None { 10 } else { 11 };
        let character_us = (bits * 1_000_000_u64).div_ceil(settings.baud.into());
        // 3.5 characters of 11 bits.
        let gap_us = if settings.baud > SLOW_BAUD { FRAME_GAP_US } else { 38_500_000 / u64::from(settings.baud) };
        Self { character_us, answer_us: gap_us - character_us.saturating_sub(EARLY_US).min(gap_us) }
    }
}

/// Serves the bus for ever.
#[embassy_executor::task]
pub(super) async fn serve(board: Board, mut line: BufferedUart<'static>) {
    let mut settings = board.with(|unit| unit.line());
    let (mut receiver, mut timing) = (Receiver::new(settings.unit_id), Timing::of(settings));
    let (mut bytes, mut answer) = ([0; RECEIVED], [0; MAX_FRAME]);
    loop {
        let wanted = board.with(|unit| unit.line());
        if wanted != settings {
            // Every speed of the settings can be made: the first one was, when the line was opened.
            let _set = line.set_config(&config(wanted));
            (settings, timing, receiver) = (wanted, Timing::of(wanted), Receiver::new(wanted.unit_id));
        }
        let at_latest = Instant::now() + Duration::from_millis(Task::PERIOD_MS);
        let silence_at = receiver.silence_at().map_or(at_latest, Instant::from_micros);
        let read = with_deadline(silence_at.min(at_latest), line.read(&mut bytes)).await;
        let now = Instant::now();
        match read {
            Ok(Ok(count)) => {
                let count = count + rest(&mut line, &mut bytes[count..]).await;
                for (&byte, at_us) in
                    bytes[..count].iter().zip(arrivals_spaced(now.as_micros(), count, timing.character_us))
                {
                    let Some(heard) = receiver.push(byte, at_us) else { continue };
                    if let Some(length) = respond(board, &heard, &mut answer) {
                        send(&mut line, &answer[..length], now, timing).await;
                        receiver.clear();
                    }
                }
            }
            Ok(Err(_)) => board.with(|unit| unit.counters.communication_error()),
            Err(_) => {
                if let Some(heard) = receiver.silence(now.as_micros())
                    && let Some(length) = respond(board, &heard, &mut answer)
                {
                    send(&mut line, &answer[..length], now, timing).await;
                }
            }
        }
        board.report(Task::Modbus);
    }
}

/// Reads what is there already: the port gives what it has in two pieces when its buffer wraps.
async fn rest(line: &mut BufferedUart<'static>, bytes: &mut [u8]) -> usize {
    if bytes.is_empty() || line.read_ready() != Ok(true) {
        return 0;
    }
    // Reading from the port's buffer cannot fail.
    line.read(bytes).await.unwrap_or(0)
}

/// Acts on what was heard; the length of the frame to send in `answer`, if any.
fn respond(board: Board, heard: &Heard<'_>, answer: &mut [u8; MAX_FRAME]) -> Option<usize> {
    let frame = match heard {
        Heard::Garbage => {
            board.with(|unit| unit.counters.communication_error());
            return None;
        }
        Heard::Request(frame) => frame,
    };
    let mut pdu = [0; MAX_PDU];
    let length = board.with(|unit| bus::handle(unit, frame.address, frame.pdu, &mut pdu));
    // The worker runs when this priority has nothing more to do.
    board.call_worker();
    Frame { address: frame.address, pdu: &pdu[..length?] }.emit(answer)
}

/// Sends an answer to what was heard at `heard_at`, and forgets the echo.
async fn send(line: &mut BufferedUart<'static>, answer: &[u8], heard_at: Instant, timing: Timing) {
    Timer::at(heard_at + Duration::from_micros(timing.answer_us)).await;
    // Writing to the buffer and waiting for it cannot fail; a line that does not carry it is the master's to notice.
    let _sent = line.write_all(answer).await;
    let _flushed = line.flush().await;
    while line.read_ready() == Ok(true) {
        let Ok(echo) = line.fill_buf().await.map(<[u8]>::len) else { return };
        line.consume(echo);
    }
}
