//! What is worth knowing.

use switchboard_smccc::smccc;

use crate::{
    assign::call,
    code::Code,
    finding::{Finding, Findings},
    rule::Verdict,
};

use super::{Subject, conduits};

/// A policy is closed but for what KVM keeps to itself.
pub(super) fn always_answered(subject: &Subject<'_>, findings: &mut Findings) {
    if subject.assigned.iter().any(|map| map.get(smccc::SMCCC_VERSION).is_some()) {
        return;
    }
    let Some(version) = subject.text.version else { return };
    findings.push(
        Finding::new(
            Code::AlwaysAnswered,
            "KVM answers the Arm Architecture Calls, though no rule names them",
        )
        .at(version, "a policy of this version is closed, but for these")
        .why("nobody can filter them; over HVC, workarounds 1 to 3 are answered before anything is looked at")
        .hint("say so in the policy: `calls = [\"@arch\"]` with `action = \"handle\"`"),
    );
}

/// The same function with the hint bit is not forwarded: KVM's filter matches the raw ID.
pub(super) fn hint_bit(subject: &Subject<'_>, findings: &mut Findings) {
    for (_, rule, decided) in subject.own() {
        if !matches!(rule.verdict, Verdict::Forward { .. }) {
            continue;
        }
        for ((_, _), calls) in conduits().zip(decided) {
            let Some(id) = calls.ranges().first().map(|range| range.first()) else { continue };
            let hinted = switchboard_smccc::FunctionId(id.0 | 1 << 16);
            if !id.is_fast() || id == hinted || calls.contains(hinted) {
                continue;
            }
            findings.push(
                Finding::new(Code::HintBit, "with the hint bit of SMCCC 1.3, forwarded calls are not forwarded")
                    .at(rule.entry(id), format!("{} is; {hinted} is not", call(id)))
                    .why("KVM's filter does not mask the bit. KVM offers SMCCC 1.1, so no guest should set it; it is \
                          NOT_SUPPORTED, and gets around nothing"),
            );
            return;
        }
    }
}
