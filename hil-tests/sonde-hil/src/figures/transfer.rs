//! A whole update over a line of 115200: how near to the wire's limit, how long a gap.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use protocol::registers::RegisterId;
use sonde::bundle::Release as Bundle;
use sonde::bus::{Bus, Patience, UnitId};
use sonde::endpoint::{Endpoint, EndpointError};
use sonde::update::{Options, Precheck, Then, TrialLimits};
use virtual_board::board::Board;
use virtual_board::line::{LineEvent, LineSettings, Segment, Sender};
use virtual_board::serve::{Pace, ServeOptions, Server};
use virtual_board::time::VirtualTime;
use virtual_board::unit::FIRST_UNIT_ID;

use super::release::Release;
use super::traffic::{Exchange, bursts, exchanges};
use super::{Figure, FigureError};

/// Bytes that FC16 carries at most, and the frames of that exchange.
const FC16_PAYLOAD: f64 = 246.0;
const FC16_CHARACTERS: f64 = 255.0 + 8.0;
/// Silence before each frame, above 19200 baud (Modbus over serial line V1.02, section 2.5.1.1), seconds.
const T3_5: f64 = 1.75e-3;
/// Turnaround that `facts/bus.md` section 3 grants a slave, seconds.
const TURNAROUND: f64 = 1e-3;

pub(super) fn measure(release: &Release) -> Result<Vec<Figure>, FigureError> {
    let (events, resets) = update(release, 0)?;
    let bursts = bursts(&events);
    let exchanges = exchanges(&bursts);
    let ratio = payload_rate(&exchanges).unwrap_or(0.0) / fc16_ceiling();
    let outage = resets.last().and_then(|reset| outage_ms(&exchanges, *reset)).unwrap_or(f64::NAN);
    Ok(vec![
        Figure { figure: "bus.full.ratio.115200", value: ratio, unit: "1", goal: ">=0.98", holds: ratio >= 0.98 },
        Figure { figure: "update.outage_ms", value: outage, unit: "ms", goal: "<=500", holds: outage <= 500.0 },
    ])
}

/// Runs one update with the host's own library, and so many pollers beside it; gives what was on the line, and when the
/// unit reset.
pub(super) fn update(release: &Release, pollers: usize) -> Result<(Vec<LineEvent>, Vec<VirtualTime>), FigureError> {
    let host = |what| move |reason: String| FigureError::Host { what, reason };
    let mut board = release.factory.board(FIRST_UNIT_ID);
    board.power_on();
    let mut segment = Segment::new(LineSettings::default(), vec![board]);
    let events = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&events);
    segment.set_trace(move |event| sink.lock().expect("nobody panics with it").push(event.clone()));
    let server = Server::start(segment, ServeOptions::local(Pace::Fast))?;
    let address = server.address().expect("these options listen");
    let bundle =
        Bundle::parse(release.update.clone()).map_err(|error| host("reading the release")(error.to_string()))?;
    let endpoint = format!("rtu+tcp://{address}");
    let endpoint: Endpoint =
        endpoint.parse().map_err(|error: EndpointError| host("reading the endpoint")(error.to_string()))?;
    let options =
        Options { precheck: Precheck::Here, trusted: Vec::new(), then: Then::Confirm, limits: TrialLimits::default() };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| host("starting the runtime")(error.to_string()))?;
    let report = runtime.block_on(async {
        let bus = Bus::open(&endpoint, Patience::default()).await.map_err(|error| error.to_string())?;
        let id = UnitId::new(FIRST_UNIT_ID).ok_or("the unit has no legal id")?;
        let mut polling = tokio::task::JoinSet::new();
        (0..pollers).for_each(|_| drop(polling.spawn(poll(bus.clone(), id))));
        sonde::update::update(&bus, id, &bundle, &options, &mut |_| {}).await.map_err(|error| error.to_string())
    });
    let report = report.map_err(host("updating the unit"))?;
    if !report.outcome.is_good() {
        return Err(host("updating the unit")(format!("{:?}", report.outcome)));
    }
    let boards = server.stop().into_stations();
    let resets = boards.iter().flat_map(Board::resets).map(|reset| reset.time).collect();
    let events = std::mem::take(&mut *events.lock().expect("nobody panics with it"));
    Ok((events, resets))
}

/// Reads without a pause, until nobody wants it any more.
async fn poll(bus: Bus, unit: UnitId) {
    // While the unit restarts there is no answer; it is not to hold the update up for long.
    let bus = bus.with_patience(Patience { timeout: Duration::from_millis(300), attempts: 1 });
    loop {
        let _ = bus.read_holding(unit, RegisterId::ActiveMask.address(), 1).await;
    }
}

/// Image bytes a second, from the first chunk's first character to the last one's answer.
fn payload_rate(exchanges: &[Exchange<'_>]) -> Option<f64> {
    let chunks: Vec<_> = exchanges.iter().filter(|exchange| exchange.chunk_bytes().is_some()).collect();
    let bytes: usize = chunks.iter().filter_map(|chunk| chunk.chunk_bytes()).sum();
    let time = chunks.last()?.answer.end.saturating_sub(chunks.first()?.request.start);
    Some(bytes as f64 / time.as_secs_f64())
}

/// Most that FC16 can carry on this line, bytes a second: as in `facts/bus.md` section 3, for the line's own characters.
fn fc16_ceiling() -> f64 {
    let character = LineSettings::default().character_time().as_secs_f64();
    FC16_PAYLOAD / (FC16_CHARACTERS * character + 2.0 * T3_5 + TURNAROUND)
}

/// From the end of the last answer before a reset to the start of the first one after it, milliseconds.
fn outage_ms(exchanges: &[Exchange<'_>], reset: VirtualTime) -> Option<f64> {
    let answers = || exchanges.iter().map(|exchange| exchange.answer).filter(|answer| answer.sender != Sender::Master);
    let before = answers().take_while(|answer| answer.end < reset).last()?;
    let after = answers().find(|answer| answer.start > reset)?;
    Some(after.start.saturating_sub(before.end).as_secs_f64() * 1e3)
}
