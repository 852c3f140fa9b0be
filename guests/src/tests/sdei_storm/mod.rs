//! `sdei_storm`: `events` (2,000) events over four CPUs under load, none lost, none twice, and no register changed.
//!
//! Every CPU opens [`window`](crate::sdei::window)s, in which every register is known, and between two of them does
//! something at random ([`worker`]): raises an event, masks itself, routes an event elsewhere, sleeps, goes off, calls
//! another service. Who raises an event has first taken possession of it ([`ledger`]), and its handler ([`taker`]) gives
//! it back: so that none is raised twice before it was taken, and the numbers are exact.

mod ledger;
mod taker;
mod watch;
mod worker;

pub use self::{taker::handle, worker::storm_as_other};
use crate::{
    console::println,
    cpu, gic,
    machine::Machine,
    sdei::{
        self, Client, Event, INFO_PRIORITY, MAX_CPUS, Routing, faults, handler, is_error,
        lines::{self, Line},
        use_conduit,
    },
    smccc::{Conduit, NOT_SUPPORTED},
    tap::Report,
};
use ledger::LEDGER;

pub fn run(machine: &Machine, conduit: Conduit, report: &mut Report) {
    let events = machine.args.number("events", 2000);
    if let Err(missing) = prepare(machine, conduit, events) {
        report.check(false, format_args!("{missing}"));
        return;
    }
    println!("# sdei_storm begins events={events} conduit={}", conduit.name());
    let start = cpu::ticks();
    let finished = worker::lead(conduit);
    let ms = (cpu::ticks() - start) / cpu::ticks_in_ms(1).max(1);
    report.check(finished, format_args!("the other CPUs do not go off"));
    faults::check(report);
    conclude(events, ms, report);
    put_back(Client::new(conduit), report);
}

/// # Errors
///
/// What is missing.
fn prepare(machine: &Machine, conduit: Conduit, events: u64) -> Result<(), &'static str> {
    let client = Client::new(conduit);
    if client.version() == NOT_SUPPORTED {
        return Err("SDEI_VERSION is NOT_SUPPORTED");
    }
    lines::prepare(machine)?;
    let gic = machine.gic.ok_or("the FDT has no arm,gic-v3 below 1 GiB")?;
    if machine.this_cpu() != Some(0) {
        return Err("this CPU is not the first");
    }
    let cpus = machine.cpus().len().min(MAX_CPUS);
    use_conduit(conduit);
    handler::listen(handler::Listener::Storm);
    faults::clear();
    gic::silence();
    LEDGER.begin(events, &machine.cpus()[..cpus], machine.args.number("seed", 1234), gic);
    watch::begin();
    for line in [Line::Uart, Line::Gpio] {
        let number = client.bind(line.intid());
        if is_error(number) {
            return Err("SDEI_INTERRUPT_BIND does not succeed");
        }
        let event = Event(number);
        let priority = client.info(event, INFO_PRIORITY);
        if (priority == 1) != (line.priority() == sdei::Priority::Critical) {
            return Err("a bound event has not the priority that it should have");
        }
        LEDGER.bind(line, event);
        let registered = client.register(event, line.priority(), ledger::argument(line), Routing::Any);
        if registered != sdei::SUCCESS || client.enable(event) != sdei::SUCCESS {
            return Err("a bound event cannot be registered and enabled");
        }
    }
    Ok(())
}

/// What was raised was taken, kind by kind and CPU by CPU.
fn conclude(events: u64, ms: u64, report: &mut Report) {
    let mut taken = 0;
    for (index, page) in LEDGER.pages() {
        page.print(index);
        taken += page.taken();
        let (signalled, private) = (page.signalled_to.get(), page.private.get());
        report.equal(format_args!("events 0 taken by CPU {index}, of those raised"), private, signalled);
        let arrivals = handler::resumed(index);
        let resumed = arrivals.count.load(core::sync::atomic::Ordering::Acquire);
        let asked = page.resumed.get();
        report.equal(format_args!("arrivals of COMPLETE_AND_RESUME on CPU {index}"), resumed, asked);
        let wrong = arrivals.wrong.load(core::sync::atomic::Ordering::Acquire);
        report.equal(format_args!("wrong arrivals on CPU {index}"), wrong, 0);
    }
    for line in [Line::Uart, Line::Gpio] {
        let raised = LEDGER.raised(line);
        let taken = LEDGER.pages().map(|(_, page)| page.of(line).get()).sum();
        println!("# sdei_storm interrupt={} raised={raised} taken={taken}", line.intid());
        report.equal(
            format_args!("events of interrupt {} taken, of those raised", line.intid()),
            taken,
            raised,
        );
    }
    report.equal(format_args!("events taken"), taken, events);
    let sum = |of: fn(&ledger::Page) -> u64| LEDGER.pages().map(|(_, page)| of(page)).sum::<u64>();
    let (completed, resumed) = (sum(|page| page.completed.get()), sum(|page| page.resumed.get()));
    println!("# sdei_storm events={taken} completed={completed} resumed={resumed} ms={ms}");
}

/// As it was before.
fn put_back(client: Client, report: &mut Report) {
    client.mask();
    report.equal(format_args!("PRIVATE_RESET"), client.reset_private(), sdei::SUCCESS);
    report.equal(format_args!("SHARED_RESET"), client.reset_shared(), sdei::SUCCESS);
    handler::listen(handler::Listener::Sdei);
}
