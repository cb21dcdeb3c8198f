//! Stories about settings: changed over and over, around the place where a page is full, and kept across an update and the
//! way back.

use bootloader::model::key_sets::at_once;
use firmware::settings::SettingsRecord;
use firmware::store::{Store, Ungated};
use protocol::layout::Slot;
use protocol::semver::Version;
use protocol::settings::{Kind, SETTINGS_SCHEMA, Values};

use super::super::world::amplitude;
use super::{Depth, Order, SMALL, Start, Story, image};

/// Records that a page holds.
const PLACES: usize = 13;

/// All of them.
pub(in super::super) fn all() -> Vec<Story> {
    let three = [Order::Settings(30), Order::Settings(40), Order::Settings(50)];
    let near_full = (PLACES - 4..=PLACES + 1).map(|filler| {
        let depth = if filler == PLACES - 2 { Depth::Pairs } else { Depth::SomePairs(7) };
        story(filler, depth, &three)
    });
    let there_and_back =
        [Order::Settings(30), Order::Update(1), Order::Settings(40), Order::RollBack(0), Order::Settings(50)];
    let mut stories = vec![story(0, Depth::Pairs, &three)];
    stories.extend(near_full);
    let mut across = story(PLACES - 2, Depth::Singles, &there_and_back);
    across.name = format!("settings-update.{}", PLACES - 2);
    stories.push(across);
    stories
}

/// A unit whose settings were changed `filler` times before.
fn story(filler: usize, depth: Depth, orders: &[Order]) -> Story {
    let images = vec![
        image(Slot::A, Version::new(1, 0, 0), SMALL, Version::ZERO),
        image(Slot::B, Version::new(1, 1, 0), SMALL, Version::new(1, 0, 0)),
    ];
    let mut flash = Start::new(SMALL).unit(&images[0]);
    for number in 1..=filler {
        let settings = Values::new(Kind::Setting)
            .changed(&amplitude(20 + number as u8), SETTINGS_SCHEMA)
            .expect("an amplitude in its range");
        at_once(Store::append(&mut flash, &SettingsRecord(settings), &Ungated)).expect("sound flash takes a record");
    }
    Story {
        name: format!("settings.{filler}"),
        flash,
        confirmed: Some(images[0].name),
        images,
        sets: Vec::new(),
        installed: 0,
        before: Vec::new(),
        orders: orders.into(),
        depth,
    }
}
