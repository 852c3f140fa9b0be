//! An NMI to a guest that listens, and to others.

use switchboard_firmware::{
    Call, Context, Host, Outcome, RegisterFault, Registers, Service, SystemRegister, psci::PowerTable,
};
use switchboard_smccc::{Conduit, FunctionId, Register};

use super::*;
use crate::services;

const REGISTER: u32 = 0xc400_0021;
const ENABLE: u32 = 0xc400_0022;
const COMPLETE: u32 = 0xc400_0025;
const PE_UNMASK: u32 = 0xc400_002c;

struct NoHost;

impl Host for NoHost {}

#[derive(Default)]
struct Bank([u64; 18]);

impl Registers for Bank {
    fn read(&mut self, register: Register) -> Result<u64, RegisterFault> {
        Ok(self.0[register.index()])
    }

    fn write(&mut self, register: Register, value: u64) -> Result<(), RegisterFault> {
        self.0[register.index()] = value;
        Ok(())
    }

    fn read_system(&mut self, _: SystemRegister) -> Result<u64, RegisterFault> {
        Ok(0)
    }

    fn write_system(&mut self, _: SystemRegister, _: u64) -> Result<(), RegisterFault> {
        Ok(())
    }
}

/// A guest with two CPUs and a device tree.
struct Guest {
    nmi: Nmi,
    session: Session,
    statistics: CallStatistics,
}

impl Guest {
    fn new() -> Self {
        let affinities = [0, 1].map(Mpidr::from_register);
        let power = Arc::new(PowerTable::new(&affinities));
        let events = Arc::new(services::events(&power, Description::DeviceTree));
        let nmi = Nmi { events, source: None, affinities: affinities.into(), turn: Mutex::new(()) };
        Self { nmi, session: Session::new(2), statistics: CallStatistics::new(2) }
    }

    fn call<const N: usize>(&self, cpu: usize, id: u32, arguments: [u64; N]) -> Outcome {
        let mut bank = Bank::default();
        bank.0[1..=N].copy_from_slice(&arguments);
        let mut call = Call::new(FunctionId(id), Conduit::Hvc, CpuIndex(cpu), &mut bank);
        self.nmi.events.call(&mut call, &NoHost)
    }

    /// A handler is registered and enabled, and CPU 1 takes events.
    fn listening() -> Self {
        let guest = Self::new();
        guest.call(0, REGISTER, [u64::from(NMI.0), 0xffff_8000_0000_0000, 0, 0, 0]);
        guest.call(0, ENABLE, [u64::from(NMI.0)]);
        guest.call(1, PE_UNMASK, []);
        guest
    }

    /// A CPU is about to enter the guest.
    fn enter(&self, cpu: usize) {
        let mut bank = Bank::default();
        self.nmi.events.before_entry(&mut Context::new(CpuIndex(cpu), &mut bank), &NoHost);
    }

    fn raise(&self, cpu: Option<usize>) -> Result<Raised, NotRaised> {
        self.nmi.raise(cpu.map(CpuIndex), &self.session, &self.statistics)
    }
}

#[test]
fn a_guest_that_does_not_listen_gets_none() {
    let guest = Guest::new();
    assert_eq!(guest.raise(None), Err(NotRaised::NoHandler));
    guest.call(0, REGISTER, [u64::from(NMI.0), 0x1000, 0, 0, 0]);
    assert_eq!(guest.raise(None), Err(NotRaised::Disabled));
    assert_eq!(guest.raise(Some(2)), Err(NotRaised::NoSuchCpu));
}

#[test]
fn where_nobody_can_take_it_it_waits() {
    let guest = Guest::new();
    guest.call(0, REGISTER, [u64::from(NMI.0), 0x1000, 0, 0, 0]);
    guest.call(0, ENABLE, [u64::from(NMI.0)]);
    assert_eq!(guest.raise(None), Ok(Raised::Waits));
}

#[test]
fn the_cpu_whose_handler_runs_has_taken_it_and_the_next_one_waits_for_that_handler() {
    let guest = Guest::listening();
    thread::scope(|scope| {
        scope.spawn(|| {
            while !guest.session.threads().take_kick(CpuIndex(1)) {
                thread::yield_now();
            }
            guest.enter(1);
        });
        assert_eq!(guest.raise(Some(0)), Ok(Raised::Taken(CpuIndex(1))), "CPU 0 is masked");
    });
    assert_eq!(guest.raise(None), Ok(Raised::Waits));
}

#[test]
fn one_whose_handler_has_ended_at_once_has_been_taken() {
    let guest = Guest::listening();
    thread::scope(|scope| {
        scope.spawn(|| {
            while !guest.session.threads().take_kick(CpuIndex(1)) {
                thread::yield_now();
            }
            guest.enter(1);
            assert!(matches!(guest.call(1, COMPLETE, [0]), Outcome::Restore(_)));
        });
        assert_eq!(guest.raise(None), Ok(Raised::Taken(CpuIndex(1))));
    });
}
