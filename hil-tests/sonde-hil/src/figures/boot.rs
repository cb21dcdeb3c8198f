//! From power-on to the jump, and to the first answer on the bus.

use std::time::Instant;

use protocol::layout::{FLASH_BASE, SLOT_SIZE, Slot};
use protocol::modbus::MAX_FRAME;
use protocol::modbus::rtu::Frame;
use protocol::registers::{REGISTERS, RegisterId};
use virtual_board::board::{Board, Ran};
use virtual_board::line::{LineSettings, Segment};
use virtual_board::time::VirtualTime;
use virtual_board::unit::{FIRST_UNIT_ID, Factory};

use super::release::Release;
use super::{Figure, FigureError};

/// Longest boot that is waited for.
const PATIENCE_MS: u64 = 2000;

pub(super) fn measure(release: &Release) -> Result<Vec<Figure>, FigureError> {
    let mut best = Boot { instructions: 0, mips: 0.0 };
    // The first run warms the host; the instruction count is the same each time.
    for _ in 0..5 {
        let boot = boot(&release.sized)?;
        best = Boot { mips: best.mips.max(boot.mips), ..boot };
    }
    let with_key_set = boot(&release.with_key_set)?.instructions;
    let answer_ms = first_answer(release)?;
    Ok(vec![
        Figure { figure: "core.mips", value: best.mips, unit: "1e6/s", goal: ">=80", holds: best.mips >= 80.0 },
        Figure {
            figure: "boot.insns_128k",
            value: best.instructions as f64,
            unit: "1",
            goal: "<=7000000",
            holds: best.instructions <= 7_000_000,
        },
        decision_ms("boot.decision_ms_128k", best.instructions),
        Figure {
            figure: "boot.insns_128k_keyset",
            value: with_key_set as f64,
            unit: "1",
            goal: "<=10200000",
            holds: with_key_set <= 10_200_000,
        },
        decision_ms("boot.decision_ms_128k_keyset", with_key_set),
        Figure {
            figure: "boot.first_answer_ms",
            value: answer_ms,
            unit: "ms",
            goal: "<=300",
            holds: answer_ms <= 300.0,
        },
    ])
}

/// What a decision takes at the loader's 170 MHz and one instruction a cycle. A count, not a measured time.
fn decision_ms(figure: &'static str, instructions: u64) -> Figure {
    let value = instructions as f64 / 170e3;
    Figure { figure, value, unit: "ms", goal: "<=60", holds: value <= 60.0 }
}

struct Boot {
    /// From reset to the first instruction of the image.
    instructions: u64,
    /// Million instructions a second of wall time.
    mips: f64,
}

fn boot(factory: &Factory) -> Result<Boot, FigureError> {
    /// Fine enough: 5 us are 850 instructions at most.
    const STEP: VirtualTime = VirtualTime::from_micros(5);
    let mut board = factory.board(FIRST_UNIT_ID);
    board.power_on();
    let limit = VirtualTime(board.now().0 + VirtualTime::from_millis(PATIENCE_MS).0);
    let started = Instant::now();
    while !runs_image(&board) {
        let next = VirtualTime(board.now().0 + STEP.0);
        if next > limit || board.run_until(next) != Ran::Reached {
            return Err(FigureError::TooLate { what: "jump into its image", within_ms: PATIENCE_MS });
        }
    }
    let instructions = board.instructions();
    Ok(Boot { instructions, mips: instructions as f64 / started.elapsed().as_secs_f64() / 1e6 })
}

fn runs_image(board: &Board) -> bool {
    let program_counter = board.core().registers()[15];
    let start = FLASH_BASE + Slot::A.offset();
    (start..start + SLOT_SIZE).contains(&program_counter)
}

/// Asks for the map version every 10 ms from power-on until the right answer comes; milliseconds to its end.
fn first_answer(release: &Release) -> Result<f64, FigureError> {
    let mut board = release.factory.board(FIRST_UNIT_ID);
    board.power_on();
    let mut segment = Segment::new(LineSettings::default(), vec![board]);
    let register = REGISTERS.iter().find(|register| register.id == RegisterId::MapVersion).expect("it is in the map");
    let [high, low] = register.address.to_be_bytes();
    let request = framed(&[3, high, low, 0, 1]);
    let [high, low] = register.default.to_be_bytes();
    let answer = framed(&[3, 2, high, low]);
    while segment.now() < VirtualTime::from_millis(PATIENCE_MS) {
        segment.send(&request);
        segment.run_for(VirtualTime::from_millis(10));
        let heard = segment.take_heard();
        let values: Vec<u8> = heard.iter().map(|heard| heard.value).collect();
        if values == answer {
            return Ok(heard.last().expect("an answer has characters").end.as_secs_f64() * 1e3);
        }
    }
    Err(FigureError::TooLate { what: "answer on the bus", within_ms: PATIENCE_MS })
}

fn framed(pdu: &[u8]) -> Vec<u8> {
    let mut frame = [0; MAX_FRAME];
    let length = Frame { address: FIRST_UNIT_ID, pdu }.emit(&mut frame).expect("a short frame");
    frame[..length].to_vec()
}
