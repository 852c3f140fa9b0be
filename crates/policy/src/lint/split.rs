//! Calls that belong together, answered by different parties.

use switchboard_filter::Range;
use switchboard_smccc::{FunctionId, Owner};

use crate::{
    assign::call,
    code::Code,
    decide::{Decision, Standing},
    finding::{Finding, Findings},
    kvm,
    range::{CONDUITS, IdSet},
    registers::{DISCOVER_IMPLEMENTATIONS, FirmwareRegisters},
};

use super::{Subject, either};

/// What a guest takes for one hypervisor (DEN0028, section 6.2): by its UID it knows what the others mean.
pub(super) fn vendor(subject: &Subject<'_>, findings: &mut Findings) {
    let owner = u32::from(Owner::VENDOR_HYPERVISOR.value()) << 24;
    let ids = |top: u32| Range::literal(FunctionId(top | owner), 0x100_0000);
    let vendor = IdSet::of([0, 0x4000_0000, 0x8000_0000, 0xc000_0000].map(ids));
    let shared = IdSet::of([DISCOVER_IMPLEMENTATIONS]);
    let by_kvm = answered(subject).intersection(&vendor);
    let forwarded = either(subject.cells, |cell| {
        matches!(cell.decision, Decision::Forward { standing: Standing::Allowed, .. })
    });
    let by_us = forwarded.intersection(&vendor).without(&shared);
    report(subject, findings, &by_kvm, &by_us, "the vendor-specific hypervisor services");
}

/// What a service of ours owns, and KVM answers in part.
pub(super) fn services(subject: &Subject<'_>, findings: &mut Findings) {
    let answered = answered(subject);
    for (id, service) in subject.services.iter().filter(|(_, service)| service.name() != "kvm-vendor") {
        let by_kvm = answered.intersection(service.owned());
        let by_us = either(subject.cells, |cell| {
            cell.decision == Decision::Forward { to: Some(id), standing: Standing::Allowed }
        });
        report(subject, findings, &by_kvm, &by_us, &format!("the calls of service `{}`", service.name()));
    }
}

/// What KVM answers, as it is.
fn answered(subject: &Subject<'_>) -> IdSet {
    let registers = FirmwareRegisters::new(&subject.text.pins, subject.bits);
    let [hvc, smc] = CONDUITS.map(|conduit| kvm::answers(&registers, conduit));
    hvc.union(&smc).intersection(subject.handled)
}

fn report(subject: &Subject<'_>, findings: &mut Findings, by_kvm: &IdSet, by_us: &IdSet, what: &str) {
    let Some((kvm, kvm_id)) = subject.rule_in(by_kvm) else { return };
    let Some((ours, our_id)) = subject.rule_in(by_us) else { return };
    findings.push(
        Finding::new(Code::Split, format!("{what} are split between KVM and userspace"))
            .at(kvm.entry(kvm_id), format!("KVM answers {}", call(kvm_id)))
            .at(ours.entry(our_id), format!("userspace answers {}", call(our_id)))
            .why("neither knows what the other one has told the guest, or done for it")
            .hint("forward all of them, or none"),
    );
}
