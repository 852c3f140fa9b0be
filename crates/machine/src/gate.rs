//! What a policy makes of the calls that KVM forwards.

use std::time::{Duration, Instant};

use switchboard_filter::Action;
use switchboard_firmware::{Allowance, Call, Limiter};
use switchboard_policy::{Log, Mode, Plan, Rate, Standing};
use switchboard_smccc::{Conduit, FunctionId};

/// The gate between KVM and the firmware: without a policy it is open.
pub(crate) struct Gate {
    plan: Option<Plan>,
    /// Of each rule that has a rate, by the rule's number. They outlive the machine's resets, or a guest would have its fill
    /// again by resetting.
    limiters: Vec<(u32, Limiter)>,
    made: Instant,
}

/// What becomes of a forwarded call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Admission {
    pub(crate) passage: Passage,
    /// What the policy says of the call, whether or not it is carried out.
    pub(crate) standing: Standing,
    /// Is it to be logged?
    pub(crate) log: Log,
}

/// Does a call come to the service that owns it?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Passage {
    /// Yes.
    Open,
    /// No: it is NOT_SUPPORTED.
    Closed,
}

impl Gate {
    pub(crate) fn new(plan: Option<Plan>) -> Self {
        let rates = plan.iter().flat_map(|plan| plan.router.rates());
        let limiters = rates.map(|(rule, rate)| (rule, Limiter::new(allowance(rate)))).collect();
        Self { plan, limiters, made: Instant::now() }
    }

    /// Decides whether a call comes to its service. The time is asked for where there is a rate to be kept.
    pub(crate) fn admit(&self, call: &mut Call<'_>, now: impl FnOnce() -> Duration) -> Admission {
        let open = Admission { passage: Passage::Open, standing: Standing::Allowed, log: Log::Off };
        let closed = Admission { passage: Passage::Closed, standing: Standing::Denied, log: Log::Off };
        let Some(plan) = &self.plan else { return open };
        let raw = call.raw_function();
        let Some(route) = plan.router.route(raw, call.conduit()) else { return closed };
        // A service does not see the hint: it may not be a way to what the policy says otherwise about.
        if raw != call.function() && plan.router.route(call.function(), call.conduit()) != Some(route) {
            return closed;
        }
        let log = route.guard.log;
        if route.service.is_none() {
            return Admission { standing: route.standing, log, ..closed };
        }
        let width = call.function().width();
        let is_admitted = route.guard.admits(width, |register| call.argument(register))
            && self.limiter(route.rule).is_none_or(|limiter| limiter.take(1, Some(now())));
        match (is_admitted, plan.mode) {
            (true, _) => Admission { standing: route.standing, log, ..open },
            (false, Mode::Enforce) => Admission { log, ..closed },
            (false, Mode::Permissive) => Admission { standing: Standing::WouldBeDenied, log, ..open },
        }
    }

    /// Since it was made.
    pub(crate) fn now(&self) -> Duration {
        self.made.elapsed()
    }

    /// May a guest call this function? What KVM has is KVM's to say.
    pub(crate) fn allows(&self, id: FunctionId, conduit: Conduit) -> bool {
        let Some(plan) = &self.plan else { return true };
        match plan.filter.action(id) {
            Action::Handle => true,
            Action::Deny => false,
            Action::Forward => plan.router.route(id, conduit).is_some_and(|route| route.service.is_some()),
        }
    }

    fn limiter(&self, rule: Option<u32>) -> Option<&Limiter> {
        let at = self.limiters.binary_search_by_key(&rule?, |(rule, _)| *rule).ok()?;
        self.limiters.get(at).map(|(_, limiter)| limiter)
    }
}

fn allowance(rate: Rate) -> Allowance {
    Allowance { amount: rate.calls.into(), per: rate.per, burst: rate.calls.into() }
}

#[cfg(test)]
mod tests {
    use switchboard_filter::Range;
    use switchboard_firmware::{Conduits, CpuIndex, RegisterFault, Registers, SystemRegister};
    use switchboard_policy::{Denials, Policy, ServiceDescription, Services, Source};
    use switchboard_smccc::Register;

    use super::*;

    const SUM: u32 = 0xc200_0000;

    struct Bank(u64);

    impl Registers for Bank {
        fn read(&mut self, _: Register) -> Result<u64, RegisterFault> {
            Ok(self.0)
        }
        fn write(&mut self, _: Register, _: u64) -> Result<(), RegisterFault> {
            Ok(())
        }
        fn read_system(&mut self, _: SystemRegister) -> Result<u64, RegisterFault> {
            Ok(0)
        }
    }

    fn gate(rules: &str) -> Gate {
        made_of("enforce", rules, 0x100)
    }

    /// With a service that owns so many calls.
    fn made_of(mode: &str, rules: &str, count: u32) -> Gate {
        let arch = "[[rule]]\ncalls = [\"@arch\"]\naction = \"handle\"\n";
        let text = format!("version = 1\nmode = \"{mode}\"\n{arch}{rules}");
        let vendor =
            ServiceDescription::new("vendor", &[Range::literal(FunctionId(SUM), count)], Conduits::Both);
        let services = Services::none().with(vendor);
        let policy = Policy::read(Source::new("test.toml", text), &services, Denials::InUserspace);
        Gate::new(Some(policy.unwrap_or_else(|refused| panic!("{refused}")).plan().clone()))
    }

    fn admit(gate: &Gate, id: u32, conduit: Conduit, x1: u64, seconds: u64) -> Admission {
        let mut bank = Bank(x1);
        let mut call = Call::new(FunctionId(id), conduit, CpuIndex(0), &mut bank);
        gate.admit(&mut call, || Duration::from_secs(seconds))
    }

    const RULE: &str =
        "[[rule]]\ncalls = [\"0xc2000000\"]\nwidths = \"64\"\naction = \"forward\"\nservice = \"vendor\"\n";

    #[test]
    fn without_a_policy_every_call_comes_to_its_service() {
        let gate = Gate::new(None);
        assert_eq!(admit(&gate, SUM, Conduit::Hvc, 0, 0).passage, Passage::Open);
        assert!(gate.allows(FunctionId(SUM), Conduit::Hvc));
    }

    #[test]
    fn what_a_rule_names_comes_through_and_what_none_does_is_denied() {
        let gate = gate(RULE);
        assert_eq!(admit(&gate, SUM, Conduit::Hvc, 0, 0).passage, Passage::Open);
        let other = admit(&gate, SUM + 1, Conduit::Hvc, 0, 0);
        assert_eq!((other.passage, other.standing), (Passage::Closed, Standing::Denied));
        assert!(gate.allows(FunctionId(SUM), Conduit::Smc));
        assert!(!gate.allows(FunctionId(SUM + 1), Conduit::Smc));
    }

    #[test]
    fn the_hint_bit_is_no_way_around_an_exception() {
        let rules = "[[rule]]\ncalls = [\"0xc2000000..=0xc201ffff\"]\nwidths = \"64\"\naction = \"forward\"\n\
                     service = \"vendor\"\n[[rule.except]]\ncalls = [\"0xc2000007\"]\naction = \"deny\"\n";
        let gate = made_of("enforce", rules, 0x2_0000);
        assert_eq!(admit(&gate, 0xc200_0007, Conduit::Hvc, 0, 0).passage, Passage::Closed);
        assert_eq!(admit(&gate, 0xc201_0007, Conduit::Hvc, 0, 0).passage, Passage::Closed);
        assert_eq!(admit(&gate, 0xc201_0008, Conduit::Hvc, 0, 0).passage, Passage::Open);
    }

    #[test]
    fn a_permissive_policy_reports_what_its_conditions_would_deny() {
        let rule = format!("{RULE}when = [{{ register = \"x1\", equals = \"0x7\" }}]\n");
        let permissive = made_of("permissive", &rule, 0x100);
        let admission = admit(&permissive, SUM, Conduit::Hvc, 8, 0);
        assert_eq!((admission.passage, admission.standing), (Passage::Open, Standing::WouldBeDenied));
        assert_eq!(admit(&gate(&rule), SUM, Conduit::Hvc, 8, 0).passage, Passage::Closed);
    }

    #[test]
    fn a_condition_looks_at_the_argument() {
        let gate =
            gate(&format!("{RULE}when = [{{ register = \"x1\", mask = \"0xff\", equals = \"0x7\" }}]\n"));
        assert_eq!(admit(&gate, SUM, Conduit::Hvc, 0xf07, 0).passage, Passage::Open);
        let other = admit(&gate, SUM, Conduit::Hvc, 0xf08, 0);
        assert_eq!((other.passage, other.standing), (Passage::Closed, Standing::Denied));
    }

    #[test]
    fn a_rate_is_that_of_all_calls_of_the_rule() {
        let gate = gate(&format!("{RULE}rate = \"2/s\"\nlog = true\n"));
        let passages = [0, 0, 0, 1].map(|now| admit(&gate, SUM, Conduit::Hvc, 0, now));
        let open = passages.map(|admission| admission.passage == Passage::Open);
        assert_eq!(open, [true, true, false, true]);
        assert!(passages.iter().all(|admission| admission.log == Log::On));
    }
}
