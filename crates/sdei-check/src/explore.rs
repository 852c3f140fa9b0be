//! Every state that can be reached, breadth first.

use std::{
    collections::{HashMap, hash_map::Entry},
    hash::{DefaultHasher, Hash, Hasher},
};

use switchboard_firmware::{
    CpuIndex,
    sdei::{EventNumber, Signalled},
};

use crate::{
    configuration::Configuration,
    moves::{Move, moves},
    naive::Naive,
    subject::{Make, Subject},
};

/// What there was to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Explored {
    /// How many states there are.
    pub states: usize,
    /// How many moves were made.
    pub moves: usize,
    /// How many moves lead to the state that is farthest away.
    pub depth: usize,
}

/// Something that must not be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// What.
    pub message: String,
    /// How it came to that: the moves from the beginning on, none of which can be left out at the end.
    pub moves: Vec<Move>,
}

/// Of a state: 128 bits of hash. That two of a few million have the same is less likely than that the machine errs.
type Fingerprint = (u64, u64);

struct Reached {
    subject: Box<dyn Subject>,
    naive: Naive,
    fingerprint: Fingerprint,
}

/// Makes every move in every state that can be reached by at most so many moves.
///
/// # Errors
///
/// The first thing that must not be, by the fewest moves.
///
/// # Panics
///
/// If there can be no such configuration.
pub fn explore(make: Make, configuration: &Configuration, most: usize) -> Result<Explored, Broken> {
    let subject = make(configuration.cpus, configuration.events, configuration.interrupts)
        .expect("the configuration is one that can be");
    let start = Reached::new(subject, Naive::new(configuration));
    let mut before: HashMap<Fingerprint, Option<(Fingerprint, Move)>> =
        HashMap::from([(start.fingerprint, None)]);
    let mut layer = vec![start];
    let mut explored = Explored { states: 1, moves: 0, depth: 0 };
    while !layer.is_empty() && explored.depth < most {
        let mut next = Vec::new();
        for reached in &layer {
            let on: Vec<_> = reached.naive.cpus.iter().map(|cpu| cpu.on).collect();
            for made in moves(configuration, &on) {
                explored.moves += 1;
                let after = reached.after(made).map_err(|message| {
                    let mut moves = way(&before, reached.fingerprint);
                    moves.push(made);
                    Broken { message, moves }
                })?;
                if let Entry::Vacant(vacant) = before.entry(after.fingerprint) {
                    vacant.insert(Some((reached.fingerprint, made)));
                    next.push(after);
                }
            }
        }
        explored.states += next.len();
        explored.depth += usize::from(!next.is_empty());
        layer = next;
    }
    Ok(explored)
}

/// Makes random moves, and the same ones for the same seed: in configurations of which there is no seeing all.
///
/// # Errors
///
/// The first thing that must not be.
///
/// # Panics
///
/// If there can be no such configuration.
pub fn wander(make: Make, configuration: &Configuration, seed: u64, moves: usize) -> Result<(), Broken> {
    let subject = make(configuration.cpus, configuration.events, configuration.interrupts)
        .expect("the configuration is one that can be");
    let mut at = Reached::new(subject, Naive::new(configuration));
    let mut made = Vec::new();
    let mut state = seed;
    for _ in 0..moves {
        let on: Vec<_> = at.naive.cpus.iter().map(|cpu| cpu.on).collect();
        // SplitMix64.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let all = self::moves(configuration, &on);
        let place = usize::try_from((mixed ^ (mixed >> 31)) % u64::try_from(all.len()).unwrap_or(1));
        let next = all[place.unwrap_or(0)];
        made.push(next);
        at = at.after(next).map_err(|message| Broken { message, moves: made.clone() })?;
    }
    Ok(())
}

fn way(before: &HashMap<Fingerprint, Option<(Fingerprint, Move)>>, mut at: Fingerprint) -> Vec<Move> {
    let mut moves = Vec::new();
    while let Some((earlier, made)) = before[&at] {
        moves.push(made);
        at = earlier;
    }
    moves.reverse();
    moves
}

impl Reached {
    fn new(subject: Box<dyn Subject>, naive: Naive) -> Self {
        let hash = |seed: u64| {
            let mut hasher = DefaultHasher::new();
            seed.hash(&mut hasher);
            subject.feed(&mut hasher);
            // Of the rest, which the state machine does not know.
            naive.cpus.iter().for_each(|cpu| (cpu.on, cpu.kicked).hash(&mut hasher));
            hasher.finish()
        };
        let fingerprint = (hash(1), hash(2));
        Self { subject, naive, fingerprint }
    }

    /// After a move: what both make of it is the same, and all that must hold does.
    fn after(&self, made: Move) -> Result<Self, String> {
        let mut subject = self.subject.again();
        let mut naive = self.naive.clone();
        perform(subject.as_mut(), &mut naive, made)?;
        naive.agrees(&subject.view())?;
        for (event, _) in naive.events.iter().enumerate() {
            let mut takers = naive.takers(event).peekable();
            if takers.peek().is_some() && !takers.any(|cpu| naive.cpus[cpu.0].kicked) {
                return Err(format!("nobody is kicked who can take event {event}"));
            }
        }
        if !subject.is_possible() {
            return Err("the state machine takes its state for impossible".into());
        }
        Ok(Self::new(subject, naive))
    }
}

fn perform(subject: &mut dyn Subject, naive: &mut Naive, made: Move) -> Result<(), String> {
    match made {
        Move::Call(caller, call) => {
            let (answer, kicks) = subject.call(caller, call);
            same(&naive.call(caller, call), &answer)?;
            kicked(naive, kicks)
        }
        Move::Raise(event, cpu) => raise(subject, naive, event, cpu),
        Move::Level(interrupt, level) => {
            naive.set_level(interrupt, level);
            kicked(naive, subject.set_level(interrupt, level))
        }
        Move::Enter(cpu) => {
            let there_is = !naive.choices(cpu).is_empty();
            same(&there_is, &subject.has_for(cpu))?;
            if there_is {
                return take(subject, naive, cpu);
            }
            naive.cpus[cpu.0].kicked = false;
            Ok(())
        }
        Move::Take(cpu) => take(subject, naive, cpu),
        Move::Off(cpu) => {
            naive.off(cpu);
            kicked(naive, subject.off(cpu))
        }
        Move::Start(cpu) => {
            naive.cpus[cpu.0].on = true;
            Ok(())
        }
    }
}

fn take(subject: &mut dyn Subject, naive: &mut Naive, cpu: CpuIndex) -> Result<(), String> {
    naive.cpus[cpu.0].kicked = false;
    let choices = naive.choices(cpu);
    let (taken, kicks) = subject.take(cpu, naive.mark(cpu));
    match taken.map(|number| naive.place(number)) {
        None if choices.is_empty() => {}
        Some(Some(event)) if choices.contains(&event) => naive.take(cpu, event),
        _ => return Err(format!("one of {choices:?} is to be taken, and it is {taken:?}")),
    }
    kicked(naive, kicks)
}

fn raise(
    subject: &mut dyn Subject,
    naive: &mut Naive,
    number: EventNumber,
    preferred: Option<CpuIndex>,
) -> Result<(), String> {
    let raised = subject.raise(number, preferred);
    let expected = naive.raise(number, preferred);
    same(&expected.map(drop), &raised.map(drop))?;
    let (Ok(signalled), Ok((number, place))) = (raised, expected) else { return Ok(()) };
    let event = naive.place(number).ok_or("there is no such event")?;
    let takers: Vec<_> = naive.takers(event).filter(|cpu| place.is_none_or(|place| place == cpu.0)).collect();
    match signalled {
        Signalled::Waits if takers.is_empty() => Ok(()),
        Signalled::Kick(cpu) if preferred.is_some_and(|it| takers.contains(&it) && it != cpu) => {
            Err(format!("{cpu} takes it, and another one was to be preferred"))
        }
        Signalled::Kick(cpu) if takers.contains(&cpu) => {
            naive.cpus[cpu.0].kicked = true;
            Ok(())
        }
        _ => Err(format!("{signalled:?}, and {takers:?} can take it")),
    }
}

/// These have been kicked: each for something that it can take.
fn kicked(naive: &mut Naive, kicks: impl IntoIterator<Item = CpuIndex>) -> Result<(), String> {
    for cpu in kicks {
        if naive.choices(cpu).is_empty() {
            return Err(format!("{cpu} is kicked, and there is nothing for it"));
        }
        naive.cpus[cpu.0].kicked = true;
    }
    Ok(())
}

fn same<T: PartialEq + std::fmt::Debug>(expected: &T, got: &T) -> Result<(), String> {
    if expected == got { Ok(()) } else { Err(format!("{expected:?} is expected, and it is {got:?}")) }
}
