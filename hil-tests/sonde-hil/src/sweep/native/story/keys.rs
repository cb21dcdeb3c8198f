//! Stories about keys: a key set is installed, replaced, lost in one of its copies; a floor is reset.

use bootloader::boot_log::BootLog;
use bootloader::model::FlashModel;
use bootloader::model::key_sets::{
    anchors_with_roots, id_of, key_set, next_release_key, put_anchors, put_key_set, release_entry, sign_set,
};
use bootloader::model::release::{factory_unit, release_key};
use protocol::anchors::Stage;
use protocol::key_set::{FloorReset, KeySet, Units};
use protocol::layout::{KEY_SET_OFFSETS, PAGE_SIZE, Slot, WORD_SIZE};
use protocol::semver::Version;

use super::{Depth, Image, Order, SMALL, Set, Story, image};

/// Root keys that have to sign a set.
const THRESHOLD: u8 = 2;
/// Every so manieth second cut: a set is a hundred words in each of two copies.
const STRIDE: u64 = 149;

/// All of them.
pub(super) fn all() -> Vec<Story> {
    let mut stories = vec![first_set(), rotation(0), rotation(30), floor_reset()];
    stories.extend([0, 1].map(lost_copy));
    stories
}

/// A first set adds a release key; then comes an image that this key has signed.
fn first_set() -> Story {
    let images = vec![old(), by_next_key(new())];
    let sets = vec![Set::of(&adding(1), None)];
    story("keys", images, sets, 0, &[], &[Order::Keys(0), Order::Update(1)], Depth::SomePairs(STRIDE))
}

/// The second set revokes the factory's key; the image that runs was signed by the one that the first set added.
fn rotation(filler: usize) -> Story {
    let images = vec![by_next_key(old()), by_next_key(new())];
    let revoking = key_set(2, &[release_entry(&next_release_key())], &[id_of(&release_key())], None);
    let sets = vec![Set::of(&adding(1), None), Set::of(&revoking, None)];
    let name = format!("keys-rotate.{filler}");
    let depth = if filler == 0 { Depth::SomePairs(STRIDE) } else { Depth::Singles };
    let mut story = story(&name, images, sets, 1, &[], &[Order::Keys(1), Order::Update(1)], depth);
    for _ in 0..filler {
        let state = BootLog::read(&mut story.flash).state().expect("a unit from the factory has a log");
        BootLog::append(&mut story.flash, state).expect("sound flash takes a record");
    }
    story
}

/// One copy of the set in force is lost; only the set says that what runs may run.
fn lost_copy(copy: usize) -> Story {
    let images = vec![by_next_key(old()), by_next_key(new())];
    let sets = vec![Set::of(&adding(1), None)];
    let name = format!("keys-lost-copy-{copy}");
    let mut story = story(&name, images, sets, 1, &[], &[Order::Update(1)], Depth::Singles);
    let places = (0..PAGE_SIZE).step_by(WORD_SIZE as usize);
    places.for_each(|place| story.flash.poison(KEY_SET_OFFSETS[copy] + place));
    story
}

/// The floor shuts out what is to run: a set resets it, a lower version comes, then one that raises it again.
fn floor_reset() -> Story {
    let (low, high, higher) = (Version::new(1, 0, 0), Version::new(1, 1, 0), Version::new(1, 2, 0));
    let images = vec![
        old(),
        image(Slot::B, high, SMALL, high),
        image(Slot::A, Version::new(1, 0, 1), SMALL, low),
        image(Slot::B, higher, SMALL, higher),
    ];
    let reset = key_set(1, &[], &[], Some(FloorReset { to: low, units: Units::Any }));
    let sets = vec![Set::of(&reset, Some(low))];
    let orders = [Order::Keys(0), Order::Update(2), Order::Update(3)];
    story("floor-reset", images, sets, 0, &[Order::Update(1)], &orders, Depth::SomePairs(STRIDE))
}

fn adding(number: u16) -> KeySet {
    key_set(number, &[release_entry(&next_release_key())], &[], None)
}

fn old() -> Image {
    image(Slot::A, Version::new(1, 0, 0), SMALL, Version::ZERO)
}

fn new() -> Image {
    image(Slot::B, Version::new(1, 1, 0), SMALL, Version::new(1, 0, 0))
}

/// The same, signed by the key that the first set adds.
fn by_next_key(image: Image) -> Image {
    Image { signed: image.release.sign(&next_release_key()), ..image }
}

fn story(
    name: &str,
    images: Vec<Image>,
    sets: Vec<Set>,
    installed: u16,
    before: &[Order],
    orders: &[Order],
    depth: Depth,
) -> Story {
    Story {
        name: name.into(),
        flash: unit(&images[0], &sets[..usize::from(installed)]),
        confirmed: Some(images[0].name),
        images,
        sets,
        installed,
        before: before.into(),
        orders: orders.into(),
        depth,
    }
}

/// A unit with root keys from the factory, and the last of these sets in force.
fn unit(image: &Image, installed: &[Set]) -> FlashModel {
    let mut flash = factory_unit(&image.release);
    image.release.install_signed(&mut flash, image.name.slot, &image.signed);
    put_anchors(&mut flash, &anchors_with_roots(THRESHOLD, Stage::Production));
    if let Some(set) = installed.last() {
        put_key_set(&mut flash, &set.signed);
    }
    flash
}

impl Set {
    fn of(set: &KeySet, reset: Option<Version>) -> Self {
        Self { signed: sign_set(set, &[0, 2]), reset }
    }
}
