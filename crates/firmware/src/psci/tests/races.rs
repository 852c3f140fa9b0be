//! Races on real threads. (Every order of a few steps is looked at elsewhere.)

use std::{
    sync::{
        Barrier,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    vec::Vec,
};

use super::*;

#[test]
fn of_racing_cpu_ons_exactly_one_succeeds() {
    const CALLERS: usize = 4;
    const ROUNDS: usize = 10_000;
    let machine = Machine::new();
    let (psci, power) = (&machine.psci, &machine.power);
    let barrier = Barrier::new(CALLERS);
    let winners: Vec<Vec<bool>> = thread::scope(|scope| {
        let callers: Vec<_> = (0..CALLERS)
            .map(|_| scope.spawn(|| (0..ROUNDS).map(|_| race(psci, power, &barrier)).collect()))
            .collect();
        callers.into_iter().map(|caller| caller.join().unwrap()).collect()
    });
    for round in 0..ROUNDS {
        assert_eq!(winners.iter().filter(|won| won[round]).count(), 1, "round {round}");
    }
}

/// One caller's part in one round: true if its CPU_ON won. The winner then plays the target's thread.
fn race(psci: &Psci, power: &PowerTable, barrier: &Barrier) -> bool {
    let mut registers = ScriptedRegisters::new([(Register::X1, 1), (Register::X2, ENTRY)]);
    barrier.wait();
    let mut call = Call::new(FunctionId(CPU_ON), Conduit::Hvc, BOOT, &mut registers);
    let outcome = psci.call(&mut call, &OneGigabyte);
    barrier.wait();
    let won = outcome == Outcome::Start(CpuIndex(1));
    if won {
        let _ = power.next(CpuIndex(1));
        power.off(CpuIndex(1));
    } else {
        assert!([returns(ON_PENDING), returns(ALREADY_ON)].contains(&outcome));
    }
    won
}

/// The state is that of the very step that did not succeed, however the CPU changes meanwhile.
#[test]
fn a_cpu_that_cannot_be_taken_away_is_never_said_to_be_off() {
    const ROUNDS: usize = 200_000;
    let machine = Machine::new();
    let power = &machine.power;
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                if power.start(CpuIndex(1), start(ENTRY, 0)).is_ok() {
                    let _ = power.next(CpuIndex(1));
                    power.off(CpuIndex(1));
                }
            }
        });
        let mut refusals: Vec<_> = (0..ROUNDS)
            .filter_map(|_| {
                let refusal = power.disable(CpuIndex(1)).err();
                power.enable(CpuIndex(1));
                refusal
            })
            .collect();
        is_over.store(true, Ordering::Relaxed);
        refusals.dedup();
        assert!(!refusals.contains(&CpuPower::Off));
    });
}

#[test]
fn of_threads_that_stop_the_machine_exactly_one_was_the_first() {
    for _ in 0..200 {
        let power = Machine::new().power;
        let barrier = Barrier::new(4);
        let first: Vec<bool> = thread::scope(|scope| {
            let stop = || {
                barrier.wait();
                power.stop()
            };
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(stop)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(first.iter().filter(|&&first| first).count(), 1);
    }
}
