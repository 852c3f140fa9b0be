//! `switchboard host`.

use std::{fmt::Write, io};

use switchboard_kvm::{HostReport, Kvm};
use switchboard_machine::Error;

use crate::{cli::HostArguments, exit::Status, failure::Failure, report};

/// Prints what this host's KVM offers.
pub(crate) fn host(arguments: &HostArguments) -> Result<Status, Failure> {
    let kvm = Kvm::open(&arguments.kvm).map_err(Error::from)?;
    let host = kvm.probe().map_err(Error::from)?;
    let text = if arguments.json { report::json(&host) } else { describe(&host) };
    report::print(io::stdout().lock(), &text)
        .map_err(|error| Failure::host("printing the report", &error))?;
    Ok(Status::Success)
}

fn describe(host: &HostReport) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name:<32}{value}");
    };
    line("kernel", &host.kernel);
    line("KVM API version", &host.api_version.to_string());
    line("SMCCC filter", present(host.smccc_filter));
    line("guest-physical address bits", &host.ipa_bits.to_string());
    line("most vCPUs in a machine", &host.max_vcpus.to_string());
    line("GICv2", present(host.gic.v2));
    line("GICv3", present(host.gic.v3));
    line("GICv3 ITS", present(host.gic.its));
    line("PMUv3", present(host.pmu));
    line("pointer authentication", present(host.pauth));
    line("SVE", present(host.sve));
    line("KVM's PSCI, by default", &host.psci_default);
    line("KVM's PSCI can be", &host.psci_versions.join(" "));
    for register in &host.bitmap_registers {
        let value = register.value.map_or_else(|| "absent".to_owned(), |value| format!("{value:#x}"));
        line(register.name, &value);
        for bit in register.bits.iter().filter(|_| register.value.is_some()) {
            let state = if bit.set { "shown" } else { "hidden" };
            line(&format!("  bit {}", bit.bit), &format!("{}: {state}", bit.meaning));
        }
    }
    if host.problems.is_empty() {
        line("switchboard run", "works here");
    }
    for problem in &host.problems {
        line("problem", problem);
    }
    text
}

const fn present(present: bool) -> &'static str {
    if present { "present" } else { "absent" }
}
