//! The Generic Timer Description Table (ACPI 6.5, section 5.2.25): what the device tree's timer node says.

use super::table;

/// That of ACPI 6.0, which has nothing for a timer of the virtual EL2: a guest has no EL2.
const REVISION: u8 = 2;
/// There is no memory-mapped counter.
const NO_ADDRESS: u64 = u64::MAX;
/// Secure, non-secure, virtual and hypervisor timer: private peripheral interrupts 13, 14, 11 and 10.
const INTERRUPTS: [u32; 4] = [29, 30, 27, 26];
/// Level-triggered (bit 0 clear).
const ACTIVE_LOW: u32 = 1 << 1;
/// No idle state stops it.
const ALWAYS_ON: u32 = 1 << 2;

pub(super) fn build() -> Vec<u8> {
    let mut body = NO_ADDRESS.to_le_bytes().to_vec();
    body.extend([0; 4]);
    for interrupt in INTERRUPTS {
        body.extend(interrupt.to_le_bytes());
        body.extend((ACTIVE_LOW | ALWAYS_ON).to_le_bytes());
    }
    body.extend(NO_ADDRESS.to_le_bytes());
    // How many timers of the platform there are, and where.
    body.extend([0; 8]);
    table(*b"GTDT", REVISION, &body)
}
