//! What an emulator that says nothing is doing.

use std::fmt;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use super::monitor::{Monitor, Unavailable};
use super::threads::{self, Thread};

/// Between the two looks.
const INTERVAL: Duration = Duration::from_secs(1);
/// How long the monitor may take for all of its answers.
const PATIENCE: Duration = Duration::from_secs(10);
/// Begins the names of the threads that emulate CPUs.
const CPU_THREAD: &str = "CPU ";

/// Where one of the host's CPUs is.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Cpu {
    /// As the emulator numbers it.
    number: u32,
    pc: u64,
    /// PSTATE, its flags and the Exception level, as the emulator shows them.
    state: String,
}

/// One look at the emulator.
#[derive(Debug)]
struct Look {
    cpus: Result<Vec<Cpu>, Unavailable>,
    threads: Vec<Thread>,
}

/// Two looks at the emulator.
#[derive(Debug)]
pub(crate) struct Diagnosis {
    before: Look,
    after: Look,
}

/// What the looks say.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Verdict {
    /// Instructions are emulated.
    CpusRun,
    /// The emulator answers and emulates nothing: every CPU waits for something.
    CpusStandStill,
    /// The emulator does not answer.
    EmulatorIsStuck(Unavailable),
}

impl Diagnosis {
    /// Looks twice at the emulator that is process `process` and has its monitor's socket at `monitor`. It takes eleven
    /// seconds at most.
    pub(crate) fn make(process: u32, monitor: &Path) -> Self {
        let mut monitor = Monitor::connect(monitor, PATIENCE);
        let mut look = || Look { threads: threads::of(process), cpus: cpus(&mut monitor) };
        let before = look();
        sleep(INTERVAL);
        Self { before, after: look() }
    }

    fn verdict(&self) -> Verdict {
        let (before, after) = match (&self.before.cpus, &self.after.cpus) {
            (Ok(before), Ok(after)) => (before, after),
            (Err(reason), _) | (_, Err(reason)) => return Verdict::EmulatorIsStuck(reason.clone()),
        };
        let used = self.used();
        // PC alone does not tell: between blocks of code that it has linked, the emulator does not keep it up to date.
        let emulates =
            used.iter().any(|(thread, used)| thread.name.starts_with(CPU_THREAD) && !used.is_zero());
        if before != after || emulates { Verdict::CpusRun } else { Verdict::CpusStandStill }
    }

    /// The threads at the end, and how much processor time each used in between.
    fn used(&self) -> Vec<(&Thread, Duration)> {
        let before = |number| self.before.threads.iter().find(|thread| thread.number == number);
        let used = |thread: &Thread| {
            thread.used.saturating_sub(before(thread.number).map_or(thread.used, |before| before.used))
        };
        self.after.threads.iter().map(|thread| (thread, used(thread))).collect()
    }
}

fn cpus(monitor: &mut Result<Monitor, Unavailable>) -> Result<Vec<Cpu>, Unavailable> {
    let monitor = monitor.as_mut().map_err(|reason| reason.clone())?;
    Ok(parse(&monitor.ask("info registers -a")?))
}

/// Reads, of each CPU, `CPU#0`, ` PC=ffff800080011234 X00=...` and `PSTATE=600000c5 -ZC- EL1h ...`.
fn parse(registers: &str) -> Vec<Cpu> {
    let mut cpus: Vec<Cpu> = Vec::new();
    for line in registers.lines().map(str::trim) {
        if let Some(number) = line.strip_prefix("CPU#").and_then(|number| number.parse().ok()) {
            cpus.push(Cpu { number, pc: 0, state: String::new() });
        }
        let Some(cpu) = cpus.last_mut() else { continue };
        let pc = line.split_whitespace().next().and_then(|word| word.strip_prefix("PC="));
        cpu.pc = pc.and_then(|pc| u64::from_str_radix(pc, 16).ok()).unwrap_or(cpu.pc);
        if line.starts_with("PSTATE=") {
            let end = line.find(" EL").map_or(line.len(), |at| at + " EL1h".len());
            cpu.state = line.get(..end).unwrap_or(line).into();
        }
    }
    cpus
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.verdict() {
            Verdict::CpusRun => formatter.write_str("the host's CPUs still run")?,
            Verdict::CpusStandStill => {
                formatter.write_str("the host's CPUs stand still: each waits for something")?;
            }
            Verdict::EmulatorIsStuck(reason) => {
                write!(formatter, "the emulator is stuck: its monitor does not answer ({reason})")?;
            }
        }
        let before = self.before.cpus.as_deref().unwrap_or_default();
        let after = self.after.cpus.as_deref().unwrap_or_default();
        for cpu in before {
            write!(formatter, "\n    CPU {}: PC {:#018x}, {}", cpu.number, cpu.pc, cpu.state)?;
            match after.iter().find(|later| later.number == cpu.number) {
                None => {}
                Some(later) if later == cpu => formatter.write_str("; a second later the same")?,
                Some(later) => write!(formatter, "; a second later PC {:#018x}, {}", later.pc, later.state)?,
            }
        }
        for (Thread { number, name, state, .. }, used) in self.used() {
            let used = used.as_millis();
            write!(
                formatter,
                "\n    thread {number} ({name}): {state}, {used} ms of processor time in a second"
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::monitor::fake;
    use super::*;

    const REGISTERS: &str = "\r\nCPU#0\r\n PC=ffff97a48d03b4b0 X00=00000ffffffff5fd X01=00000ffffffff5fc\r\n\
        X29=ffff97a48eac3cf0 X30=ffff97a48dde7df8  SP=ffff97a48eac3cf0\r\n\
        PSTATE=800000c5 N--- EL1h  SVCR=00000000 --  BTYPE=0    FPU disabled\r\n\
        \r\nCPU#1\r\n PC=ffff97a58e1fe0bc X00=0000000000008000\r\nPSTATE=600003c9 -ZC- EL2h     FPCR=00000000\r\n";

    fn thread(name: &str, used: u64) -> Thread {
        Thread { number: 7, name: name.into(), state: 'S', used: Duration::from_millis(used) }
    }

    fn diagnosis(registers: [&str; 2], used: [u64; 2]) -> Diagnosis {
        let look =
            |at: usize| Look { cpus: Ok(parse(registers[at])), threads: vec![thread("CPU 0/TCG", used[at])] };
        Diagnosis { before: look(0), after: look(1) }
    }

    #[test]
    fn each_cpu_has_its_pc_and_its_state() {
        let cpus = [
            Cpu { number: 0, pc: 0xffff_97a4_8d03_b4b0, state: "PSTATE=800000c5 N--- EL1h".into() },
            Cpu { number: 1, pc: 0xffff_97a5_8e1f_e0bc, state: "PSTATE=600003c9 -ZC- EL2h".into() },
        ];
        assert_eq!(parse(REGISTERS), cpus);
        assert_eq!(parse("unknown command: 'info registers'"), []);
    }

    #[test]
    fn cpus_run_if_a_pc_moves_or_processor_time_is_used() {
        let moved = REGISTERS.replace("ffff97a48d03b4b0", "ffff97a48d03b4b4");
        assert_eq!(diagnosis([REGISTERS, &moved], [10, 10]).verdict(), Verdict::CpusRun);
        assert_eq!(diagnosis([REGISTERS, REGISTERS], [10, 1000]).verdict(), Verdict::CpusRun);
        assert_eq!(diagnosis([REGISTERS, REGISTERS], [10, 10]).verdict(), Verdict::CpusStandStill);
    }

    #[test]
    fn a_diagnosis_names_each_cpu_and_each_thread() {
        let text = diagnosis([REGISTERS, REGISTERS], [10, 980]).to_string();
        assert_eq!(
            text,
            "the host's CPUs still run\
             \n    CPU 0: PC 0xffff97a48d03b4b0, PSTATE=800000c5 N--- EL1h; a second later the same\
             \n    CPU 1: PC 0xffff97a58e1fe0bc, PSTATE=600003c9 -ZC- EL2h; a second later the same\
             \n    thread 7 (CPU 0/TCG): S, 970 ms of processor time in a second"
        );
    }

    #[test]
    fn an_emulator_that_answers_is_told_from_one_that_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("monitor");
        let missing = Diagnosis::make(u32::MAX, &path);
        assert!(matches!(missing.verdict(), Verdict::EmulatorIsStuck(_)), "{missing}");
        fake::listen(&path, &[REGISTERS, REGISTERS]);
        assert_eq!(Diagnosis::make(u32::MAX, &path).verdict(), Verdict::CpusStandStill);
    }
}
