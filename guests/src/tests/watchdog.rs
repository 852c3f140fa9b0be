//! `watchdog`: a watchdog that firmware serves by SMC, as Linux's `arm_smc_wdt` drives it.
//!
//! With `bite=yes` it is enabled and left alone: the machine must end the run.

use crate::{
    console::println,
    cpu,
    machine::Machine,
    psci,
    random::Random,
    services::{
        Caller, SUCCESS, WATCHDOG, WATCHDOG_ENABLE, WATCHDOG_GET_TIMELEFT, WATCHDOG_INIT, WATCHDOG_INVALID,
        WATCHDOG_PET, WATCHDOG_SET_TIMEOUT,
    },
    smccc::{Conduit, NOT_SUPPORTED},
    tap::Report,
};

/// In seconds; a loaded host may keep a CPU from petting for some of them.
const TIMEOUT: u64 = 5;
/// With `bite=yes`: the timeout, and how long the machine may take.
const SHORT_TIMEOUT: u64 = 1;
const BITE_LIMIT_MS: u64 = 60_000;

pub fn run(machine: &Machine, conduit: Conduit, report: &mut Report) {
    let random = Random::new(machine.args.number("seed", 1234));
    let mut watchdog = Watchdog(Caller { conduit, report, random });
    // If it is `None`, what is missing was said.
    let _ = match machine.args.value("bite") {
        Some("yes") => watchdog.bite(),
        _ => watchdog.all(),
    };
}

struct Watchdog<'run>(Caller<'run>);

impl Watchdog<'_> {
    fn all(&mut self) -> Option<()> {
        let (min, max) = self.bounds()?;
        self.only_smc();
        for timeout in [min.checked_sub(1), max.checked_add(1), Some(u32::MAX.into())] {
            if let Some(timeout) = timeout.filter(|timeout| !(min..=max).contains(timeout)) {
                let [status, ..] = self.0.call(WATCHDOG, &[WATCHDOG_SET_TIMEOUT, timeout]);
                let what = format_args!("SET_TIMEOUT of {timeout} s, of {min} to {max}");
                self.0.report.equal(what, status, WATCHDOG_INVALID);
            }
        }
        let timeout = TIMEOUT.clamp(min, max);
        self.succeed("SET_TIMEOUT", WATCHDOG_SET_TIMEOUT, timeout)?;
        self.succeed("ENABLE", WATCHDOG_ENABLE, 1)?;
        let running = self.runs(timeout);
        self.succeed("ENABLE of 0", WATCHDOG_ENABLE, 0)?;
        running?;
        // It would bite now.
        cpu::spin((timeout + 1) * 1000);
        Some(())
    }

    fn bounds(&mut self) -> Option<(u64, u64)> {
        let [status, min, max, _] = self.0.answered("the watchdog's INIT", WATCHDOG, &[WATCHDOG_INIT])?;
        self.0.report.equal(format_args!("INIT"), status, SUCCESS);
        println!("# watchdog min_s={min} max_s={max}");
        let plausible = 0 < max && min <= max && max <= u64::from(u32::MAX);
        self.0.report.check(plausible, format_args!("a timeout of {min} to {max} s")).then_some((min, max))
    }

    fn only_smc(&mut self) {
        let conduit = core::mem::replace(&mut self.0.conduit, Conduit::Hvc);
        for what in WATCHDOG_INIT..=WATCHDOG_GET_TIMELEFT {
            let [status, ..] = self.0.call(WATCHDOG, &[what, 0]);
            self.0.report.equal(format_args!("watchdog function {what} over hvc"), status, NOT_SUPPORTED);
        }
        self.0.conduit = conduit;
    }

    /// Enabled: the time goes down, and PET brings it back.
    fn runs(&mut self, timeout: u64) -> Option<()> {
        let first = self.time_left(timeout)?;
        // A watchdog that counts seconds shows the first one late; so short a timeout leaves no time to look.
        if timeout > 2 {
            let fallen = cpu::poll((timeout - 2) * 1000, || match self.time_left(timeout) {
                Some(left) if left == first => None,
                end => Some(end),
            });
            let fell = matches!(fallen, Some(Some(left)) if left < first);
            self.0.report.check(fell, format_args!("GET_TIMELEFT stays {first}: {fallen:?}"));
            self.succeed("PET", WATCHDOG_PET, 0)?;
            let restored = self.time_left(timeout)?;
            let is_restored = fallen.flatten().is_some_and(|fallen| fallen < restored);
            let what = format_args!("GET_TIMELEFT after PET: {restored}, and before {fallen:?}");
            self.0.report.check(is_restored, what);
        }
        self.succeed("PET", WATCHDOG_PET, 0)
    }

    fn time_left(&mut self, timeout: u64) -> Option<u64> {
        let [status, left, ..] = self.0.answered("GET_TIMELEFT", WATCHDOG, &[WATCHDOG_GET_TIMELEFT])?;
        let plausible = status == SUCCESS && left <= timeout;
        let what = format_args!("GET_TIMELEFT returns {status:#x}, and {left} s of {timeout}");
        self.0.report.check(plausible, what).then_some(left)
    }

    fn succeed(&mut self, what: &str, function: u64, argument: u64) -> Option<()> {
        let [status, ..] = self.0.answered(what, WATCHDOG, &[function, argument])?;
        self.0.report.equal(format_args!("{what}"), status, SUCCESS).then_some(())
    }

    /// Comes back only if the watchdog cannot be enabled.
    fn bite(&mut self) -> Option<()> {
        let (min, max) = self.bounds()?;
        self.succeed("SET_TIMEOUT", WATCHDOG_SET_TIMEOUT, SHORT_TIMEOUT.clamp(min, max))?;
        // Before it: nothing may come after it.
        println!("ok 1 - watchdog");
        let enabled = self.succeed("ENABLE", WATCHDOG_ENABLE, 1);
        if enabled.is_some() {
            cpu::spin(BITE_LIMIT_MS + SHORT_TIMEOUT.clamp(min, max) * 1000);
        }
        println!("BUG: the watchdog does not bite");
        psci::system_off()
    }
}
