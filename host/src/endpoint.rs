//! Where a bus is reached: a URL (`bus:M8`).
//!
//! Does not open anything: [`crate::bus::open`] does.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

/// What the plants use.
pub const DEFAULT_BAUD: u32 = 115_200;
/// Rates that are worth trying to set; a port may still refuse one.
const BAUD_RANGE: std::ops::RangeInclusive<u32> = 1_200..=4_000_000;
const WORKING: &str = "rtu:///dev/ttyUSB0?baud=115200&parity=none or rtu+tcp://host:port";

/// A bus, by the way to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// A serial port of this machine.
    Serial(SerialPort),
    /// Modbus RTU frames over a TCP connection, as device servers carry them.
    RtuOverTcp {
        /// Name or address.
        host: String,
        /// TCP port, 1-65535.
        port: u16,
    },
}

/// A serial port and its settings; 8 data bits always, as Modbus RTU has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SerialPort {
    /// Device path, `/dev/ttyUSB0`, or name, `COM3`.
    pub path: String,
    /// Bits a second.
    pub baud: u32,
    /// Parity bit.
    pub parity: Parity,
    /// Stop bits.
    pub stop: StopBits,
    /// Whether the adapter hears itself.
    pub echo: LocalEcho,
}

/// Parity bit of a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parity {
    /// None.
    None,
    /// Even.
    Even,
    /// Odd.
    Odd,
}

/// Stop bits of a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopBits {
    /// One.
    One,
    /// Two.
    Two,
}

/// Whether every byte sent comes back from the adapter itself (`facts/bus.md` section 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LocalEcho {
    /// It does not.
    Absent,
    /// It does, and one copy of each request is skipped.
    Skip,
}

/// Why a text is no endpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// No `scheme://`.
    #[error("{found:?} is no endpoint URL; write {WORKING}")]
    NoScheme {
        /// The text.
        found: String,
    },
    /// A scheme that sonde is going to have.
    #[error("{scheme}:// is not in this version of sonde; what works is {WORKING}")]
    NotInThisVersion {
        /// The scheme.
        scheme: String,
    },
    /// A scheme nobody knows.
    #[error("unknown scheme {scheme:?}; what works is {WORKING}")]
    UnknownScheme {
        /// The scheme.
        scheme: String,
    },
    /// A serial endpoint without a port.
    #[error("no serial port in the URL; write rtu:///dev/ttyUSB0 with the path of the port")]
    NoPath,
    /// A network endpoint that is not `host:port`.
    #[error("{found:?} is no host:port; write rtu+tcp://10.0.0.7:4001")]
    NoHostPort {
        /// What stands there.
        found: String,
    },
    /// A setting that this kind of endpoint does not have.
    #[error("unknown setting {key:?}; this endpoint takes {known}")]
    UnknownKey {
        /// The key.
        key: String,
        /// Those it has.
        known: &'static str,
    },
    /// A setting given twice.
    #[error("setting {key:?} is given twice; leave one of them")]
    Twice {
        /// The key.
        key: String,
    },
    /// A setting with a value out of its range.
    #[error("{key}={found}: expected {expected}")]
    Value {
        /// The key.
        key: &'static str,
        /// The value.
        found: String,
        /// What would do.
        expected: &'static str,
    },
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        let (scheme, rest) =
            text.split_once("://").ok_or_else(|| EndpointError::NoScheme { found: text.to_owned() })?;
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        match scheme {
            "rtu" => SerialPort::parse(place, query).map(Self::Serial),
            "rtu+tcp" => {
                if let Some((key, _)) = settings(query).next() {
                    return Err(EndpointError::UnknownKey { key: key.to_owned(), known: "none" });
                }
                let (host, port) = host_and_port(place)?;
                Ok(Self::RtuOverTcp { host, port })
            }
            "tcp" | "probe" => Err(EndpointError::NotInThisVersion { scheme: scheme.to_owned() }),
            _ => Err(EndpointError::UnknownScheme { scheme: scheme.to_owned() }),
        }
    }
}

impl SerialPort {
    fn parse(path: &str, query: &str) -> Result<Self, EndpointError> {
        if path.is_empty() || path == "/" {
            return Err(EndpointError::NoPath);
        }
        let mut port = Self {
            path: path.to_owned(),
            baud: DEFAULT_BAUD,
            parity: Parity::None,
            stop: StopBits::One,
            echo: LocalEcho::Absent,
        };
        let mut seen = Vec::new();
        for (key, value) in settings(query) {
            if seen.contains(&key) {
                return Err(EndpointError::Twice { key: key.to_owned() });
            }
            seen.push(key);
            port.set(key, value)?;
        }
        Ok(port)
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), EndpointError> {
        let wrong = |key, expected| EndpointError::Value { key, found: value.to_owned(), expected };
        match key {
            "baud" => {
                let baud = value.parse().ok().filter(|baud| BAUD_RANGE.contains(baud));
                self.baud = baud.ok_or_else(|| wrong("baud", "a number from 1200 to 4000000"))?;
            }
            "parity" => {
                self.parity = match value {
                    "none" => Parity::None,
                    "even" => Parity::Even,
                    "odd" => Parity::Odd,
                    _ => return Err(wrong("parity", "none, even or odd")),
                };
            }
            "stop" => {
                self.stop = match value {
                    "1" => StopBits::One,
                    "2" => StopBits::Two,
                    _ => return Err(wrong("stop", "1 or 2")),
                };
            }
            "echo" => {
                self.echo = match value {
                    "none" => LocalEcho::Absent,
                    "skip" => LocalEcho::Skip,
                    _ => return Err(wrong("echo", "none, or skip when the adapter hears itself")),
                };
            }
            _ => {
                return Err(EndpointError::UnknownKey { key: key.to_owned(), known: "baud, parity, stop and echo" });
            }
        }
        Ok(())
    }
}

fn settings(query: &str) -> impl Iterator<Item = (&str, &str)> {
    query
        .split('&')
        .filter(|setting| !setting.is_empty())
        .map(|setting| setting.split_once('=').unwrap_or((setting, "")))
}

fn host_and_port(place: &str) -> Result<(String, u16), EndpointError> {
    let wrong = || EndpointError::NoHostPort { found: place.to_owned() };
    let (host, port) = place.rsplit_once(':').ok_or_else(wrong)?;
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let good = match bare {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c)),
    };
    let port = port.bytes().all(|byte| byte.is_ascii_digit()).then(|| port.parse().ok()).flatten();
    match port {
        Some(port) if good && port != 0 => Ok((bare.unwrap_or(host).to_owned(), port)),
        _ => Err(wrong()),
    }
}

impl Display for Endpoint {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Serial(port) => port.fmt(formatter),
            Self::RtuOverTcp { host, port } if host.contains(':') => write!(formatter, "rtu+tcp://[{host}]:{port}"),
            Self::RtuOverTcp { host, port } => write!(formatter, "rtu+tcp://{host}:{port}"),
        }
    }
}

impl Display for SerialPort {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let parity = match self.parity {
            Parity::None => "none",
            Parity::Even => "even",
            Parity::Odd => "odd",
        };
        write!(formatter, "rtu://{}?baud={}&parity={parity}", self.path, self.baud)?;
        if self.stop == StopBits::Two {
            formatter.write_str("&stop=2")?;
        }
        if self.echo == LocalEcho::Skip {
            formatter.write_str("&echo=skip")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> Result<Endpoint, EndpointError> {
        text.parse()
    }

    #[test]
    fn a_serial_port_has_the_plants_settings_unless_told_otherwise() {
        let expected = SerialPort {
            path: "/dev/ttyUSB0".to_owned(),
            baud: 115_200,
            parity: Parity::None,
            stop: StopBits::One,
            echo: LocalEcho::Absent,
        };
        assert_eq!(parse("rtu:///dev/ttyUSB0"), Ok(Endpoint::Serial(expected.clone())));
        let other = SerialPort { baud: 19_200, parity: Parity::Even, stop: StopBits::Two, ..expected };
        assert_eq!(parse("rtu:///dev/ttyUSB0?baud=19200&parity=even&stop=2"), Ok(Endpoint::Serial(other)));
    }

    #[test]
    fn a_network_endpoint_is_a_host_and_a_port() {
        let at = |host: &str, port| Ok(Endpoint::RtuOverTcp { host: host.to_owned(), port });
        assert_eq!(parse("rtu+tcp://127.0.0.1:4001"), at("127.0.0.1", 4001));
        assert_eq!(parse("rtu+tcp://station-3.plant:1"), at("station-3.plant", 1));
        assert_eq!(parse("rtu+tcp://[::1]:4001"), at("::1", 4001));
        for wrong in ["", "host", "host:", ":1", "host:0", "host:65536", "host:+1", "::1:4001", "a b:1", "host:1/x"] {
            let error = parse(&format!("rtu+tcp://{wrong}"));
            assert!(matches!(error, Err(EndpointError::NoHostPort { .. })), "{wrong}");
        }
    }

    #[test]
    fn what_is_not_in_this_version_says_so_and_names_what_is() {
        for url in ["tcp://host:502", "probe://"] {
            let text = parse(url).expect_err("not in this version").to_string();
            assert!(text.contains("not in this version") && text.contains("rtu+tcp://"), "{text}");
        }
        assert!(matches!(parse("http://host"), Err(EndpointError::UnknownScheme { .. })));
        assert!(matches!(parse("/dev/ttyUSB0"), Err(EndpointError::NoScheme { .. })));
        assert!(matches!(parse("rtu://"), Err(EndpointError::NoPath)));
    }

    #[test]
    fn unknown_repeated_and_wrong_settings_are_errors() {
        let error = |query: &str| parse(&format!("rtu:///dev/x?{query}")).expect_err("wrong setting");
        assert!(matches!(error("speed=9600"), EndpointError::UnknownKey { .. }));
        assert!(matches!(error("baud=9600&baud=9600"), EndpointError::Twice { .. }));
        for wrong in ["baud=", "baud", "baud=1", "baud=fast", "parity=mark", "stop=3", "echo=yes"] {
            assert!(matches!(error(wrong), EndpointError::Value { .. }), "{wrong}");
        }
        assert!(matches!(parse("rtu+tcp://h:1?baud=9600"), Err(EndpointError::UnknownKey { .. })));
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in ".{0,80}", scheme in "(rtu|rtu\\+tcp|tcp|x)://") {
            let _ = parse(&text);
            let _ = parse(&format!("{scheme}{text}"));
        }

        #[test]
        fn what_is_displayed_parses_back(
            path in "/dev/[a-zA-Z0-9/_.:-]{1,30}", baud in BAUD_RANGE, parity in 0..3, two: bool, skip: bool,
        ) {
            let port = SerialPort {
                path,
                baud,
                parity: [Parity::None, Parity::Even, Parity::Odd][parity as usize],
                stop: if two { StopBits::Two } else { StopBits::One },
                echo: if skip { LocalEcho::Skip } else { LocalEcho::Absent },
            };
            let endpoint = Endpoint::Serial(port);
            prop_assert_eq!(parse(&endpoint.to_string()), Ok(endpoint));
        }
    }
}
