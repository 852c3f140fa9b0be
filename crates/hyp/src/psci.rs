//! KVM's own PSCI (DEN0022; the private 0.1 of Linux, `arch/arm64/include/uapi/asm/kvm.h`).

use switchboard_smccc::kvm::{PSCI_0_1_CPU_OFF, PSCI_0_1_CPU_ON, PSCI_0_1_FIRST, PSCI_0_1_LAST};
use switchboard_smccc::psci::{
    AFFINITY_INFO_32, AFFINITY_INFO_64, AffinityState, CPU_OFF, CPU_ON_32, CPU_ON_64, CPU_SUSPEND_32,
    CPU_SUSPEND_64, FIRST_VENDOR_RESET, HIBERNATE_OFF, MIGRATE_INFO_TYPE, MIGRATE_TYPE_NONE, PSCI_FEATURES,
    PSCI_VERSION, SYSTEM_OFF, SYSTEM_OFF2_32, SYSTEM_OFF2_64, SYSTEM_RESET, SYSTEM_RESET2_32,
    SYSTEM_RESET2_64, SYSTEM_SUSPEND_32, SYSTEM_SUSPEND_64, Status, Version,
};
use switchboard_smccc::smccc::SMCCC_VERSION;
use switchboard_smccc::{FunctionId, Mpidr, Owner};

use crate::exit::{Exit, SystemEvent};
use crate::power::{MpState, Reset};
use crate::pstate::ExecutionState;
use crate::vcpu::Line;
use crate::{Vcpu, trap::Next};

/// The last function number that KVM lets through to PSCI, whatever the ID's other bits.
const LAST_NUMBER: u16 = 0x1f;
/// Bit 30 of a function ID: SMC64.
const SMC64: u32 = 1 << 30;
/// `PSCI_RESET2` and `PSCI_OFF2` in the data of a system event.
const SECOND_FORM: u64 = 1;

/// Is it on the list of calls that no bitmap register governs?
pub(crate) fn is_allowed(id: FunctionId) -> bool {
    id.owner() == Owner::STANDARD_SECURE && id.number() <= LAST_NUMBER
        || (PSCI_0_1_FIRST..=PSCI_0_1_LAST).contains(&id)
}

/// What PSCI's functions come to.
enum Answer {
    /// x0, with x1 to x3 zero.
    Result(u64),
    /// What happens next is said already, and so are the registers.
    Done(Next),
}

impl From<Status> for Answer {
    fn from(status: Status) -> Self {
        Self::Result(status.to_x0())
    }
}

pub(crate) fn handle(vcpu: &mut Vcpu<'_>, id: FunctionId) -> Next {
    let answer = if is_forbidden(vcpu, id) {
        Status::NOT_SUPPORTED.into()
    } else {
        match vcpu.psci_version() {
            Version { major: 0, minor: 1 } => psci_0_1(vcpu, id),
            Version { major: 0, .. } => psci_0_2(vcpu, id),
            Version { minor, .. } => psci_1_x(vcpu, id, minor),
        }
    };
    match answer {
        Answer::Result(result) => vcpu.complete([result, 0, 0, 0]),
        Answer::Done(next) => next,
    }
}

/// A guest in AArch32 state has no SMC64 functions.
fn is_forbidden(vcpu: &Vcpu<'_>, id: FunctionId) -> bool {
    id.0 & SMC64 != 0 && vcpu.execution_state() == ExecutionState::AArch32
}

fn psci_0_1(vcpu: &mut Vcpu<'_>, id: FunctionId) -> Answer {
    match id {
        PSCI_0_1_CPU_OFF => cpu_off(vcpu),
        PSCI_0_1_CPU_ON => match cpu_on(vcpu) {
            // 0.1 has no code for it.
            Status::ALREADY_ON => Status::INVALID_PARAMETERS.into(),
            status => status.into(),
        },
        _ => Status::NOT_SUPPORTED.into(),
    }
}

fn psci_0_2(vcpu: &mut Vcpu<'_>, id: FunctionId) -> Answer {
    match id {
        PSCI_VERSION => Answer::Result(vcpu.psci_version().to_x0()),
        CPU_SUSPEND_32 | CPU_SUSPEND_64 => cpu_suspend(vcpu),
        CPU_OFF => cpu_off(vcpu),
        CPU_ON_32 => {
            narrow(vcpu);
            cpu_on(vcpu).into()
        }
        CPU_ON_64 => cpu_on(vcpu).into(),
        AFFINITY_INFO_32 => {
            narrow(vcpu);
            affinity_info(vcpu)
        }
        AFFINITY_INFO_64 => affinity_info(vcpu),
        MIGRATE_INFO_TYPE => Answer::Result(MIGRATE_TYPE_NONE),
        SYSTEM_OFF => system_event(vcpu, SystemEvent::Shutdown { flags: 0 }),
        SYSTEM_RESET => system_event(vcpu, SystemEvent::Reset { flags: 0 }),
        _ => Status::NOT_SUPPORTED.into(),
    }
}

fn psci_1_x(vcpu: &mut Vcpu<'_>, id: FunctionId, minor: u16) -> Answer {
    match id {
        PSCI_FEATURES => features(vcpu, FunctionId::from_x0(vcpu.x[1]), minor),
        SYSTEM_SUSPEND_32 => {
            narrow(vcpu);
            system_suspend(vcpu)
        }
        SYSTEM_SUSPEND_64 => system_suspend(vcpu),
        SYSTEM_RESET2_32 => {
            narrow(vcpu);
            system_reset2(vcpu, minor)
        }
        SYSTEM_RESET2_64 => system_reset2(vcpu, minor),
        SYSTEM_OFF2_32 => {
            narrow(vcpu);
            system_off2(vcpu, minor)
        }
        SYSTEM_OFF2_64 => system_off2(vcpu, minor),
        _ => psci_0_2(vcpu, id),
    }
}

fn features(vcpu: &Vcpu<'_>, function: FunctionId, minor: u16) -> Answer {
    if is_forbidden(vcpu, function) {
        return Status::NOT_SUPPORTED.into();
    }
    let is_there = match function {
        PSCI_VERSION | CPU_SUSPEND_32 | CPU_SUSPEND_64 | CPU_OFF | CPU_ON_32 | CPU_ON_64
        | AFFINITY_INFO_32 | AFFINITY_INFO_64 | MIGRATE_INFO_TYPE | SYSTEM_OFF | SYSTEM_RESET
        | PSCI_FEATURES | SMCCC_VERSION => true,
        SYSTEM_SUSPEND_32 | SYSTEM_SUSPEND_64 => vcpu.vm.has_system_suspend(),
        SYSTEM_RESET2_32 | SYSTEM_RESET2_64 => minor >= 1,
        SYSTEM_OFF2_32 | SYSTEM_OFF2_64 if minor >= 3 => return Answer::Result(u64::from(HIBERNATE_OFF)),
        _ => false,
    };
    if is_there { Status::SUCCESS.into() } else { Status::NOT_SUPPORTED.into() }
}

/// Power-down is taken for standby, and the arguments are not looked at.
fn cpu_suspend(vcpu: &mut Vcpu<'_>) -> Answer {
    let next = vcpu.complete([Status::SUCCESS.to_x0(), 0, 0, 0]);
    let line = vcpu.slot.power().line;
    Answer::Done(match line {
        Line::Low => Next::WaitForInterrupt,
        Line::High => next,
    })
}

fn cpu_off(vcpu: &mut Vcpu<'_>) -> Answer {
    vcpu.complete([Status::SUCCESS.to_x0(), 0, 0, 0]);
    vcpu.slot.power().mp_state = MpState::Stopped;
    Answer::Done(Next::Stopped)
}

fn cpu_on(vcpu: &Vcpu<'_>) -> Status {
    let target = Mpidr::from_argument(vcpu.x[1]).and_then(|affinity| vcpu.vm.find(affinity));
    let Some(target) = target else { return Status::INVALID_PARAMETERS };
    // One decision under the target's lock: of any number of callers, one turns it on.
    let mut power = target.power();
    if power.mp_state != MpState::Stopped {
        return Status::ALREADY_ON;
    }
    power.reset = Some(Reset { entry: vcpu.x[2], context: vcpu.x[3], endianness: vcpu.endianness() });
    power.reset_requested = true;
    power.mp_state = MpState::Runnable;
    Status::SUCCESS
}

fn affinity_info(vcpu: &Vcpu<'_>) -> Answer {
    let level = vcpu.x[2];
    let target = Mpidr::from_argument(vcpu.x[1]).and_then(|affinity| affinity.at_level(level));
    let Some(target) = target else { return Status::INVALID_PARAMETERS.into() };
    // A suspended vCPU is on.
    let mut states = vcpu
        .vm
        .slots()
        .iter()
        .filter(|slot| slot.affinity().at_level(level) == Some(target))
        .map(|slot| slot.power().mp_state)
        .peekable();
    if states.peek().is_none() {
        return Status::INVALID_PARAMETERS.into();
    }
    let state =
        if states.all(|state| state == MpState::Stopped) { AffinityState::Off } else { AffinityState::On };
    Answer::Result(state.to_x0())
}

/// Stops every vCPU, the caller's included, before userspace hears of it.
fn system_event(vcpu: &mut Vcpu<'_>, event: SystemEvent) -> Answer {
    stop_all(vcpu);
    // What a guest sees that is resumed nevertheless.
    vcpu.complete([Status::INTERNAL_FAILURE.to_x0(), 0, 0, 0]);
    Answer::Done(Next::Exit(Exit::SystemEvent(event)))
}

fn stop_all(vcpu: &Vcpu<'_>) {
    for slot in vcpu.vm.slots() {
        slot.power().mp_state = MpState::Stopped;
    }
}

/// Stops nothing, checks nothing, and leaves the arguments for userspace to read.
fn system_suspend(vcpu: &Vcpu<'_>) -> Answer {
    if vcpu.vm.has_system_suspend() {
        Answer::Done(Next::Exit(Exit::SystemEvent(SystemEvent::Suspend)))
    } else {
        Status::NOT_SUPPORTED.into()
    }
}

fn system_reset2(vcpu: &mut Vcpu<'_>, minor: u16) -> Answer {
    if minor < 1 {
        return Status::NOT_SUPPORTED.into();
    }
    // Of the type, the low half counts: 0 is a warm reset.
    let reset_type = low_half(vcpu.x[1]);
    if (1..FIRST_VENDOR_RESET).contains(&reset_type) {
        return Status::INVALID_PARAMETERS.into();
    }
    stop_all(vcpu);
    // x0 alone, unlike every other function.
    vcpu.x[0] = Status::INTERNAL_FAILURE.to_x0();
    Answer::Done(Next::Exit(Exit::SystemEvent(SystemEvent::Reset { flags: SECOND_FORM })))
}

fn system_off2(vcpu: &mut Vcpu<'_>, minor: u16) -> Answer {
    if minor < 3 {
        return Status::NOT_SUPPORTED.into();
    }
    // Of the type, the low half counts; 0 is the default. Of the cookie, all of it.
    let off_type = low_half(vcpu.x[1]);
    if ![0, HIBERNATE_OFF].contains(&off_type) || vcpu.x[2] != 0 {
        return Status::INVALID_PARAMETERS.into();
    }
    system_event(vcpu, SystemEvent::Shutdown { flags: SECOND_FORM })
}

fn low_half(argument: u64) -> u32 {
    let [b0, b1, b2, b3, ..] = argument.to_le_bytes();
    u32::from_le_bytes([b0, b1, b2, b3])
}

/// The arguments of an SMC32 function, in place.
fn narrow(vcpu: &mut Vcpu<'_>) {
    for argument in &mut vcpu.x[1..4] {
        *argument &= 0xffff_ffff;
    }
}
