//! The shortest program that still shows what a longer one showed.

use crate::program::{Call, Completion, Program, Step};

/// Leaves out steps and simplifies what is left, as long as `shows` says that the difference is still there.
pub fn shrink(program: &Program, mut shows: impl FnMut(&Program) -> bool) -> Program {
    let mut best = program.clone();
    loop {
        let before = best.clone();
        drop_steps(&mut best, &mut shows);
        simplify(&mut best, &mut shows);
        if best == before {
            return best;
        }
    }
}

/// Halves first, single steps last.
fn drop_steps(best: &mut Program, shows: &mut impl FnMut(&Program) -> bool) {
    let mut width = best.steps.len().div_ceil(2);
    while width > 0 {
        let mut at = 0;
        while at < best.steps.len() {
            let mut candidate = best.clone();
            candidate.steps.drain(at..(at + width).min(best.steps.len()));
            if shows(&candidate) {
                *best = candidate;
            } else {
                at += width;
            }
        }
        width /= 2;
    }
}

fn simplify(best: &mut Program, shows: &mut impl FnMut(&Program) -> bool) {
    for at in 0..best.steps.len() {
        let Step::Call(call) = &best.steps[at] else { continue };
        let simpler: Vec<_> = simpler_calls(call);
        for call in simpler {
            let mut candidate = best.clone();
            let Step::Call(present) = &mut candidate.steps[at] else { continue };
            let Some(call) = call(present) else { continue };
            *present = call;
            if shows(&candidate) {
                *best = candidate;
            }
        }
    }
}

type Simplification = Box<dyn Fn(&Call) -> Option<Call>>;

/// Changes that make a call simpler; each is nothing where it would change nothing.
fn simpler_calls(call: &Call) -> Vec<Simplification> {
    let mut changes: Vec<Simplification> = Vec::new();
    for number in (0..call.x.len()).rev() {
        if number > 0 {
            changes.push(set_register(number, |_| 0));
        }
        changes.push(set_register(number, |value| value & 0xffff_ffff));
    }
    changes.push(Box::new(|call| {
        let simpler = Call { immediate: 0, ..call.clone() };
        (simpler != *call).then_some(simpler)
    }));
    changes.push(Box::new(|call| {
        let simpler = Call { completion: Completion::Nothing, ..call.clone() };
        (simpler != *call).then_some(simpler)
    }));
    changes
}

fn set_register(number: usize, value: fn(u64) -> u64) -> Simplification {
    Box::new(move |call| {
        let mut simpler = call.clone();
        simpler.x[number] = value(call.x[number]);
        (simpler != *call).then_some(simpler)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::{Kind, program};

    #[test]
    fn what_does_not_matter_is_left_out() {
        let long = program(1, 2, Kind::AArch64);
        let is_call_of = |step: &Step, id| matches!(step, Step::Call(call) if call.x[0] & 0xffff_ffff == id);
        let Some(id) = long.steps.iter().find_map(|step| match step {
            Step::Call(call) => Some(call.x[0] & 0xffff_ffff),
            _ => None,
        }) else {
            panic!("a program makes calls");
        };
        let short = shrink(&long, |program| program.steps.iter().any(|step| is_call_of(step, id)));
        assert_eq!(short.steps.len(), 1);
        let Step::Call(call) = &short.steps[0] else { panic!("the call is left") };
        assert_eq!(call.x[0], id);
        assert_eq!(call.x[1..], [0; 17]);
        assert_eq!((call.immediate, call.completion), (0, Completion::Nothing));
    }
}
