//! One emulated unit, served to programs outside and held in the hand.

use std::io::Write;
use std::time::Instant;

use virtual_board::board::{Board, Outputs, Tear};
use virtual_board::line::{Frames, LineCounters, LineEvent, LineSettings, Segment};
use virtual_board::serve::{Control, Pace, ServeError, ServeOptions, Server, ServerGone};
use virtual_board::time::VirtualTime;
use virtual_board::unit::{FIRST_UNIT_ID, Factory};

/// The unit is the only one on its line.
const PLACE: usize = 0;

/// A unit behind RTU over TCP.
pub struct ServedUnit {
    server: Server<Board>,
    control: Control<Board>,
    url: String,
}

/// All meters at one moment.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    /// What went over the line.
    pub line: LineCounters,
    /// Virtual time.
    pub time: VirtualTime,
    /// Words programmed and pages erased.
    pub flash_operations: u64,
    /// Instructions executed.
    pub instructions: u64,
    /// Wall clock.
    pub wall: Instant,
}

impl ServedUnit {
    /// A new unit at the default rate, with power. Everything on the line goes to `log`, a line each frame.
    ///
    /// # Errors
    /// [`ServeError`].
    pub fn power_up(factory: &Factory, mut log: impl Write + Send + 'static) -> Result<Self, ServeError> {
        let mut board = factory.board(FIRST_UNIT_ID);
        board.power_on();
        let mut segment = Segment::new(LineSettings::default(), vec![board]);
        let mut frames = Frames::default();
        segment.set_trace(move |event| {
            // A log that cannot be written does not change the story.
            if let Some(frame) = frames.next(event) {
                let _ = writeln!(log, "{frame}");
            }
            if !matches!(event, LineEvent::Character { .. }) {
                let _ = writeln!(log, "{event:?}");
            }
        });
        let server = Server::start(segment, ServeOptions::local(Pace::Fast))?;
        let address = server.address().expect("these options listen");
        Ok(Self { control: server.control(), url: format!("rtu+tcp://{address}"), server })
    }

    /// How `sonde` reaches it.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its id on the bus.
    #[must_use]
    pub fn id(&self) -> String {
        FIRST_UNIT_ID.to_string()
    }

    /// Reads all meters.
    ///
    /// # Errors
    /// [`ServerGone`], as for all of these.
    pub fn read(&self) -> Result<Reading, ServerGone> {
        self.control.with(|segment| {
            let board = segment.station(PLACE);
            Reading {
                line: segment.counters(),
                time: segment.now(),
                flash_operations: board.flash_operations(),
                instructions: board.instructions(),
                wall: Instant::now(),
            }
        })
    }

    /// Cuts its power in that flash operation from now and leaves a word that cannot be read.
    ///
    /// # Errors
    /// [`ServerGone`].
    pub fn plan_power_cut(&self, after_flash_operations: u64) -> Result<(), ServerGone> {
        /// Any will do; the same one tells the same story.
        const SEED: u64 = 20_26;
        self.control.plan_power_cut(PLACE, after_flash_operations, Tear::Poison(SEED))
    }

    /// Whether it has power.
    ///
    /// # Errors
    /// [`ServerGone`].
    pub fn is_powered(&self) -> Result<bool, ServerGone> {
        self.control.is_powered(PLACE)
    }

    /// Power comes.
    ///
    /// # Errors
    /// [`ServerGone`].
    pub fn power_on(&self) -> Result<(), ServerGone> {
        self.control.power_on(PLACE)
    }

    /// Its outputs, and whether one was ever on.
    ///
    /// # Errors
    /// [`ServerGone`].
    pub fn outputs(&self) -> Result<Outputs, ServerGone> {
        self.control.outputs(PLACE)
    }

    /// Why its machine cannot go on, if it cannot.
    ///
    /// # Errors
    /// [`ServerGone`].
    pub fn stopped(&self) -> Result<Option<String>, ServerGone> {
        self.control.stopped(PLACE)
    }

    /// Takes it off the line.
    #[must_use]
    pub fn take_down(self) -> Board {
        let mut boards = self.server.stop().into_stations();
        boards.pop().expect("there is one unit")
    }
}

impl Reading {
    /// Bytes on the line since `earlier`, both ways.
    #[must_use]
    pub fn bytes_since(&self, earlier: &Self) -> u64 {
        self.line.since(&earlier.line).bytes()
    }

    /// Flash operations since `earlier`.
    #[must_use]
    pub fn flash_operations_since(&self, earlier: &Self) -> u64 {
        self.flash_operations - earlier.flash_operations
    }
}
