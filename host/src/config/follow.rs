//! Goes with a unit to its new line: it stores a change of the line only when it was heard over it.

use std::time::Duration;

use protocol::settings::{Kind, Setting};
use tokio::time::{Instant, sleep};

use crate::bus::{Bus, Patience, UnitId};
use crate::endpoint::{Endpoint, Parity, SerialPort};

use super::{ConfigError, Group, open, read};

/// How long the unit is looked for: less than the 30 s after which it goes back.
pub const FOLLOW_LIMIT: Duration = Duration::from_secs(25);
/// How long the unit stays on the old line after its answer.
const BEFORE_SWITCH: Duration = Duration::from_millis(300);
const PATIENCE: Patience = Patience { timeout: Duration::from_millis(500), attempts: 1 };

/// The endpoint and the address behind which a unit with these settings is. The other end of a device server has to be
/// set by whoever looks after it.
#[must_use]
pub fn moved_endpoint(endpoint: &Endpoint, unit: UnitId, settings: &Group) -> (Endpoint, UnitId) {
    let number = |setting| settings.number(setting);
    let unit = number(Setting::UnitId).and_then(|id| UnitId::new(u8::try_from(id).ok()?)).unwrap_or(unit);
    let endpoint = match endpoint {
        Endpoint::Serial(port) => Endpoint::Serial(SerialPort {
            baud: number(Setting::Baud).and_then(|baud| u32::try_from(baud).ok()).unwrap_or(port.baud),
            parity: match number(Setting::Parity) {
                Some(0) => Parity::None,
                Some(1) => Parity::Even,
                Some(2) => Parity::Odd,
                _ => port.parity,
            },
            ..port.clone()
        }),
        Endpoint::RtuOverTcp { .. } => endpoint.clone(),
    };
    (endpoint, unit)
}

/// Looks for the unit over its new line until it tells its settings there. The old bus has to be closed.
///
/// # Errors
/// [`ConfigError::LineNotHeard`].
pub async fn follow(endpoint: &Endpoint, unit: UnitId) -> Result<Group, ConfigError> {
    let until = Instant::now() + FOLLOW_LIMIT;
    sleep(BEFORE_SWITCH).await;
    while Instant::now() < until {
        if let Ok(bus) = Bus::open(endpoint, PATIENCE).await
            && let Ok(mut session) = open(&bus, unit).await
            && let Ok(settings) = read(&mut session, Kind::Setting).await
        {
            return Ok(settings);
        }
        sleep(BEFORE_SWITCH).await;
    }
    Err(ConfigError::LineNotHeard { unit })
}
