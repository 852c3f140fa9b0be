//! What the host lends: a pure core has neither entropy nor time nor memory.

use switchboard_smccc::Ipa;

/// What a call may need of the host. Every method is called by the thread that drives the vCPU, with no lock held.
pub trait Host {
    /// 192 random bits, the lowest 64 first. KVM never runs out of them.
    fn entropy(&self) -> [u64; 3];

    /// The time and, read at the same moment, a counter as the guest sees it. `None` if the host's clock does not run
    /// on the architected counter: PTP is NOT_SUPPORTED then.
    fn time(&self, counter: Counter) -> Option<Time>;

    /// Is there guest memory at this address?
    fn is_memory(&self, address: Ipa) -> bool;

    /// Writes the initial record of stolen time (DEN0057, section 4.2.1: 16 bytes, all zero: revision 0, attributes 0,
    /// nothing stolen) to this address, which is guest memory.
    fn initialise_stolen_time(&self, address: Ipa);
}

/// A host that has nothing to lend: its entropy is zero, it knows no time, and no address is memory.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoHost;

impl Host for NoHost {
    fn entropy(&self) -> [u64; 3] {
        [0; 3]
    }

    fn time(&self, _: Counter) -> Option<Time> {
        None
    }

    fn is_memory(&self, _: Ipa) -> bool {
        false
    }

    fn initialise_stolen_time(&self, _: Ipa) {}
}

/// Which counter goes with the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counter {
    /// `CNTVCT_EL0`.
    Virtual,
    /// `CNTPCT_EL0`.
    Physical,
}

/// A moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Time {
    /// Nanoseconds since 1970-01-01, wall clock.
    pub nanoseconds: u64,
    /// The counter, in its own ticks.
    pub cycles: u64,
}

/// How the host fares with the CPU vulnerabilities that SMCCC has workarounds for (DEN0028, sections 7.5 to 7.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mitigations {
    /// `SMCCC_ARCH_WORKAROUND_1`: CVE-2017-5715.
    pub workaround_1: Workaround,
    /// `SMCCC_ARCH_WORKAROUND_2`: CVE-2018-3639.
    pub workaround_2: Workaround2,
    /// `SMCCC_ARCH_WORKAROUND_3`: CVE-2017-5715 and CVE-2022-23960.
    pub workaround_3: Workaround,
}

/// The state of workaround 1 or 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Workaround {
    /// The host is vulnerable and has no workaround. Register value 0; `ARCH_FEATURES`: NOT_SUPPORTED.
    NotAvailable,
    /// The host applies it. Register value 1; `ARCH_FEATURES`: 0.
    Available,
    /// The host's CPUs are not affected. Register value 2; `ARCH_FEATURES`: 1.
    NotRequired,
}

/// The state of workaround 2. KVM knows two of the four that the register can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Workaround2 {
    /// There is none, or the guest has `SSBS` instead. Register value 0; `ARCH_FEATURES`: NOT_SUPPORTED.
    NotAvailable,
    /// It is always on, or not needed. Register value 3; `ARCH_FEATURES`: NOT_REQUIRED (-2).
    NotRequired,
}

impl Mitigations {
    /// Of a host whose CPUs have none of the vulnerabilities.
    pub const NOT_REQUIRED: Self = Self {
        workaround_1: Workaround::NotRequired,
        workaround_2: Workaround2::NotRequired,
        workaround_3: Workaround::NotRequired,
    };
}

impl Workaround {
    /// The value of the firmware register.
    #[must_use]
    pub const fn level(self) -> u64 {
        match self {
            Self::NotAvailable => 0,
            Self::Available => 1,
            Self::NotRequired => 2,
        }
    }

    /// The state that a value of the firmware register stands for.
    #[must_use]
    pub const fn from_level(level: u64) -> Option<Self> {
        match level {
            0 => Some(Self::NotAvailable),
            1 => Some(Self::Available),
            2 => Some(Self::NotRequired),
            _ => None,
        }
    }
}

impl Workaround2 {
    /// The value of the firmware register.
    #[must_use]
    pub const fn level(self) -> u64 {
        match self {
            Self::NotAvailable => 0,
            Self::NotRequired => 3,
        }
    }

    /// The state that a value of the firmware register, as KVM returns it, stands for.
    #[must_use]
    pub const fn from_level(level: u64) -> Option<Self> {
        match level {
            0 => Some(Self::NotAvailable),
            3 => Some(Self::NotRequired),
            _ => None,
        }
    }
}
