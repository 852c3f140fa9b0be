//! Every mistake is noticed, by comparison with real KVM. In the lab.

#![cfg(target_arch = "aarch64")]
#![allow(missing_docs, reason = "tests")]

use switchboard_conform::campaign;
use switchboard_conform::generate::{self, Kind};
use switchboard_conform::kvm::{Caches, Host};
use switchboard_mutants::MUTANTS;

const SEED: u64 = 7;
/// Most are noticed within a hundred.
const MOST_PROGRAMS: u64 = 2000;

fn caches() -> Caches {
    // The lab says that it is one; on a machine of its own, caches are real.
    if std::env::var_os("SWITCHBOARD_LAB").is_some_and(|value| value == "emulated") {
        Caches::Emulated
    } else {
        Caches::Real
    }
}

/// One host is enough, unless it may take long: what the tester notices does not depend on the kernel.
fn is_run_here() -> bool {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    release.starts_with("6.12") || caches() == Caches::Real || std::env::var_os("SWITCHBOARD_LONG").is_some()
}

#[test]
fn every_mutant_is_caught() {
    if !is_run_here() {
        return;
    }
    let mut host = Host::open(caches()).unwrap();
    let config = host.config().unwrap();
    let mut uncaught: Vec<_> = (0..MUTANTS.len()).collect();
    for number in 0..MOST_PROGRAMS {
        let program = generate::program(SEED, number, Kind::AArch64);
        let (original, kvm) = campaign::both(&program, &config, &mut host).unwrap();
        assert_eq!(original, kvm, "program {number} of seed {SEED}, which the original must pass");
        uncaught.retain(|&mutant| {
            let is_caught = switchboard_mutants::run(mutant, &program, &config, Some(&kvm)) != kvm;
            if is_caught {
                println!("program {number:4} catches: {}", MUTANTS[mutant].mistake);
            }
            !is_caught
        });
        if uncaught.is_empty() {
            return;
        }
    }
    let left: Vec<_> = uncaught.into_iter().map(|mutant| MUTANTS[mutant].mistake).collect();
    panic!("{MOST_PROGRAMS} programs did not tell these from KVM: {left:#?}");
}
