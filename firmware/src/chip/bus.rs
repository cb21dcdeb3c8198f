//! The RS-485 line: USART1 with the driver enable in hardware, 115200 8N1.
//!
//! A frame is answered when the line has been silent for as long as the specification wants between frames, and no
//! later: 1.75 ms after its last bit. What is heard while sending is thrown away.

use embassy_stm32::peripherals::{PA9, PA10, PA12, USART1};
use embassy_stm32::usart::{self, BufferedInterruptHandler, BufferedUart};
use embassy_stm32::{Peri, bind_interrupts};
use embassy_time::{Duration, Instant, Timer, with_deadline};
use embedded_io_async::{BufRead as _, Read as _, ReadReady as _, Write as _};
use protocol::modbus::receiver::{FRAME_GAP_US, Heard, Receiver, arrivals};
use protocol::modbus::rtu::Frame;
use protocol::modbus::{MAX_FRAME, MAX_PDU};
use static_cell::StaticCell;

use super::board::Board;
use crate::health::Task;
use bootloader::bus::{self, Unit as _};
use bootloader::update::Shared as _;

/// Speed of the line, bits a second.
const BAUD: u32 = 115_200;
/// Bytes that the port keeps until they are read.
const RECEIVED: usize = 2 * MAX_FRAME;
/// The UART reports silence one character after the last bit: 10 bits, 87 us.
const IDLE_US: u64 = 80;

bind_interrupts!(struct Interrupts {
    USART1 => BufferedInterruptHandler<USART1>;
});

/// Opens the line.
pub(super) fn open(
    uart: Peri<'static, USART1>,
    receive: Peri<'static, PA10>,
    transmit: Peri<'static, PA9>,
    driver_enable: Peri<'static, PA12>,
) -> BufferedUart<'static> {
    static FROM_LINE: StaticCell<[u8; RECEIVED]> = StaticCell::new();
    static TO_SEND: StaticCell<[u8; MAX_FRAME]> = StaticCell::new();
    let mut config = usart::Config::default();
    config.baudrate = BAUD;
    let (to_send, received) = (TO_SEND.init([0; MAX_FRAME]), FROM_LINE.init([0; RECEIVED]));
    BufferedUart::new_with_de(uart, receive, transmit, driver_enable, Interrupts, to_send, received, config)
        .expect("115200 baud can be made from 170 MHz")
}

/// Serves the bus for ever.
#[embassy_executor::task]
pub(super) async fn serve(board: Board, mut line: BufferedUart<'static>) {
    let mut receiver = Receiver::new(board.with(|unit| unit.unit_id()));
    let (mut bytes, mut answer) = ([0; RECEIVED], [0; MAX_FRAME]);
    loop {
        let at_latest = Instant::now() + Duration::from_millis(Task::PERIOD_MS);
        let silence_at = receiver.silence_at().map_or(at_latest, Instant::from_micros);
        let read = with_deadline(silence_at.min(at_latest), line.read(&mut bytes)).await;
        let now = Instant::now();
        match read {
            Ok(Ok(count)) => {
                let count = count + rest(&mut line, &mut bytes[count..]).await;
                for (&byte, at_us) in bytes[..count].iter().zip(arrivals(now.as_micros(), count)) {
                    let Some(heard) = receiver.push(byte, at_us) else { continue };
                    if let Some(length) = respond(board, &heard, &mut answer) {
                        send(&mut line, &answer[..length], now).await;
                        receiver.clear();
                    }
                }
            }
            Ok(Err(_)) => board.with(|unit| unit.counters.communication_error()),
            Err(_) => {
                if let Some(heard) = receiver.silence(now.as_micros())
                    && let Some(length) = respond(board, &heard, &mut answer)
                {
                    send(&mut line, &answer[..length], now).await;
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
async fn send(line: &mut BufferedUart<'static>, answer: &[u8], heard_at: Instant) {
    Timer::at(heard_at + Duration::from_micros(FRAME_GAP_US - IDLE_US)).await;
    // Writing to the buffer and waiting for it cannot fail; a line that does not carry it is the master's to notice.
    let _sent = line.write_all(answer).await;
    let _flushed = line.flush().await;
    while line.read_ready() == Ok(true) {
        let Ok(echo) = line.fill_buf().await.map(<[u8]>::len) else { return };
        line.consume(echo);
    }
}
