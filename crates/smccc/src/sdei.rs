//! The Software Delegated Exception Interface (DEN0054, version 1.1).

use core::fmt;

use crate::FunctionId;

/// `SDEI_VERSION`.
pub const VERSION: FunctionId = FunctionId(0xc400_0020);
/// `SDEI_EVENT_REGISTER`.
pub const EVENT_REGISTER: FunctionId = FunctionId(0xc400_0021);
/// `SDEI_EVENT_ENABLE`.
pub const EVENT_ENABLE: FunctionId = FunctionId(0xc400_0022);
/// `SDEI_EVENT_DISABLE`.
pub const EVENT_DISABLE: FunctionId = FunctionId(0xc400_0023);
/// `SDEI_EVENT_CONTEXT`.
pub const EVENT_CONTEXT: FunctionId = FunctionId(0xc400_0024);
/// `SDEI_EVENT_COMPLETE`.
pub const EVENT_COMPLETE: FunctionId = FunctionId(0xc400_0025);
/// `SDEI_EVENT_COMPLETE_AND_RESUME`.
pub const EVENT_COMPLETE_AND_RESUME: FunctionId = FunctionId(0xc400_0026);
/// `SDEI_EVENT_UNREGISTER`.
pub const EVENT_UNREGISTER: FunctionId = FunctionId(0xc400_0027);
/// `SDEI_EVENT_STATUS`.
pub const EVENT_STATUS: FunctionId = FunctionId(0xc400_0028);
/// `SDEI_EVENT_GET_INFO`.
pub const EVENT_GET_INFO: FunctionId = FunctionId(0xc400_0029);
/// `SDEI_EVENT_ROUTING_SET`.
pub const EVENT_ROUTING_SET: FunctionId = FunctionId(0xc400_002a);
/// `SDEI_PE_MASK`.
pub const PE_MASK: FunctionId = FunctionId(0xc400_002b);
/// `SDEI_PE_UNMASK`.
pub const PE_UNMASK: FunctionId = FunctionId(0xc400_002c);
/// `SDEI_INTERRUPT_BIND`.
pub const INTERRUPT_BIND: FunctionId = FunctionId(0xc400_002d);
/// `SDEI_INTERRUPT_RELEASE`.
pub const INTERRUPT_RELEASE: FunctionId = FunctionId(0xc400_002e);
/// `SDEI_EVENT_SIGNAL`.
pub const EVENT_SIGNAL: FunctionId = FunctionId(0xc400_002f);
/// `SDEI_FEATURES`.
pub const FEATURES: FunctionId = FunctionId(0xc400_0030);
/// `SDEI_PRIVATE_RESET`.
pub const PRIVATE_RESET: FunctionId = FunctionId(0xc400_0031);
/// `SDEI_SHARED_RESET`.
pub const SHARED_RESET: FunctionId = FunctionId(0xc400_0032);

/// How many function numbers SDEI has set aside, in SMC64 alone: 0x20 to 0x3f.
pub const FUNCTION_COUNT: u32 = 0x20;
/// The first function ID of SDEI.
pub const FIRST_64: FunctionId = VERSION;

/// What `SDEI_VERSION` returns: major version 1 in bits `[62:48]`, minor version 1 in `[47:32]`, no vendor's number in `[31:0]`.
pub const VERSION_1_1: u64 = 1 << 48 | 1 << 32;

/// The number of an event. Numbers with bit 31 set are none, since they would be status codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventNumber(pub u32);

impl EventNumber {
    /// The event that software signals to a CPU (`SDEI_EVENT_SIGNAL`). It is always there.
    pub const SOFTWARE_SIGNALLED: Self = Self(0);
}

impl fmt::Display for EventNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "event {:#x}", self.0)
    }
}

/// The flag of `SDEI_EVENT_REGISTER`, and the mode of `SDEI_EVENT_ROUTING_SET`, for one CPU; without it, any (RM_PE, RM_ANY).
pub const ROUTING_MODE_PE: u64 = 1;
/// The flag of `SDEI_EVENT_REGISTER` for an entry point relative to `VBAR_EL1`, where `SDEI_FEATURES` says that it may be.
pub const RELATIVE_MODE: u64 = 1 << 1;

/// The bit of `SDEI_EVENT_STATUS` for an event whose handler is registered.
pub const STATUS_REGISTERED: u64 = 1;
/// The bit of `SDEI_EVENT_STATUS` for an event that is enabled.
pub const STATUS_ENABLED: u64 = 1 << 1;
/// The bit of `SDEI_EVENT_STATUS` for an event whose handler runs.
pub const STATUS_RUNNING: u64 = 1 << 2;

/// What `SDEI_EVENT_GET_INFO` is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EventInfo(pub u32);

impl EventInfo {
    /// 0: the event is private, 1: it is shared.
    pub const TYPE: Self = Self(0);
    /// 0: software can signal it, 1: it cannot.
    pub const SIGNALED: Self = Self(1);
    /// 0: normal, 1: critical.
    pub const PRIORITY: Self = Self(2);
    /// 0: RM_ANY, 1: RM_PE.
    pub const ROUTING_MODE: Self = Self(3);
    /// The affinity of the CPU that it is routed to.
    pub const ROUTING_AFFINITY: Self = Self(4);
}

/// What `SDEI_FEATURES` is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Feature(pub u32);

impl Feature {
    /// How many interrupts can be bound: private ones in bits `[15:0]`, shared ones in `[31:16]`.
    pub const BIND_SLOTS: Self = Self(0);
    /// 1: entry points may be relative ([`RELATIVE_MODE`]).
    pub const RELATIVE_MODE: Self = Self(1);
}

/// A status code.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Status(pub i32);

impl Status {
    /// It is done.
    pub const SUCCESS: Self = Self(0);
    /// Nobody implements this function.
    pub const NOT_SUPPORTED: Self = Self(-1);
    /// An argument makes no sense.
    pub const INVALID_PARAMETERS: Self = Self(-2);
    /// Not in this state.
    pub const DENIED: Self = Self(-3);
    /// It will be done once the handler has completed.
    pub const PENDING: Self = Self(-5);
    /// There are no more of them.
    pub const OUT_OF_RESOURCE: Self = Self(-10);

    /// The value for x0, sign-extended to 64 bits: every status of SDEI is a signed 64-bit number.
    #[must_use]
    pub fn to_x0(self) -> u64 {
        i64::from(self.0).cast_unsigned()
    }
}

impl fmt::Debug for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match *self {
            Self::SUCCESS => "SUCCESS",
            Self::NOT_SUPPORTED => "NOT_SUPPORTED",
            Self::INVALID_PARAMETERS => "INVALID_PARAMETERS",
            Self::DENIED => "DENIED",
            Self::PENDING => "PENDING",
            Self::OUT_OF_RESOURCE => "OUT_OF_RESOURCE",
            Self(_) => "unknown",
        };
        write!(f, "Status({}, {name})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_1_1_is_what_linux_takes_apart() {
        assert_eq!(VERSION_1_1, 0x0001_0001_0000_0000);
    }

    #[test]
    fn a_status_is_sign_extended_to_64_bits() {
        assert_eq!(Status::SUCCESS.to_x0(), 0);
        assert_eq!(Status::PENDING.to_x0(), 0xffff_ffff_ffff_fffb);
        assert_eq!(Status::OUT_OF_RESOURCE.to_x0(), 0xffff_ffff_ffff_fff6);
    }
}
