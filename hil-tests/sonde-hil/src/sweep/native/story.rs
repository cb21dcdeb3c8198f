//! The stories that are told again and again, with the power cut at another place each time.

mod keys;
mod settings;

use bootloader::boot_log::BootLog;
use bootloader::model::FlashModel;
use bootloader::model::release::{Release, blank_unit, factory_unit, release_key};
use protocol::boot_record::ImageRef;
use protocol::key_set::SignedKeySet;
use protocol::layout::{BOOT_LOG_OFFSETS, ERASED, PAGE_SIZE, Slot, WORD_SIZE};
use protocol::manifest::SignedManifest;
use protocol::semver::Version;

/// What a host wants of the unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// Bring this image, and confirm it. The number is an index into [`Story::images`].
    Update(usize),
    /// Bring this image; on trial it crashes whenever it runs, until the loader gives it up.
    Fail(usize),
    /// Go back to this image, which lies in the other slot.
    RollBack(usize),
    /// Install this key set. The number is an index into [`Story::sets`].
    Keys(usize),
    /// Set this amplitude, with another setting in the same transaction.
    Settings(u8),
}

/// A key set, signed, as a host holds it.
#[derive(Debug, Clone)]
pub(super) struct Set {
    pub(super) signed: SignedKeySet,
    /// What it resets the floor to.
    pub(super) reset: Option<Version>,
}

/// A release, signed, as a host holds it.
#[derive(Debug, Clone)]
pub(super) struct Image {
    pub(super) name: ImageRef,
    pub(super) release: Release,
    pub(super) signed: SignedManifest,
    /// Whole pages, as they are sent.
    pub(super) pages: Vec<u8>,
}

/// A unit, and what a host does with it.
#[derive(Debug, Clone)]
pub(super) struct Story {
    pub(super) name: String,
    pub(super) images: Vec<Image>,
    pub(super) sets: Vec<Set>,
    /// Number of the key set in force before; 0 when there is none.
    pub(super) installed: u16,
    /// The image that the unit was given before.
    pub(super) confirmed: Option<ImageRef>,
    /// The unit before its first boot.
    pub(super) flash: FlashModel,
    /// Orders that are carried out before the first cut may come.
    pub(super) before: Vec<Order>,
    /// Orders under cuts.
    pub(super) orders: Vec<Order>,
    /// What is done with it.
    pub(super) depth: Depth,
}

/// How many cuts in one telling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Depth {
    /// Every single cut.
    Singles,
    /// Every single cut, and every pair of two.
    Pairs,
    /// Every single cut, and of the pairs those with every so manieth second cut.
    SomePairs(u64),
}

/// Bytes of an image that has a vector table, some code, and no more.
const SMALL: usize = 80;
/// Bytes of an image that takes a page and a part of one.
const TWO_PAGES: usize = PAGE_SIZE as usize + 300;

/// All stories. The number behind a name is how many records the boot log held already: near its page's end, the story
/// meets the compaction of both copies at another place each.
pub(super) fn all() -> Vec<Story> {
    let mut stories = Vec::new();
    let mut tell = |name: &str, depth, start: Start, before: &[Order], orders: &[Order]| {
        stories.push(story(name, depth, start, before, orders));
    };
    let (update, fail, back) = (Order::Update(1), Order::Fail(1), Order::RollBack(0));
    // Over what recovery brought, into the other slot.
    let back_again = Order::Update(3);
    let small = Start::new(SMALL);
    for filler in [0, 25, 26, 27, 28, 29, 30, 31] {
        let start = Start { filler, ..small };
        let depth = if filler == 29 { Depth::Pairs } else { Depth::Singles };
        tell("update", depth, start, &[], &[update]);
        tell("roll-back", depth, start, &[update], &[back]);
        tell("give-up", depth, start, &[], &[fail]);
    }
    tell("update-over", Depth::Singles, Start { other: Other::Older, ..small }, &[], &[update]);
    tell("update-no-log", Depth::Pairs, Start { log: Log::Empty, ..small }, &[], &[update]);
    tell("update-shut", Depth::Pairs, Start { shuts_out: true, ..small }, &[], &[update]);
    for (name, log) in [("update-lost-log-0", Log::Lost(0)), ("update-lost-log-1", Log::Lost(1))] {
        tell(name, Depth::Singles, Start { log, ..small }, &[], &[update]);
    }
    for (name, other) in [("update-2-pages", Other::Nothing), ("update-2-pages-over", Other::Older)] {
        tell(name, Depth::Singles, Start { other, ..Start::new(TWO_PAGES) }, &[], &[update]);
    }
    tell("recover", Depth::SomePairs(11), Start { log: Log::Blank, ..small }, &[], &[update]);
    tell(
        "recover-2-pages",
        Depth::Singles,
        Start { log: Log::Blank, ..Start::new(TWO_PAGES) },
        &[],
        &[update, back_again],
    );
    tell("there-and-back", Depth::Singles, small, &[], &[update, back, Order::Update(2), Order::Update(3)]);
    stories.extend(keys::all());
    stories.extend(settings::all());
    stories
}

/// The unit that a story starts with.
#[derive(Debug, Clone, Copy)]
struct Start {
    length: usize,
    filler: usize,
    log: Log,
    other: Other,
    /// The update's security floor shuts the old image out.
    shuts_out: bool,
}

#[derive(Debug, Clone, Copy)]
enum Log {
    Good,
    Empty,
    /// Empty, and both slots are: the unit was never given an image.
    Blank,
    /// Each word of this copy is poisoned.
    Lost(usize),
}

/// What lies in the slot that does not run.
#[derive(Debug, Clone, Copy)]
enum Other {
    Nothing,
    Older,
}

impl Start {
    fn new(length: usize) -> Self {
        Self { length, filler: 0, log: Log::Good, other: Other::Nothing, shuts_out: false }
    }

    fn unit(self, old: &Image) -> FlashModel {
        let mut flash = match self.log {
            Log::Blank => blank_unit(),
            Log::Empty => {
                let mut flash = blank_unit();
                old.release.install(&mut flash);
                flash
            }
            Log::Good | Log::Lost(_) => factory_unit(&old.release),
        };
        if let Other::Older = self.other {
            image(Slot::B, Version::new(0, 9, 0), self.length + 16, Version::ZERO).release.install(&mut flash);
        }
        for _ in 0..self.filler {
            let state = BootLog::read(&mut flash).state().expect("a unit from the factory has a log");
            BootLog::append(&mut flash, state).expect("sound flash takes a record");
        }
        if let Log::Lost(copy) = self.log {
            (0..PAGE_SIZE).step_by(WORD_SIZE as usize).for_each(|place| flash.poison(BOOT_LOG_OFFSETS[copy] + place));
        }
        flash
    }
}

fn story(name: &str, depth: Depth, start: Start, before: &[Order], orders: &[Order]) -> Story {
    let (first, second) = (Version::new(1, 0, 0), Version::new(1, 1, 0));
    let floor = if start.shuts_out { second } else { first };
    let images = vec![
        image(Slot::A, first, start.length, Version::ZERO),
        image(Slot::B, second, start.length, floor),
        image(Slot::B, Version::new(1, 2, 0), start.length, first),
        image(Slot::A, Version::new(1, 3, 0), start.length, second),
    ];
    Story {
        name: format!("{name}.{}", start.filler),
        flash: start.unit(&images[0]),
        confirmed: (!matches!(start.log, Log::Blank)).then_some(images[0].name),
        images,
        sets: Vec::new(),
        installed: 0,
        before: before.into(),
        orders: orders.into(),
        depth,
    }
}

fn image(slot: Slot, version: Version, length: usize, security_floor: Version) -> Image {
    let mut release = Release::new(slot, version);
    let start: Vec<u8> = release.image.iter().copied().take(length).collect();
    let rest = (start.len()..length).map(|index| ((index * 31) ^ (index >> 8) ^ usize::from(version.minor)) as u8);
    release.image = start.into_iter().chain(rest).collect();
    release.manifest.security_floor = security_floor;
    // The reset vector behind the table of the smallest image.
    let code = slot.image_address() + 65;
    let stack = u32::from_le_bytes([release.image[0], release.image[1], release.image[2], release.image[3]]);
    let release = release.with_vectors(stack, code);
    let mut pages = release.image.clone();
    pages.resize(pages.len().next_multiple_of(PAGE_SIZE as usize), ERASED);
    Image { name: release.image_ref(), signed: release.sign(&release_key()), release, pages }
}
