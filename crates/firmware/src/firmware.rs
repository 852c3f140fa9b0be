//! The set of services one guest sees.

use alloc::{boxed::Box, vec::Vec};
use core::{fmt, time::Duration};

use switchboard_filter::{Action, Filter, InsertError};
use switchboard_smccc::FunctionId;

use crate::{
    Call, Conduits, Context, CpuIndex, Expiry, Host, Outcome, Reply, Results, Service, owners::Owners,
};

/// The services of one guest, and who owns which function ID.
pub struct Firmware {
    services: Vec<Declared>,
    owners: Owners,
    filter: Filter,
}

/// A service, and what of its declaration is needed at each call.
struct Declared {
    service: Box<dyn Service>,
    conduits: Conduits,
}

/// Two services, or a service and the hypervisor half, claim the same function ID.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeclarationError {
    /// The service whose range could not be had.
    pub service: &'static str,
    /// What is in the way.
    pub reason: InsertError,
}

impl Firmware {
    /// Firmware made of these services.
    ///
    /// # Errors
    ///
    /// [`DeclarationError`] if declared ranges overlap each other or a range that KVM reserves.
    pub fn new(services: Vec<Box<dyn Service>>) -> Result<Self, DeclarationError> {
        let mut owners = Owners::new();
        let mut filter = Filter::new();
        let mut declared = Vec::with_capacity(services.len());
        for (index, service) in (0_u16..).zip(services) {
            let declaration = service.declaration();
            let conduits = declaration.conduits;
            let refused = |reason| DeclarationError { service: service.name(), reason };
            for &range in declaration.owned {
                filter.insert(range, Action::Forward).map_err(refused)?;
                owners.give(range, index);
            }
            for &range in declaration.denied {
                filter.insert(range, Action::Deny).map_err(refused)?;
            }
            declared.push(Declared { service, conduits });
        }
        Ok(Self { services: declared, owners, filter })
    }

    /// The filter that forwards what is answered here, nothing else, and denies what would bypass it.
    #[must_use]
    pub const fn filter(&self) -> &Filter {
        &self.filter
    }

    /// The services, in the order in which they were given.
    pub fn services(&self) -> impl Iterator<Item = &dyn Service> {
        self.services.iter().map(|declared| declared.service.as_ref())
    }

    /// Who answers this function ID, the SVE hint ignored. KVM's filter does not ignore it, so under KVM no call with
    /// the hint comes here; a hypervisor half that offers SMCCC 1.3 forwards them.
    #[must_use]
    pub fn service(&self, id: FunctionId) -> Option<&dyn Service> {
        self.declared(id).map(|declared| declared.service.as_ref())
    }

    /// Decides what a call leads to. A call that nobody owns is NOT_SUPPORTED, and so is one over a conduit over which its
    /// owner is not there.
    pub fn answer(&self, call: &mut Call<'_>, host: &dyn Host) -> Outcome {
        match self.declared(call.function()) {
            Some(owner) if owner.conduits.include(call.conduit()) => owner.service.call(call, host),
            _ => Outcome::Return(Results::not_supported()),
        }
    }

    /// What has become of a call that led to [`Outcome::Later`]; `now` is [`Host::monotonic`].
    pub fn reply(&self, call: &Call<'_>, now: Duration) -> Reply {
        match self.declared(call.function()) {
            Some(owner) => owner.service.reply(call.caller(), now),
            None => Reply::Return(Results::not_supported()),
        }
    }

    /// A CPU that was kicked is about to enter the guest: each service may make it go on elsewhere.
    pub fn before_entry(&self, context: &mut Context<'_>, host: &dyn Host) {
        for declared in &self.services {
            declared.service.before_entry(context, host);
        }
    }

    /// A CPU is off, and has lost its state.
    pub fn cpu_off(&self, cpu: CpuIndex, host: &dyn Host) {
        for declared in &self.services {
            declared.service.cpu_off(cpu, host);
        }
    }

    /// What the services make of the time; `now` is [`Host::monotonic`]. The first one that ends the machine decides how;
    /// otherwise this is when to ask again.
    pub fn expired(&self, now: Duration) -> Expiry {
        let mut next = Expiry::Never;
        for declared in &self.services {
            match (declared.service.expired(now), next) {
                (Expiry::Never, _) => {}
                (Expiry::At(new), Expiry::At(earliest)) => next = Expiry::At(earliest.min(new)),
                (Expiry::At(new), _) => next = Expiry::At(new),
                (end @ (Expiry::SystemOff(_) | Expiry::SystemReset(..)), _) => return end,
            }
        }
        next
    }

    fn declared(&self, id: FunctionId) -> Option<&Declared> {
        let owner = self.owners.of(id.without_sve_hint())?;
        self.services.get(usize::from(owner))
    }
}

impl fmt::Display for DeclarationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "service `{}`: {}", self.service, self.reason)
    }
}

impl core::error::Error for DeclarationError {}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use switchboard_filter::Range;
    use switchboard_smccc::{Conduit, Register};

    use super::*;
    use crate::{Declaration, testing::ScriptedRegisters};

    struct Echo(&'static [Range]);

    impl Service for Echo {
        fn name(&self) -> &'static str {
            "echo"
        }
        fn declaration(&self) -> Declaration<'_> {
            Declaration { owned: self.0, denied: &[], conduits: Conduits::Both }
        }
        fn call(&self, call: &mut Call<'_>, _: &dyn Host) -> Outcome {
            Outcome::Return(Results::of(call.argument(Register::X1)))
        }
    }

    struct Nothing;
    impl Host for Nothing {}

    static SIP: [Range; 1] = [Range::literal(FunctionId(0x8200_0000), 0x100)];
    static RESERVED: [Range; 1] = [Range::literal(FunctionId(0x8000_0000), 1)];

    fn answer(id: u32, x1: u64) -> Outcome {
        let firmware = Firmware::new(vec![Box::new(Echo(&SIP))]).unwrap();
        let mut registers = ScriptedRegisters::new([(Register::X1, x1)]);
        firmware.answer(&mut Call::new(FunctionId(id), Conduit::Smc, CpuIndex(0), &mut registers), &Nothing)
    }

    #[test]
    fn a_call_reaches_its_owner() {
        assert_eq!(answer(0x8200_0001, 42), Outcome::Return(Results::of(42)));
    }

    #[test]
    fn a_call_with_the_sve_hint_reaches_the_same_owner() {
        assert_eq!(answer(0x8201_0001, 42), Outcome::Return(Results::of(42)));
    }

    #[test]
    fn a_call_that_nobody_owns_is_not_supported() {
        for id in [0x8200_0100, 0x8202_0001, 0xc200_0001, 0, 0xffff_ffff] {
            assert_eq!(answer(id, 42), Outcome::Return(Results::of(0xffff_ffff_ffff_ffff)));
        }
    }

    #[test]
    fn what_is_owned_is_what_is_forwarded() {
        let firmware = Firmware::new(vec![Box::new(Echo(&SIP))]).unwrap();
        assert_eq!(firmware.filter().action(FunctionId(0x8200_00ff)), Action::Forward);
        assert_eq!(firmware.filter().action(FunctionId(0x8200_0100)), Action::Handle);
    }

    /// Answers over SMC alone, and has a deadline or an end.
    struct Timed(Expiry);

    impl Service for Timed {
        fn name(&self) -> &'static str {
            "timed"
        }
        fn declaration(&self) -> Declaration<'_> {
            Declaration { owned: &SIP, denied: &[], conduits: Conduits::Only(Conduit::Smc) }
        }
        fn call(&self, _: &mut Call<'_>, _: &dyn Host) -> Outcome {
            Outcome::Later
        }
        fn reply(&self, caller: CpuIndex, now: Duration) -> Reply {
            if now < Duration::from_secs(9) {
                return Reply::Wait(Duration::from_secs(9));
            }
            Reply::Return(Results::of(u64::try_from(caller.0).unwrap()))
        }
        fn expired(&self, _: Duration) -> Expiry {
            self.0
        }
    }

    struct Quiet(Expiry);

    impl Service for Quiet {
        fn name(&self) -> &'static str {
            "quiet"
        }
        fn declaration(&self) -> Declaration<'_> {
            Declaration { owned: &[], denied: &[], conduits: Conduits::Both }
        }
        fn call(&self, _: &mut Call<'_>, _: &dyn Host) -> Outcome {
            Outcome::Return(Results::not_supported())
        }
        fn expired(&self, _: Duration) -> Expiry {
            self.0
        }
    }

    #[test]
    fn over_a_conduit_that_its_owner_has_not_a_call_is_not_supported() {
        let firmware = Firmware::new(vec![Box::new(Timed(Expiry::Never))]).unwrap();
        let outcome = |conduit| {
            let mut registers = ScriptedRegisters::default();
            let mut call = Call::new(FunctionId(0x8200_0000), conduit, CpuIndex(0), &mut registers);
            firmware.answer(&mut call, &Nothing)
        };
        assert_eq!(outcome(Conduit::Hvc), Outcome::Return(Results::of(u64::MAX)));
        assert_eq!(outcome(Conduit::Smc), Outcome::Later);
    }

    #[test]
    fn a_call_that_returns_later_returns_what_its_owner_says() {
        let firmware = Firmware::new(vec![Box::new(Timed(Expiry::Never))]).unwrap();
        let mut registers = ScriptedRegisters::default();
        let call = Call::new(FunctionId(0x8200_0000), Conduit::Smc, CpuIndex(3), &mut registers);
        assert_eq!(firmware.reply(&call, Duration::ZERO), Reply::Wait(Duration::from_secs(9)));
        assert_eq!(firmware.reply(&call, Duration::from_secs(9)), Reply::Return(Results::of(3)));
    }

    #[test]
    fn the_earliest_deadline_is_the_next_and_an_end_is_before_all() {
        let at = |seconds| Expiry::At(Duration::from_secs(seconds));
        let expired = |first, second, third| {
            let services: Vec<Box<dyn Service>> =
                vec![Box::new(Quiet(first)), Box::new(Timed(second)), Box::new(Quiet(third))];
            Firmware::new(services).unwrap().expired(Duration::ZERO)
        };
        assert_eq!(expired(Expiry::Never, Expiry::Never, Expiry::Never), Expiry::Never);
        assert_eq!(expired(Expiry::Never, at(7), at(5)), at(5));
        assert_eq!(expired(at(5), at(7), Expiry::Never), at(5));
        let off = Expiry::SystemOff(crate::OffKind::Off);
        assert_eq!(expired(at(5), off, Expiry::Never), off);
    }

    #[test]
    fn two_owners_of_one_id_are_refused_and_so_is_a_reserved_range() {
        let twice = Firmware::new(vec![Box::new(Echo(&SIP)), Box::new(Echo(&SIP))]).map(|_| ());
        assert!(matches!(twice, Err(DeclarationError { reason: InsertError::Overlap { .. }, .. })));
        let reserved = Firmware::new(vec![Box::new(Echo(&RESERVED))]).map(|_| ());
        assert!(matches!(reserved, Err(DeclarationError { reason: InsertError::Reserved { .. }, .. })));
    }
}
