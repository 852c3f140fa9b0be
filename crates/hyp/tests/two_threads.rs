//! vCPUs of one VM, each driven by a thread of its own.

mod common;

use std::{
    sync::{
        Barrier,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use common::{ALREADY_ON, DENIED, deny, forward, forwarded, hvc, hvc_next, initialised, pc, x0};
use switchboard_hyp::{KvmVersion, MpState, Vcpu, VcpuFeatures, Vm, VmConfig};

const ROUNDS: u64 = if cfg!(miri) { 20 } else { 2_000 };

fn small_vm() -> Vm {
    Vm::new(VmConfig { max_vcpus: 3, ..VmConfig::new(KvmVersion::V7_2) })
}

/// Three vCPUs, of which the last is off.
fn three(vm: &Vm) -> [Vcpu<'_>; 3] {
    let [first, second] = [0, 1].map(|id| initialised(vm, id, common::PSCI_0_2));
    [first, second, initialised(vm, 2, common::PSCI_0_2.union(VcpuFeatures::POWER_OFF))]
}

/// Which of two answered what, and what the target found: looked at when the threads have ended, because a thread that
/// panics would leave the others waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    answers: [u64; 2],
    mp_state: MpState,
    pc: u64,
    x0: u64,
}

#[test]
fn of_two_racing_cpu_ons_exactly_one_succeeds_and_its_arguments_are_the_ones_that_count() {
    let vm = small_vm();
    let [first, second, mut target] = three(&vm);
    let barrier = Barrier::new(3);
    let answers = [const { AtomicU64::new(0) }; 2];
    // Two threads that wake up at a barrier do not wake up at once: they meet here.
    let ready = AtomicU64::new(0);
    let mut rounds = Vec::new();

    thread::scope(|scope| {
        for (number, mut vcpu) in (0_u64..).zip([first, second]) {
            let (barrier, answer, ready) = (&barrier, &answers[usize::try_from(number).unwrap()], &ready);
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    barrier.wait();
                    ready.fetch_add(1, Ordering::AcqRel);
                    let all = 2 * (round + 1);
                    // For a while, for the other may have no core to run on.
                    for _ in 0..10_000 {
                        if ready.load(Ordering::Acquire) == all {
                            break;
                        }
                        std::hint::spin_loop();
                    }
                    let x = hvc(&mut vcpu, &[0xc400_0003, 2, 0x4000_0000 + number, round << 1 | number]);
                    answer.store(x[0], Ordering::Relaxed);
                    barrier.wait();
                }
            });
        }
        for _ in 0..ROUNDS {
            barrier.wait();
            barrier.wait();
            rounds.push(Seen {
                answers: answers.each_ref().map(|answer| answer.load(Ordering::Relaxed)),
                mp_state: target.mp_state(),
                pc: pc(&mut target),
                x0: x0(&mut target),
            });
            target.set_mp_state(MpState::Stopped);
        }
    });

    for (round, seen) in (0..).zip(rounds) {
        let winner = if seen.answers[0] == 0 { 0 } else { 1 };
        let expected = Seen {
            answers: if winner == 0 { [0, ALREADY_ON] } else { [ALREADY_ON, 0] },
            mp_state: MpState::Runnable,
            pc: 0x4000_0000 + winner,
            x0: round << 1 | winner,
        };
        assert_eq!(seen, expected, "round {round}");
    }
}

#[test]
fn a_cpu_on_that_races_with_cpu_off_starts_the_cpu_or_finds_it_on() {
    let vm = small_vm();
    let [mut caller, mut target, _] = three(&vm);
    let barrier = Barrier::new(2);
    let mut rounds = Vec::new();
    let mut entries = Vec::new();
    thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..ROUNDS {
                barrier.wait();
                hvc_next(&mut target, &[0x8400_0002]);
                barrier.wait();
                // The caller looks at the outcome in between, and turns the target on if it is not.
                barrier.wait();
                entries.push((pc(&mut target), x0(&mut target)));
            }
        });
        for round in 0..ROUNDS {
            barrier.wait();
            let answer = hvc(&mut caller, &[0xc400_0003, 1, 0x4000_0000, round])[0];
            barrier.wait();
            let state = hvc(&mut caller, &[0xc400_0004, 1, 0])[0];
            rounds.push((answer, state));
            if state == 1 {
                hvc(&mut caller, &[0xc400_0003, 1, 0x4000_0000, round]);
            }
            barrier.wait();
        }
    });
    for ((round, seen), entry) in (0..).zip(rounds).zip(entries) {
        // It was off already and is on again; or it was on still, and is off now.
        assert!([(0, 0), (ALREADY_ON, 1)].contains(&seen), "round {round}: {seen:x?}");
        assert_eq!(entry, (0x4000_0000, round));
    }
}

#[test]
fn forwarded_and_denied_calls_do_not_disturb_each_other() {
    let vm = small_vm();
    forward(&vm, 0xc400_0003, 1);
    deny(&vm, 0x8400_0050, 4);
    let [mut first, mut second, _] = three(&vm);
    thread::scope(|scope| {
        scope.spawn(|| {
            for round in 0..ROUNDS {
                assert_eq!(hvc_next(&mut first, &[0xc400_0003, round]), forwarded(0xc400_0003, 0));
                assert_eq!(first.call_registers()[..2], [0xc400_0003, round]);
            }
        });
        scope.spawn(|| {
            for round in 0..ROUNDS {
                assert_eq!(hvc(&mut second, &[0x8400_0053, round]), DENIED);
                assert_eq!(hvc(&mut second, &[0x8400_0000, round]), [0x1_0003, 0, 0, 0]);
            }
        });
    });
}

#[test]
fn the_first_run_freezes_the_filter_whichever_of_two_threads_makes_it() {
    for _ in 0..ROUNDS / 20 {
        let vm = small_vm();
        let [mut first, mut second, _] = three(&vm);
        let barrier = Barrier::new(2);
        thread::scope(|scope| {
            for vcpu in [&mut first, &mut second] {
                let (vm, barrier) = (&vm, &barrier);
                scope.spawn(move || {
                    barrier.wait();
                    vcpu.enter(switchboard_hyp::Interruption::None).unwrap();
                    let late = common::set(vm, 0x8400_0000, 1, switchboard_filter::Action::Deny);
                    assert_eq!(late.unwrap_err().0, 16);
                });
            }
        });
    }
}
