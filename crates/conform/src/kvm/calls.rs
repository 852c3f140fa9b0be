//! Calls: as many as the guest can make in a row, in one go.

use std::time::{Duration, Instant};

use switchboard_hyp::RegisterId;
use switchboard_kvm::raw::{Errno, RawVcpu, RunPage, voluntary_switches};

use super::guest_code::{ByteOrder, MOST_CALLS, stub_address, stub_at};
use super::{Execution, general};
use crate::GUEST_START;
use crate::observation::{CallObservation, Exit, Observation, Reached, Stop};
use crate::program::{Call, Completion, Step};

const KVM_EXIT_HYPERCALL: u32 = 3;
const KVM_EXIT_DEBUG: u32 = 4;
const KVM_EXIT_SYSTEM_EVENT: u32 = 24;
const KVM_MP_STATE_RUNNABLE: u32 = 0;
const EINTR: i32 = 4;
const SCTLR_EE: u64 = 1 << 25;

/// How soon a signal ends a run that is expected to sleep.
const SOON: Duration = Duration::from_millis(1);
/// How soon one ends a run that is not: there may be a difference.
const LATE: Duration = Duration::from_millis(256);
/// A run that is not expected to sleep does, if so many signals have found it asleep. Time by itself says nothing: an
/// emulated host can stand still for longer than any.
const FOUND_ASLEEP: u32 = 3;
/// One that does not sleep either, and gets nowhere for so long, hangs.
const HANGS: Duration = Duration::from_secs(60);

/// What a run of the guest came to.
enum Ended {
    /// It executed its breakpoint: all calls are made.
    AllMade,
    /// It did not get into the guest, or out of a call.
    Short(Reached),
}

impl<'a> Execution<'a> {
    /// Performs the call that is next, and those after it that the guest can make without anything in between.
    pub(super) fn perform_calls(&mut self, vcpu: usize, calls_before: usize) {
        let first = self.observations.len();
        let calls = self.calls_in_a_row(first, vcpu);
        let mut results: Vec<_> = calls
            .iter()
            .map(|_| CallObservation { reached: Reached::Guest, stop: None, goes_on_at: 4, x: [0; 18] })
            .collect();
        if calls[0].instruction.is_aarch32() {
            self.make_aarch32_call(calls[0], calls_before, &mut results);
        } else {
            self.make_calls(&calls, calls_before, &mut results);
        }
        self.observations.extend(results.into_iter().map(Observation::Call));
    }

    fn calls_in_a_row(&self, first: usize, vcpu: usize) -> Vec<&'a Call> {
        let program = self.program;
        let mut calls = Vec::new();
        for (step, expected) in program.steps[first..].iter().zip(&self.expected[first..]) {
            let Step::Call(call) = step else { break };
            let gets_there = matches!(expected, Observation::Call(call) if call.reached == Reached::Guest);
            let alone = !gets_there || call.instruction.is_aarch32();
            if call.vcpu != vcpu || !calls.is_empty() && alone || calls.len() == MOST_CALLS {
                break;
            }
            calls.push(call);
            if alone {
                break;
            }
        }
        calls
    }

    /// Lets the guest make these calls. `results` gets shorter if it did not get to all of them.
    fn make_calls(&mut self, calls: &[&Call], calls_before: usize, results: &mut Vec<CallObservation>) {
        let vcpu = calls[0].vcpu;
        let memory = self.host.memory;
        let order = match self.start(vcpu, GUEST_START) {
            Ok(sctlr) if sctlr & SCTLR_EE != 0 => ByteOrder::Big,
            Ok(_) => ByteOrder::Little,
            Err(errno) => return only(results, Reached::Error(errno.0)),
        };
        memory.write_blocks(calls.iter().enumerate().map(|(at, call)| (calls_before + at, *call)), order);
        let ended = self.run_under_alarm(calls, calls_before, results);
        memory.synchronise();
        match ended {
            Ended::AllMade => {
                for (place, result) in results.iter_mut().enumerate() {
                    result.x = memory.read_block(place, order);
                }
            }
            Ended::Short(reached) => only(results, reached),
        }
        self.park(vcpu);
    }

    fn make_aarch32_call(&mut self, call: &Call, number: usize, results: &mut Vec<CallObservation>) {
        let address = stub_address(number);
        if let Err(errno) = self.start(call.vcpu, address).and_then(|_| self.load_aarch32(call)) {
            return only(results, Reached::Error(errno.0));
        }
        match self.run_under_alarm(&[call], number, results) {
            Ended::AllMade => {
                for register in 0..8 {
                    let value = self.vcpus[call.vcpu].get_register(general(register)).unwrap_or(u64::MAX);
                    results[0].x[usize::from(register)] = value & 0xffff_ffff;
                }
            }
            Ended::Short(reached) => only(results, reached),
        }
        self.park(call.vcpu);
    }

    fn load_aarch32(&self, call: &Call) -> Result<(), Errno> {
        let vcpu = &self.vcpus[call.vcpu];
        let pstate = vcpu.get_register(RegisterId::PSTATE.0)?;
        vcpu.set_register(RegisterId::PSTATE.0, call.instruction.with_instruction_set(pstate))?;
        for register in 0..8 {
            vcpu.set_register(general(register), call.x[usize::from(register)])?;
        }
        Ok(())
    }

    /// Lets PC be `address`, and returns `SCTLR_EL1`.
    fn start(&self, vcpu: usize, address: u64) -> Result<u64, Errno> {
        self.vcpus[vcpu].set_register(RegisterId::PC.0, address)?;
        self.vcpus[vcpu].get_register(RegisterId::SCTLR_EL1.0)
    }

    /// Where PC is between calls.
    fn park(&self, vcpu: usize) {
        // It has taken a PC before.
        let _ = self.vcpus[vcpu].set_register(RegisterId::PC.0, GUEST_START);
    }

    fn run_under_alarm(
        &mut self,
        calls: &[&Call],
        calls_before: usize,
        results: &mut [CallObservation],
    ) -> Ended {
        let ended = self.run_guest(calls, calls_before, results);
        // Other calls of KVM's do not like signals either.
        self.host.alarm.set(Duration::ZERO);
        ended
    }

    fn run_guest(&mut self, calls: &[&Call], calls_before: usize, results: &mut [CallObservation]) -> Ended {
        let first = self.observations.len();
        let sleeps: Vec<_> = self.expected[first..first + calls.len()].iter().map(Sleep::expected).collect();
        let soon = sleeps.iter().any(|sleep| *sleep != Sleep::No);
        let first_alarm = if soon { SOON } else { LATE };
        let mut every = first_alarm;
        self.host.alarm.set(every);
        let vcpu = &mut self.vcpus[calls[0].vcpu];
        let start = if calls[0].instruction.is_aarch32() { stub_address(calls_before) } else { GUEST_START };
        let mut found_asleep = 0;
        let mut since = Instant::now();
        loop {
            let switches = voluntary_switches();
            let run = vcpu.run();
            // Whoever sleeps gives its CPU up; whoever is interrupted or preempted does not.
            let slept = voluntary_switches() != switches;
            let pc = vcpu.get_register(RegisterId::PC.0).unwrap_or(0);
            let place = stub_at(pc).and_then(|(number, offset)| {
                let place = number.checked_sub(calls_before)?;
                (offset != 0 && place < calls.len()).then_some((place, offset))
            });
            let exit = match run {
                Ok(page) if page.reason == KVM_EXIT_DEBUG => return Ended::AllMade,
                Ok(page) => exit_of(&page),
                Err(Errno(EINTR)) => {
                    // KVM polls for a while before it sleeps: in a call that has been made, a signal may come before.
                    let expected = match place {
                        Some((place, _)) => sleeps[place] == Sleep::InCall && results[place].stop.is_none(),
                        None => sleeps[0] == Sleep::Before && pc == start && slept,
                    };
                    found_asleep += u32::from(slept);
                    if !expected && found_asleep < FOUND_ASLEEP && since.elapsed() < HANGS {
                        // Signals that come too often would keep the guest of a slow host from getting anywhere.
                        every = LATE.min(every * 4);
                        self.host.alarm.set(every);
                        continue;
                    }
                    Exit::Asleep
                }
                Err(errno) => return Ended::Short(Reached::Error(errno.0)),
            };
            let Some((place, offset)) = place else {
                return Ended::Short(match exit {
                    Exit::Asleep => Reached::Asleep,
                    exit => Reached::Exit(exit),
                });
            };
            let mp_state = vcpu.mp_state().unwrap_or(u32::MAX);
            complete(vcpu, calls[place], &exit);
            results[place].stop = Some(Stop { exit, pc: offset, mp_state });
            found_asleep = 0;
            since = Instant::now();
            if every != first_alarm {
                every = first_alarm;
                self.host.alarm.set(every);
            }
        }
    }
}

/// The first call did not come to its end, and those after it were not made.
fn only(results: &mut Vec<CallObservation>, reached: Reached) {
    results.truncate(1);
    results[0] = CallObservation { reached, stop: None, goes_on_at: 0, x: [0; 18] };
}

/// Where a run is expected to sleep.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sleep {
    No,
    /// It does not get into the guest.
    Before,
    /// Because of the call.
    InCall,
}

impl Sleep {
    fn expected(observation: &Observation) -> Self {
        match observation {
            Observation::Call(CallObservation { reached: Reached::Asleep, .. }) => Self::Before,
            Observation::Call(CallObservation { stop: Some(stop), .. }) if stop.exit == Exit::Asleep => {
                Self::InCall
            }
            _ => Self::No,
        }
    }
}

fn exit_of(page: &RunPage) -> Exit {
    let word = |at: usize| u32::from_le_bytes([0, 1, 2, 3].map(|byte| page.exit[at + byte]));
    match page.reason {
        KVM_EXIT_HYPERCALL => Exit::Hypercall(page.exit),
        KVM_EXIT_SYSTEM_EVENT => {
            let ndata = word(4);
            let data = if ndata == 0 { 0 } else { u64::from(word(8)) | u64::from(word(12)) << 32 };
            Exit::SystemEvent { kind: word(0), ndata, data }
        }
        reason => Exit::Other(reason),
    }
}

/// What userspace does before it lets the guest go on.
fn complete(vcpu: &RawVcpu, call: &Call, exit: &Exit) {
    if let Exit::Hypercall(_) = exit {
        let results: &[u64] = match &call.completion {
            Completion::Nothing => &[],
            Completion::X0(x0) => &[*x0],
            Completion::X0ToX3(x) => x,
        };
        for (number, &value) in (0..).zip(results) {
            // It has just run.
            let _ = vcpu.set_register(general(number), value);
        }
    }
    let _ = vcpu.set_mp_state(KVM_MP_STATE_RUNNABLE);
}
