//! What the registers say of channels.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use protocol::channel::{ChannelFault, ChannelId, ChannelState};
use protocol::registers::{ChannelRegister, RegisterId};
use serde::Serialize;
use tokio::time::Instant;

use super::error::{ChannelError, WhyNot};
use crate::bus::{Bus, BusError, UnitId};
use crate::registers::Block;

/// How often a running channel is asked for: four times in the second after which the unit stops it.
const WATCH: Duration = Duration::from_millis(250);

/// One channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChannelView {
    /// Number, 1 to 4.
    pub channel: u8,
    /// Code of its state.
    #[serde(serialize_with = "state_word")]
    pub state_code: u16,
    /// Power, watts.
    pub watts: u16,
    /// Frequency, hertz, in steps of 10; 0 when there is no signal.
    pub hertz: u32,
    /// Amplitude that is set, percent.
    pub amplitude_set: u16,
    /// Amplitude that is driven, percent; 0 while it is off.
    pub amplitude: u16,
    /// Whether it is locked onto its frequency.
    pub locked: bool,
    /// Whether it signals an overload.
    pub overload: bool,
    /// Code of why the unit last stopped it; 0 for never.
    pub last_fault_code: u16,
    /// Seconds with power since start.
    pub run_seconds: u32,
    /// Overloads since start.
    pub overloads: u16,
}

/// What holds for all channels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SystemView {
    /// The emergency stop is on.
    pub emergency_stop: bool,
    /// `GLOBAL_ENABLE` is 1.
    pub enabled: bool,
    /// Channels that may not start.
    pub inhibited: Vec<u8>,
    /// The unit is too hot.
    pub too_hot: bool,
    /// The master was silent, and has not been heard since.
    pub silent: bool,
    /// No check of the self-test failed.
    pub self_test_passed: bool,
}

impl ChannelView {
    /// Its state; `None` for a code that this build does not know.
    #[must_use]
    pub fn state(&self) -> Option<ChannelState> {
        ChannelState::from_code(self.state_code)
    }

    /// Why the unit last stopped it.
    #[must_use]
    pub fn last_fault(&self) -> Option<ChannelFault> {
        ChannelFault::from_code(self.last_fault_code)
    }

    /// Its state in a word.
    #[must_use]
    pub fn state_word(&self) -> &'static str {
        word(self.state_code)
    }
}

fn word(state: u16) -> &'static str {
    match ChannelState::from_code(state) {
        Some(ChannelState::Stopped) => "stopped",
        Some(ChannelState::Starting) => "starting",
        Some(ChannelState::Running) => "running",
        Some(ChannelState::Stopping) => "stopping",
        Some(ChannelState::Overload) => "overload",
        Some(ChannelState::Fault) => "fault",
        None => "unknown",
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands references")]
fn state_word<S: serde::Serializer>(code: &u16, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(word(*code))
}

/// Reads all four channels.
///
/// # Errors
/// What the bus says.
pub async fn read_all(bus: &Bus, unit: UnitId) -> Result<[ChannelView; 4], BusError> {
    let mut views = Vec::with_capacity(4);
    for channel in ChannelId::ALL {
        views.push(read_one(bus, unit, channel).await?);
    }
    Ok(views.try_into().expect("there are four channels"))
}

async fn read_one(bus: &Bus, unit: UnitId, channel: ChannelId) -> Result<ChannelView, BusError> {
    let id = |register| RegisterId::Channel(channel, register);
    let first = Block::read(bus, unit, id(ChannelRegister::StartStop), id(ChannelRegister::LastStateTimestamp)).await?;
    let more = Block::read(bus, unit, id(ChannelRegister::Watts), id(ChannelRegister::Overloads)).await?;
    let flags = first.get(id(ChannelRegister::StatusFlags));
    let seconds = id(ChannelRegister::RunSeconds).address();
    Ok(ChannelView {
        channel: channel.number(),
        state_code: more.get(id(ChannelRegister::State)),
        watts: more.get(id(ChannelRegister::Watts)),
        hertz: u32::from(first.get(id(ChannelRegister::Frequency))) * 10,
        amplitude_set: first.get(id(ChannelRegister::AmplitudeSetPoint)),
        amplitude: first.get(id(ChannelRegister::AmplitudeActual)),
        locked: flags & 1 << 2 != 0,
        overload: flags & 1 << 1 != 0,
        last_fault_code: first.get(id(ChannelRegister::LastFaultCode)),
        run_seconds: u32::from(more.word(seconds)) << 16 | u32::from(more.word(seconds + 1)),
        overloads: more.get(id(ChannelRegister::Overloads)),
    })
}

/// Reads what holds for all channels.
///
/// # Errors
/// What the bus says.
pub async fn read_system(bus: &Bus, unit: UnitId) -> Result<SystemView, BusError> {
    let block = Block::read(bus, unit, RegisterId::SystemStatus, RegisterId::GlobalAmplitude).await?;
    let test = RegisterId::SelfTestFailures;
    let failures = Block::read(bus, unit, test, test).await?.get(test);
    let inhibited = block.get(RegisterId::TestStartInhibit);
    let status = block.get(RegisterId::SystemStatus);
    Ok(SystemView {
        emergency_stop: block.get(RegisterId::EmergencyStop) != 0,
        enabled: block.get(RegisterId::GlobalEnable) != 0,
        inhibited: ChannelId::ALL
            .into_iter()
            .filter(|channel| inhibited & u16::from(channel.bit()) != 0)
            .map(ChannelId::number)
            .collect(),
        too_hot: status & 1 << 4 != 0,
        silent: status & 1 << 3 != 0,
        self_test_passed: failures == 0,
    })
}

/// Keeps a channel that was started running until `end` is ready, and tells each look to `seen`. Does not stop it: when
/// nobody asks any more, the unit does that within a second.
///
/// # Errors
/// [`ChannelError::Stopped`] when the unit stopped it meanwhile, or what the bus says.
pub async fn watch(
    bus: &Bus,
    unit: UnitId,
    channel: ChannelId,
    end: impl Future<Output = ()>,
    mut seen: impl FnMut(&ChannelView),
) -> Result<ChannelView, ChannelError> {
    let mut end = pin!(end);
    let since = Instant::now();
    loop {
        let view = read_one(bus, unit, channel).await?;
        seen(&view);
        if !matches!(view.state(), Some(ChannelState::Starting | ChannelState::Running)) {
            let why = match view.last_fault() {
                Some(fault) => WhyNot::Stopped(fault),
                None => WhyNot::ByAnother,
            };
            return Err(ChannelError::Stopped { unit, channel, ran_s: since.elapsed().as_secs(), why });
        }
        tokio::select! {
            () = &mut end => return Ok(view),
            () = tokio::time::sleep(WATCH) => {}
        }
    }
}
