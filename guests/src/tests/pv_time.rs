//! `pv_time`: the record of stolen time that every CPU has (Arm DEN0057). All CPUs look at theirs at the same time.

use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::{
    console::println,
    cpu,
    machine::{MAX_CPUS, Machine},
    psci,
    secondary::{self, Job},
    services,
    smccc::{Conduit, NOT_SUPPORTED, Registers, Return},
    tap::Report,
};

/// How long a CPU looks at its record.
const WATCHED_MS: u64 = 200;
const LIMIT_MS: u64 = 10_000;

/// DEN0057, PV_TIME_ST: the record's alignment, and where the stolen time is in it, after revision and attributes.
const ALIGNMENT: u64 = 64;
const STOLEN_AT: u64 = 8;
/// `entry.s` maps no more.
const MAPPED: u64 = 512 << 30;

/// The calls are SMCs.
static BY_SMC: AtomicBool = AtomicBool::new(false);
static SEEN: [Published; MAX_CPUS] = [const { Published::new() }; MAX_CPUS];

/// What a CPU has seen.
#[derive(Clone, Copy)]
struct Seen {
    features: u64,
    address: u64,
    /// Revision in the lower half, attributes in the upper.
    head: u64,
    stolen: u64,
    /// How often it went back.
    decreases: u64,
}

pub fn run(machine: &Machine, conduit: Conduit, report: &mut Report) {
    let own = look(conduit);
    if !report.check(own.features != NOT_SUPPORTED, format_args!("PV_TIME_FEATURES is NOT_SUPPORTED")) {
        return;
    }
    BY_SMC.store(conduit == Conduit::Smc, Ordering::Relaxed);
    for (index, target) in machine.other_cpus() {
        SEEN[index].clear();
        secondary::set_job(index, Job::PvTime);
        let result = psci::cpu_on(conduit, target, secondary::entry(), secondary::context(0, index));
        report.equal(format_args!("CPU_ON of {target:#x}"), result, psci::SUCCESS);
    }
    let mut addresses = [0; MAX_CPUS];
    for (index, &target) in machine.cpus().iter().enumerate() {
        let seen = match target == cpu::affinity() {
            true => Some(look(conduit)),
            false => cpu::poll(LIMIT_MS, || SEEN[index].read()),
        };
        if report.check(seen.is_some(), format_args!("CPU {target:#x} does not report"))
            && let Some(seen) = seen
        {
            check(machine, index, seen, report);
            let is_own = !addresses.contains(&seen.address);
            report.check(is_own, format_args!("CPU {index} shares {:#x}", seen.address));
            addresses[index] = seen.address;
        }
    }
    for (_, target) in machine.other_cpus() {
        let off = cpu::poll(LIMIT_MS, || (psci::affinity_info(conduit, target) == psci::OFF).then_some(()));
        report.check(off.is_some(), format_args!("CPU {target:#x} does not go off"));
    }
}

/// On another CPU.
pub fn report(index: usize) {
    let conduit = if BY_SMC.load(Ordering::Acquire) { Conduit::Smc } else { Conduit::Hvc };
    SEEN[index].publish(look(conduit));
}

/// Looks at this CPU's record, if it has one.
fn look(conduit: Conduit) -> Seen {
    let call =
        |function: u32, argument| answer(conduit.call(Registers::new(u64::from(function), [argument, 0, 0])));
    let features = call(services::PV_TIME_FEATURES, services::PV_TIME_ST.into());
    let address = call(services::PV_TIME_ST, 0);
    let mut seen = Seen { features, address, head: 0, stolen: 0, decreases: 0 };
    if is_readable(address) {
        seen.head = read(address);
        let _: Option<()> = cpu::poll(WATCHED_MS, || {
            let stolen = read(address + STOLEN_AT);
            seen.decreases += u64::from(stolen < seen.stolen);
            seen.stolen = stolen;
            None
        });
    }
    seen
}

/// x0.
const fn answer(end: Return) -> u64 {
    // Where the instruction is undefined, nobody answers.
    if end.undefined { NOT_SUPPORTED } else { end.registers.0[0] }
}

const fn is_readable(address: u64) -> bool {
    address != 0 && address.is_multiple_of(ALIGNMENT) && address < MAPPED
}

fn read(address: u64) -> u64 {
    let address = usize::try_from(address).expect("addresses have 64 bits");
    let word: *const u64 = core::ptr::with_exposed_provenance(address);
    // SAFETY: aligned and mapped. The firmware says that its record is there, and that nothing else is.
    unsafe { word.read_volatile() }
}

fn check(machine: &Machine, index: usize, seen: Seen, report: &mut Report) {
    let Seen { features, address, head, stolen, decreases } = seen;
    report.equal(format_args!("PV_TIME_FEATURES of PV_TIME_ST on CPU {index}"), features, services::SUCCESS);
    if !report.check(is_readable(address), format_args!("PV_TIME_ST on CPU {index}: {address:#x}")) {
        return;
    }
    let outside = !machine.is_memory(address);
    report.check_ours(outside, format_args!("{address:#x} is the guest's own memory"));
    report.equal(format_args!("revision and attributes of CPU {index}"), head, 0);
    report.equal(format_args!("decreases of the stolen time of CPU {index}"), decreases, 0);
    println!("# stolen cpu={index} ns={stolen}");
}

/// A [`Seen`] that one CPU publishes and another reads.
struct Published {
    words: [AtomicU64; 5],
    is_there: AtomicBool,
}

impl Published {
    const fn new() -> Self {
        Self { words: [const { AtomicU64::new(0) }; 5], is_there: AtomicBool::new(false) }
    }

    fn clear(&self) {
        self.is_there.store(false, Ordering::Release);
    }

    fn publish(&self, seen: Seen) {
        let words = [seen.features, seen.address, seen.head, seen.stolen, seen.decreases];
        for (slot, word) in self.words.iter().zip(words) {
            slot.store(word, Ordering::Relaxed);
        }
        self.is_there.store(true, Ordering::Release);
    }

    fn read(&self) -> Option<Seen> {
        if !self.is_there.load(Ordering::Acquire) {
            return None;
        }
        let [features, address, head, stolen, decreases] =
            [0, 1, 2, 3, 4].map(|at: usize| self.words[at].load(Ordering::Relaxed));
        Some(Seen { features, address, head, stolen, decreases })
    }
}
