//! Opens an endpoint: a serial port for us alone (`bus:M9`), or a TCP connection.

use std::future::Future;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_serial::{SerialPortBuilderExt as _, SerialStream};

use crate::endpoint::{Endpoint, LocalEcho, Parity, SerialPort, StopBits};
use crate::failure::{Class, Failure};

/// Where Linux names serial ports by what they are rather than by when they were plugged in.
const BY_ID: &str = "/dev/serial/by-id";
/// Silence before a request above 19200 baud (Modbus over serial line V1.02, section 2.5.1.1).
const FIXED_SILENCE: Duration = Duration::from_micros(1750);
/// How long a TCP connection may take to come up.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Why an endpoint cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// No such serial port.
    #[error("no serial port {path}; {}", present(ports))]
    NoPort {
        /// The port asked for.
        path: String,
        /// Ports that are there.
        ports: Vec<String>,
    },
    /// Another program has it.
    #[error("{path} is in use by another program; close that one first (find it with: fuser -v {path})")]
    InUse {
        /// The port.
        path: String,
    },
    /// No permission.
    #[error(
        "no permission to open {path}; join the group that owns it (see: ls -l {path}; often dialout), then log in again"
    )]
    NotAllowed {
        /// The port.
        path: String,
    },
    /// It is no serial port, or does not take the settings.
    #[error("cannot open {path} at {baud} baud: {reason}; check the path and the settings in the URL")]
    Serial {
        /// The port.
        path: String,
        /// Bits a second asked for.
        baud: u32,
        /// What the system said.
        reason: String,
    },
    /// Nobody listens there.
    #[error(
        "{endpoint} refuses the connection: nothing listens on that port; start the device server there, or check the port"
    )]
    Refused {
        /// The endpoint.
        endpoint: String,
    },
    /// It did not connect in time.
    #[error("{endpoint} did not connect within {} s; check the address and the network", waited.as_secs())]
    Timeout {
        /// The endpoint.
        endpoint: String,
        /// How long it took.
        waited: Duration,
    },
    /// Name or way not found.
    #[error("cannot reach {endpoint}: {source}; check the name and the network")]
    Unreachable {
        /// The endpoint.
        endpoint: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// It was opened by somebody else and cannot be opened again from here.
    #[error("the line is closed; open the bus again")]
    Closed,
}

fn present(ports: &[String]) -> String {
    if ports.is_empty() {
        "no serial port is plugged in; plug in the adapter".to_owned()
    } else {
        format!("present: {}", ports.join(", "))
    }
}

impl Failure for OpenError {
    fn class(&self) -> Class {
        Class::Bus
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::NoPort { .. } => "open.no_port",
            Self::InUse { .. } => "open.in_use",
            Self::NotAllowed { .. } => "open.not_allowed",
            Self::Serial { .. } => "open.serial",
            Self::Refused { .. } => "open.refused",
            Self::Timeout { .. } => "open.timeout",
            Self::Unreachable { .. } => "open.unreachable",
            Self::Closed => "open.closed",
        }
    }
}

/// A way for bytes in both directions.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// A stream, soon.
pub type Opening<'a> = Pin<Box<dyn Future<Output = Result<Box<dyn Stream>, OpenError>> + Send + 'a>>;

/// Opens the same line, each time it is asked.
pub trait Opener: Send {
    /// Opens it.
    fn open(&mut self) -> Opening<'_>;

    /// What to call it in messages.
    fn name(&self) -> String;
}

/// Time on the line, as far as the endpoint knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineTiming {
    /// One character, zero when the line is behind a network.
    pub character: Duration,
    /// Silence to keep before a request, zero when somebody else keeps it.
    pub silence: Duration,
    /// Whether our own bytes come back.
    pub echo: LocalEcho,
}

impl LineTiming {
    /// A line whose timing is somebody else's.
    pub const REMOTE: Self = Self { character: Duration::ZERO, silence: Duration::ZERO, echo: LocalEcho::Absent };

    /// Timing of an endpoint.
    #[must_use]
    pub fn of(endpoint: &Endpoint) -> Self {
        let Endpoint::Serial(port) = endpoint else { return Self::REMOTE };
        let parity = u32::from(port.parity != Parity::None);
        let stop = if port.stop == StopBits::Two { 2 } else { 1 };
        let bits = 1 + 8 + parity + stop;
        let character = Duration::from_secs(1) * bits / port.baud;
        let silence = if port.baud > 19_200 { FIXED_SILENCE } else { character * 7 / 2 };
        Self { character, silence, echo: port.echo }
    }
}

/// Opens an [`Endpoint`].
pub(crate) struct EndpointOpener {
    endpoint: Endpoint,
    /// The port's lasting name, once it was open: after replugging its number may be another.
    by_id: Option<PathBuf>,
}

impl EndpointOpener {
    pub(crate) fn new(endpoint: Endpoint) -> Self {
        Self { endpoint, by_id: None }
    }
}

impl Opener for EndpointOpener {
    fn open(&mut self) -> Opening<'_> {
        Box::pin(async move {
            match &self.endpoint {
                Endpoint::Serial(port) => {
                    let path = self.by_id.as_deref().and_then(Path::to_str).unwrap_or(&port.path);
                    let stream = open_serial(port, path)?;
                    self.by_id = self.by_id.take().or_else(|| lasting_name(Path::new(&port.path)));
                    Ok(Box::new(stream) as Box<dyn Stream>)
                }
                Endpoint::RtuOverTcp { host, port } => {
                    let stream = connect(host, *port, &self.endpoint.to_string()).await?;
                    Ok(Box::new(stream) as Box<dyn Stream>)
                }
            }
        })
    }

    fn name(&self) -> String {
        self.endpoint.to_string()
    }
}

async fn connect(host: &str, port: u16, endpoint: &str) -> Result<TcpStream, OpenError> {
    let endpoint = endpoint.to_owned();
    match tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect((host, port))).await {
        Err(_) => Err(OpenError::Timeout { endpoint, waited: CONNECT_TIMEOUT }),
        Ok(Err(error)) if error.kind() == ErrorKind::ConnectionRefused => Err(OpenError::Refused { endpoint }),
        Ok(Err(source)) => Err(OpenError::Unreachable { endpoint, source }),
        Ok(Ok(stream)) => {
            // A frame is written in one piece and must leave at once; without this each one may wait for the last ack.
            let _ = stream.set_nodelay(true);
            Ok(stream)
        }
    }
}

fn open_serial(port: &SerialPort, path: &str) -> Result<SerialStream, OpenError> {
    #[cfg(unix)]
    if !Path::new(path).exists() {
        return Err(OpenError::NoPort { path: path.to_owned(), ports: ports() });
    }
    let parity = match port.parity {
        Parity::None => tokio_serial::Parity::None,
        Parity::Even => tokio_serial::Parity::Even,
        Parity::Odd => tokio_serial::Parity::Odd,
    };
    let stop = match port.stop {
        StopBits::One => tokio_serial::StopBits::One,
        StopBits::Two => tokio_serial::StopBits::Two,
    };
    let builder = tokio_serial::new(path, port.baud).parity(parity).stop_bits(stop);
    builder.open_native_async().map_err(|error| serial_error(&error, path, port.baud))
}

fn serial_error(error: &tokio_serial::Error, path: &str, baud: u32) -> OpenError {
    let path = path.to_owned();
    let reason = error.to_string();
    match error.kind {
        tokio_serial::ErrorKind::Io(ErrorKind::PermissionDenied) => OpenError::NotAllowed { path },
        tokio_serial::ErrorKind::Io(ErrorKind::ResourceBusy) => OpenError::InUse { path },
        // The lock has no kind of its own.
        _ if reason.contains("exclusive lock") || reason.contains("busy") => OpenError::InUse { path },
        _ => OpenError::Serial { path, baud, reason },
    }
}

/// The name below [`BY_ID`] that leads to the same device.
fn lasting_name(path: &Path) -> Option<PathBuf> {
    let device = path.canonicalize().ok()?;
    let entries = std::fs::read_dir(BY_ID).ok()?;
    entries.flatten().map(|entry| entry.path()).find(|link| link.canonicalize().is_ok_and(|target| target == device))
}

/// Serial ports that are there, by their lasting names where they have one.
fn ports() -> Vec<String> {
    let names = |folder: &str, wanted: fn(&str) -> bool| -> Vec<String> {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let mut names: Vec<String> = entries
            .filter(|entry| entry.file_name().to_str().is_some_and(wanted))
            .map(|entry| entry.path().display().to_string())
            .collect();
        names.sort();
        names
    };
    let lasting = names(BY_ID, |_| true);
    if lasting.is_empty() {
        names("/dev", |name| name.starts_with("ttyUSB") || name.starts_with("ttyACM"))
    } else {
        lasting
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(text: &str) -> Endpoint {
        text.parse().expect("a good URL")
    }

    #[test]
    fn silence_and_character_follow_the_line_settings() {
        // facts/bus.md section 3
        let timing = |text| LineTiming::of(&endpoint(text));
        assert_eq!(timing("rtu:///dev/x").silence, Duration::from_micros(1750));
        assert_eq!(timing("rtu:///dev/x").character.as_micros(), 86);
        assert_eq!(timing("rtu:///dev/x?baud=9600&parity=even").character.as_micros(), 1145);
        assert_eq!(timing("rtu:///dev/x?baud=9600&parity=even").silence.as_micros(), 4010);
        assert_eq!(timing("rtu+tcp://h:1"), LineTiming::REMOTE);
    }

    #[tokio::test]
    async fn a_port_that_does_not_exist_and_one_that_refuses_are_told_apart() {
        let error = EndpointOpener::new(endpoint("rtu:///dev/no-such-port")).open().await.err();
        assert!(matches!(error, Some(OpenError::NoPort { .. })), "{error:?}");
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        drop(listener);
        let error = EndpointOpener::new(endpoint(&format!("rtu+tcp://127.0.0.1:{port}"))).open().await.err();
        assert!(matches!(error, Some(OpenError::Refused { .. })), "{error:?}");
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_serial_port_is_ours_alone() {
        let (_master, slave) = SerialStream::pair().expect("a pseudo terminal");
        let path = tokio_serial::SerialPort::name(&slave).expect("a slave has a path");
        let first = EndpointOpener::new(endpoint(&format!("rtu://{path}"))).open().await;
        assert!(first.is_ok(), "{:?}", first.err());
        let error = EndpointOpener::new(endpoint(&format!("rtu://{path}"))).open().await.err();
        assert!(matches!(error, Some(OpenError::InUse { .. })), "{error:?}");
    }

    #[tokio::test]
    async fn a_file_that_is_no_serial_port_says_so() {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        let error = EndpointOpener::new(endpoint(&format!("rtu://{}", file.path().display()))).open().await.err();
        assert!(matches!(error, Some(OpenError::Serial { .. })), "{error:?}");
    }
}
