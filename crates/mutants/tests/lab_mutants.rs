//! Every mistake is noticed, by comparison with real KVM. In the lab.

#![cfg(target_arch = "aarch64")]
#![allow(missing_docs, reason = "tests")]

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use switchboard_conform::campaign;
use switchboard_conform::generate::{self, Kind};
use switchboard_conform::kvm::{Caches, Host};
use switchboard_mutants::MUTANTS;

const SEED: u64 = 7;
/// Most are noticed within a hundred.
const MOST_PROGRAMS: u64 = 2000;
/// How many threads share them.
const WORKERS: usize = 4;

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

/// The mutants that no program has told from KVM yet.
struct Uncaught(Mutex<Vec<usize>>);

impl Uncaught {
    fn places(&self) -> Vec<usize> {
        self.0.lock().unwrap().clone()
    }

    fn is_caught(&self, mutant: usize, number: u64) {
        println!("program {number:4} catches: {}", MUTANTS[mutant].mistake);
        self.0.lock().unwrap().retain(|&other| other != mutant);
    }
}

/// Performs programs until there are none left, or no mutants.
fn work(next: &AtomicU64, uncaught: &Uncaught) {
    // A host of its own: it is the thread that made it whose sleep is ended by a signal.
    let mut host = Host::open(caches()).unwrap();
    let config = host.config().unwrap();
    loop {
        let (number, mutants) = (next.fetch_add(1, Ordering::Relaxed), uncaught.places());
        if number >= MOST_PROGRAMS || mutants.is_empty() {
            return;
        }
        let program = generate::program(SEED, number, Kind::AArch64);
        let (original, kvm) = campaign::both(&program, &config, &mut host).unwrap();
        assert_eq!(original, kvm, "program {number} of seed {SEED}, which the original must pass");
        for mutant in mutants {
            if switchboard_mutants::run(mutant, &program, &config, Some(&kvm)) != kvm {
                uncaught.is_caught(mutant, number);
            }
        }
    }
}

#[test]
fn every_mutant_is_caught() {
    if !is_run_here() {
        return;
    }
    let (next, uncaught) = (AtomicU64::new(0), Uncaught(Mutex::new((0..MUTANTS.len()).collect())));
    // A program sleeps, and waits for KVM, half of the time.
    thread::scope(|scope| (0..WORKERS).for_each(|_| drop(scope.spawn(|| work(&next, &uncaught)))));
    let left: Vec<_> = uncaught.places().into_iter().map(|mutant| MUTANTS[mutant].mistake).collect();
    assert!(left.is_empty(), "{MOST_PROGRAMS} programs did not tell these from KVM: {left:#?}");
}
