//! What went wrong where nothing may be printed: on other CPUs, and in handlers. The first ones are kept.

use core::{
    fmt,
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
};

use crate::tap::Report;

const KEPT: usize = 8;

/// What was not as expected.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// x0 to x30.
    Register(u8),
    /// The lower and the upper half of q0 to q31: twice the number, and one more for the upper.
    Half(u8),
    Nzcv,
    Daif,
    ElrEl1,
    SpsrEl1,
    /// How far SP is from where it was.
    StackPointer,
    /// At the entry of a handler: CurrentEL, DAIF and SPSel.
    EntryState,
    Argument,
    Priority,
    /// An event that this CPU should not have taken.
    Place,
    /// How many handlers were running.
    Depth,
    /// Taken although this PE was masked.
    Masked,
    /// A critical event was not taken while a normal one's handler waited for it.
    Nesting,
    /// x4 to x17, which a call must keep.
    Kept,
    /// What a call returned; its function ID is the detail.
    Status,
    /// An event that nobody has raised.
    Unknown,
    /// How CPU_SUSPEND ended.
    Suspend,
    /// What was read of a device.
    Device,
}

/// Names, in the order of `Subject::code`.
const NAMES: [&str; 17] = [
    "NZCV",
    "DAIF",
    "ELR_EL1",
    "SPSR_EL1",
    "distance of SP",
    "PSTATE at a handler's entry",
    "x1 at a handler's entry",
    "priority of the handler",
    "CPU that took an event",
    "handlers running",
    "events taken while masked",
    "critical events taken within a handler",
    "calls that keep x4 to x17",
    "result",
    "event number",
    "result of CPU_SUSPEND",
    "registers of a device",
];
const HALVES: u64 = 32;
const OTHERS: u64 = HALVES + 64;

impl Subject {
    fn code(self) -> u64 {
        match self {
            Self::Register(n) => u64::from(n),
            Self::Half(n) => HALVES + u64::from(n),
            Self::Nzcv => OTHERS,
            Self::Daif => OTHERS + 1,
            Self::ElrEl1 => OTHERS + 2,
            Self::SpsrEl1 => OTHERS + 3,
            Self::StackPointer => OTHERS + 4,
            Self::EntryState => OTHERS + 5,
            Self::Argument => OTHERS + 6,
            Self::Priority => OTHERS + 7,
            Self::Place => OTHERS + 8,
            Self::Depth => OTHERS + 9,
            Self::Masked => OTHERS + 10,
            Self::Nesting => OTHERS + 11,
            Self::Kept => OTHERS + 12,
            Self::Status => OTHERS + 13,
            Self::Unknown => OTHERS + 14,
            Self::Suspend => OTHERS + 15,
            Self::Device => OTHERS + 16,
        }
    }
}

/// A subject as it is kept.
struct Code(u64);

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(code) = *self;
        if code < HALVES {
            return write!(f, "x{code}");
        }
        if code < OTHERS {
            let half = code - HALVES;
            return write!(f, "q{} {}", half / 2, ["lower half", "upper half"][usize::from(half % 2 == 1)]);
        }
        let name = usize::try_from(code - OTHERS).ok().and_then(|at| NAMES.get(at));
        f.write_str(name.unwrap_or(&"?"))
    }
}

/// Where it was: the CPU's index, and something to tell one place from another.
struct Fault {
    code: AtomicU64,
    place: AtomicU64,
    wanted: AtomicU64,
    got: AtomicU64,
}

static FAULTS: [Fault; KEPT] = [const {
    Fault {
        code: AtomicU64::new(0),
        place: AtomicU64::new(0),
        wanted: AtomicU64::new(0),
        got: AtomicU64::new(0),
    }
}; KEPT];
static COUNT: AtomicUsize = AtomicUsize::new(0);

pub fn clear() {
    COUNT.store(0, Ordering::Release);
}

/// Keeps it. May be called in a handler, whatever that interrupted.
pub fn add(subject: Subject, place: u64, wanted: u64, got: u64) {
    let at = COUNT.fetch_add(1, Ordering::AcqRel);
    if let Some(fault) = FAULTS.get(at) {
        fault.code.store(subject.code(), Ordering::Relaxed);
        fault.place.store(place, Ordering::Relaxed);
        fault.wanted.store(wanted, Ordering::Relaxed);
        fault.got.store(got, Ordering::Release);
    }
}

/// Keeps it if the two differ.
pub fn expect(subject: Subject, place: u64, wanted: u64, got: u64) {
    if wanted != got {
        add(subject, place, wanted, got);
    }
}

/// Fails if there were any, and shows the first.
pub fn check(report: &mut Report) {
    let count = COUNT.swap(0, Ordering::AcqRel);
    for fault in FAULTS.iter().take(count) {
        let got = fault.got.load(Ordering::Acquire);
        let (wanted, place) = (fault.wanted.load(Ordering::Relaxed), fault.place.load(Ordering::Relaxed));
        let subject = Code(fault.code.load(Ordering::Relaxed));
        report.check(false, format_args!("{subject}: {got:#x}, not {wanted:#x} (at {place:#x})"));
    }
    report.check(count <= KEPT, format_args!("{count} such failures"));
}
