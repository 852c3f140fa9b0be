//! The watchdog at the register level, with the values of Linux's driver.

mod calls;
mod expiry;
mod saved;

use std::{cell::Cell, time::Duration};

use switchboard_smccc::Register;

use super::*;
use crate::{
    Expiry, Host, Outcome, Results, Service,
    testing::{Answer, answer},
};

const FUNCTION: u32 = 0x8200_3d06;
const INIT: u64 = 0;
const SET_TIMEOUT: u64 = 1;
const ENABLE: u64 = 2;
const PET: u64 = 3;
const GET_TIMELEFT: u64 = 4;

const SUCCESS: u64 = 0;
const NOT_SUPPORTED: u64 = 0xffff_ffff_ffff_ffff;
const INVALID_PARAMETERS: u64 = 0xffff_ffff_ffff_fffe;
const DISABLED: u64 = 0xffff_ffff_ffff_fff8;

/// What an SMC32 argument must not be confused by.
const DIRTY: u64 = 0xdead_beef_0000_0000;

/// A watchdog that resets, and a clock that a test sets.
struct Machine {
    watchdog: Watchdog,
    clock: Clock,
}

struct Clock(Cell<Option<Duration>>);

impl Host for Clock {
    fn monotonic(&self) -> Option<Duration> {
        self.0.get()
    }
}

impl Machine {
    /// At 100 seconds.
    fn new() -> Self {
        Self { watchdog: Watchdog::new(Bite::Reset), clock: Clock(Cell::new(Some(Duration::from_secs(100)))) }
    }

    /// With this timeout, and running from 100 seconds on.
    fn running(timeout: u64) -> Self {
        let machine = Self::new();
        machine.call(SET_TIMEOUT, timeout);
        machine.call(ENABLE, 1);
        machine
    }

    fn call(&self, command: u64, argument: u64) -> Answer {
        answer(&self.watchdog, &self.clock, FUNCTION, [command, argument, 0])
    }

    fn set_clock(&self, seconds: u64) {
        self.clock.0.set(Some(Duration::from_secs(seconds)));
    }

    fn expired(&self, seconds: u64) -> Expiry {
        self.watchdog.expired(Duration::from_secs(seconds))
    }
}

fn returns(x0: u64) -> Outcome {
    Outcome::Return(Results::of(x0))
}

fn success_until(seconds: u64) -> Outcome {
    Outcome::ReturnUntil(Results::of(SUCCESS), Duration::from_secs(seconds))
}
