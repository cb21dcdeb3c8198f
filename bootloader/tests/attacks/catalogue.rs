//! Every attack and fault that is about what flash holds at boot.

mod key_sets;
mod keys;
mod manifest;
mod power;
mod rollback;
mod state;
mod vectors;

use crate::attack::Attack;

/// All of them, in the order of their ids.
pub(crate) fn attacks() -> Vec<Attack> {
    let mut attacks = [
        manifest::attacks(),
        keys::attacks(),
        key_sets::attacks(),
        vectors::attacks(),
        power::attacks(),
        rollback::attacks(),
        state::attacks(),
    ]
    .into_iter()
    .flatten()
    .collect::<Vec<_>>();
    // A10 behind A9.
    attacks.sort_by_key(|attack| (attack.id.as_bytes()[0], attack.id[1..].parse::<u8>().ok()));
    attacks
}
