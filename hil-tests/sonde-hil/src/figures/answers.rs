//! How quick the unit's answers are: from the end of a request to the start of its answer, with nothing else to do and
//! while a transfer runs.

use protocol::registers::REGISTERS;
use virtual_board::time::VirtualTime;

use super::master::Master;
use super::release::Release;
use super::traffic::{Exchange, bursts, exchanges};
use super::{Figure, FigureError, transfer};

/// Requests to an idle unit.
const IDLE: usize = 10_000;
/// Masters that ask without a pause while the transfer runs: so many requests are between two of its own.
const POLLERS: usize = 20;

pub(super) fn measure(release: &Release) -> Result<Vec<Figure>, FigureError> {
    let idle = Percentiles::of(idle(release)?);
    let (events, _) = transfer::update(release, POLLERS)?;
    let bursts = bursts(&events);
    let busy = Percentiles::of(exchanges(&bursts).iter().map(Exchange::latency_ms).collect());
    let ms = |figure, value, goal, most| Figure { figure, value, unit: "ms", goal, holds: value <= most };
    let count = |figure, value: usize| Figure {
        figure,
        value: value as f64,
        unit: "1",
        goal: ">=10000",
        holds: value >= 10_000,
    };
    Ok(vec![
        count("answer.idle.requests", idle.count),
        ms("answer.idle.p50_ms", idle.p50, "<=5", 5.0),
        ms("answer.idle.p99_ms", idle.p99, "<=5", 5.0),
        ms("answer.idle.max_ms", idle.max, "<=50", 50.0),
        count("answer.transfer.requests", busy.count),
        ms("answer.transfer.p50_ms", busy.p50, "<=5", 5.0),
        ms("answer.transfer.p99_ms", busy.p99, "<=5", 5.0),
        ms("answer.transfer.max_ms", busy.max, "<=50", 50.0),
        ms("answer.p99_ms", idle.p99.max(busy.p99), "<=5", 5.0),
        ms("answer.max_ms", idle.max.max(busy.max), "<=50", 50.0),
    ])
}

/// Reads one register after the other, at all phases of the unit's own rhythm.
fn idle(release: &Release) -> Result<Vec<f64>, FigureError> {
    let mut master = Master::with_unit(release);
    master.poll(VirtualTime::from_millis(1_000));
    let mut latencies = Vec::with_capacity(IDLE);
    for (register, phase) in REGISTERS.iter().cycle().zip(0_u64..).take(IDLE) {
        let [high, low] = register.address.to_be_bytes();
        let answered = master.ask(&[3, high, low, 0, register.words as u8]);
        let answered = answered.ok_or(FigureError::TooLate { what: "answer", within_ms: 100 })?;
        latencies.push(answered.after.as_secs_f64() * 1e3);
        master.wait(VirtualTime::from_micros(phase * 37 % 1_000));
    }
    Ok(latencies)
}

struct Percentiles {
    count: usize,
    p50: f64,
    p99: f64,
    max: f64,
}

impl Percentiles {
    fn of(mut latencies: Vec<f64>) -> Self {
        latencies.sort_by(f64::total_cmp);
        let at = |percent: usize| latencies.get(latencies.len() * percent / 100).copied().unwrap_or(f64::NAN);
        let max = latencies.last().copied().unwrap_or(f64::NAN);
        Self { count: latencies.len(), p50: at(50), p99: at(99), max }
    }
}
