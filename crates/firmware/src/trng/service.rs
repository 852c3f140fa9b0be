//! Which function of TRNG answers which call.

use switchboard_filter::Range;
use switchboard_smccc::{
    FunctionId, Register,
    trng::{self, Status},
};

use super::{
    function::Function,
    limit::RateLimit,
    random::{self, BitCount},
};
use crate::{Call, Conduits, Declaration, Host, Limiter, Outcome, Results, Service};

/// TRNG for one guest.
///
/// A host without entropy ([`Host::entropy`]) has no place for it: leave it out, and `TRNG_VERSION` says that there is
/// none.
#[derive(Debug)]
pub struct Trng {
    limiter: Option<Limiter>,
}

impl Trng {
    /// TRNG that gives no more than the limit, if there is one.
    #[must_use]
    pub fn new(limit: Option<RateLimit>) -> Self {
        Self { limiter: limit.map(|limit| Limiter::new(limit.into())) }
    }

    /// `TRNG_RND`. What was taken of the limit is gone even if the host has no bits: asking it is what costs.
    ///
    /// The number of bits is W1 in either width, as KVM and TF-A have it.
    fn random(&self, call: &mut Call<'_>, host: &dyn Host) -> Outcome {
        let width = call.function().width();
        let Some(count) = BitCount::new(call.argument32(Register::X1), width) else {
            return Status::INVALID_PARAMETERS.into();
        };
        let may_have = self
            .limiter
            .as_ref()
            .is_none_or(|limiter| limiter.take(u64::from(count.bits()), host.monotonic()));
        if !may_have {
            return no_entropy();
        }
        random::draw(count, width, host).map_or_else(|_| no_entropy(), Outcome::Return)
    }
}

/// `TRNG_FEATURES`. An ID with the SVE hint names no function, as in `PSCI_FEATURES`.
fn features(call: &mut Call<'_>, host: &dyn Host) -> Outcome {
    let id = FunctionId(call.argument32(Register::X1));
    match Function::from_id(id).filter(|_| host.allows(id, call.conduit())) {
        Some(_) => Status::SUCCESS.into(),
        None => Status::NOT_SUPPORTED.into(),
    }
}

/// NO_ENTROPY, with nothing in x1 to x3 that a careless guest could take for random bits.
fn no_entropy() -> Outcome {
    Outcome::Return(Results::of_four([Status::NO_ENTROPY.to_x0(), 0, 0, 0]))
}

impl Service for Trng {
    fn name(&self) -> &'static str {
        "trng"
    }

    fn declaration(&self) -> Declaration<'_> {
        Declaration {
            owned: &const {
                [
                    Range::literal(trng::FIRST_32, trng::FUNCTION_COUNT),
                    Range::literal(trng::FIRST_64, trng::FUNCTION_COUNT),
                ]
            },
            denied: &[],
            conduits: Conduits::Both,
        }
    }

    fn call(&self, call: &mut Call<'_>, host: &dyn Host) -> Outcome {
        match Function::from_id(call.function()) {
            Some(Function::Version) => Outcome::Return(Results::of(trng::VERSION_1_0)),
            Some(Function::Features) => features(call, host),
            Some(Function::GetUuid) => trng::UUID.into(),
            Some(Function::Rnd32 | Function::Rnd64) => self.random(call, host),
            None => Status::NOT_SUPPORTED.into(),
        }
    }
}
