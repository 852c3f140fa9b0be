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
/// Arm DEN0028, section 7.2; `PSCI_FEATURES` is where a guest asks for it.
pub const SMCCC_VERSION: u32 = 0x8000_0000;

/// What `PSCI_VERSION` returns: 1.3.
pub const VERSION_1_3: u64 = 0x0001_0003;

pub const SUCCESS: u64 = 0;
pub const NOT_SUPPORTED: u64 = status(1);
pub const INVALID_PARAMETERS: u64 = status(2);
pub const ALREADY_ON: u64 = status(4);
pub const ON_PENDING: u64 = status(5);
pub const INVALID_ADDRESS: u64 = status(9);

/// `AFFINITY_INFO` (section 5.1.5).
pub const ON: u64 = 0;
pub const OFF: u64 = 1;

const fn status(code: u64) -> u64 {
    code.wrapping_neg()
}

pub fn cpu_on(conduit: Conduit, target: u64, entry: u64, context: u64) -> u64 {
    conduit.call3(CPU_ON_64, [target, entry, context])
}

/// Of one CPU: level 0.
pub fn affinity_info(conduit: Conduit, target: u64) -> u64 {
    conduit.call3(AFFINITY_INFO_64, [target, 0, 0])
}

/// Ends this CPU, or panics.
pub fn cpu_off() -> ! {
    let result = Conduit::default().map(|conduit| conduit.call3(CPU_OFF, [0; 3]));
    panic!("CPU_OFF returned {result:#x?}");
}

/// Ends the guest. If that does not work, or nobody knows yet how to, this CPU waits for ever.
pub fn system_off() -> ! {
    if let Some(conduit) = Conduit::default() {
        let _ = conduit.call3(SYSTEM_OFF, [0; 3]);
    }
    cpu::park()
}

pub fn system_reset() -> ! {
    let result = Conduit::default().map(|conduit| conduit.call3(SYSTEM_RESET, [0; 3]));
    panic!("SYSTEM_RESET returned {result:#x?}");
}
