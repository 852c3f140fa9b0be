//! The watchdog that Linux drives by calls (Linux, `drivers/watchdog/arm_smc_wdt.c`; device tree: `arm,smc-wdt`).
//!
//! One function of the silicon provider, whose first argument is a command. The status codes are those of PSCI.

use crate::FunctionId;

/// The function ID where the device tree names no other one (`arm,smc-id`).
pub const FUNCTION: FunctionId = FunctionId(0x8200_3d06);

/// What the function is to do: its first argument, W1. An open set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Command(pub u32);

impl Command {
    /// `SMCWD_INIT`: the shortest timeout in x1 and the longest in x2, in seconds.
    pub const INIT: Self = Self(0);
    /// `SMCWD_SET_TIMEOUT`: W2 seconds.
    pub const SET_TIMEOUT: Self = Self(1);
    /// `SMCWD_ENABLE`: W2 is 1 to start the watchdog, 0 to stop it.
    pub const ENABLE: Self = Self(2);
    /// `SMCWD_PET`: the time begins anew.
    pub const PET: Self = Self(3);
    /// `SMCWD_GET_TIMELEFT`: seconds in x1. Optional.
    pub const GET_TIMELEFT: Self = Self(4);
}
