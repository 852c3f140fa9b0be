//! The tests, and which of them run.

mod bench;
mod conformance;
mod count;
mod cpu_disabled;
mod cpu_freeze;
pub mod cpu_on;
pub mod cpu_on_race;
mod denied;
mod external;
pub mod hammer;
mod ids;
mod implementations;
mod pages;
mod power;
mod psci_basic;
mod psci_optional;
mod ptp;
pub mod pv_time;
pub mod sdei;
pub mod sdei_storm;
mod stride;
pub mod suspend;
mod system_suspend;
mod trng;
mod watchdog;

use self::conformance::Selection;
use crate::{console::println, machine::Machine, smccc::Conduit, tap::Report};

/// A test: one point over one conduit.
struct Test {
    name: &'static str,
    conduits: Conduits,
    run: fn(&Machine, Conduit, &mut Report),
}

/// The test that is not in the list, because each of its cases is a point. Nor is [`hammer`], of which each CPU is one, nor
/// [`sdei`], of which each statement is one.
const CONFORMANCE: &str = "conformance";

/// Over which conduits a test runs.
#[derive(Clone, Copy)]
enum Conduits {
    /// Both, unless the command line names one: one point each.
    Both,
    /// The command line's, or else the FDT's.
    One,
    /// SMC, whatever the command line says.
    Smc,
}

const TESTS: [Test; 25] = [
    Test { name: "psci_basic", conduits: Conduits::Both, run: psci_basic::run },
    Test { name: "psci_optional", conduits: Conduits::Both, run: psci_optional::run },
    Test { name: "denied", conduits: Conduits::Both, run: denied::run },
    Test { name: "pages", conduits: Conduits::Both, run: pages::run },
    Test { name: "stride", conduits: Conduits::Both, run: stride::run },
    Test { name: "cpu_on", conduits: Conduits::One, run: cpu_on::run },
    Test { name: "cpu_on_race", conduits: Conduits::One, run: cpu_on_race::run },
    Test { name: "cpu_disabled", conduits: Conduits::Both, run: cpu_disabled::run },
    Test { name: "cpu_freeze", conduits: Conduits::One, run: cpu_freeze::run },
    Test { name: "suspend", conduits: Conduits::One, run: suspend::run },
    Test { name: "system_suspend", conduits: Conduits::One, run: system_suspend::run },
    Test { name: "trng", conduits: Conduits::Both, run: trng::run },
    Test { name: "ptp", conduits: Conduits::Both, run: ptp::run },
    Test { name: "implementations", conduits: Conduits::Both, run: implementations::run },
    Test { name: "pv_time", conduits: Conduits::Both, run: pv_time::run },
    Test { name: "watchdog", conduits: Conduits::Smc, run: watchdog::run },
    Test { name: "sdei_storm", conduits: Conduits::Both, run: sdei_storm::run },
    Test { name: "external", conduits: Conduits::One, run: external::run },
    Test { name: "bench", conduits: Conduits::One, run: bench::run },
    Test { name: "count", conduits: Conduits::One, run: count::run },
    Test { name: "reset", conduits: Conduits::One, run: power::reset },
    Test { name: "off", conduits: Conduits::One, run: power::off },
    Test { name: "hibernate", conduits: Conduits::One, run: power::hibernate },
    Test { name: "reset_memory", conduits: Conduits::One, run: power::reset_memory },
    Test { name: "exception", conduits: Conduits::One, run: power::exception },
];

const BOTH: [Conduit; 2] = [Conduit::Hvc, Conduit::Smc];

/// Runs what `test=` names, in that order.
pub fn run(machine: &Machine) {
    let Some(names) = machine.args.value("test") else {
        return println!("Bail out! No test= on the command line");
    };
    let special = [CONFORMANCE, hammer::NAME, sdei::NAME];
    let unknown = names.split(',').find(|name| find(name).is_none() && !special.contains(name));
    if let Some(name) = unknown {
        return println!("Bail out! No test is called {name}");
    }
    let named = machine.args.value("conduit").and_then(Conduit::from_name);
    let one = named.or_else(Conduit::default);
    let Some(one) = one else {
        return println!("Bail out! Neither /psci nor the command line names a conduit");
    };
    let conduits = match machine.args.value("conduit") {
        None | Some("both") => &BOTH[..],
        Some(name) => match BOTH.iter().position(|conduit| conduit.name() == name) {
            Some(at) => &BOTH[at..=at],
            None => return println!("Bail out! No conduit is called {name}"),
        },
    };
    run_selected(machine, names, conduits, one);
}

fn run_selected(machine: &Machine, names: &str, both: &[Conduit], one: Conduit) {
    let any_firmware = machine.args.value("psci") == Some("any");
    let selected = match names.split(',').any(|name| name == CONFORMANCE) {
        true => Selection::of(machine),
        false => Ok(Selection::NOTHING),
    };
    let cases = match selected {
        Ok(cases) => cases,
        Err(name) => return println!("Bail out! No service is called {name}"),
    };
    let only = [one];
    let conduits = |test: &Test| match test.conduits {
        Conduits::Both => both,
        Conduits::One => &only,
        Conduits::Smc => &[Conduit::Smc],
    };
    let points = |name| match find(name) {
        Some(test) => conduits(test).len(),
        None if name == hammer::NAME => hammer::cpus(machine).count(),
        None if name == sdei::NAME => sdei::points(both),
        None => cases.points(both).count(),
    };
    println!("1..{}", names.split(',').map(points).sum::<usize>());
    let mut numbers = 1..;
    let mut number = || numbers.next().unwrap_or(usize::MAX);
    for name in names.split(',') {
        if name == hammer::NAME {
            hammer::run(machine, both, one, &mut number);
            continue;
        }
        if name == sdei::NAME {
            sdei::run(machine, both, &mut number);
            continue;
        }
        let Some(test) = find(name) else {
            for (service, case, conduit) in cases.points(both) {
                conformance::run_case(machine, number(), service, &case, conduit);
            }
            continue;
        };
        for &conduit in conduits(test) {
            let mut report = Report::new(any_firmware);
            (test.run)(machine, conduit, &mut report);
            report.print(number(), format_args!("{} ({})", test.name, conduit.name()));
        }
    }
}

fn find(name: &str) -> Option<&'static Test> {
    const { &TESTS }.iter().find(|test| test.name == name)
}
