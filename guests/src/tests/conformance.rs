//! `conformance`: the cases of `conformance/`, a point for each case and conduit.

use switchboard_cases::{Action, Caller, Case, Failure, File, Given, Registers, Runner, Verdict};

use super::{cpu_on, cpu_on_race, suspend};
use crate::{
    cpu, gic,
    machine::Machine,
    psci,
    resume::{self, PowerDown},
    secondary,
    smccc::{self, Conduit, EACH_ONCE},
    tap::{self, Report},
};

/// What the image carries: a name for `service=`, and the file.
const SERVICES: [(&str, &str); 6] = [
    ("smccc", include_str!("../../../conformance/smccc.txt")),
    ("psci", include_str!("../../../conformance/psci.txt")),
    ("trng", include_str!("../../../conformance/trng.txt")),
    ("pv-time", include_str!("../../../conformance/pv-time.txt")),
    ("kvm-vendor", include_str!("../../../conformance/kvm-vendor.txt")),
    ("hyper-v", include_str!("../../../conformance/hyper-v.txt")),
];

/// On a loaded host a CPU may take as long as this to turn itself off.
const PATIENCE_MS: u64 = 10_000;
/// The upper bits of context IDs: recognisable, and of 32 bits so that an SMC32 call can hand them over.
const CONTEXT: u64 = 0x1357_9b00;

/// What is to run.
pub struct Selection {
    services: [Option<(&'static str, File<'static>)>; SERVICES.len()],
}

impl Selection {
    pub const NOTHING: Self = Self { services: [None; SERVICES.len()] };

    /// What `service=` names; without it, everything.
    ///
    /// # Errors
    ///
    /// A name of no service.
    ///
    /// # Panics
    ///
    /// If a file is none of cases. A test on the host sees that first.
    pub fn of(machine: &Machine) -> Result<Self, &'static str> {
        let named = machine.args.value("service");
        let known = |name: &str| const { &SERVICES }.iter().any(|service| service.0 == name);
        if let Some(unknown) = named.and_then(|names| names.split(',').find(|name| !known(name))) {
            return Err(unknown);
        }
        let services = SERVICES.map(|(name, text)| {
            named.is_none_or(|names| names.split(',').any(|other| other == name)).then(|| {
                (name, File::parse(text).unwrap_or_else(|error| panic!("conformance/{name}.txt: {error}")))
            })
        });
        Ok(Self { services })
    }

    /// The cases over these conduits, with the names of their services.
    pub fn points<'a>(
        &'a self,
        conduits: &'a [Conduit],
    ) -> impl Iterator<Item = (&'static str, Case<'static>, Conduit)> + 'a {
        let cases = self.services.iter().flatten();
        cases.flat_map(move |(name, file)| {
            file.cases().flat_map(move |case| {
                let over = conduits.iter().copied().filter(move |&conduit| case.is_over(conduit.into()));
                over.map(move |conduit| (*name, case, conduit))
            })
        })
    }
}

/// Runs a case and prints its point.
pub fn run_case(machine: &Machine, number: usize, service: &str, case: &Case<'static>, conduit: Conduit) {
    let name = format_args!("{service}: {} ({})", case.name(), conduit.name());
    let mut report = Report::new(false);
    if is_undefined(conduit) {
        // Where the FDT names it, it must be there; otherwise it need not.
        if machine.conduit != Some(conduit) {
            return tap::print_skip(number, name, format_args!("{} is undefined here", conduit.name()));
        }
        report.check(false, format_args!("{} is an undefined instruction", conduit.name()));
        return report.print(number, name);
    }
    let mut guest = Guest::new(machine);
    let mut runner = Runner::new(&mut guest, machine.args.number("seed", 1234));
    let verdict = runner.run(case, conduit.into(), &mut |failure| explain(failure, &mut report));
    guest.tidy_up(conduit);
    report.check(!guest.undefined, format_args!("{} is an undefined instruction", conduit.name()));
    report.check(guest.executed, format_args!("an instruction around a call is not executed exactly once"));
    match verdict {
        Verdict::Skipped(skip) => tap::print_skip(number, name, format_args!("{skip}")),
        Verdict::Passed | Verdict::Failed => report.print(number, name),
    }
}

/// No call at all can be made in this way.
fn is_undefined(conduit: Conduit) -> bool {
    conduit.call(smccc::Registers::new(u64::from(psci::PSCI_VERSION), [0; 3])).undefined
}

/// The first registers, sent and got, and the lines of the file.
fn explain(failure: &Failure<'_>, report: &mut Report) {
    let Failure { each, sent, got, expected } = failure;
    report.check(false, format_args!("{}", Step { each: *each, sent, got }));
    for line in expected.lines() {
        report.note(format_args!("  {}", line.trim()));
    }
}

/// A step that did not go as its case says.
struct Step<'a> {
    each: Option<u64>,
    sent: &'a Registers,
    got: &'a Registers,
}

impl core::fmt::Display for Step<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        if let Some(each) = self.each {
            write!(f, "each={each:#x}: ")?;
        }
        let show = |f: &mut core::fmt::Formatter<'_>, registers: &Registers| {
            (0..4).try_for_each(|n| write!(f, " x{n}={:#x}", registers[n]))
        };
        f.write_str("sent")?;
        show(f, self.sent)?;
        f.write_str("; got")?;
        show(f, self.got)?;
        let changed = (4..18).filter(|&n| self.sent[n] != self.got[n]);
        changed.into_iter().try_for_each(|n| write!(f, " x{n}={:#x}", self.got[n]))?;
        f.write_str("; expected")
    }
}

/// This machine, as the cases call it.
struct Guest<'run> {
    machine: &'run Machine,
    /// The number of the start that is under way.
    prepared: Option<u64>,
    /// Since when a result is awaited.
    waiting: u64,
    undefined: bool,
    /// Around every call so far, each instruction was executed once.
    executed: bool,
}

impl<'run> Guest<'run> {
    const fn new(machine: &'run Machine) -> Self {
        Self { machine, prepared: None, waiting: 0, undefined: false, executed: true }
    }

    /// A case that failed half-way must not leave a CPU on for the next one.
    fn tidy_up(&mut self, conduit: Conduit) {
        let Some(number) = self.prepared.take() else { return };
        cpu_on::release(number);
        if let Some((_, target)) = self.machine.other_cpus().next() {
            let is_off = || (psci::affinity_info(conduit, target) != psci::ON).then_some(());
            let _ = cpu::poll(PATIENCE_MS, is_off);
        }
    }

    fn suspend(&self, conduit: Conduit, sent: &Registers) -> Result<Registers, &'static str> {
        gic::enable_virtual_timer(self.machine)?;
        let index = self.machine.this_cpu().ok_or("the FDT does not list this CPU")?;
        cpu::start_timer(suspend::TIMER_MS);
        let end = resume::suspend(conduit, index, smccc::Registers(*sent));
        let fired = u64::from(cpu::timer_has_fired());
        cpu::stop_timer();
        let mut got = [0; 18];
        got[2] = fired;
        match end {
            PowerDown::Returned(smccc::Registers(after)) => {
                let kept = |n: usize| after[n] == sent[n] || after[n] == 0 && n < 4;
                got[0] = after[0];
                got[5] = u64::from(!(1..18).all(kept));
            }
            PowerDown::Resumed { context, sctlr_el1, pstate } => {
                got[0] = context;
                got[1] = 1;
                got[3] = sctlr_el1 & secondary::SCTLR_EL1_M_C;
                got[4] = pstate;
            }
        }
        Ok(got)
    }
}

impl Caller for Guest<'_> {
    fn call(&mut self, conduit: switchboard_cases::Conduit, registers: &Registers) -> Registers {
        let end = Conduit::from(conduit).call(smccc::Registers(*registers));
        self.undefined |= end.undefined;
        self.executed &= end.executed == EACH_ONCE;
        end.registers.0
    }

    fn given(&mut self, what: Given) -> Option<u64> {
        let other = || self.machine.other_cpus().next();
        Some(match what {
            Given::ThisCpu => cpu::affinity(),
            Given::OtherCpu => other()?.1,
            Given::AbsentCpu => self.machine.absent_cpu(),
            Given::Entry => secondary::entry(),
            Given::Context => secondary::context(CONTEXT, other()?.0),
            Given::ResumeEntry => secondary::resume(),
            Given::ResumeContext => secondary::context(CONTEXT, self.machine.this_cpu()?),
            Given::StandbyState => self.machine.args.number("standby", suspend::STANDBY),
            Given::PowerDownState => self.machine.args.number("powerdown", suspend::POWER_DOWN),
        })
    }

    fn perform(
        &mut self,
        action: Action,
        conduit: switchboard_cases::Conduit,
        sent: &Registers,
    ) -> Result<Registers, &'static str> {
        let mut got = [0; 18];
        match action {
            Action::PrepareOtherCpu => {
                let (index, _) = self.machine.other_cpus().next().ok_or("needs 2 CPUs")?;
                self.prepared = Some(cpu_on::prepare(index));
            }
            Action::AwaitOtherCpu => {
                // One that does not arrive is a failure of the case, by registers that no CPU starts with.
                let state = self.prepared.and_then(cpu_on::arrival);
                got[..4].copy_from_slice(&state.map_or([u64::MAX; 4], |state| {
                    let on = state.sctlr_el1 & secondary::SCTLR_EL1_M_C;
                    [state.context, state.other_registers, on, state.pstate]
                }));
            }
            Action::ReleaseOtherCpu => cpu_on::release(self.prepared.unwrap_or(0)),
            Action::Race => {
                let [w0, w1, w2, w3, ..] = sent[0].to_le_bytes();
                let function = u32::from_le_bytes([w0, w1, w2, w3]);
                let results = cpu_on_race::once(self.machine, conduit.into(), function);
                got[..3].copy_from_slice(&results.unwrap_or([u64::MAX; 3]));
            }
            Action::Suspend => return self.suspend(conduit.into(), sent),
            Action::CountInstructions => {
                let end = Conduit::from(conduit).call(smccc::Registers(*sent));
                self.undefined |= end.undefined;
                got[..2].copy_from_slice(&[end.registers.0[0], end.executed]);
            }
        }
        Ok(got)
    }

    fn cpus(&self) -> u64 {
        u64::try_from(self.machine.cpus().len()).unwrap_or(u64::MAX)
    }

    fn may_try_again(&mut self, attempts: u64) -> bool {
        if attempts == 1 {
            self.waiting = cpu::ticks();
        }
        cpu::ticks().wrapping_sub(self.waiting) < cpu::ticks_in_ms(PATIENCE_MS)
    }
}

impl From<Conduit> for switchboard_cases::Conduit {
    fn from(conduit: Conduit) -> Self {
        match conduit {
            Conduit::Hvc => Self::Hvc,
            Conduit::Smc => Self::Smc,
        }
    }
}

impl From<switchboard_cases::Conduit> for Conduit {
    fn from(conduit: switchboard_cases::Conduit) -> Self {
        match conduit {
            switchboard_cases::Conduit::Hvc => Self::Hvc,
            switchboard_cases::Conduit::Smc => Self::Smc,
        }
    }
}
