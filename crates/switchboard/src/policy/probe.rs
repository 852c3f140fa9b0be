//! `switchboard policy check --probe`: what was proven, on this host's KVM.

use std::{
    io::{self, Write},
    path::Path,
};

use switchboard_kvm::Kvm;
use switchboard_machine::Error;
use switchboard_policy::{Policy, Proof};

use crate::{exit::Status, failure::Failure};

#[cfg(target_arch = "aarch64")]
mod compare {
    use switchboard_machine::Probed;
    use switchboard_policy::{Fate, Proof};
    use switchboard_smccc::{Conduit, FunctionId, kvm, psci};

    /// The ends of all intervals.
    pub(super) fn calls(proof: &Proof) -> Vec<(FunctionId, Conduit, &Fate)> {
        let ends = |interval: &'_ switchboard_policy::Interval| [interval.range.first, interval.range.last];
        let of = |interval| ends(interval).map(|id| (id, interval.conduit, &interval.fate));
        let mut calls: Vec<_> = proof.intervals.iter().flat_map(of).collect();
        calls.dedup_by_key(|(id, conduit, _)| (*id, *conduit));
        calls
    }

    /// Does KVM do what was proven? What it answers it may also not have: kernels differ.
    pub(super) fn agrees(fate: &Fate, probed: Probed, id: FunctionId) -> bool {
        match fate {
            Fate::Kvm => probed != Probed::Forwarded && (probed != Probed::Waits || may_wait(id)),
            Fate::KvmHasNone | Fate::DeniedInKernel => probed == Probed::NotSupported,
            Fate::DeniedInUserspace { .. } | Fate::Service { .. } => probed == Probed::Forwarded,
        }
    }

    /// Functions of KVM's that keep their caller.
    fn may_wait(id: FunctionId) -> bool {
        [
            psci::CPU_SUSPEND_32,
            psci::CPU_SUSPEND_64,
            psci::CPU_OFF,
            kvm::PSCI_0_1_FIRST,
            kvm::PSCI_0_1_CPU_OFF,
        ]
        .contains(&id)
    }
}

/// Makes the calls at both ends of every interval under this host's KVM.
#[cfg(target_arch = "aarch64")]
pub(super) fn probe(policy: &Policy, proof: &Proof, device: &Path) -> Result<(), Failure> {
    let kvm = Kvm::open(device).map_err(Error::from)?;
    let calls = compare::calls(proof);
    let asked: Vec<_> = calls.iter().map(|&(id, conduit, _)| (id, conduit)).collect();
    let answers = switchboard_machine::probe(&kvm, policy.plan(), &asked)?;
    let differs =
        calls.iter().zip(answers).filter(|((id, _, fate), probed)| !compare::agrees(fate, *probed, *id));
    let lines: Vec<_> = differs
        .map(|((id, conduit, fate), probed)| format!("{id} over {conduit}: {fate}, but KVM: {probed:?}\n"))
        .collect();
    if !lines.is_empty() {
        let message = format!("this host's KVM does otherwise:\n{}", lines.concat());
        return Err(Failure::new(Status::KvmDiffers, message, Some("report this: it should not be".into())));
    }
    // There is nobody to tell if standard error is closed.
    let _ = writeln!(io::stderr(), "{} calls were made: this host's KVM does what was proven", asked.len());
    Ok(())
}

/// There is no KVM for arm64 guests on another architecture.
#[cfg(not(target_arch = "aarch64"))]
pub(super) fn probe(_: &Policy, _: &Proof, device: &Path) -> Result<(), Failure> {
    let kvm = Kvm::open(device).map_err(Error::from)?;
    // Nothing is said before that.
    io::stderr().flush().map_err(|error| Failure::host("printing", &error))?;
    let _ = Status::KvmDiffers;
    kvm.never()
}
