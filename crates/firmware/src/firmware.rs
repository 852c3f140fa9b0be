//! The set of services one guest sees.

use alloc::{boxed::Box, vec::Vec};
use core::fmt;

use switchboard_filter::{Action, Filter, InsertError};
use switchboard_smccc::FunctionId;

use crate::{Call, Host, Outcome, Results, Service, owners::Owners};

/// The services of one guest, and who owns which function ID.
pub struct Firmware {
    services: Vec<Box<dyn Service>>,
    owners: Owners,
    filter: Filter,
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
        for (index, service) in (0_u16..).zip(&services) {
            let declaration = service.declaration();
            let refused = |reason| DeclarationError { service: service.name(), reason };
            for &range in declaration.owned {
                filter.insert(range, Action::Forward).map_err(refused)?;
                owners.give(range, index);
            }
            for &range in declaration.denied {
                filter.insert(range, Action::Deny).map_err(refused)?;
            }
        }
        Ok(Self { services, owners, filter })
    }

    /// The filter that forwards what is answered here, nothing else, and denies what would bypass it.
    #[must_use]
    pub const fn filter(&self) -> &Filter {
        &self.filter
    }

    /// The services, in the order in which they were given.
    pub fn services(&self) -> impl Iterator<Item = &dyn Service> {
        self.services.iter().map(AsRef::as_ref)
    }

    /// Who answers this function ID, the SVE hint ignored. KVM's filter does not ignore it, so under KVM no call with
    /// the hint comes here; a hypervisor half that offers SMCCC 1.3 forwards them.
    #[must_use]
    pub fn service(&self, id: FunctionId) -> Option<&dyn Service> {
        let owner = self.owners.of(id.without_sve_hint())?;
        self.services.get(usize::from(owner)).map(AsRef::as_ref)
    }

    /// Decides what a call leads to. A call that nobody owns is NOT_SUPPORTED.
    pub fn answer(&self, call: &mut Call<'_>, host: &dyn Host) -> Outcome {
        match self.service(call.function()) {
            Some(service) => service.call(call, host),
            None => Outcome::Return(Results::not_supported()),
        }
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
    use crate::{CpuIndex, Declaration, testing::ScriptedRegisters};

    struct Echo(&'static [Range]);

    impl Service for Echo {
        fn name(&self) -> &'static str {
            "echo"
        }
        fn declaration(&self) -> Declaration {
            Declaration { owned: self.0, denied: &[] }
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

    #[test]
    fn two_owners_of_one_id_are_refused_and_so_is_a_reserved_range() {
        let twice = Firmware::new(vec![Box::new(Echo(&SIP)), Box::new(Echo(&SIP))]).map(|_| ());
        assert!(matches!(twice, Err(DeclarationError { reason: InsertError::Overlap { .. }, .. })));
        let reserved = Firmware::new(vec![Box::new(Echo(&RESERVED))]).map(|_| ());
        assert!(matches!(reserved, Err(DeclarationError { reason: InsertError::Reserved { .. }, .. })));
    }
}
