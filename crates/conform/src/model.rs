//! A program on the model.

use switchboard_hyp::{
    Capability, Counter, DeviceAttribute, Entry, Errno, ExceptionClass, Exit as HypExit, Host, Init,
    Interruption, Level, Line, MpState, Next, PVTIME_CTRL, PVTIME_IPA, RegisterId, Syndrome, Time, Vcpu,
    VcpuFeatures, Vm, VmConfig,
};
use switchboard_smccc::Ipa;

use crate::observation::{CallObservation, Exit, Observation, Reached, Registers, Stop};
use crate::program::{Call, Completion, Instruction, Program, Step};
use crate::{GUEST_START, is_guest_memory};

/// Performs a program. What the host chose, entropy and time, comes out of `recorded`, if that is there.
#[must_use]
pub fn run(program: &Program, config: &VmConfig, recorded: Option<&[Observation]>) -> Vec<Observation> {
    let vm = Vm::new(*config);
    let mut vcpus: Vec<_> = program
        .vcpus
        .iter()
        .map(|&id| vm.create_vcpu(id).expect("programs create vCPUs with numbers of their own"))
        .collect();
    let mut observations = Vec::with_capacity(program.steps.len());
    for (number, step) in program.steps.iter().enumerate() {
        let host = RecordedHost::new(step, recorded.and_then(|recorded| recorded.get(number)));
        observations.push(perform(&vm, &mut vcpus, step, &host));
    }
    observations
}

fn perform(vm: &Vm, vcpus: &mut [Vcpu<'_>], step: &Step, host: &RecordedHost) -> Observation {
    match step {
        Step::HasAttribute { group, attribute } => done(vm.has_attribute(attribute_of(*group, *attribute))),
        Step::GetAttribute { group, attribute } => {
            done(vm.get_attribute(attribute_of(*group, *attribute)).map(|_| ()))
        }
        Step::SetAttribute { group, attribute, request } => {
            let bytes = request.map(|request| request.to_bytes());
            let bytes = bytes.as_ref().map_or(&[][..], |bytes| bytes);
            done(vm.set_attribute(attribute_of(*group, *attribute), bytes))
        }
        Step::EnableSystemSuspend => {
            vm.enable(Capability::SystemSuspend);
            Observation::Done(Ok(()))
        }
        Step::Init { vcpu, features } => done(vcpus[*vcpu].init(Init { features: VcpuFeatures(*features) })),
        Step::GetFirmware { vcpu, id } => {
            Observation::Value(vcpus[*vcpu].get_register(RegisterId(*id)).map_err(|errno| errno.0))
        }
        Step::SetFirmware { vcpu, id, value } => done(vcpus[*vcpu].set_register(RegisterId(*id), *value)),
        Step::SetStolenTime { vcpu, address } => {
            let bytes = address.map(u64::to_le_bytes);
            let bytes = bytes.as_ref().map_or(&[][..], |bytes| bytes);
            done(vcpus[*vcpu].set_attribute(attribute_of(PVTIME_CTRL, PVTIME_IPA), bytes, host))
        }
        Step::GetMpState { vcpu } => Observation::Value(Ok(u64::from(vcpus[*vcpu].mp_state().to_uapi()))),
        Step::SetMpState { vcpu, state } => {
            let state = MpState::from_uapi(*state).ok_or(Errno::EINVAL);
            done(state.map(|state| vcpus[*vcpu].set_mp_state(state)))
        }
        Step::SetLine { vcpu, high } => {
            vcpus[*vcpu].set_interrupt_line(if *high { Line::High } else { Line::Low });
            Observation::Done(Ok(()))
        }
        Step::RunImmediately { vcpu } => done(vcpus[*vcpu].enter(Interruption::ImmediateExit).map(|_| ())),
        Step::Inspect { vcpu } => Observation::Registers(inspect(&mut vcpus[*vcpu]).map_err(|errno| errno.0)),
        Step::BecomeBigEndian { vcpu } => done(become_big_endian(&mut vcpus[*vcpu])),
        Step::Call(call) => Observation::Call(perform_call(&mut vcpus[call.vcpu], call, host)),
    }
}

fn attribute_of(group: u32, attribute: u64) -> DeviceAttribute {
    DeviceAttribute { group, attribute }
}

fn done(result: Result<(), Errno>) -> Observation {
    Observation::Done(result.map_err(|errno| errno.0))
}

fn inspect(vcpu: &mut Vcpu<'_>) -> Result<Registers, Errno> {
    let mut x = [0; 4];
    for (number, value) in (0..).zip(&mut x) {
        *value = vcpu.get_register(RegisterId::general(number).expect("there are x0 to x3"))?;
    }
    let registers = Registers {
        pc: vcpu.get_register(RegisterId::PC)?,
        pstate: vcpu.get_register(RegisterId::PSTATE)?,
        sctlr_el1: vcpu.get_register(RegisterId::SCTLR_EL1)?,
        mpidr_el1: vcpu.get_register(RegisterId::MPIDR_EL1)?,
        x,
    };
    Ok(registers.as_the_guest_sees_them())
}

fn become_big_endian(vcpu: &mut Vcpu<'_>) -> Result<(), Errno> {
    let sctlr = vcpu.get_register(RegisterId::SCTLR_EL1)?;
    vcpu.set_register(RegisterId::SCTLR_EL1, sctlr | 1 << 25)
}

fn perform_call(vcpu: &mut Vcpu<'_>, call: &Call, host: &RecordedHost) -> CallObservation {
    let reached = |reached| CallObservation { reached, stop: None, goes_on_at: 0, x: [0; 18] };
    if let Err(errno) = vcpu.set_register(RegisterId::PC, GUEST_START) {
        return reached(Reached::Error(errno.0));
    }
    if call.instruction.is_aarch32() {
        load_aarch32(vcpu, call).expect("it has taken a PC before");
    }
    match vcpu.enter(Interruption::None) {
        Ok(Entry::Guest) => {}
        Ok(Entry::Stopped | Entry::Suspended) => return reached(Reached::Asleep),
        Ok(Entry::Exit(exit)) => return reached(Reached::Exit(exit_of(exit))),
        Err(errno) => return reached(Reached::Error(errno.0)),
    }
    vcpu.set_call_registers(&call.x);
    let (class, preferred_return) = match call.instruction {
        Instruction::Hvc64 => (ExceptionClass::Hvc64, GUEST_START + 4),
        Instruction::Smc64 => (ExceptionClass::Smc64, GUEST_START),
        Instruction::HvcA32 | Instruction::HvcT32 => (ExceptionClass::Hvc32, GUEST_START + 4),
        Instruction::SmcA32 | Instruction::SmcT32 => (ExceptionClass::Smc32, GUEST_START),
    };
    vcpu.set_register(RegisterId::PC, preferred_return).expect("it has taken a PC before");
    let next = vcpu.trap(Syndrome::new(class, call.immediate), Level::Guest, host);
    let stop = stop(vcpu, next);
    if let Some(stop) = &stop {
        complete(vcpu, call, stop);
    }
    let pc = vcpu.get_register(RegisterId::PC).expect("it has run");
    vcpu.set_register(RegisterId::PC, GUEST_START).expect("it has taken a PC before");
    let mut x = vcpu.call_registers();
    if call.instruction.is_aarch32() {
        x = std::array::from_fn(|number| if number < 8 { x[number] & 0xffff_ffff } else { 0 });
    }
    CallObservation { reached: Reached::Guest, stop, goes_on_at: pc.wrapping_sub(GUEST_START), x }
}

/// In AArch32 state, userspace loads the registers; in AArch64 state the guest does, once it runs.
fn load_aarch32(vcpu: &mut Vcpu<'_>, call: &Call) -> Result<(), Errno> {
    let pstate = vcpu.get_register(RegisterId::PSTATE)?;
    vcpu.set_register(RegisterId::PSTATE, call.instruction.with_instruction_set(pstate))?;
    for (number, &value) in (0..8).zip(&call.x) {
        let id = RegisterId::general(number).expect("there are x0 to x7");
        vcpu.set_register(id, value)?;
    }
    Ok(())
}

fn stop(vcpu: &mut Vcpu<'_>, next: Next) -> Option<Stop> {
    let exit = match next {
        Next::Resume => return None,
        Next::Exit(exit) => exit_of(exit),
        Next::Stopped | Next::WaitForInterrupt => Exit::Asleep,
        // Programs have no vCPU with an EL2, and make nothing but calls.
        Next::Undefined | Next::VirtualEl2(_) | Next::NotACall => Exit::Other(u32::MAX),
    };
    let pc = vcpu.get_register(RegisterId::PC).expect("it has run");
    Some(Stop { exit, pc: pc.wrapping_sub(GUEST_START), mp_state: vcpu.mp_state().to_uapi() })
}

/// What userspace does before it lets the guest go on.
fn complete(vcpu: &mut Vcpu<'_>, call: &Call, stop: &Stop) {
    if let Exit::Hypercall(_) = stop.exit {
        let results: &[u64] = match &call.completion {
            Completion::Nothing => &[],
            Completion::X0(x0) => &[*x0],
            Completion::X0ToX3(x) => x,
        };
        for (number, &value) in (0..).zip(results) {
            let id = RegisterId::general(number).expect("there are x0 to x3");
            vcpu.set_register(id, value).expect("it has run");
        }
    }
    vcpu.set_mp_state(MpState::Runnable);
}

fn exit_of(exit: HypExit) -> Exit {
    match exit {
        HypExit::Hypercall(hypercall) => Exit::Hypercall(hypercall.to_bytes()),
        HypExit::SystemEvent(event) => Exit::SystemEvent {
            kind: event.kind(),
            ndata: event.data().map_or(0, |_| 1),
            data: event.data().unwrap_or(0),
        },
    }
}

/// A host whose choices were observed. Whether they are where they belong is for the comparison to say: bits that nobody
/// asked for are all set here, so the model must clear them.
struct RecordedHost {
    x: [u64; 18],
    random: Random,
}

/// What `TRNG_RND` was asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Random {
    /// Words of 32 bits, and so many bits.
    Narrow(u64),
    /// Words of 64 bits, and so many bits.
    Wide(u64),
}

/// `TRNG_RND32`.
const TRNG_RND32: u64 = 0x8400_0053;

impl RecordedHost {
    fn new(step: &Step, observation: Option<&Observation>) -> Self {
        let x = match observation {
            Some(Observation::Call(call)) => call.x,
            _ => [0; 18],
        };
        let random = match step {
            Step::Call(call) if call.x[0] & 0xffff_ffff == TRNG_RND32 => {
                Random::Narrow(call.x[1] & 0xffff_ffff)
            }
            Step::Call(call) => Random::Wide(call.x[1] & 0xffff_ffff),
            _ => Random::Wide(0),
        };
        Self { x, random }
    }
}

impl Host for RecordedHost {
    fn entropy(&self) -> [u64; 3] {
        let x = &self.x;
        let (words, asked) = match self.random {
            Random::Narrow(bits) => ([x[3] | x[2] << 32, x[1], 0], bits),
            Random::Wide(bits) => ([x[3], x[2], x[1]], bits),
        };
        std::array::from_fn(|index| words[index] | not_asked_for(asked, index))
    }

    fn time(&self, _: Counter) -> Option<Time> {
        let x = &self.x;
        // A host whose clock does not run on the architected counter answers -1, and is told from the model.
        Some(Time { nanoseconds: x[0] << 32 | x[1] & 0xffff_ffff, cycles: x[2] << 32 | x[3] & 0xffff_ffff })
    }

    fn is_memory(&self, address: Ipa) -> bool {
        is_guest_memory(address.0)
    }

    fn initialise_stolen_time(&self, _: Ipa) {}
}

/// Of the 64-bit word with this index, the bits beyond a request.
fn not_asked_for(bits: u64, index: usize) -> u64 {
    let before = 64 * u64::try_from(index).expect("there are three words");
    match bits.saturating_sub(before) {
        asked @ 0..64 => u64::MAX << asked,
        _ => 0,
    }
}
