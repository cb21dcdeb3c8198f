//! Names for addresses, from the symbols that the linker left.

use std::collections::BTreeMap;

use object::{Object, ObjectSymbol, SymbolKind};
use virtual_board::elf::ElfError;

/// The functions of a program.
#[derive(Debug)]
pub(super) struct Symbols {
    /// By their first address.
    functions: BTreeMap<u32, String>,
}

impl Symbols {
    pub(super) fn read(elf: &[u8]) -> Result<Self, ElfError> {
        let elf = object::File::parse(elf).map_err(|error| ElfError::Malformed(error.to_string()))?;
        let functions = elf
            .symbols()
            .filter(|symbol| symbol.kind() == SymbolKind::Text && symbol.size() > 0)
            .filter_map(|symbol| Some((symbol.address() as u32 & !1, readable(symbol.name().ok()?))))
            .collect();
        Ok(Self { functions })
    }

    /// The function that an address is in.
    pub(super) fn name(&self, address: u32) -> &str {
        self.functions.range(..=address).next_back().map_or("?", |(_, name)| name)
    }
}

/// Whether a function only calculates: what it gives is looked at by others.
pub(super) fn is_arithmetic(function: &str) -> bool {
    ["curve25519_dalek", "sonde_hash", "mem", "aeabi"].iter().any(|part| function.contains(part))
}

/// `a::b::c` out of `_ZN1a1b1c17h0123456789abcdefE`; other names as they are.
fn readable(symbol: &str) -> String {
    let Some(mut rest) = symbol.strip_prefix("_ZN") else { return symbol.to_owned() };
    let mut parts = Vec::new();
    while let Some(digits) = rest.find(|character: char| !character.is_ascii_digit()).filter(|&digits| digits > 0) {
        let length: usize = rest[..digits].parse().unwrap_or(0);
        let Some(part) = rest.get(digits..digits + length) else { break };
        parts.push(part);
        rest = &rest[digits + length..];
    }
    // The last part is the hash.
    parts.pop();
    let joined = parts.join("::").replace("..", "::").replace("$LT$", "<").replace("$GT$", ">");
    joined.replace("$u20$", " ").replace("$RF$", "&").replace("_<", "<")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_their_hash_and_their_lengths() {
        assert_eq!(
            readable("_ZN16sonde_bootloader6decide7give_up17h5e742f81fc5a9116E"),
            "sonde_bootloader::decide::give_up"
        );
        assert_eq!(readable("NonMaskableInt"), "NonMaskableInt");
        assert_eq!(readable("_ZN9"), "");
    }

    #[test]
    fn what_judges_is_no_arithmetic() {
        assert!(is_arithmetic("sonde_hash::sha256::compress") && is_arithmetic("memcmp"));
        assert!(!is_arithmetic("sonde_bootloader::decide::decide") && !is_arithmetic("loader::main"));
    }
}
