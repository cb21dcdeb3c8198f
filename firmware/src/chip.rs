//! The firmware on its STM32G474: connects, decides nothing.
//!
//! - Bus and channels are served by an executor of their own in an interrupt, so that neither waits for a signature.
//! - Work and supervision share thread mode: whoever blocks it starves the supervisor, and the watchdog ends it.

mod background;
mod board;
mod bus;
mod clock;
mod control;
mod faults;
#[cfg(feature = "fault-hang-after-boot")]
mod hang;
mod kept;
mod outputs;
mod pins;
mod sensors;
mod stack;
mod supervisor;
mod work;

use core::cell::RefCell;
use core::pin::pin;
use core::task::{Context, Waker};

use embassy_executor::{Executor, InterruptExecutor};
use embassy_stm32::interrupt;
use embassy_stm32::interrupt::{InterruptExt as _, Priority};
use embassy_sync::blocking_mutex::Mutex;
use protocol::handover::{Mark, MarkKind};
use protocol::layout::Slot;
use protocol::reset::ResetCause;
use protocol::settings::Kind;
use static_cell::StaticCell;

use bootloader::boot_log::BootLog;
use bootloader::flash::WriteScope;
use bootloader::stm32g4::flash::ChipFlash;
use bootloader::stm32g4::handover;

use self::background::Await;
use self::board::{Board, Locked};
use self::sensors::Meters;
use crate::facts::Facts;
use crate::settings::Stored;
use crate::unit::Unit;
use crate::version::FIRMWARE_VERSION;
use crate::worker::{Before, Worker, make_room_at_start};

static UNIT: StaticCell<Locked> = StaticCell::new();
static WORKER: StaticCell<Worker<ChipFlash<Await>>> = StaticCell::new();
static THREAD: StaticCell<Executor> = StaticCell::new();
static BUS: InterruptExecutor = InterruptExecutor::new();

/// Characters come every 87 us and wait in an 8-character FIFO: nothing but the time driver is more urgent.
const UART_PRIORITY: Priority = Priority::P4;
/// Below the interrupts that feed it, above thread mode.
const BUS_PRIORITY: Priority = Priority::P8;

/// Runs the image that is linked for `slot`. Never returns.
pub fn run(slot: Slot) -> ! {
    bootloader::stm32g4::outputs::all_off();
    handover::leave_mark(Mark { kind: MarkKind::Alive, detail: 0 });
    let peripherals = embassy_stm32::init(clock::config());
    let watchdog = supervisor::take_watchdog(peripherals.IWDG);

    let mut flash = ChipFlash::open(WriteScope::Update { idle: slot.other() })
        .expect("the loader runs no image on a chip of another geometry");
    if slot == Slot::B {
        at_once(make_room_at_start(&mut flash));
    }
    let mut flash = flash.with_pause::<Await>();
    let facts = Facts::gather(&mut flash, slot, handover::report(), FIRMWARE_VERSION);
    faults::running(slot, facts.manifest.as_ref().map_or([0; 20], |manifest| manifest.build_id));
    // After power came RAM holds nothing that anybody left.
    let has_memory = facts.reset() != ResetCause::PowerOn;
    let (kept, crash) = (kept::read(), kept::take_crash());
    let before = Before { kept: kept.filter(|_| has_memory), crash: crash.filter(|_| has_memory) };
    let log = BootLog::read(&mut flash);
    let [settings, calibration] = [Kind::Setting, Kind::Calibration].map(|kind| Stored::read(&mut flash, kind));
    let unit = UNIT.init_with(|| Mutex::new(RefCell::new(Unit::new(facts, log))));
    // Not through the board, which looks after outputs that are not open yet.
    let line_settings = unit.lock(|unit| {
        let mut unit = unit.borrow_mut();
        unit.remember(settings, calibration);
        unit.line()
    });
    let board = Board::new(unit);
    let worker = WORKER.init_with(|| Worker::new(flash));
    worker.start_log(before);

    interrupt::USART1.set_priority(UART_PRIORITY);
    interrupt::UART5.set_priority(BUS_PRIORITY);
    let line = bus::open(peripherals.USART1, peripherals.PA10, peripherals.PA9, peripherals.PA12, line_settings);
    outputs::open();
    let meters = Meters::open(
        peripherals.ADC1,
        peripherals.DMA1_CH3,
        (peripherals.PA0, peripherals.PA1, peripherals.PA2, peripherals.PA3),
    );
    let bus = BUS.start(interrupt::UART5);
    bus.spawn(control::control(board, meters).expect("spawned once"));
    bus.spawn(bus::serve(board, line).expect("spawned once"));
    THREAD.init_with(Executor::new).run(|thread| {
        thread.spawn(work::work(board, worker).expect("spawned once"));
        thread.spawn(supervisor::supervise(board, watchdog).expect("spawned once"));
        #[cfg(feature = "fault-hang-after-boot")]
        thread.spawn(hang::hang().expect("spawned once"));
    })
}

/// Runs something that waits by asking again and again, before there is an executor.
fn at_once(work: impl Future<Output = ()>) {
    let mut work = pin!(work);
    while work.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending() {}
}

/// The interrupt of a UART that this board does not use runs the executor of the bus.
mod bus_interrupt {
    #![expect(unsafe_code, reason = "an interrupt handler hands itself to its executor")]
    use embassy_stm32::interrupt;

    #[interrupt]
    unsafe fn UART5() {
        // SAFETY: called from this handler only, which is enabled by `BUS.start`.
        unsafe { super::BUS.on_interrupt() }
    }
}
