//! Who makes the calls, and what a case may ask of it beside them.

/// The instruction that carries a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conduit {
    /// `HVC #0`.
    Hvc,
    /// `SMC #0`.
    Smc,
}

/// How many registers a call has: x0 to x17 (SMCCC, Arm DEN0028, section 2.6).
pub const REGISTERS: usize = 18;

/// x0 to x17.
pub type Registers = [u64; REGISTERS];

/// A value that depends on where the cases run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Given {
    /// The affinity of the CPU that calls.
    ThisCpu,
    /// The affinity of a CPU that is off.
    OtherCpu,
    /// An affinity that no CPU has, nor shares at level 1 or above.
    AbsentCpu,
    /// Where a started CPU is to go.
    Entry,
    /// The context ID of a CPU that starts at [`Given::Entry`].
    Context,
    /// Where a CPU is to go on after it was powered down.
    ResumeEntry,
    /// The context ID of the calling CPU at [`Given::ResumeEntry`].
    ResumeContext,
    /// A standby state for `CPU_SUSPEND`.
    StandbyState,
    /// A power-down state for `CPU_SUSPEND`.
    PowerDownState,
}

/// What a case wants done that is more than one call. `conformance/README.md` says what each returns in which register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Makes the other CPU report how it starts, and then wait.
    PrepareOtherCpu,
    /// Waits until the other CPU has started.
    AwaitOtherCpu,
    /// Lets the other CPU turn itself off.
    ReleaseOtherCpu,
    /// Two CPUs start a third one at the same time.
    Race,
    /// Suspends this CPU; a timer wakes it.
    Suspend,
    /// A call with instructions before and after it that count.
    CountInstructions,
}

/// Who makes the calls.
pub trait Caller {
    /// Makes a call with these registers, and returns what is in them afterwards.
    fn call(&mut self, conduit: Conduit, registers: &Registers) -> Registers;

    /// A value that depends on the caller. Without it, a case that needs it is skipped.
    fn given(&mut self, what: Given) -> Option<u64> {
        let _ = what;
        None
    }

    /// Does what is more than one call.
    ///
    /// # Errors
    ///
    /// Why it cannot be done here: the case is skipped.
    fn perform(
        &mut self,
        action: Action,
        conduit: Conduit,
        registers: &Registers,
    ) -> Result<Registers, &'static str> {
        let _ = (action, conduit, registers);
        Err("this caller makes calls and nothing else")
    }

    /// How many CPUs there are.
    fn cpus(&self) -> u64 {
        1
    }

    /// A result that a case awaits is not there yet, after so many attempts. Is it worth another one?
    fn may_try_again(&mut self, attempts: u64) -> bool {
        attempts < 1000
    }
}

impl Conduit {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::Hvc, Self::Smc];

    /// Its name in the files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hvc => "hvc",
            Self::Smc => "smc",
        }
    }
}

impl Given {
    const ALL: [Self; 9] = [
        Self::ThisCpu,
        Self::OtherCpu,
        Self::AbsentCpu,
        Self::Entry,
        Self::Context,
        Self::ResumeEntry,
        Self::ResumeContext,
        Self::StandbyState,
        Self::PowerDownState,
    ];

    /// Its name in the files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ThisCpu => "this-cpu",
            Self::OtherCpu => "other-cpu",
            Self::AbsentCpu => "absent-cpu",
            Self::Entry => "entry",
            Self::Context => "context",
            Self::ResumeEntry => "resume-entry",
            Self::ResumeContext => "resume-context",
            Self::StandbyState => "standby-state",
            Self::PowerDownState => "power-down-state",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|given| given.name() == name)
    }
}

impl Action {
    const ALL: [Self; 6] = [
        Self::PrepareOtherCpu,
        Self::AwaitOtherCpu,
        Self::ReleaseOtherCpu,
        Self::Race,
        Self::Suspend,
        Self::CountInstructions,
    ];

    /// Its name in the files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::PrepareOtherCpu => "prepare-other-cpu",
            Self::AwaitOtherCpu => "await-other-cpu",
            Self::ReleaseOtherCpu => "release-other-cpu",
            Self::Race => "race",
            Self::Suspend => "suspend",
            Self::CountInstructions => "count-instructions",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.name() == name)
    }
}
