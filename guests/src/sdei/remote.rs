//! Other CPUs that do as they are told, one thing at a time, and open windows meanwhile.

use core::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};

use super::{
    MAX_CPUS, handler,
    window::{self, Interrupts, Work},
};
use crate::{
    cpu, psci,
    resume::{self, PowerDown},
    secondary::{self, Job},
    smccc::{Conduit, Registers},
};

/// A loaded host may leave a CPU waiting for as long as this.
pub const LIMIT_MS: u64 = 10_000;

/// What a CPU is told to do.
#[derive(Clone, Copy)]
pub enum Command {
    /// This call, over the conduit of [`super::use_conduit`]. The reply is x0.
    Call([u64; 6]),
    /// CPU_SUSPEND to this power state. The reply is x0, or [`RESUMED`].
    Suspend(u64),
    /// WFI. The reply is 0.
    Wait,
    /// CPU_OFF. There is no reply.
    Off,
}

/// The reply of a CPU that came back by the entry point of CPU_SUSPEND.
pub const RESUMED: u64 = 0x5245_5355_4d45_4421;

const CALL: u8 = 1;
const SUSPEND: u8 = 2;
const WAIT: u8 = 3;
const OFF: u8 = 4;

struct Desk {
    command: AtomicU8,
    arguments: [AtomicU64; 6],
    reply: AtomicU64,
    /// The seed of its windows.
    seed: AtomicU64,
    windows: AtomicU64,
    arrived: AtomicBool,
    /// Are interrupts unmasked in its windows?
    unmasked: AtomicBool,
}

static DESKS: [Desk; MAX_CPUS] = [const {
    Desk {
        command: AtomicU8::new(0),
        arguments: [const { AtomicU64::new(0) }; 6],
        reply: AtomicU64::new(0),
        seed: AtomicU64::new(0),
        windows: AtomicU64::new(0),
        arrived: AtomicBool::new(false),
        unmasked: AtomicBool::new(false),
    }
}; MAX_CPUS];

unsafe extern "C" {
    fn sdei_wait();
    fn sdei_wait_end();
}

/// Is it where a CPU waits by [`Command::Wait`]?
pub fn is_waiting(pc: u64) -> bool {
    let [wait, end] = [sdei_wait, sdei_wait_end].map(secondary::address);
    (wait..=end).contains(&pc)
}

/// WFI, where [`is_waiting`] finds it.
pub fn wait_for_interrupt() {
    // SAFETY: it is a WFI, and a return.
    unsafe { sdei_wait() };
}

/// One of the other CPUs.
#[derive(Clone, Copy)]
pub struct Remote {
    pub index: usize,
    pub affinity: u64,
}

impl Remote {
    fn desk(self) -> &'static Desk {
        &DESKS[self.index]
    }

    /// CPU_ON. False if it does not arrive.
    pub fn start(self, conduit: Conduit, seed: u64) -> bool {
        let desk = self.desk();
        desk.command.store(0, Ordering::Relaxed);
        desk.arrived.store(false, Ordering::Relaxed);
        desk.seed.store(seed, Ordering::Relaxed);
        secondary::set_job(self.index, Job::Sdei);
        let context = secondary::context(0, self.index);
        let result = psci::cpu_on(conduit, self.affinity, secondary::entry(), context);
        result == psci::SUCCESS && wait(|| desk.arrived.load(Ordering::Acquire))
    }

    /// CPU_OFF. False if it does not go.
    pub fn stop(self, conduit: Conduit) -> bool {
        self.post(Command::Off);
        wait(|| psci::affinity_info(conduit, self.affinity) == psci::OFF)
    }

    /// Tells it, and does not wait.
    pub fn post(self, command: Command) {
        let desk = self.desk();
        let (number, arguments) = match command {
            Command::Call(arguments) => (CALL, arguments),
            Command::Suspend(power_state) => (SUSPEND, [power_state, 0, 0, 0, 0, 0]),
            Command::Wait => (WAIT, [0; 6]),
            Command::Off => (OFF, [0; 6]),
        };
        for (slot, argument) in desk.arguments.iter().zip(arguments) {
            slot.store(argument, Ordering::Relaxed);
        }
        desk.command.store(number, Ordering::Release);
    }

    /// What came of the last one, once it is done.
    pub fn reply(self) -> Option<u64> {
        let desk = self.desk();
        (desk.command.load(Ordering::Acquire) == 0).then(|| desk.reply.load(Ordering::Relaxed))
    }

    /// x0 of this call there; `None` if it does not come back.
    pub fn call(self, function: u32, arguments: &[u64]) -> Option<u64> {
        let mut registers = [0; 6];
        registers[0] = function.into();
        registers[1..=arguments.len()].copy_from_slice(arguments);
        self.post(Command::Call(registers));
        cpu::poll(LIMIT_MS, || self.reply())
    }

    /// Its windows are so from now on.
    pub fn set_interrupts(self, interrupts: Interrupts) {
        self.desk().unmasked.store(interrupts == Interrupts::Unmasked, Ordering::Release);
    }

    /// The seed of all its windows.
    pub fn seed(self) -> u64 {
        self.desk().seed.load(Ordering::Relaxed)
    }

    /// Waits until it has opened and closed another window since now.
    pub fn pass_window(self) -> bool {
        let windows = || self.desk().windows.load(Ordering::Acquire);
        let before = windows();
        wait(|| windows() > before + 1)
    }
}

pub fn wait(condition: impl Fn() -> bool) -> bool {
    cpu::poll(LIMIT_MS, || condition().then_some(())).is_some()
}

/// On the other CPU.
pub fn obey(index: usize) {
    handler::prepare_cpu(index);
    let desk = &DESKS[index];
    desk.arrived.store(true, Ordering::Release);
    loop {
        let argument = |at: usize| desk.arguments[at].load(Ordering::Relaxed);
        let reply = match desk.command.load(Ordering::Acquire) {
            CALL => call([0, 1, 2, 3, 4, 5].map(argument)),
            SUSPEND => suspend(index, argument(0)),
            WAIT => {
                wait_for_interrupt();
                0
            }
            OFF => return,
            _ => {
                let unmasked = desk.unmasked.load(Ordering::Acquire);
                let interrupts = if unmasked { Interrupts::Unmasked } else { Interrupts::Masked };
                window::open(index, desk.seed.load(Ordering::Relaxed), Work::Count, interrupts);
                desk.windows.fetch_add(1, Ordering::AcqRel);
                continue;
            }
        };
        desk.reply.store(reply, Ordering::Relaxed);
        desk.command.store(0, Ordering::Release);
    }
}

fn call(arguments: [u64; 6]) -> u64 {
    let mut registers = Registers::new(0, [0; 3]);
    registers.0[..6].copy_from_slice(&arguments);
    super::Client::current().conduit().call(registers).registers.0[0]
}

fn suspend(index: usize, power_state: u64) -> u64 {
    let context = secondary::context(0, index);
    let call = Registers::new(psci::CPU_SUSPEND_64.into(), [power_state, secondary::resume(), context]);
    match resume::suspend(super::Client::current().conduit(), index, call) {
        PowerDown::Returned(Registers([x0, ..])) => x0,
        PowerDown::Resumed { .. } => RESUMED,
    }
}
