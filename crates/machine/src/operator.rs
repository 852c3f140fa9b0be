//! What can be asked of a machine from outside, and what it answers. The control socket is one who asks.

use std::{
    thread,
    time::{Duration, Instant},
};

use switchboard_firmware::{CpuIndex, MemoryAtReset, ResetKind, psci::CpuPower};

use crate::{
    AnsweredBy, CallStatistics, Control, End,
    board::{Button, State},
    control::{
        Caller, Handler,
        protocol::{
            Change, ChangeReport, ChangeResult, Command, CpuState, CpuStatus, Description, MachineState,
            Problem, ProblemCode, Reply, Status,
        },
    },
    ending::CurrentLife,
    hotplug::{Impossible, Ticket, is_on},
    nmi::Raised,
    session::{Activity, LifeEnd, Pause, ResetBy},
};

/// Answers for one machine.
pub(crate) struct Operator<'machine> {
    pub(crate) control: &'machine Control,
    pub(crate) statistics: &'machine CallStatistics,
    pub(crate) description: Description,
    pub(crate) psci: AnsweredBy,
}

/// How long a finger stays on the power button: longer than a driver debounces it.
const PRESS: Duration = Duration::from_millis(150);

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A request that has been made.
struct Made {
    cpu: CpuIndex,
    change: Change,
    ticket: Ticket,
    at: Instant,
}

/// How long somebody waits for the guest, in milliseconds; not at all without it. And who.
#[derive(Clone, Copy)]
struct Waiting<'caller> {
    wait: Option<u64>,
    caller: &'caller dyn Caller,
}

type Answer<T> = Result<T, Problem>;

impl Handler for Operator<'_> {
    fn handle(&self, command: Command, caller: &dyn Caller) -> Answer<Reply> {
        let Some(life) = self.control.life() else {
            return match command {
                Command::Status => Ok(Reply::Status(self.status_before_the_first_life())),
                Command::Stop => Ok(self.stop()),
                _ => Err(Problem::new(ProblemCode::State, "the machine is still being made")),
            };
        };
        match command {
            Command::Status => Ok(Reply::Status(self.status(&life))),
            Command::Cpus => Ok(Reply::Cpus { cpus: cpus(&life) }),
            Command::SetCpus { count, wait } => self.set_cpus(&life, count, Waiting { wait, caller }),
            Command::AddCpu { cpu, wait } => {
                let made = self.change(&life, cpu, Change::Add)?;
                Ok(Reply::Changes { changes: self.report(&life, &[made], Waiting { wait, caller }) })
            }
            Command::RemoveCpu { cpu, wait } => {
                let made = self.change(&life, cpu, Change::Remove)?;
                Ok(Reply::Changes { changes: self.report(&life, &[made], Waiting { wait, caller }) })
            }
            Command::PowerButton => {
                self.press_power_button(&life);
                Ok(Reply::Done)
            }
            Command::Nmi { cpu } => self.interrupt(&life, cpu),
            Command::Reset => {
                let (kind, memory, by) = (ResetKind::Cold, MemoryAtReset::Cleared, ResetBy::Operator);
                life.session.finish(Ok(LifeEnd::Reset { kind, memory, by }));
                Ok(Reply::Done)
            }
            Command::Pause => match life.session.pause() {
                Pause::Done => Ok(Reply::Done),
                Pause::Before => Err(Problem::new(ProblemCode::State, "the machine is paused already")),
                Pause::Ended => {
                    Err(Problem::new(ProblemCode::State, "the machine is being reset, or has ended"))
                }
            },
            Command::Resume => done_if(life.session.resume(), "the machine is not paused"),
            Command::Wake => done_if(life.session.wake(), "the machine is not suspended"),
            Command::Stop => Ok(self.stop()),
        }
    }
}

impl Operator<'_> {
    fn stop(&self) -> Reply {
        self.control.end(End::Stopped);
        Reply::Done
    }

    fn status_before_the_first_life(&self) -> Status {
        Status {
            state: MachineState::Starting,
            description: self.description,
            possible: 0,
            present: 0,
            online: 0,
            resets: 0,
        }
    }

    fn status(&self, life: &CurrentLife) -> Status {
        let count = |wanted: fn(CpuPower) -> bool| {
            count(
                (0..life.board.power.len())
                    .filter(|&cpu| wanted(life.board.power.state(CpuIndex(cpu))))
                    .count(),
            )
        };
        Status {
            state: match life.session.activity() {
                Activity::Running => MachineState::Running,
                Activity::Paused => MachineState::Paused,
                Activity::Suspended => MachineState::Suspended,
                Activity::Ended if self.control.has_ended() => MachineState::Ended,
                Activity::Ended => MachineState::Starting,
            },
            description: self.description,
            possible: count(|_| true),
            present: count(|power| power != CpuPower::Disabled),
            online: count(is_on),
            resets: self.control.resets(),
        }
    }

    fn set_cpus(&self, life: &CurrentLife, wanted: u32, waiting: Waiting<'_>) -> Answer<Reply> {
        let possible = life.board.power.len();
        let Some(wanted) = usize::try_from(wanted).ok().filter(|wanted| (1..=possible).contains(wanted))
        else {
            let message = format!("a machine of at most {possible} CPUs cannot have {wanted}");
            let hint = format!("ask for 1 to {possible}; `--cpus max=` of `switchboard run` sets the most");
            return Err(Problem::new(ProblemCode::CpuCount, message).with_hint(hint));
        };
        let mut wanted = changes(&will_have(life), wanted);
        // What is pending and stays wanted is joined, so that whoever asks can wait for it.
        let joined: Vec<_> =
            pending(life).filter(|(cpu, _)| wanted.iter().all(|(other, _)| other != cpu)).collect();
        wanted.extend(joined);
        let (mut made, mut impossible) = (Vec::new(), Vec::new());
        for (cpu, change) in wanted {
            match self.change(life, cpu, change) {
                Ok(request) => made.push(request),
                // The guest was faster.
                Err(Problem { code: ProblemCode::Unchanged, .. }) => {}
                Err(problem) if made.is_empty() => return Err(problem),
                // What has been asked for stands, and is to be reported.
                Err(_) => impossible.push((cpu, change)),
            }
        }
        let mut changes = self.report(life, &made, waiting);
        changes.extend(impossible.into_iter().map(|(cpu, change)| ChangeReport {
            cpu,
            change,
            result: ChangeResult::Impossible,
            milliseconds: 0,
        }));
        Ok(Reply::Changes { changes })
    }

    fn change(&self, life: &CurrentLife, cpu: u32, change: Change) -> Answer<Made> {
        if self.psci == AnsweredBy::Kvm {
            return Err(Problem::new(
                ProblemCode::KvmPsci,
                "KVM answers this guest's PSCI calls, and knows of no CPU that a guest may not have",
            ));
        }
        let index = usize::try_from(cpu).ok().map(CpuIndex).filter(|cpu| cpu.0 < life.board.power.len());
        let Some(index) = index else {
            let most = life.board.power.len() - 1;
            return Err(Problem::new(
                ProblemCode::NoSuchCpu,
                format!("there is no CPU {cpu}: the last one is CPU {most}"),
            ));
        };
        if index.0 == 0 {
            return Err(Problem::new(ProblemCode::BootCpu, "CPU 0 boots the machine and is always there"));
        }
        let at = Instant::now();
        let request = {
            let State { hotplug, .. } = &mut *life.board.lock();
            match change {
                Change::Add => hotplug.add(index, &life.board.power),
                Change::Remove => hotplug.remove(index, &life.board.power),
            }
        };
        let ticket = request.map_err(|reason| impossible(index, change, reason))?;
        self.attend();
        life.board.tell_waiters();
        Ok(Made { cpu: index, change, ticket, at })
    }

    /// What came of requests, after waiting for them if that is wanted.
    fn report(&self, life: &CurrentLife, made: &[Made], waiting: Waiting<'_>) -> Vec<ChangeReport> {
        // Longer than a day is a mistake.
        let deadline = waiting.wait.map(|wait| Instant::now() + Duration::from_millis(wait).min(DAY));
        // For a caller that has gone, nobody waits.
        let is_over = || self.control.has_ended() || waiting.caller.is_gone();
        made.iter().map(|request| result(life, request, deadline, &is_over)).collect()
    }

    fn interrupt(&self, life: &CurrentLife, cpu: Option<u32>) -> Answer<Reply> {
        let Some(nmi) = &life.nmi else {
            let problem = Problem::new(ProblemCode::NoNmi, "this machine has no NMI");
            let hint = "start it with `--sdei`, or with a policy that forwards `@sdei`; with `--acpi` for a Linux guest";
            return Err(problem.with_hint(hint));
        };
        // A number that is too large is that of no CPU either.
        let index = cpu.map(|cpu| CpuIndex(usize::try_from(cpu).unwrap_or(usize::MAX)));
        if life.session.activity() == Activity::Paused {
            return Err(Problem::new(ProblemCode::State, "the machine is paused: no CPU can take it"));
        }
        match nmi.raise(index, &life.session, self.statistics) {
            Ok(Raised::Taken(cpu)) => Ok(Reply::Nmi { cpu: Some(number(cpu)) }),
            Ok(Raised::Waits) => Ok(Reply::Nmi { cpu: None }),
            Err(reason) => Err(reason.problem(self.description, life.board.power.len() - 1)),
        }
    }

    fn press_power_button(&self, life: &CurrentLife) {
        match self.description {
            Description::Acpi => {
                life.board.lock().hotplug.events_mut().press_button();
                self.attend();
            }
            Description::DeviceTree => {
                for button in [Button::Down, Button::Up] {
                    life.board.lock().button = button;
                    self.attend();
                    thread::sleep(PRESS);
                }
            }
        }
        self.control.wake();
    }

    /// The life that there is now, which need not be the one in which a command began, sees what has changed on the board.
    fn attend(&self) {
        if let Some(life) = self.control.life() {
            life.session.attend();
        }
    }
}

/// What came of a request, at the deadline at the latest; without one, now.
fn result(
    life: &CurrentLife,
    request: &Made,
    deadline: Option<Instant>,
    is_over: &dyn Fn() -> bool,
) -> ChangeReport {
    let until = deadline.unwrap_or(request.at);
    let (mut result, when) = life.board.wait(request.cpu, request.ticket, until, is_over);
    let unanswered =
        matches!(result, ChangeResult::Unheard | ChangeResult::Unanswered | ChangeResult::NotOnline);
    if deadline.is_none() && unanswered {
        result = ChangeResult::Requested;
    }
    let milliseconds = when.saturating_duration_since(request.at).as_millis();
    ChangeReport {
        cpu: number(request.cpu),
        change: request.change,
        result,
        milliseconds: u64::try_from(milliseconds).unwrap_or(u64::MAX),
    }
}

/// Of each CPU: will the guest have it, if it answers what it is asked?
fn will_have(life: &CurrentLife) -> Vec<bool> {
    let state = life.board.lock();
    let has = |cpu| match state.hotplug.pending(cpu) {
        Some(Change::Add) => true,
        Some(Change::Remove) => false,
        None => life.board.power.is_enabled(cpu),
    };
    (0..life.board.power.len()).map(|cpu| has(CpuIndex(cpu))).collect()
}

/// What the guest has been asked and has not answered.
fn pending(life: &CurrentLife) -> impl Iterator<Item = (u32, Change)> + use<> {
    let state = life.board.lock();
    let pending: Vec<_> = (0..life.board.power.len())
        .filter_map(|cpu| state.hotplug.pending(CpuIndex(cpu)).map(|change| (count(cpu), change)))
        .collect();
    pending.into_iter()
}

/// What to ask for so that a guest that will have these CPUs has `wanted`: the lowest are added, the highest removed.
fn changes(will_have: &[bool], wanted: usize) -> Vec<(u32, Change)> {
    let present = will_have.iter().filter(|&&has| has).count();
    let having =
        |has: bool| (0_u32..).zip(will_have).filter(move |(_, will)| **will == has).map(|(cpu, _)| cpu);
    if wanted >= present {
        having(false).take(wanted - present).map(|cpu| (cpu, Change::Add)).collect()
    } else {
        let mut last: Vec<_> = having(true).filter(|&cpu| cpu != 0).collect();
        last.reverse();
        last.into_iter().take(present - wanted).map(|cpu| (cpu, Change::Remove)).collect()
    }
}

fn cpus(life: &CurrentLife) -> Vec<CpuStatus> {
    let state = life.board.lock();
    let status = |(index, affinity): (usize, &switchboard_smccc::Mpidr)| {
        let cpu = CpuIndex(index);
        CpuStatus {
            cpu: number(cpu),
            affinity: affinity.value(),
            state: match life.board.power.state(cpu) {
                CpuPower::Disabled => CpuState::Absent,
                CpuPower::Off | CpuPower::Pending => CpuState::Off,
                CpuPower::On | CpuPower::Standby | CpuPower::PowerDown => CpuState::Online,
            },
            pending: state.hotplug.pending(cpu),
        }
    };
    life.board.affinities.iter().enumerate().map(status).collect()
}

fn impossible(cpu: CpuIndex, change: Change, reason: Impossible) -> Problem {
    match (reason, change) {
        (Impossible::Unchanged, Change::Add) => {
            Problem::new(ProblemCode::Unchanged, format!("the guest has {cpu} already"))
        }
        (Impossible::Unchanged, Change::Remove) => {
            Problem::new(ProblemCode::Unchanged, format!("the guest does not have {cpu}"))
        }
        (Impossible::Busy, _) => {
            Problem::new(ProblemCode::Busy, format!("the guest is about to release {cpu}"))
        }
        (Impossible::CannotAsk, _) => {
            let message =
                format!("{cpu} is on, and a guest with a device tree cannot be asked to release a CPU");
            let file = format!("/sys/devices/system/cpu/cpu{}/online", cpu.0);
            let hint =
                format!("take it offline in the guest first (`echo 0 > {file}`), or boot with `--acpi`");
            Problem::new(ProblemCode::DeviceTree, message).with_hint(hint)
        }
    }
}

fn done_if(done: bool, otherwise: &str) -> Answer<Reply> {
    if done { Ok(Reply::Done) } else { Err(Problem::new(ProblemCode::State, otherwise)) }
}

fn number(cpu: CpuIndex) -> u32 {
    count(cpu.0)
}

/// KVM has far fewer CPUs than this.
fn count(cpus: usize) -> u32 {
    u32::try_from(cpus).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HAS: [bool; 5] = [true, false, true, true, false];

    #[test]
    fn the_lowest_cpus_are_added_first() {
        assert_eq!(changes(&HAS, 5), [(1, Change::Add), (4, Change::Add)]);
        assert_eq!(changes(&HAS, 4), [(1, Change::Add)]);
    }

    #[test]
    fn the_highest_are_removed_first_and_never_the_boot_cpu() {
        assert_eq!(changes(&HAS, 2), [(3, Change::Remove)]);
        assert_eq!(changes(&HAS, 1), [(3, Change::Remove), (2, Change::Remove)]);
    }

    #[test]
    fn nothing_is_asked_for_where_nothing_has_to_change() {
        assert_eq!(changes(&HAS, 3), []);
    }
}
