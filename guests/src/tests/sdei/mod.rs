//! `sdei`: events (Arm DEN0054, version 1.1) as a guest's CPUs find them, a point for each statement and conduit.
//!
//! The first CPU raises events and looks; up to three others open [`window`]s, in which every register is known, and do as
//! they are told.

mod calls;
mod delivery;
mod ending;
mod journal;
mod power;
mod priority;
mod routing;
mod stage;

pub use self::journal::handle;
use self::stage::Stage;
use crate::{
    machine::Machine,
    sdei::{faults, handler, lines, use_conduit},
    smccc::Conduit,
    tap::Report,
};

pub const NAME: &str = "sdei";

/// What a point says, and how it is found. `None`: it is no use to go on with it; why was reported.
struct Statement {
    sentence: &'static str,
    check: fn(&mut Stage<'_>) -> Option<()>,
}

const STATEMENTS: [Statement; 17] = [
    Statement { sentence: "version 1.1, and every PE starts masked", check: calls::version_and_mask },
    Statement { sentence: "event 0 is private, normal and signalled by software", check: calls::event_0 },
    Statement { sentence: "calls in the wrong state are denied", check: calls::denied },
    Statement {
        sentence: "an event runs its handler once, and says what it interrupted",
        check: delivery::once,
    },
    Statement { sentence: "CONTEXT is x0 to x17 as they were in the window", check: delivery::context },
    Statement { sentence: "no register changes under 40 events", check: delivery::nothing_changes },
    Statement { sentence: "a masked PE keeps a signal until it is unmasked", check: delivery::masked },
    Statement { sentence: "COMPLETE_AND_RESUME arrives with ELR and SPSR", check: ending::resume },
    Statement { sentence: "a handler that unregisters itself completes first", check: ending::unregister },
    Statement {
        sentence: "a critical event interrupts a normal handler",
        check: priority::critical_in_normal,
    },
    Statement { sentence: "a normal event interrupts no handler", check: priority::normal_waits },
    Statement { sentence: "a bound event is taken where it is routed to", check: routing::routed },
    Statement { sentence: "any CPU takes an event for any", check: routing::any },
    Statement { sentence: "a released interrupt is the GIC's again", check: routing::released },
    Statement { sentence: "CPU_OFF masks, and unregisters what is private", check: power::off },
    Statement { sentence: "an event ends CPU_SUSPEND with SUCCESS", check: power::suspend },
    Statement { sentence: "an event interrupts WFI", check: power::wait },
];

pub const fn points(conduits: &[Conduit]) -> usize {
    STATEMENTS.len() * conduits.len()
}

pub fn run(machine: &Machine, conduits: &[Conduit], mut number: impl FnMut() -> usize) {
    let missing = lines::prepare(machine).err();
    for &conduit in conduits {
        use_conduit(conduit);
        handler::listen(handler::Listener::Sdei);
        faults::clear();
        let stage = match missing {
            None => Stage::open(machine, conduit),
            Some(missing) => Err(missing),
        };
        for statement in &STATEMENTS {
            let mut report = Report::new(machine.args.value("psci") == Some("any"));
            match &stage {
                Ok(stage) => {
                    let mut stage = stage.with(&mut report);
                    let _ = (statement.check)(&mut stage);
                    stage.reset();
                    faults::check(&mut report);
                }
                Err(missing) => {
                    report.check(false, format_args!("{missing}"));
                }
            }
            report.print(number(), format_args!("sdei: {} ({})", statement.sentence, conduit.name()));
        }
        if let Ok(stage) = stage {
            stage.close();
        }
    }
}
