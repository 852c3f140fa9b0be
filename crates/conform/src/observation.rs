//! What can be seen of a step.

use std::fmt;

/// What a step came to. Errors are error numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "the largest, a call, is what most of them are")]
pub enum Observation {
    /// Success or an error.
    Done(Result<(), i32>),
    /// A value or an error.
    Value(Result<u64, i32>),
    /// Registers or an error.
    Registers(Result<Registers, i32>),
    /// A call.
    Call(CallObservation),
}

/// What `Step::Inspect` reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Registers {
    /// PC.
    pub pc: u64,
    /// PSTATE.
    pub pstate: u64,
    /// `SCTLR_EL1`.
    pub sctlr_el1: u64,
    /// `MPIDR_EL1`.
    pub mpidr_el1: u64,
    /// x0 to x3.
    pub x: [u64; 4],
}

impl Registers {
    /// A guest in AArch32 state has registers of 32 bits. What is in the rest of ours is the host CPU's to choose.
    #[must_use]
    pub fn as_the_guest_sees_them(mut self) -> Self {
        if self.pstate & 0x10 != 0 {
            self.x = self.x.map(|value| value & 0xffff_ffff);
        }
        self
    }
}

/// What a call came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallObservation {
    /// Did the guest get to the instruction, and if not, what happened instead?
    pub reached: Reached,
    /// That `KVM_RUN` returned because of it.
    pub stop: Option<Stop>,
    /// Where the guest goes on, counted from the instruction; 0 if it did not get there. On KVM it went on behind it, or
    /// its next call would not have been made.
    pub goes_on_at: u64,
    /// x0 to x17 when the guest goes on; in AArch32 state, the low halves of x0 to x7.
    pub x: [u64; 18],
}

/// How far a run came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reached {
    /// The guest executed the instruction.
    Guest,
    /// `KVM_RUN`, or something before it, failed.
    Error(i32),
    /// `KVM_RUN` slept until a signal came.
    Asleep,
    /// `KVM_RUN` returned without entering the guest.
    Exit(Exit),
}

/// `KVM_RUN` returned in the middle of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stop {
    /// Why.
    pub exit: Exit,
    /// PC, counted from the instruction.
    pub pc: u64,
    /// The vCPU's MP state.
    pub mp_state: u32,
}

/// Why `KVM_RUN` returned.
#[derive(Clone, PartialEq, Eq)]
pub enum Exit {
    /// `KVM_EXIT_HYPERCALL`: all 72 bytes.
    Hypercall([u8; 72]),
    /// `KVM_EXIT_SYSTEM_EVENT`: type, number of words, first word.
    SystemEvent {
        /// The type.
        kind: u32,
        /// How many words of data there are.
        ndata: u32,
        /// The first word, 0 if there is none.
        data: u64,
    },
    /// It slept until a signal came: EINTR.
    Asleep,
    /// Something else, by its number.
    Other(u32),
}

impl Observation {
    /// The error number of what failed.
    #[must_use]
    pub const fn errno(&self) -> Option<i32> {
        match self {
            Self::Done(Err(errno))
            | Self::Value(Err(errno))
            | Self::Registers(Err(errno))
            | Self::Call(CallObservation { reached: Reached::Error(errno), .. }) => Some(*errno),
            Self::Done(Ok(())) | Self::Value(Ok(_)) | Self::Registers(Ok(_)) | Self::Call(_) => None,
        }
    }
}

impl fmt::Debug for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hypercall(bytes) => {
                f.write_str("Hypercall(")?;
                for word in bytes.chunks(8).map(|word| word.iter().rev()) {
                    let value = word.fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
                    write!(f, " {value:#x}")?;
                }
                f.write_str(")")
            }
            Self::SystemEvent { kind, ndata, data } => {
                write!(f, "SystemEvent(type {kind}, {ndata} words, {data:#x})")
            }
            Self::Asleep => f.write_str("Asleep"),
            Self::Other(reason) => write!(f, "Other({reason})"),
        }
    }
}

impl fmt::Display for Observation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done(Ok(())) => f.write_str("done"),
            Self::Value(Ok(value)) => write!(f, "{value:#x}"),
            Self::Registers(Ok(registers)) => write!(
                f,
                "pc={:#x} pstate={:#x} sctlr={:#x} mpidr={:#x} x0..x3={:x?}",
                registers.pc, registers.pstate, registers.sctlr_el1, registers.mpidr_el1, registers.x
            ),
            Self::Done(Err(errno)) | Self::Value(Err(errno)) | Self::Registers(Err(errno)) => {
                write!(f, "errno {errno}")
            }
            Self::Call(call) => {
                write!(f, "{:?}", call.reached)?;
                if let Some(stop) = &call.stop {
                    write!(f, ", {:?} at +{:#x}, MP state {}", stop.exit, stop.pc, stop.mp_state)?;
                }
                write!(f, ", goes on at +{:#x}, x={:x?}", call.goes_on_at, call.x)
            }
        }
    }
}
