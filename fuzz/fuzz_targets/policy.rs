//! The text of a policy: an answer, and no panic; and what is accepted can be proven.

#![no_main]

use std::sync::LazyLock;

use switchboard_filter::Range;
use switchboard_firmware::Conduits;
use switchboard_policy::{Denials, Policy, ServiceDescription, Services, Source};
use switchboard_smccc::FunctionId;

static SERVICES: LazyLock<Services> = LazyLock::new(|| {
    let service = |name, first, count| {
        ServiceDescription::new(name, &[Range::literal(FunctionId(first), count)], Conduits::Both)
    };
    Services::none()
        .with(service("psci", 0x8400_0000, 0x20))
        .with(service("trng", 0x8400_0050, 0x10))
        .with(service("external", 0xc200_0000, 0x100))
});

libfuzzer_sys::fuzz_target!(|text: &str| {
    match Policy::read(Source::new("policy.toml", text), &SERVICES, Denials::InKernel) {
        Ok(policy) => {
            let proof = policy.proof().expect("the plan does what the rules say");
            assert!(!proof.to_string().is_empty());
        }
        Err(refused) => assert!(!refused.to_string().is_empty()),
    }
});
