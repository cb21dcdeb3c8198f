//! From the end of a frame, or the edge of an input, to the START pin: the slowest of many, at all phases of the unit's
//! own rhythm.

use protocol::channel::ChannelId;
use protocol::registers::{ChannelRegister, RegisterId};
use virtual_board::plant::Fault;
use virtual_board::time::VirtualTime;

use super::master::Master;
use super::release::Release;
use super::{Figure, FigureError};

/// How often each is measured.
const SAMPLES: u64 = 40;
/// From one sample to the next the phase moves by this, so that they spread over the unit's millisecond.
const PHASE_US: u64 = 977;
const CHANNEL: ChannelId = ChannelId::One;

pub(super) fn measure(release: &Release) -> Result<Vec<Figure>, FigureError> {
    let mut bench = Bench::start(release)?;
    let start = bench.slowest(true, |bench| bench.master.order(START, 1))?;
    let stop = bench.slowest(false, |bench| {
        bench.run()?;
        bench.master.order(START, 0)
    })?;
    let estop = bench.slowest(false, |bench| {
        bench.run()?;
        bench.master.order(RegisterId::EmergencyStop, 1)
    })?;
    let overload = bench.slowest(false, |bench| {
        bench.run()?;
        bench.master.board_mut().plant_mut().inject(CHANNEL.index(), Fault::Overload);
        Ok(bench.master.now())
    })?;
    Ok(vec![
        figure("start.max_ms", start, 50.0, "<=50"),
        figure("stop.max_ms", stop, 100.0, "<=100"),
        figure("estop.max_ms", estop, 10.0, "<=10"),
        figure("overload.max_ms", overload, 100.0, "<=100"),
        figure("silence.max_ms", bench.silence()?, 1_200.0, "<=1200"),
        figure("dead_core.max_ms", bench.dead_core()?, 100.0, "<=100"),
    ])
}

const START: RegisterId = RegisterId::Channel(CHANNEL, ChannelRegister::StartStop);

fn figure(figure: &'static str, value: f64, most: f64, goal: &'static str) -> Figure {
    Figure { figure, value, unit: "ms", goal, holds: value <= most }
}

struct Bench {
    master: Master,
}

impl Bench {
    fn start(release: &Release) -> Result<Self, FigureError> {
        let mut master = Master::with_unit(release);
        master.poll(VirtualTime::from_millis(1_000));
        let mut bench = Self { master };
        bench.at_rest(0)?;
        Ok(bench)
    }

    /// Slowest way from what `act` does to the pin, milliseconds.
    fn slowest(
        &mut self,
        high: bool,
        mut act: impl FnMut(&mut Self) -> Result<VirtualTime, FigureError>,
    ) -> Result<f64, FigureError> {
        let mut slowest: f64 = 0.0;
        for sample in 0..SAMPLES {
            self.at_rest(sample)?;
            let since = act(self)?;
            self.master.poll(VirtualTime::from_millis(120));
            slowest = slowest.max(self.edge_after(since, high)?);
        }
        Ok(slowest)
    }

    /// All off and nothing in the way of a start, whatever was before.
    fn at_rest(&mut self, sample: u64) -> Result<(), FigureError> {
        self.master.board_mut().plant_mut().mend(CHANNEL.index(), Fault::Overload);
        self.master.order(START, 0)?;
        self.master.order(RegisterId::EmergencyStop, 0)?;
        self.master.poll(VirtualTime::from_millis(120));
        self.master.order(RegisterId::Channel(CHANNEL, ChannelRegister::OverloadReset), 1)?;
        self.master.poll(VirtualTime::from_millis(150));
        self.master.board_mut().clear_start_edges();
        self.master.wait(VirtualTime::from_micros(sample * PHASE_US % 1_000));
        Ok(())
    }

    /// The channel runs.
    fn run(&mut self) -> Result<(), FigureError> {
        self.master.order(START, 1)?;
        self.master.poll(VirtualTime::from_millis(120));
        Ok(())
    }

    fn edge_after(&self, since: VirtualTime, high: bool) -> Result<f64, FigureError> {
        let mut edges = self.master.board().start_edges().iter();
        let edge = edges.find(|edge| edge.channel == CHANNEL.index() && edge.high == high && edge.time >= since);
        let edge = edge.ok_or(FigureError::TooLate { what: "move the START pin", within_ms: 120 })?;
        Ok((edge.time - since).as_secs_f64() * 1e3)
    }

    /// From the end of the last frame of a master that goes silent.
    fn silence(&mut self) -> Result<f64, FigureError> {
        self.at_rest(0)?;
        self.run()?;
        let since = self.master.order(START, 1)?;
        self.master.wait(VirtualTime::from_millis(1_500));
        self.edge_after(since, false)
    }

    /// From the last instruction of a core that hangs with interrupts masked.
    fn dead_core(&mut self) -> Result<f64, FigureError> {
        self.at_rest(0)?;
        self.run()?;
        let since = self.master.now();
        self.master.board_mut().core_mut().set_primask(true);
        self.master.wait(VirtualTime::from_millis(200));
        self.edge_after(since, false)
    }
}
