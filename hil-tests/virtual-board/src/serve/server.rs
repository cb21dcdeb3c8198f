//! The thread that owns the segment.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::control::Control;
use super::pace::{Go, Pace, Pacer};
use super::port::{Outlet, Outlets, PortId};
use super::pty::Pty;
use super::tcp::Listener;
use crate::line::{Activity, Segment, Station};
use crate::time::VirtualTime;

/// Bytes that go to the clients in one piece even if the answer is longer.
const PIECE: usize = 128;

/// What a server offers.
pub struct ServeOptions {
    /// The pace.
    pub pace: Pace,
    /// Where clients connect for RTU over TCP; port 0 takes any free one.
    pub listen: Option<SocketAddr>,
    /// Where the name of a pty is put.
    pub pty: Option<PathBuf>,
    /// Told what happens with clients, on any thread.
    pub events: Arc<dyn Fn(ServeEvent) + Send + Sync>,
}

impl ServeOptions {
    /// RTU over TCP on any free port of this machine, silent.
    #[must_use]
    pub fn local(pace: Pace) -> Self {
        Self { pace, listen: Some(SocketAddr::from(([127, 0, 0, 1], 0))), pty: None, events: Arc::new(|_| ()) }
    }
}

/// What happened with a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServeEvent {
    /// A client is there.
    Joined {
        /// Who.
        client: String,
    },
    /// It went.
    Left {
        /// Who.
        client: String,
    },
    /// It did not read what it was sent and was dropped.
    TooSlow {
        /// Who.
        client: String,
    },
}

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}; choose another with --listen 127.0.0.1:PORT (port 0 takes any)")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// No pty is to be had.
    #[error("cannot make a pty: {source}; leave --pty out")]
    Pty {
        /// Why.
        source: io::Error,
    },
    /// The name for the pty is taken, or cannot be made.
    #[error("cannot put the pty's name at {}: {source}; choose another path with --pty", path.display())]
    PtyName {
        /// The path.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// No thread.
    #[error("cannot start a thread: {source}; end other programs")]
    Thread {
        /// Why.
        source: io::Error,
    },
}

/// What somebody inside the process wants done.
type Work<S> = Box<dyn FnOnce(&mut Segment<S>) + Send>;

/// To the thread that owns the segment.
pub(super) enum Message<S> {
    Joined(Outlet),
    Left(PortId),
    Bytes(Vec<u8>),
    Work(Work<S>),
    Stop,
}

/// A segment that is being served.
pub struct Server<S> {
    sender: Sender<Message<S>>,
    owner: JoinHandle<Segment<S>>,
    listener: Option<Listener>,
    pty: Option<Pty>,
}

impl<S: Station + Send + 'static> Server<S> {
    /// Starts to serve. Clients can connect when this returns.
    ///
    /// # Errors
    /// [`ServeError`].
    pub fn start(segment: Segment<S>, options: ServeOptions) -> Result<Self, ServeError> {
        let (sender, receiver) = channel();
        let listener = options.listen.map(|address| Listener::start(address, sender.clone())).transpose()?;
        let pty = options.pty.map(|path| Pty::start(path, sender.clone())).transpose()?;
        let owner = Owner {
            segment,
            receiver,
            pacer: Pacer::new(options.pace),
            started: Instant::now(),
            outlets: Outlets::default(),
            unsent: Vec::new(),
            unsent_end: VirtualTime::ZERO,
            events: options.events,
        };
        let owner = std::thread::Builder::new()
            .name("segment".into())
            .spawn(move || owner.run())
            .map_err(|source| ServeError::Thread { source })?;
        Ok(Self { sender, owner, listener, pty })
    }

    /// Where clients connect.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.listener.as_ref().map(Listener::address)
    }

    /// A hand on the segment.
    #[must_use]
    pub fn control(&self) -> Control<S> {
        Control::new(self.sender.clone())
    }

    /// Lets the clients go and returns the segment.
    #[must_use]
    pub fn stop(self) -> Segment<S> {
        // The owner ends by itself only when it panicked: then `join` says so.
        let _ = self.sender.send(Message::Stop);
        drop(self.listener);
        drop(self.pty);
        match self.owner.join() {
            Ok(segment) => segment,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

/// The owner of the segment.
struct Owner<S> {
    segment: Segment<S>,
    receiver: Receiver<Message<S>>,
    pacer: Pacer,
    started: Instant,
    outlets: Outlets,
    /// Heard, not yet handed to the clients.
    unsent: Vec<u8>,
    /// When the last of it, or of what was heard before, ended.
    unsent_end: VirtualTime,
    events: Arc<dyn Fn(ServeEvent) + Send + Sync>,
}

/// Whether to go on.
#[derive(PartialEq)]
enum Then {
    GoOn,
    Stop,
}

impl<S: Station> Owner<S> {
    fn run(mut self) -> Segment<S> {
        loop {
            let go = self.next();
            let then = match go {
                Go::Wait(longest) => self.wait(longest),
                go => {
                    self.advance(go);
                    self.listen()
                }
            };
            if then == Then::Stop {
                return self.segment;
            }
        }
    }

    fn next(&mut self) -> Go {
        self.pacer.next(self.started.elapsed(), self.segment.now(), self.segment.activity())
    }

    fn advance(&mut self, go: Go) {
        match go {
            Go::Run(until) => self.segment.run_until(until),
            Go::RunWhileBusy(until) => {
                while self.segment.now() < until && self.segment.activity() == Activity::Busy {
                    self.segment.step(until);
                }
            }
            Go::Wait(_) => {}
        }
        self.hand_out();
    }

    /// Takes what has come in without waiting.
    fn listen(&mut self) -> Then {
        loop {
            match self.receiver.try_recv() {
                Ok(message) => {
                    if self.handle(message) == Then::Stop {
                        return Then::Stop;
                    }
                }
                Err(TryRecvError::Empty) => return Then::GoOn,
                Err(TryRecvError::Disconnected) => return Then::Stop,
            }
        }
    }

    fn wait(&mut self, longest: Duration) -> Then {
        let longest = if self.unsent.is_empty() { longest } else { longest.min(Duration::from_micros(100)) };
        match self.receiver.recv_timeout(longest) {
            Ok(message) => {
                // The message comes now: first let the time pass that has passed.
                let go = self.next();
                self.advance(go);
                self.handle(message)
            }
            Err(RecvTimeoutError::Timeout) => Then::GoOn,
            Err(RecvTimeoutError::Disconnected) => Then::Stop,
        }
    }

    fn handle(&mut self, message: Message<S>) -> Then {
        match message {
            Message::Bytes(bytes) => self.segment.send_from(&bytes, self.unsent_end + self.silence()),
            Message::Work(work) => work(&mut self.segment),
            Message::Joined(outlet) => {
                (self.events)(ServeEvent::Joined { client: outlet.name.clone() });
                self.outlets.add(outlet);
            }
            Message::Left(id) => {
                if let Some(outlet) = self.outlets.remove(id) {
                    (self.events)(ServeEvent::Left { client: outlet.name });
                }
            }
            Message::Stop => return Then::Stop,
        }
        Then::GoOn
    }

    /// What a device server keeps between an answer and the next request: 3.5 characters, 1.75 ms above 19200 baud (Modbus
    /// over serial line V1.02, section 2.5.1.1). A client that reacts faster than the emulation runs would leave none.
    fn silence(&self) -> VirtualTime {
        let settings = self.segment.settings();
        let characters = VirtualTime(settings.character_time().0 * 7 / 2);
        if settings.baud > 19_200 { VirtualTime::from_micros(1_750) } else { characters }
    }

    /// Gives the clients what the master heard, in pieces that end with a silence of two characters.
    fn hand_out(&mut self) {
        for heard in self.segment.take_heard() {
            self.unsent.push(heard.value);
            self.unsent_end = heard.end;
        }
        let silence = self.segment.now() - self.unsent_end;
        let character = self.segment.settings().character_time();
        let quiet = matches!(self.segment.activity(), Activity::IdleUntil(_)) || silence >= character + character;
        if self.unsent.is_empty() || !(quiet || self.unsent.len() >= PIECE) {
            return;
        }
        let lost = self.outlets.send(&self.unsent);
        self.unsent.clear();
        for outlet in lost {
            (self.events)(ServeEvent::TooSlow { client: outlet.name });
        }
    }
}
