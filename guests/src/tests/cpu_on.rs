//! `cpu_on`: every other CPU is started, looked at and turned off, `cpu_rounds` times (20).

use core::sync::atomic::{AtomicU64, Ordering};

use crate::{
    cpu,
    machine::{MAX_CPUS, Machine},
    psci,
    random::Random,
    secondary::{self, EntryState, Job, Mailbox},
    smccc::Conduit,
    tap::Report,
};

/// A loaded host may leave a CPU waiting for as long as this.
const LIMIT_MS: u64 = 10_000;

static MAILBOX: Mailbox = Mailbox::new();
/// The number of the start, counted over all CPUs: the target reports under it.
static STARTED: AtomicU64 = AtomicU64::new(0);
/// The number of the last start that may turn itself off.
static RELEASED: AtomicU64 = AtomicU64::new(0);

pub fn run(machine: &Machine, conduit: Conduit, report: &mut Report) {
    if machine.cpus().len() < 2 {
        return report.skip("needs 2 CPUs");
    }
    if machine.cpus().len() == MAX_CPUS {
        report
            .check(machine.this_cpu().is_some(), format_args!("this CPU is not among the first {MAX_CPUS}"));
    }
    let mut random = Random::new(machine.args.number("seed", 1234));
    let rounds = machine.args.number("cpu_rounds", 20);
    for round in 0..rounds {
        for (index, target) in machine.other_cpus() {
            // Every other round the narrow function, with upper halves that it must ignore.
            let narrow = round % 2 == 1 && target <= u64::from(u32::MAX) && !report.any_firmware();
            if one_start(conduit, index, target, narrow, &mut random, report).is_none() {
                report.check(false, format_args!("gave up at CPU {target:#x}, round {round}"));
                return;
            }
        }
    }
}

/// On the target: reports, and comes back once it may turn itself off.
pub fn report(entry: EntryState) {
    let number = STARTED.load(Ordering::Acquire);
    MAILBOX.publish(number, entry);
    while RELEASED.load(Ordering::Acquire) < number {
        core::hint::spin_loop();
    }
}

/// Before a CPU_ON of the CPU with this index: it is to report, and to turn itself off. The number of the start.
pub fn prepare(index: usize) -> u64 {
    prepare_job(index, Job::ReportAndOff)
}

/// Likewise, for a job that reports.
pub fn prepare_job(index: usize, job: Job) -> u64 {
    secondary::set_job(index, job);
    STARTED.fetch_add(1, Ordering::Release) + 1
}

/// How the CPU that was prepared under this number has started, once it has.
pub fn arrival(number: u64) -> Option<EntryState> {
    cpu::poll(LIMIT_MS, || MAILBOX.read(number))
}

/// Lets the CPU that was prepared under this number turn itself off.
pub fn release(number: u64) {
    RELEASED.store(number, Ordering::Release);
}

/// Starts another CPU, does something while it is on, and waits until it is off again. False if there is no other.
pub fn while_another_is_on(
    machine: &Machine,
    conduit: Conduit,
    report: &mut Report,
    meanwhile: impl FnOnce(u64, &mut Report),
) -> bool {
    let Some((index, target)) = machine.other_cpus().next() else { return false };
    let number = prepare(index);
    let result = psci::cpu_on(conduit, target, secondary::entry(), secondary::context(0, index));
    report.equal(format_args!("CPU_ON of {target:#x}"), result, psci::SUCCESS);
    if report.check(arrival(number).is_some(), format_args!("CPU {target:#x} does not arrive")) {
        meanwhile(target, report);
    }
    release(number);
    let off = wait_for_off(conduit, target);
    report.check(off.is_some(), format_args!("CPU {target:#x} does not go off"));
    true
}

/// Waits until a CPU that was released is off.
pub fn wait_for_off(conduit: Conduit, target: u64) -> Option<()> {
    cpu::poll(LIMIT_MS, || (psci::affinity_info(conduit, target) == psci::OFF).then_some(()))
}

/// `None` if it is no use going on.
fn one_start(
    conduit: Conduit,
    index: usize,
    target: u64,
    narrow: bool,
    random: &mut Random,
    report: &mut Report,
) -> Option<()> {
    let info = || psci::affinity_info(conduit, target);
    report.equal(format_args!("AFFINITY_INFO of {target:#x} before"), info(), psci::OFF);
    let number = prepare(index);

    let context = secondary::context(random.next(), index);
    let (result, context) = start(conduit, target, context, narrow, random);
    report.equal(format_args!("CPU_ON of {target:#x}"), result, psci::SUCCESS).then_some(())?;
    let after = info();
    let started = after == psci::ON || after == 2;
    // QEMU's own PSCI starts the target later, and says OFF until then.
    report.check_ours(started, format_args!("AFFINITY_INFO of {target:#x} after CPU_ON: {after:#x}"));

    let Some(entry) = arrival(number) else {
        report.check(false, format_args!("CPU {target:#x} does not arrive"));
        return None;
    };
    check_entry(target, context, entry, report);
    report.equal(format_args!("AFFINITY_INFO of {target:#x} while it runs"), info(), psci::ON);
    let again = psci::cpu_on(conduit, target, secondary::entry(), context);
    report.equal(format_args!("CPU_ON of {target:#x} while it runs"), again, psci::ALREADY_ON);

    release(number);
    let off = cpu::poll(LIMIT_MS, || (info() != psci::ON).then(info));
    report.equal(
        format_args!("AFFINITY_INFO of {target:#x} after CPU_OFF"),
        off.unwrap_or(psci::ON),
        psci::OFF,
    );
    off.map(|_| ())
}

/// The result, and the context ID that the target must find.
fn start(conduit: Conduit, target: u64, context: u64, narrow: bool, random: &mut Random) -> (u64, u64) {
    let entry = secondary::entry();
    let mut dirty = || random.dirty(0);
    match u32::try_from(entry) {
        Ok(_) if narrow => {
            let narrowed = context & u64::from(u32::MAX);
            let arguments = [dirty() | target, dirty() | entry, dirty() | narrowed];
            (conduit.call3(psci::CPU_ON_32, arguments), narrowed)
        }
        _ => (psci::cpu_on(conduit, target, entry, context), context),
    }
}

/// DEN0022, section 6.4; and KVM's reset of the general-purpose registers, which tells the target nothing.
fn check_entry(target: u64, context: u64, entry: EntryState, report: &mut Report) {
    report.equal(format_args!("CPU {target:#x}: x0"), entry.context, context);
    report.equal(format_args!("CPU {target:#x}: bits set in x1 to x30"), entry.other_registers, 0);
    let on = entry.sctlr_el1 & secondary::SCTLR_EL1_M_C;
    report.equal(format_args!("CPU {target:#x}: SCTLR_EL1.M and C"), on, 0);
    report.equal(format_args!("CPU {target:#x}: PSTATE"), entry.pstate, secondary::PSTATE_AT_ENTRY);
}
