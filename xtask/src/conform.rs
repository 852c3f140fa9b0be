//! `cargo xtask conform`: the model of KVM is compared with KVM, or with the plain reading of its rules.

use std::ffi::OsString;
use std::process::Stdio;

use anyhow::{Context, Result};

use crate::cli::{Against, ConformArguments, Kernel, Place, State};
use crate::lab::{Lab, Streams};
use crate::setup::toolchain::CrossToolchain;
use crate::{cross, workspace};

/// What makes VMs cheap on an emulated host, where a campaign makes hundreds of thousands: no statistics of each in
/// debugfs, and no page-table isolation, which KASLR brings.
const CHEAP_VMS: &str = "debugfs=off nokaslr";
/// A CPU whose EL1 can be in AArch32 state.
const AARCH32_CPU: &str = "cortex-a57";

/// Some programs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Programs {
    /// How many.
    pub(crate) count: u64,
    /// The number of the first.
    pub(crate) first: u64,
    /// What decides them.
    pub(crate) seed: u64,
    /// The state of the guest's EL1.
    pub(crate) state: State,
    /// How many processes share them.
    pub(crate) jobs: u64,
}

/// Whether the emulated host is the usual one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speed {
    /// As everywhere else.
    Usual,
    /// With what makes many VMs cheap.
    Fast,
}

/// `cargo xtask conform`: 0 if nothing differs.
pub(crate) fn command(arguments: &ConformArguments) -> Result<u8> {
    let programs = Programs {
        count: arguments.programs,
        first: arguments.first,
        seed: arguments.seed,
        state: arguments.state,
        jobs: arguments.jobs,
    };
    if arguments.against == Against::Naive {
        return naive(programs);
    }
    let toolchain = CrossToolchain::get()?;
    let mut worst = 0;
    for (name, lab) in hosts(&arguments.host_kernel, arguments.place) {
        if lab.is_native()? {
            eprintln!("conform: on this arm64 host");
            return on_host(&toolchain, lab, programs, Speed::Usual);
        }
        eprintln!("conform: {name}");
        worst = worst.max(on_host(&toolchain, lab, programs, Speed::Fast)?);
    }
    Ok(worst)
}

/// Compares on one host: 0 if nothing differs.
pub(crate) fn on_host(
    toolchain: &CrossToolchain,
    mut lab: Lab,
    programs: Programs,
    speed: Speed,
) -> Result<u8> {
    lab.put(cross::conform(toolchain)?, "switchboard-conform");
    let mut command: Vec<OsString> = vec!["./switchboard-conform".into()];
    command.extend(options(programs).map(OsString::from));
    if !lab.is_native()? {
        command.push("--emulated".into());
        if programs.state == State::Aarch32 {
            lab.cpu = String::from(AARCH32_CPU);
        }
        if speed == Speed::Fast {
            lab.append = Some(String::from(CHEAP_VMS));
        }
    }
    lab.run(&command, Streams::inherit())
}

/// The hosts of the usual tests.
pub(crate) fn hosts(kernels: &[Kernel], place: Place) -> Vec<(String, Lab)> {
    let everywhere = [Kernel::V6_12, Kernel::V7_2];
    let kernels = if kernels.is_empty() { &everywhere[..] } else { kernels };
    kernels.iter().map(|kernel| (format!("arm64 host, {kernel}"), Lab::new(kernel.clone(), place))).collect()
}

fn naive(programs: Programs) -> Result<u8> {
    let mut command = workspace::cargo();
    command.args(["run", "--release", "--quiet", "--package", "switchboard-conform", "--"]);
    command.args(["--against", "naive"]).args(options(programs)).stdin(Stdio::null());
    let status = command.status().context("running cargo")?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(crate::trouble::FAILED))
}

fn options(programs: Programs) -> [String; 5] {
    let state = match programs.state {
        State::Aarch64 => "aarch64",
        State::Aarch32 => "aarch32",
    };
    [
        format!("--programs={}", programs.count),
        format!("--first={}", programs.first),
        format!("--seed={}", programs.seed),
        format!("--state={state}"),
        format!("--jobs={}", programs.jobs),
    ]
}
