//! A program: what a monitor and a guest do, step by step.

use std::fmt;

use switchboard_filter::Request;

/// One VM's life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// The numbers of its vCPUs, in the order of their creation.
    pub vcpus: Vec<u32>,
    /// What is done, in order.
    pub steps: Vec<Step>,
}

/// What is done. Numbers are raw where KVM takes any: that it refuses some is what is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// `KVM_HAS_DEVICE_ATTR` on the VM.
    HasAttribute {
        /// The group.
        group: u32,
        /// The attribute.
        attribute: u64,
    },
    /// `KVM_GET_DEVICE_ATTR` on the VM.
    GetAttribute {
        /// The group.
        group: u32,
        /// The attribute.
        attribute: u64,
    },
    /// `KVM_SET_DEVICE_ATTR` on the VM.
    SetAttribute {
        /// The group.
        group: u32,
        /// The attribute.
        attribute: u64,
        /// What the address points to: a request, or nothing that can be read.
        request: Option<Request>,
    },
    /// `KVM_ENABLE_CAP` of `KVM_CAP_ARM_SYSTEM_SUSPEND`.
    EnableSystemSuspend,
    /// `KVM_ARM_VCPU_INIT`.
    Init {
        /// Index of the vCPU.
        vcpu: usize,
        /// Its features: word 0 of the bits.
        features: u32,
    },
    /// `KVM_GET_ONE_REG` of a firmware register.
    GetFirmware {
        /// Index of the vCPU.
        vcpu: usize,
        /// The register's ID.
        id: u64,
    },
    /// `KVM_SET_ONE_REG` of a firmware register.
    SetFirmware {
        /// Index of the vCPU.
        vcpu: usize,
        /// The register's ID.
        id: u64,
        /// The value.
        value: u64,
    },
    /// `KVM_SET_DEVICE_ATTR` of `KVM_ARM_VCPU_PVTIME_IPA`.
    SetStolenTime {
        /// Index of the vCPU.
        vcpu: usize,
        /// The address, or nothing that can be read.
        address: Option<u64>,
    },
    /// `KVM_GET_MP_STATE`.
    GetMpState {
        /// Index of the vCPU.
        vcpu: usize,
    },
    /// `KVM_SET_MP_STATE`.
    SetMpState {
        /// Index of the vCPU.
        vcpu: usize,
        /// The state.
        state: u32,
    },
    /// `KVM_IRQ_LINE`.
    SetLine {
        /// Index of the vCPU.
        vcpu: usize,
        /// Asserted or not.
        high: bool,
    },
    /// `KVM_RUN` with `immediate_exit`.
    RunImmediately {
        /// Index of the vCPU.
        vcpu: usize,
    },
    /// Reads PC, PSTATE, `SCTLR_EL1`, `MPIDR_EL1` and x0 to x3.
    Inspect {
        /// Index of the vCPU.
        vcpu: usize,
    },
    /// Sets `SCTLR_EL1.EE`, so that the vCPU is big-endian to PSCI.
    BecomeBigEndian {
        /// Index of the vCPU.
        vcpu: usize,
    },
    /// Runs the guest for one call.
    Call(Call),
}

/// One call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Index of the vCPU that makes it.
    pub vcpu: usize,
    /// The instruction.
    pub instruction: Instruction,
    /// Its immediate.
    pub immediate: u16,
    /// x0 to x17.
    pub x: [u64; 18],
    /// What userspace writes if it is forwarded.
    pub completion: Completion,
}

/// What completes a forwarded call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completion {
    /// Nothing: the guest sees its own function ID.
    Nothing,
    /// x0.
    X0(u64),
    /// x0 to x3.
    X0ToX3([u64; 4]),
}

/// The instruction of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Instruction {
    /// `HVC` in AArch64 state.
    Hvc64,
    /// `SMC` in AArch64 state.
    Smc64,
    /// `HVC`, encoding A1.
    HvcA32,
    /// `SMC`, encoding A1.
    SmcA32,
    /// `HVC`, encoding T1: 32 bits long.
    HvcT32,
    /// `SMC`, encoding T1: 32 bits long.
    SmcT32,
}

impl Instruction {
    /// In AArch32 state?
    #[must_use]
    pub const fn is_aarch32(self) -> bool {
        !matches!(self, Self::Hvc64 | Self::Smc64)
    }

    /// This PSTATE, in the state that the instruction's encoding asks for: Thumb for T1.
    #[must_use]
    pub const fn with_instruction_set(self, pstate: u64) -> u64 {
        const T: u64 = 1 << 5;
        if matches!(self, Self::HvcT32 | Self::SmcT32) { pstate | T } else { pstate & !T }
    }

    /// The conduit is SMC.
    #[must_use]
    pub const fn is_smc(self) -> bool {
        matches!(self, Self::Smc64 | Self::SmcA32 | Self::SmcT32)
    }
}

impl Program {
    /// How many calls it makes.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.steps.iter().filter(|step| matches!(step, Step::Call(_))).count()
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "vCPUs {:?}", self.vcpus)?;
        for (number, step) in self.steps.iter().enumerate() {
            writeln!(f, "{number:3}  {step}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HasAttribute { group, attribute } => write!(f, "has attribute {group}/{attribute}"),
            Self::GetAttribute { group, attribute } => write!(f, "get attribute {group}/{attribute}"),
            Self::SetAttribute { group, attribute, request: None } => {
                write!(f, "set attribute {group}/{attribute} from unmapped memory")
            }
            Self::SetAttribute { group, attribute, request: Some(request) } => write!(
                f,
                "set attribute {group}/{attribute}: base {:#010x}, {:#x} functions, action {}, pad {:?}",
                request.base, request.nr_functions, request.action, request.pad
            ),
            Self::EnableSystemSuspend => f.write_str("enable SYSTEM_SUSPEND"),
            Self::Init { vcpu, features } => write!(f, "vCPU {vcpu}: init, features {features:#x}"),
            Self::GetFirmware { vcpu, id } => write!(f, "vCPU {vcpu}: get firmware register {id:#x}"),
            Self::SetFirmware { vcpu, id, value } => {
                write!(f, "vCPU {vcpu}: set firmware register {id:#x} to {value:#x}")
            }
            Self::SetStolenTime { vcpu, address: Some(address) } => {
                write!(f, "vCPU {vcpu}: stolen time at {address:#x}")
            }
            Self::SetStolenTime { vcpu, address: None } => {
                write!(f, "vCPU {vcpu}: stolen time from unmapped memory")
            }
            Self::GetMpState { vcpu } => write!(f, "vCPU {vcpu}: get MP state"),
            Self::SetMpState { vcpu, state } => write!(f, "vCPU {vcpu}: set MP state {state}"),
            Self::SetLine { vcpu, high } => write!(f, "vCPU {vcpu}: interrupt line {high}"),
            Self::RunImmediately { vcpu } => write!(f, "vCPU {vcpu}: run with immediate exit"),
            Self::Inspect { vcpu } => write!(f, "vCPU {vcpu}: inspect"),
            Self::BecomeBigEndian { vcpu } => write!(f, "vCPU {vcpu}: SCTLR_EL1.EE"),
            Self::Call(call) => call.fmt(f),
        }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "vCPU {}: {:?} #{}", self.vcpu, self.instruction, self.immediate)?;
        for (number, value) in self.x.iter().enumerate().filter(|(_, value)| **value != 0) {
            write!(f, " x{number}={value:#x}")?;
        }
        match self.completion {
            Completion::Nothing => Ok(()),
            Completion::X0(x0) => write!(f, "; if forwarded, x0={x0:#x}"),
            Completion::X0ToX3(x) => write!(f, "; if forwarded, x0 to x3={x:x?}"),
        }
    }
}
