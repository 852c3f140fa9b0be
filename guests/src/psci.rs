//! PSCI (Arm DEN0022, issue F): function IDs, status codes, and the calls that the guest itself needs.

use crate::{cpu, smccc::Conduit};

pub const PSCI_VERSION: u32 = 0x8400_0000;
pub const CPU_SUSPEND_32: u32 = 0x8400_0001;
pub const CPU_SUSPEND_64: u32 = 0xc400_0001;
pub const CPU_OFF: u32 = 0x8400_0002;
pub const CPU_ON_32: u32 = 0x8400_0003;
pub const CPU_ON_64: u32 = 0xc400_0003;
pub const AFFINITY_INFO_32: u32 = 0x8400_0004;
pub const AFFINITY_INFO_64: u32 = 0xc400_0004;
pub const MIGRATE_INFO_TYPE: u32 = 0x8400_0006;
pub const SYSTEM_OFF: u32 = 0x8400_0008;
pub const SYSTEM_RESET: u32 = 0x8400_0009;
pub const PSCI_FEATURES: u32 = 0x8400_000a;
pub const CPU_FREEZE: u32 = 0x8400_000b;
pub const CPU_DEFAULT_SUSPEND_32: u32 = 0x8400_000c;
pub const CPU_DEFAULT_SUSPEND_64: u32 = 0xc400_000c;
pub const NODE_HW_STATE_32: u32 = 0x8400_000d;
pub const NODE_HW_STATE_64: u32 = 0xc400_000d;
pub const SYSTEM_SUSPEND_32: u32 = 0x8400_000e;
pub const SYSTEM_SUSPEND_64: u32 = 0xc400_000e;
pub const SET_SUSPEND_MODE: u32 = 0x8400_000f;
pub const STAT_RESIDENCY_32: u32 = 0x8400_0010;
pub const STAT_RESIDENCY_64: u32 = 0xc400_0010;
pub const STAT_COUNT_32: u32 = 0x8400_0011;
pub const STAT_COUNT_64: u32 = 0xc400_0011;
pub const SYSTEM_RESET2_32: u32 = 0x8400_0012;
pub const SYSTEM_RESET2_64: u32 = 0xc400_0012;
pub const MEM_PROTECT: u32 = 0x8400_0013;
pub const MEM_CHECK_RANGE_32: u32 = 0x8400_0014;
pub const MEM_CHECK_RANGE_64: u32 = 0xc400_0014;
pub const SYSTEM_OFF2_32: u32 = 0x8400_0015;
pub const SYSTEM_OFF2_64: u32 = 0xc400_0015;
/// Arm DEN0028, section 7.2; `PSCI_FEATURES` is where a guest asks for it.
pub const SMCCC_VERSION: u32 = 0x8000_0000;

/// What `PSCI_VERSION` returns.
pub const VERSION_0_2: u64 = 0x0000_0002;
pub const VERSION_1_0: u64 = 0x0001_0000;
pub const VERSION_1_1: u64 = 0x0001_0001;
pub const VERSION_1_2: u64 = 0x0001_0002;
pub const VERSION_1_3: u64 = 0x0001_0003;

pub const SUCCESS: u64 = 0;
pub const NOT_SUPPORTED: u64 = status(1);
pub const INVALID_PARAMETERS: u64 = status(2);
pub const DENIED: u64 = status(3);
pub const ALREADY_ON: u64 = status(4);
pub const ON_PENDING: u64 = status(5);
pub const INTERNAL_FAILURE: u64 = status(6);
pub const INVALID_ADDRESS: u64 = status(9);

/// `AFFINITY_INFO` (section 5.1.5), and `NODE_HW_STATE`.
pub const ON: u64 = 0;
pub const OFF: u64 = 1;

/// The modes of `PSCI_SET_SUSPEND_MODE`.
pub const PLATFORM_COORDINATED: u64 = 0;
pub const OS_INITIATED: u64 = 1;
/// `HIBERNATE_OFF` of `SYSTEM_OFF2`.
pub const HIBERNATE_OFF: u64 = 1;

const fn status(code: u64) -> u64 {
    code.wrapping_neg()
}

pub fn cpu_on(conduit: Conduit, target: u64, entry: u64, context: u64) -> u64 {
    conduit.call3(CPU_ON_64, [target, entry, context])
}

/// Does PSCI_FEATURES know this function?
pub fn knows(conduit: Conduit, function: u32) -> bool {
    conduit.call3(PSCI_FEATURES, [function.into(), 0, 0]) != NOT_SUPPORTED
}

/// Of one CPU: level 0.
pub fn affinity_info(conduit: Conduit, target: u64) -> u64 {
    conduit.call3(AFFINITY_INFO_64, [target, 0, 0])
}

/// Ends this CPU, or panics.
pub fn cpu_off() -> ! {
    end(CPU_OFF, [0; 3])
}

/// Likewise, by CPU_FREEZE.
pub fn cpu_freeze() -> ! {
    end(CPU_FREEZE, [0; 3])
}

/// Ends the guest. If that does not work, or nobody knows yet how to, this CPU waits for ever.
pub fn system_off() -> ! {
    if let Some(conduit) = Conduit::default() {
        let _ = conduit.call3(SYSTEM_OFF, [0; 3]);
    }
    cpu::park()
}

pub fn system_reset() -> ! {
    end(SYSTEM_RESET, [0; 3])
}

/// The warm reset of `SYSTEM_RESET2`.
pub fn warm_reset() -> ! {
    end(SYSTEM_RESET2_64, [0; 3])
}

pub fn hibernate() -> ! {
    end(SYSTEM_OFF2_64, [HIBERNATE_OFF, 0, 0])
}

/// Makes a call that must not return.
fn end(function: u32, arguments: [u64; 3]) -> ! {
    let result = Conduit::default().map(|conduit| conduit.call3(function, arguments));
    panic!("{function:#x} returned {result:#x?}");
}
