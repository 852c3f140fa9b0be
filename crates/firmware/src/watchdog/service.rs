//! Which command is answered how, and what happens when time is up.

use core::time::Duration;

use switchboard_filter::Range;
use switchboard_smccc::{Conduit, FunctionId, Register, psci::Status, watchdog};

use super::{
    MAX_TIMEOUT, MIN_TIMEOUT, WatchdogState,
    command::Command,
    setting::{Moment, Setting},
};
use crate::{
    Call, Conduits, Declaration, Expiry, Host, MemoryAtReset, OffKind, Outcome, ResetKind, Results, Service,
};

/// What happens to a guest that has not petted its watchdog in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bite {
    /// The machine starts anew: a cold reset, memory is cleared.
    Reset,
    /// The machine is switched off.
    Off,
}

/// A watchdog for one life of a guest. Without a clock ([`Host::monotonic`]) it is NOT_SUPPORTED.
///
/// It bites at the deadline, or whenever the machine gets around to asking [`Service::expired`] after it: a guest that is
/// kept from running and pets it in between has shown that it is alive, and lives. Its clock is the machine's, which stands
/// still in a pause.
#[derive(Debug)]
pub struct Watchdog {
    owned: [Range; 1],
    bite: Bite,
    setting: Setting,
}

impl Watchdog {
    /// A watchdog, stopped, with the function ID that Linux takes where the device tree names none.
    #[must_use]
    pub fn new(bite: Bite) -> Self {
        Self::with_function(watchdog::FUNCTION, bite)
    }

    /// A watchdog, stopped, with the function ID of `arm,smc-id` in the device tree.
    #[must_use]
    pub fn with_function(function: FunctionId, bite: Bite) -> Self {
        Self { owned: [Range::literal(function, 1)], bite, setting: Setting::new() }
    }

    /// What it is set to; `now` is [`Host::monotonic`].
    #[must_use]
    pub fn state(&self, now: Duration) -> WatchdogState {
        self.setting.now().state(now)
    }

    /// Sets it to what another one was set to; `now` is [`Host::monotonic`]. Then [`Service::expired`] is to be asked.
    pub fn restore(&self, state: WatchdogState, now: Duration) {
        self.setting.replace(Moment::restored(state, now));
    }

    /// `SMCWD_SET_TIMEOUT`. A watchdog that runs has the new timeout from now on.
    fn set_timeout(&self, call: &mut Call<'_>, now: Duration) -> Outcome {
        let Some(timeout) = timeout(call.argument32(Register::X2)) else {
            return Status::INVALID_PARAMETERS.into();
        };
        self.change(|before| Some(before.with_timeout(timeout, now)))
    }

    /// `SMCWD_ENABLE`: 1 starts it, or pets it if it runs; 0 stops it. Any other number is INVALID_PARAMETERS, as in
    /// OP-TEE.
    fn enable(&self, call: &mut Call<'_>, now: Duration) -> Outcome {
        match call.argument32(Register::X2) {
            0 => self.change(|before| Some(before.stopped())),
            1 => self.change(|before| Some(before.started(now))),
            _ => Status::INVALID_PARAMETERS.into(),
        }
    }

    /// `SMCWD_GET_TIMELEFT`, rounded up: a watchdog that runs has never 0 seconds left.
    ///
    /// DISABLED if it does not run, by which Linux (since 6.16) knows whether it must be petted from the start.
    fn get_timeleft(&self, now: Duration) -> Outcome {
        let Some(left) = self.state(now).time_left else {
            return Status::DISABLED.into();
        };
        let seconds = left.as_secs() + u64::from(left.subsec_nanos() > 0);
        Outcome::Return(Results::of(Status::SUCCESS.to_x0()).with(Register::X1, seconds.max(1)))
    }

    /// SUCCESS after a change, with the deadline if there is one now; DISABLED if there was nothing to change.
    fn change(&self, change: impl Fn(Moment) -> Option<Moment>) -> Outcome {
        let Some(after) = self.setting.change(change) else {
            return Status::DISABLED.into();
        };
        match after.deadline() {
            Some(deadline) => Outcome::ReturnUntil(Results::of(Status::SUCCESS.to_x0()), deadline),
            None => Status::SUCCESS.into(),
        }
    }
}

/// `SMCWD_INIT`: what timeouts there are. Changes nothing, so that a watchdog that runs goes on through a `kexec`.
fn init() -> Outcome {
    let results = Results::of(Status::SUCCESS.to_x0())
        .with(Register::X1, MIN_TIMEOUT.as_secs())
        .with(Register::X2, MAX_TIMEOUT.as_secs());
    Outcome::Return(results)
}

/// A number of seconds, if it is a timeout that there is.
fn timeout(seconds: u32) -> Option<u16> {
    let is_possible = (MIN_TIMEOUT..=MAX_TIMEOUT).contains(&Duration::from_secs(u64::from(seconds)));
    u16::try_from(seconds).ok().filter(|_| is_possible)
}

impl Service for Watchdog {
    fn name(&self) -> &'static str {
        "watchdog"
    }

    fn declaration(&self) -> Declaration<'_> {
        Declaration { owned: &self.owned, denied: &[], conduits: Conduits::Only(Conduit::Smc) }
    }

    fn call(&self, call: &mut Call<'_>, host: &dyn Host) -> Outcome {
        let Some(now) = host.monotonic() else {
            return Status::NOT_SUPPORTED.into();
        };
        match Command::from_number(watchdog::Command(call.argument32(Register::X1))) {
            Some(Command::Init) => init(),
            Some(Command::SetTimeout) => self.set_timeout(call, now),
            Some(Command::Enable) => self.enable(call, now),
            // DISABLED if it does not run: there is nothing to pet, and a guest that thinks so should know.
            Some(Command::Pet) => self.change(|before| before.petted(now)),
            Some(Command::GetTimeleft) => self.get_timeleft(now),
            None => Status::NOT_SUPPORTED.into(),
        }
    }

    fn expired(&self, now: Duration) -> Expiry {
        match (self.setting.now().deadline(), self.bite) {
            (None, _) => Expiry::Never,
            (Some(deadline), _) if now < deadline => Expiry::At(deadline),
            (Some(_), Bite::Reset) => Expiry::SystemReset(ResetKind::Cold, MemoryAtReset::Cleared),
            (Some(_), Bite::Off) => Expiry::SystemOff(OffKind::Off),
        }
    }
}
