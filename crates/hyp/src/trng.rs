//! KVM's True Random Number Generator firmware (DEN0098, version 1.0).

use switchboard_smccc::FunctionId;

use crate::{Host, Vcpu, trap::Next};

pub(crate) use switchboard_smccc::trng::{FEATURES, GET_UUID, RND_32, RND_64, VERSION};

const VERSION_1_0: u64 = 0x1_0000;
const SUCCESS: u64 = 0;
const NOT_SUPPORTED: u64 = u64::MAX;
/// -2: TRNG numbers its errors otherwise than SMCCC does (DEN0098, section 2.1).
const INVALID_PARAMETERS: u64 = u64::MAX - 1;
/// The UUID of KVM's back end, 32 bits a register.
const UUID: [u64; 4] = [0x00e0_210d, 0xeb11_8443, 0x4452_7080, 0x4c5a_4e55];

pub(crate) fn handle(vcpu: &mut Vcpu<'_>, id: FunctionId, host: &impl Host) -> Next {
    let argument = vcpu.x[1];
    let results = match id {
        VERSION => [VERSION_1_0, 0, 0, 0],
        FEATURES => [features(argument), 0, 0, 0],
        GET_UUID => UUID,
        RND_32 => random(argument, Width::Bits32, host),
        RND_64 => random(argument, Width::Bits64, host),
        _ => [NOT_SUPPORTED, 0, 0, 0],
    };
    vcpu.complete(results)
}

/// All 64 bits of the argument count: a dirty upper half names no function.
fn features(function: u64) -> u64 {
    match u32::try_from(function).map(FunctionId) {
        Ok(VERSION | FEATURES | GET_UUID | RND_32 | RND_64) => SUCCESS,
        _ => NOT_SUPPORTED,
    }
}

/// How many bits a result register holds.
#[derive(Clone, Copy)]
enum Width {
    Bits32,
    Bits64,
}

/// x3 holds the lowest bits, then x2, then x1; bits beyond the request are zero. Of the number of bits that is asked
/// for, the low half counts.
fn random(requested: u64, width: Width, host: &impl Host) -> [u64; 4] {
    let requested = requested & 0xffff_ffff;
    let most = match width {
        Width::Bits32 => 96,
        Width::Bits64 => 192,
    };
    if requested > most {
        return [INVALID_PARAMETERS, 0, 0, 0];
    }
    let entropy = host.entropy();
    let word = |index: usize, place: u64| entropy[index] & lowest_bits(requested.saturating_sub(64 * place));
    let words = [word(0, 0), word(1, 1), word(2, 2)];
    match width {
        Width::Bits32 => [SUCCESS, words[1] & 0xffff_ffff, words[0] >> 32, words[0] & 0xffff_ffff],
        Width::Bits64 => [SUCCESS, words[2], words[1], words[0]],
    }
}

/// A mask of the lowest `count` bits; all of them from 64 on.
const fn lowest_bits(count: u64) -> u64 {
    if count >= 64 { u64::MAX } else { (1 << count) - 1 }
}
