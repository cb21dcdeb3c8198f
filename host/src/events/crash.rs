//! The crash record of a unit: read, and told in words. Addresses get names only from the ELF files of that very build.

use std::fmt::{self, Display, Formatter};
use std::path::{Path, PathBuf};

use object::{Object as _, ObjectSymbol as _, SymbolKind};
use protocol::crash::{CRASH_SIZE, CrashKind, CrashRecord};
use protocol::layout::{FLASH_BASE, FLASH_SIZE, Slot};
use protocol::message::{Answer, CrashPart, Request};
use serde::Serialize;

use super::{EventsError, words};
use crate::bundle::build::build_id_of;
use crate::elf::{ElfError, LinkedImage};
use crate::failure::{Class, Failure};
use crate::session::Session;

/// Reads the newest crash record.
///
/// # Errors
/// [`EventsError`], among others [`EventsError::NoCrash`].
pub async fn read(session: &mut Session) -> Result<CrashRecord, EventsError> {
    const TRIES: usize = 3;
    let unit = session.unit();
    for _ in 0..TRIES {
        let (mut bytes, mut of) = (Vec::new(), None);
        while bytes.len() < CRASH_SIZE {
            let offset = bytes.len() as u16;
            let CrashPart { number, bytes: part, .. } = match session.ask(&Request::CrashPart { offset }).await? {
                Answer::CrashPart(part) => part,
                other => return Err(session.other_answer(&other).into()),
            };
            if number == 0 {
                return Err(EventsError::NoCrash { unit });
            }
            if part.is_empty() || *of.get_or_insert(number) != number {
                break;
            }
            bytes.extend_from_slice(&part);
        }
        if let Some(record) = bytes.first_chunk().and_then(CrashRecord::parse) {
            return Ok(record);
        }
    }
    Err(EventsError::Moving { unit })
}

/// Why addresses have no names.
#[derive(Debug, thiserror::Error)]
pub enum SymbolsError {
    /// A file cannot be read.
    #[error("{}: {error}; check the path", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// It is no image.
    #[error("{}: {error}", path.display())]
    Elf {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        error: ElfError,
    },
    /// The linker left no id, and the release's id is made of both images.
    #[error("a build without an id of the linker is known by both of its images; name both with --elf A --elf B")]
    OneOfTwo,
    /// Another build.
    #[error(
        "the files are build {found}, the unit crashed in build {expected}; addresses of another build would lie. Name the ELF files that the release was built from"
    )]
    OtherBuild {
        /// The build of the files.
        found: String,
        /// The build that crashed.
        expected: String,
    },
}

impl Failure for SymbolsError {
    fn class(&self) -> Class {
        Class::Usage
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Read { .. } => "elf.read",
            Self::Elf { .. } => "elf.not_an_image",
            Self::OneOfTwo => "elf.one_of_two",
            Self::OtherBuild { .. } => "elf.other_build",
        }
    }
}

/// The functions of a build.
#[derive(Debug, Clone, Default)]
pub struct Symbols(Vec<(u32, u32, String)>);

impl Symbols {
    /// Reads them from the files of the build that crashed.
    ///
    /// # Errors
    /// [`SymbolsError`]: above all when it is another build.
    pub fn read(paths: &[PathBuf], record: &CrashRecord) -> Result<Self, SymbolsError> {
        let files = paths.iter().map(|path| read_file(path)).collect::<Result<Vec<_>, _>>()?;
        let images = files.iter().zip(paths).map(|(file, path)| image(file, path)).collect::<Result<Vec<_>, _>>()?;
        let own = images.iter().find_map(|image| image.build_id);
        let in_order = |slot| images.iter().find(|image| image.slot == slot).cloned();
        let found = match (own, in_order(Slot::A), in_order(Slot::B)) {
            (Some(own), ..) => own,
            (None, Some(a), Some(b)) => build_id_of(&[a, b]),
            (None, ..) => return Err(SymbolsError::OneOfTwo),
        };
        if found != record.build_id {
            return Err(SymbolsError::OtherBuild { found: hex(&found), expected: hex(&record.build_id) });
        }
        let of_slot = files.iter().zip(&images).filter(|(_, image)| image.slot == record.slot);
        Ok(Self(of_slot.flat_map(|(file, _)| functions(file)).collect()))
    }

    /// The function that an address is in, and how far.
    #[must_use]
    pub fn name(&self, address: u32) -> Option<String> {
        let at = address & !1;
        let holds = |(start, size, _): &&(u32, u32, String)| (*start..start + (*size).max(2)).contains(&at);
        self.0.iter().find(holds).map(|(start, _, name)| format!("{name} + {}", at - start))
    }
}

fn read_file(path: &Path) -> Result<Vec<u8>, SymbolsError> {
    std::fs::read(path).map_err(|error| SymbolsError::Read { path: path.to_owned(), error })
}

/// The image, of whichever slot it is for.
fn image(file: &[u8], path: &Path) -> Result<LinkedImage, SymbolsError> {
    LinkedImage::from_elf(file, Slot::A)
        .or_else(|error| match error {
            ElfError::OtherSlot { found, .. } => LinkedImage::from_elf(file, found),
            other => Err(other),
        })
        .map_err(|error| SymbolsError::Elf { path: path.to_owned(), error })
}

fn functions(file: &[u8]) -> Vec<(u32, u32, String)> {
    let Ok(elf) = object::File::parse(file) else { return Vec::new() };
    let functions = elf.symbols().filter(|symbol| symbol.kind() == SymbolKind::Text);
    let named = functions.filter_map(|symbol| {
        Some((symbol.address() as u32 & !1, symbol.size() as u32, symbol.name().ok()?.to_owned()))
    });
    named.collect()
}

/// A crash, for people and scripts.
#[derive(Debug, Clone, Serialize)]
pub struct CrashView {
    /// Number of the record.
    pub number: u32,
    /// What went wrong.
    pub kind: String,
    /// What the core was doing.
    pub active: String,
    /// Starts of the unit when it happened.
    pub boot: u32,
    /// Since that start, milliseconds.
    pub time_ms: u32,
    /// Version that ran.
    pub version: String,
    /// Slot that ran.
    pub slot: String,
    /// Build that ran.
    pub build_id: String,
    /// Of a panic: file, line and message.
    pub panic: Option<String>,
    /// The fault, in words.
    pub fault: Vec<String>,
    /// Registers, by name.
    pub registers: Vec<(String, u32)>,
    /// CFSR, HFSR, MMFAR, BFAR.
    pub status: [u32; 4],
    /// Names of the program counter and the link register, if the ELF files were given.
    pub names: Vec<(String, String)>,
    /// The stack, from the stack pointer on.
    pub stack: Vec<u32>,
    /// Words of the stack that are addresses of code, with their names.
    pub calls: Vec<(u32, String)>,
}

impl CrashView {
    /// Puts a record into words.
    #[must_use]
    pub fn new(record: &CrashRecord, symbols: &Symbols) -> Self {
        let registers = &record.registers;
        let general = registers.general.iter().enumerate().map(|(number, &value)| (format!("r{number}"), value));
        let special = [("sp", registers.sp), ("lr", registers.lr), ("pc", registers.pc), ("xpsr", registers.xpsr)];
        let special = special.into_iter().chain([("exc_return", registers.exc_return)]);
        let named = [("pc", registers.pc), ("lr", registers.lr)];
        let name = |(register, address): (&str, u32)| Some((register.to_owned(), symbols.name(address)?));
        let is_panic = record.kind == CrashKind::Panic;
        let code = FLASH_BASE..FLASH_BASE + FLASH_SIZE;
        let calls = record.stack.iter().filter(|&&word| code.contains(&word) && word & 1 == 1);
        Self {
            number: record.number,
            kind: record.kind.to_string(),
            active: words::place(record.exception),
            boot: record.boot,
            time_ms: record.time_ms,
            version: record.version.to_string(),
            slot: record.slot.to_string(),
            build_id: hex(&record.build_id),
            panic: is_panic.then(|| format!("{} (line {})", record.text().trim_end_matches(": "), record.line)),
            fault: decoded(record),
            registers: general.chain(special.map(|(name, value)| (name.to_owned(), value))).collect(),
            status: [record.status.cfsr, record.status.hfsr, record.status.mmfar, record.status.bfar],
            names: named.into_iter().filter_map(name).collect(),
            stack: record.stack.to_vec(),
            calls: calls.filter_map(|&word| Some((word, symbols.name(word)?))).collect(),
        }
    }
}

/// The fault registers, bit by bit (Armv7-M B3.2.15).
fn decoded(record: &CrashRecord) -> Vec<String> {
    let status = &record.status;
    let at = |valid: u32, address: u32| {
        if status.cfsr >> valid & 1 == 1 { format!(" at {address:#010x}") } else { String::new() }
    };
    let bits = [
        (0, format!("an instruction was fetched from where there is no code{}", at(7, status.mmfar))),
        (1, format!("a load or store to memory that is not allowed{}", at(7, status.mmfar))),
        (3, "memory fault when returning from an exception".to_owned()),
        (4, "memory fault when entering an exception".to_owned()),
        (8, "an instruction fetch that nobody answered".to_owned()),
        (9, format!("a load or store that nobody answered{}", at(15, status.bfar))),
        (10, "a store that nobody answered, some instructions ago".to_owned()),
        (11, "bus fault when returning from an exception".to_owned()),
        (12, "bus fault when entering an exception: the stack has probably overflowed".to_owned()),
        (16, "an instruction that is none".to_owned()),
        (17, "a jump to an even address: not Thumb code".to_owned()),
        (18, "a return that no exception allows".to_owned()),
        (19, "an instruction of a coprocessor that is not there or off".to_owned()),
        (24, "an access that is not aligned".to_owned()),
        (25, "a division by zero".to_owned()),
    ];
    let mut words: Vec<String> =
        bits.into_iter().filter(|(bit, _)| status.cfsr >> bit & 1 == 1).map(|(_, word)| word).collect();
    if status.hfsr >> 1 & 1 == 1 {
        words.push("a vector could not be read".to_owned());
    }
    words
}

impl Display for CrashView {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let Self { number, kind, active, boot, time_ms, version, slot, build_id, .. } = self;
        writeln!(formatter, "crash record {number}: {kind} in {active}")?;
        writeln!(formatter, "  start {boot}, {}.{:03} s after it", time_ms / 1000, time_ms % 1000)?;
        writeln!(formatter, "  {version} in slot {slot}, build {build_id}")?;
        if let Some(panic) = &self.panic {
            writeln!(formatter, "  panic in {panic}")?;
        }
        self.fault.iter().try_for_each(|word| writeln!(formatter, "  {word}"))?;
        let [cfsr, hfsr, mmfar, bfar] = self.status;
        writeln!(formatter, "  CFSR {cfsr:#010x}  HFSR {hfsr:#010x}  MMFAR {mmfar:#010x}  BFAR {bfar:#010x}")?;
        for row in self.registers.chunks(6) {
            let row: Vec<String> = row.iter().map(|(name, value)| format!("{name:>4} {value:#010x}")).collect();
            writeln!(formatter, "  {}", row.join("  "))?;
        }
        for (register, name) in &self.names {
            writeln!(formatter, "  {register} is in {name}")?;
        }
        writeln!(formatter, "  stack:")?;
        for row in self.stack.chunks(8) {
            let row: Vec<String> = row.iter().map(|word| format!("{word:08x}")).collect();
            writeln!(formatter, "    {}", row.join(" "))?;
        }
        self.calls.iter().try_for_each(|(word, name)| writeln!(formatter, "  {word:#010x} {name}"))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::crash::{CRASH_STACK, CRASH_TEXT, FaultStatus, Registers};
    use protocol::semver::Version;

    fn record() -> CrashRecord {
        let mut text = [0; CRASH_TEXT];
        text[..18].copy_from_slice(b"worker.rs: no room");
        CrashRecord {
            kind: CrashKind::BusFault,
            slot: Slot::A,
            exception: 69,
            number: 3,
            boot: 12,
            time_ms: 61_005,
            version: Version::new(1, 2, 3),
            line: 7,
            build_id: [0xAB; 20],
            registers: Registers { pc: 0x0801_2346, ..Registers::default() },
            status: FaultStatus { cfsr: 1 << 9 | 1 << 15, hfsr: 1 << 30, mmfar: 0, bfar: 0x6000_0000 },
            text,
            stack: [0x0801_2347; CRASH_STACK],
        }
    }

    #[test]
    fn a_fault_is_told_in_words_with_its_address() {
        let view = CrashView::new(&record(), &Symbols::default());
        assert_eq!(view.fault, ["a load or store that nobody answered at 0x60000000"]);
        let told = view.to_string();
        assert!(told.starts_with("crash record 3: bus fault in the bus and control tasks\n"), "{told}");
        assert!(told.contains("start 12, 61.005 s after it") && view.panic.is_none() && view.calls.is_empty());
    }

    #[test]
    fn a_panic_is_told_with_file_line_and_message() {
        let view = CrashView::new(&CrashRecord { kind: CrashKind::Panic, ..record() }, &Symbols::default());
        assert_eq!(view.panic.as_deref(), Some("worker.rs: no room (line 7)"));
    }

    #[test]
    fn an_address_is_named_by_the_function_it_is_in() {
        let symbols = Symbols(vec![(0x0801_2340, 16, "step".to_owned())]);
        assert_eq!(symbols.name(0x0801_2347).as_deref(), Some("step + 6"));
        assert_eq!((symbols.name(0x0801_233F), symbols.name(0x0801_2350)), (None, None));
        let view = CrashView::new(&record(), &symbols);
        assert_eq!((view.names.len(), view.calls.len()), (1, CRASH_STACK));
    }
}
