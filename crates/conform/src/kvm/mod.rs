//! A program on Linux KVM.

mod calls;
mod guest_code;

use std::path::Path;

use anyhow::{Context, Result, ensure};
use switchboard_filter::{EmptyRangeRule, Request};
use switchboard_hyp::{
    KvmVersion, Mitigations, PVTIME_CTRL, PVTIME_IPA, RegisterId, VmConfig, Workaround, Workaround2,
};
use switchboard_kvm::raw::{Alarm, Errno, Payload, RawVcpu, RawVm};
use switchboard_kvm::{Kvm, Level};
use switchboard_smccc::Ipa;

use crate::GUEST_START;
use crate::campaign::Subject;
use crate::observation::{Observation, Registers};
use crate::program::{Program, Step};
pub use guest_code::Caches;
use guest_code::GuestMemory;

/// KVM of this host, and the memory that every VM is given.
pub struct Host {
    kvm: Kvm,
    memory: GuestMemory,
    alarm: Alarm,
}

impl Host {
    /// Opens `/dev/kvm`.
    ///
    /// # Errors
    ///
    /// If that cannot be done.
    pub fn open(caches: Caches) -> Result<Self> {
        let page = switchboard_kvm::raw::page_size();
        ensure!(page == 4096, "programs are written for pages of 4 KiB, and this kernel's have {page} bytes");
        Ok(Self {
            kvm: Kvm::open(Path::new("/dev/kvm"))?,
            memory: GuestMemory::allocate(caches),
            alarm: Alarm::new(),
        })
    }

    /// Can a guest's EL1 be in AArch32 state here?
    #[must_use]
    pub fn has_aarch32(&self) -> bool {
        switchboard_kvm::raw::has_aarch32(&self.kvm)
    }

    /// The model's configuration for this host: its kernel, and what is the host's to choose.
    ///
    /// # Errors
    ///
    /// If KVM refuses what every kernel with the filter does.
    pub fn config(&self) -> Result<VmConfig> {
        let release =
            std::fs::read_to_string("/proc/sys/kernel/osrelease").context("the kernel's release")?;
        let version: KvmVersion = release.trim().parse()?;
        let vm = RawVm::create(&self.kvm).map_err(failed("KVM_CREATE_VM"))?;
        ensure!(vm.has_attribute(0, 0).is_ok(), "this KVM has no SMCCC filter");
        let vcpu = vm.create_vcpu(0).map_err(failed("KVM_CREATE_VCPU"))?;
        let target = vm.preferred_target().map_err(failed("KVM_ARM_PREFERRED_TARGET"))?;
        vcpu.init(target, 0).map_err(failed("KVM_ARM_VCPU_INIT"))?;
        let level = |id: RegisterId| vcpu.get_register(id.0).map_err(failed("KVM_GET_ONE_REG"));
        let unknown = "the host reports a mitigation that is not known here";
        Ok(VmConfig {
            empty_range: empty_range(&vm),
            mitigations: Mitigations {
                workaround_1: Workaround::from_level(level(RegisterId::WORKAROUND_1)?).context(unknown)?,
                workaround_2: Workaround2::from_level(level(RegisterId::WORKAROUND_2)?).context(unknown)?,
                workaround_3: Workaround::from_level(level(RegisterId::WORKAROUND_3)?).context(unknown)?,
            },
            max_vcpus: 512,
            ..VmConfig::new(version)
        })
    }
}

/// A distribution may have taken the correction over: what counts is what the kernel does.
fn empty_range(vm: &RawVm) -> EmptyRangeRule {
    let request = Request { base: 0, nr_functions: 0, action: 1, pad: [0; 15] }.to_bytes();
    match vm.set_attribute(0, 0, Payload::Bytes(&request)) {
        Err(Errno(17)) => EmptyRangeRule::WrapsAtZero,
        _ => EmptyRangeRule::Invalid,
    }
}

fn failed(operation: &'static str) -> impl Fn(Errno) -> anyhow::Error {
    move |errno| anyhow::anyhow!("{operation} failed: errno {}", errno.0)
}

/// What every call says of a VM that KVM has killed.
const EIO: i32 = 5;
/// How often a program is performed whose VM is killed each time.
const MOST_DEATHS: u32 = 4;

impl Subject for Host {
    /// KVM kills a VM when it finds that it has itself made a mistake (`KVM_BUG_ON`). Linux 7.2 does so once in some thousand
    /// programs, when a vCPU's thread is preempted while it enters the guest (`kvm_vcpu_load_debug`, with a warning in the
    /// kernel's log). A dead VM says nothing about SMCCC, and no living one says EIO: the program is performed again.
    fn run(&mut self, program: &Program, expected: &[Observation]) -> Result<Vec<Observation>> {
        for _ in 1..MOST_DEATHS {
            let observations = self.run_once(program, expected)?;
            if !observations.iter().any(|observation| observation.errno() == Some(EIO)) {
                return Ok(observations);
            }
            eprintln!("KVM has killed a VM because of a mistake of its own; the program is performed again");
        }
        self.run_once(program, expected)
    }
}

impl Host {
    fn run_once(&self, program: &Program, expected: &[Observation]) -> Result<Vec<Observation>> {
        let mut execution = Execution::new(self, program, expected)?;
        execution.perform();
        Ok(execution.observations)
    }
}

/// One program.
struct Execution<'a> {
    host: &'a Host,
    program: &'a Program,
    expected: &'a [Observation],
    vm: RawVm,
    vcpus: Vec<RawVcpu>,
    target: u32,
    observations: Vec<Observation>,
}

impl<'a> Execution<'a> {
    fn new(host: &'a Host, program: &'a Program, expected: &'a [Observation]) -> Result<Self> {
        host.memory.write_code(program.steps.iter().filter_map(|step| match step {
            Step::Call(call) => Some(call),
            _ => None,
        }));
        let vm = RawVm::create(&host.kvm).map_err(failed("KVM_CREATE_VM"))?;
        vm.add_memory(Ipa(GUEST_START), host.memory.words).map_err(failed("KVM_SET_USER_MEMORY_REGION"))?;
        let target = vm.preferred_target().map_err(failed("KVM_ARM_PREFERRED_TARGET"))?;
        let vcpus = program
            .vcpus
            .iter()
            .map(|&id| {
                let vcpu = vm.create_vcpu(id).map_err(failed("KVM_CREATE_VCPU"))?;
                vcpu.leave_at_breakpoints().map_err(failed("KVM_SET_GUEST_DEBUG"))?;
                Ok(vcpu)
            })
            .collect::<Result<_>>()?;
        let observations = Vec::with_capacity(program.steps.len());
        Ok(Self { host, program, expected, vm, vcpus, target, observations })
    }

    fn perform(&mut self) {
        let mut calls_before = 0;
        while let Some(step) = self.program.steps.get(self.observations.len()) {
            if let Step::Call(call) = step {
                let before = self.observations.len();
                self.perform_calls(call.vcpu, calls_before);
                calls_before += self.observations.len() - before;
            } else {
                let observation = self.perform_step(step);
                self.observations.push(observation);
            }
        }
    }

    fn perform_step(&mut self, step: &Step) -> Observation {
        match step {
            Step::HasAttribute { group, attribute } => done(self.vm.has_attribute(*group, *attribute)),
            Step::GetAttribute { group, attribute } => done(self.vm.get_attribute(*group, *attribute)),
            Step::SetAttribute { group, attribute, request } => {
                let bytes = request.map(|request| request.to_bytes());
                let payload = bytes.as_ref().map_or(Payload::Unmapped, |bytes| Payload::Bytes(bytes));
                done(self.vm.set_attribute(*group, *attribute, payload))
            }
            Step::EnableSystemSuspend => done(self.vm.enable_system_suspend()),
            Step::Init { vcpu, features } => done(self.vcpus[*vcpu].init(self.target, *features)),
            Step::GetFirmware { vcpu, id } => value(self.vcpus[*vcpu].get_register(*id)),
            Step::SetFirmware { vcpu, id, value } => done(self.vcpus[*vcpu].set_register(*id, *value)),
            Step::SetStolenTime { vcpu, address } => {
                let bytes = address.map(u64::to_le_bytes);
                let payload = bytes.as_ref().map_or(Payload::Unmapped, |bytes| Payload::Bytes(bytes));
                done(self.vcpus[*vcpu].set_attribute(PVTIME_CTRL, PVTIME_IPA, payload))
            }
            Step::GetMpState { vcpu } => value(self.vcpus[*vcpu].mp_state().map(u64::from)),
            Step::SetMpState { vcpu, state } => done(self.vcpus[*vcpu].set_mp_state(*state)),
            Step::SetLine { vcpu, high } => {
                let id = u8::try_from(self.program.vcpus[*vcpu]).expect("programs have small numbers");
                let level = if *high { Level::High } else { Level::Low };
                done(self.vm.set_interrupt_line(id, level))
            }
            Step::RunImmediately { vcpu } => done(self.vcpus[*vcpu].run_immediately().map(|_| ())),
            Step::Inspect { vcpu } => {
                Observation::Registers(inspect(&self.vcpus[*vcpu]).map_err(|errno| errno.0))
            }
            Step::BecomeBigEndian { vcpu } => done(become_big_endian(&self.vcpus[*vcpu])),
            Step::Call(_) => unreachable!("calls are performed together"),
        }
    }
}

fn done(result: Result<(), Errno>) -> Observation {
    Observation::Done(result.map_err(|errno| errno.0))
}

fn value(result: Result<u64, Errno>) -> Observation {
    Observation::Value(result.map_err(|errno| errno.0))
}

fn inspect(vcpu: &RawVcpu) -> Result<Registers, Errno> {
    let mut x = [0; 4];
    for (number, value) in (0..).zip(&mut x) {
        *value = vcpu.get_register(general(number))?;
    }
    let registers = Registers {
        pc: vcpu.get_register(RegisterId::PC.0)?,
        pstate: vcpu.get_register(RegisterId::PSTATE.0)?,
        sctlr_el1: vcpu.get_register(RegisterId::SCTLR_EL1.0)?,
        mpidr_el1: vcpu.get_register(RegisterId::MPIDR_EL1.0)?,
        x,
    };
    Ok(registers.as_the_guest_sees_them())
}

fn general(number: u8) -> u64 {
    RegisterId::general(number).expect("there are x0 to x30").0
}

fn become_big_endian(vcpu: &RawVcpu) -> Result<(), Errno> {
    let sctlr = vcpu.get_register(RegisterId::SCTLR_EL1.0)?;
    vcpu.set_register(RegisterId::SCTLR_EL1.0, sctlr | 1 << 25)
}
