//! KVM's own services at the register level, with the values of Linux.

mod discovery;
mod implementations;
mod ptp;

use std::{time::Duration, vec, vec::Vec};

use switchboard_smccc::Register;

use super::*;
use crate::{
    Outcome, Results, WallClock,
    testing::{Answer, ScriptedHost, answer},
};

const SUCCESS: u64 = 0;
const NOT_SUPPORTED: u64 = 0xffff_ffff_ffff_ffff;
const INVALID_PARAMETER: u64 = 0xffff_ffff_ffff_fffd;

/// What an SMC32 argument must not be confused by.
const DIRTY: u64 = 0xdead_beef_0000_0000;

/// A Neoverse N1 and a Cortex-A72.
fn two() -> Vec<Implementation> {
    vec![
        Implementation { midr: 0x413f_d0c1, revidr: 0, aidr: 0 },
        Implementation { midr: 0x410f_d083, revidr: 0x180, aidr: u64::MAX },
    ]
}

fn with_clock() -> ScriptedHost {
    let wall_clock = WallClock {
        since_epoch: Duration::from_nanos(0x1234_5678_9abc_def0),
        virtual_counter: 0x0000_0001_8000_0002,
        physical_counter: 0xffff_ffff_0000_0003,
    };
    ScriptedHost { wall_clock: Some(wall_clock), ..ScriptedHost::default() }
}

fn call(id: u32, arguments: [u64; 3]) -> Answer {
    answer(&KvmVendor::new(two()), &with_clock(), id, arguments)
}

fn returns(x0: u64) -> Outcome {
    Outcome::Return(Results::of(x0))
}
