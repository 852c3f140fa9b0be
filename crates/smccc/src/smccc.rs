//! Arm Architecture Calls (DEN0028, section 7).
//!
//! KVM answers these itself and reserves their range: userspace can neither filter nor serve them.

use crate::FunctionId;

/// `SMCCC_VERSION`: the version of the calling convention.
pub const SMCCC_VERSION: FunctionId = FunctionId(0x8000_0000);
/// `SMCCC_ARCH_FEATURES`: is an architecture call there?
pub const SMCCC_ARCH_FEATURES: FunctionId = FunctionId(0x8000_0001);
/// `SMCCC_ARCH_WORKAROUND_1`: CVE-2017-5715.
pub const ARCH_WORKAROUND_1: FunctionId = FunctionId(0x8000_8000);
/// `SMCCC_ARCH_WORKAROUND_2`: CVE-2018-3639.
pub const ARCH_WORKAROUND_2: FunctionId = FunctionId(0x8000_7fff);
/// `SMCCC_ARCH_WORKAROUND_3`: CVE-2017-5715 and CVE-2022-23960.
pub const ARCH_WORKAROUND_3: FunctionId = FunctionId(0x8000_3fff);

/// What a call that nobody answers returns in x0: -1, sign-extended to 64 bits.
///
/// DEN0028 asks for -1 in the width of the call. KVM writes all 64 bits whatever the width, and Linux
/// compares some results with the 64-bit value, so both halves of Switchboard do the same.
pub const NOT_SUPPORTED: u64 = u64::MAX;

/// What a call returns in x0 when it is done.
pub const SUCCESS: u64 = 0;

/// INVALID_PARAMETER, -3 (DEN0028, section 7.1). PSCI and TRNG number theirs otherwise.
pub const INVALID_PARAMETER: u64 = u64::MAX - 2;
