//! What the registers say of the unit itself: its counters, its temperature, how much room it has.

use protocol::modbus::exception::Exception;
use protocol::registers::{MAP_VERSION, RegisterId};
use serde::Serialize;

use crate::bus::{Bus, BusError, UnitId};
use crate::channel::{ChannelView, SystemView, read_all, read_system};
use crate::registers::Block;

/// Version of the map that brought channels and meters.
const SINCE: u16 = 2;

/// A unit's channels and its own well-being.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Health {
    /// Version of its register map.
    pub map_version: u16,
    /// What holds for all channels.
    pub system: SystemView,
    /// The channels.
    pub channels: [ChannelView; 4],
    /// All tasks report in time.
    pub watchdog_ok: bool,
    /// Degrees Celsius of the chip; `None` when the unit does not know.
    pub temperature_c: Option<i16>,
    /// Frames for the unit since start.
    pub frames: u16,
    /// Frames with a wrong CRC or a line error since start.
    pub communication_errors: u16,
    /// Exception answers since start.
    pub exceptions: u16,
    /// Times that channels were stopped because the master was silent, since start.
    pub silence_trips: u16,
    /// Longest time between two looks at the inputs since start, microseconds.
    pub loop_max_us: u16,
    /// Bytes of the stack that were never used since start.
    pub stack_free: u16,
    /// Channels that ran before the last shutdown, bit 0 = channel 1.
    pub previous_active_mask: u16,
    /// Code of why the unit went down last.
    pub last_shutdown_code: u16,
}

impl Health {
    /// Asks the unit; `None` when it is older than these registers.
    ///
    /// # Errors
    /// What the bus says.
    pub async fn read(bus: &Bus, unit: UnitId) -> Result<Option<Self>, BusError> {
        let map_version = match bus.read_holding(unit, RegisterId::MapVersion.address(), 1).await {
            Ok(words) => words.first().copied().unwrap_or_default(),
            Err(BusError::Exception { exception: Exception::IllegalDataAddress, .. }) => return Ok(None),
            Err(other) => return Err(other),
        };
        if map_version < SINCE {
            return Ok(None);
        }
        let first = Block::read(bus, unit, RegisterId::SystemStatus, RegisterId::LastShutdownReason).await?;
        let more = Block::read(bus, unit, RegisterId::FramesReceived, RegisterId::StackFree).await?;
        let temperature = more.get(RegisterId::Temperature).cast_signed();
        Ok(Some(Self {
            map_version,
            system: read_system(bus, unit).await?,
            channels: read_all(bus, unit).await?,
            watchdog_ok: first.get(RegisterId::WatchdogStatus) == 1,
            temperature_c: (temperature != i16::MIN).then_some(temperature),
            frames: more.get(RegisterId::FramesReceived),
            communication_errors: first.get(RegisterId::CommErrors),
            exceptions: more.get(RegisterId::ExceptionsSent),
            silence_trips: more.get(RegisterId::SilenceTrips),
            loop_max_us: more.get(RegisterId::LoopMax),
            stack_free: more.get(RegisterId::StackFree),
            previous_active_mask: first.get(RegisterId::PrevActiveMask),
            last_shutdown_code: first.get(RegisterId::LastShutdownReason),
        }))
    }

    /// Whether its map is newer than what this build knows.
    #[must_use]
    pub fn is_newer(&self) -> bool {
        self.map_version > MAP_VERSION
    }

    /// Why it went down last, in words.
    #[must_use]
    pub fn last_shutdown(&self) -> &'static str {
        match self.last_shutdown_code {
            0 => "normal",
            1 => "watchdog",
            2 => "power loss",
            3 => "emergency stop",
            4 => "fault",
            _ => "unknown",
        }
    }
}
