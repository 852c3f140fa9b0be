//! TRNG at the register level, with the values of the specification.

mod discovery;
mod limit;
mod random;

use std::{cell::RefCell, vec::Vec};

use switchboard_smccc::Register;

use super::*;
use crate::{
    Host, Outcome, Results,
    testing::{Answer, ScriptedHost, answer},
};

const SUCCESS: u64 = 0;
const NOT_SUPPORTED: u64 = 0xffff_ffff_ffff_ffff;
const INVALID_PARAMETERS: u64 = 0xffff_ffff_ffff_fffe;
const NO_ENTROPY: u64 = 0xffff_ffff_ffff_fffd;

const RND_32: u32 = 0x8400_0053;
const RND_64: u32 = 0xc400_0053;

/// What an SMC32 argument must not be confused by.
const DIRTY: u64 = 0xdead_beef_0000_0000;

/// A host whose random bytes are 0x01, 0x02, and so on.
fn counting() -> ScriptedHost {
    ScriptedHost { entropy: RefCell::new((1..=0xf0).collect()), ..ScriptedHost::default() }
}

/// A host whose random bits are all set.
fn all_set() -> ScriptedHost {
    ScriptedHost { entropy: RefCell::new([0xff; 48].to_vec()), ..ScriptedHost::default() }
}

fn call(host: &dyn Host, id: u32, x1: u64) -> Answer {
    answer(&Trng::new(None), host, id, [x1, 0, 0])
}

fn returns(x0: u64) -> Outcome {
    Outcome::Return(Results::of(x0))
}

fn asked(host: &ScriptedHost) -> Vec<usize> {
    host.asked.borrow().clone()
}
