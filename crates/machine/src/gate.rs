//! What a policy makes of the calls that KVM forwards.

use std::time::Duration;

use switchboard_filter::Action;
use switchboard_firmware::{Allowance, Call, Limiter};
use switchboard_policy::{Log, Plan, Rate, Standing};
use switchboard_smccc::{Conduit, FunctionId};

/// The gate between KVM and the firmware: without a policy it is open.
pub(crate) struct Gate {
    plan: Option<Plan>,
    /// Of each rule that has a rate, by the rule's number.
    limiters: Vec<(u32, Limiter)>,
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
        Self { plan, limiters }
    }

    /// Decides whether a call comes to its service. The time is asked for where there is a rate to be kept.
    pub(crate) fn admit(&self, call: &mut Call<'_>, now: impl FnOnce() -> Duration) -> Admission {
        let open = Admission { passage: Passage::Open, standing: Standing::Allowed, log: Log::Off };
        let closed = Admission { passage: Passage::Closed, standing: Standing::Denied, log: Log::Off };
        let Some(plan) = &self.plan else { return open };
        let Some(route) = plan.router.route(call.raw_function(), call.conduit()) else { return closed };
        let log = route.guard.log;
        if route.service.is_none() {
            return Admission { standing: route.standing, log, ..closed };
        }
        let width = call.function().width();
        let is_admitted = route.guard.admits(width, |register| call.argument(register))
            && self.limiter(route.rule).is_none_or(|limiter| limiter.take(1, Some(now())));
        if is_admitted {
            Admission { standing: route.standing, log, ..open }
        } else {
            Admission { log, ..closed }
        }
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
        let text = format!("version = 1\n[[rule]]\ncalls = [\"@arch\"]\naction = \"handle\"\n{rules}");
        let vendor =
            ServiceDescription::new("vendor", &[Range::literal(FunctionId(SUM), 0x100)], Conduits::Both);
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
