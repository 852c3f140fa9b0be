//! Events and the power states of CPUs.

use super::{
    journal::{self, Kind},
    stage::Stage,
};
use crate::{
    cpu, psci,
    sdei::{
        ENABLED, EVENT_STATUS, PE_MASK, PE_UNMASK, REGISTERED, Routing,
        lines::Line,
        remote::{self, Command, Remote},
    },
    tests::suspend::{POWER_DOWN, STANDBY},
};

/// A CPU that does nothing is signalled again after so long: it may have been on its way there yet.
const AGAIN_MS: u64 = 500;
const AGAIN: u64 = 20;

pub fn off(stage: &mut Stage<'_>) -> Option<()> {
    let other = stage.other()?;
    stage.listen_there(other, 0)?;
    let event = stage.listen_to(Line::Uart, 0, Routing::Pe(other.affinity))?;
    stage.restart(other)?;
    let private = stage.on(other, EVENT_STATUS, &[0])?;
    stage.equal(format_args!("STATUS of event 0 after CPU_OFF"), private, 0);
    let shared = stage.client.status(event);
    stage.equal(format_args!("STATUS of a shared event after CPU_OFF"), shared, REGISTERED | ENABLED);
    let masked = stage.on(other, PE_MASK, &[])?;
    stage.equal(format_args!("PE_MASK after CPU_OFF"), masked, 0);
    // What is routed to it waits for it.
    Line::Uart.raise();
    cpu::spin(20);
    let taken = journal::taken_anywhere(Kind::Bound(Line::Uart));
    stage.equal(format_args!("events of a PE that is masked"), taken, 0);
    let unmasked = stage.on(other, PE_UNMASK, &[])?;
    stage.done("PE_UNMASK there", unmasked)?;
    stage.taken(other.index, Kind::Bound(Line::Uart), 1)?;

    stage.listen_there(other, 0)?;
    let signalled = stage.client.signal(other.affinity);
    stage.done("SIGNAL", signalled)?;
    stage.taken(other.index, Kind::Signalled, 1)
}

/// The CPU does something that only an event ends.
fn until_an_event(stage: &mut Stage<'_>, other: Remote, command: Command) -> Option<u64> {
    other.post(command);
    for _ in 0..AGAIN {
        cpu::spin(20);
        let signalled = stage.client.signal(other.affinity);
        stage.done("SIGNAL", signalled)?;
        if let Some(reply) = cpu::poll(AGAIN_MS, || other.reply()) {
            return Some(reply);
        }
    }
    stage.check(false, format_args!("no event wakes CPU {}", other.index))?;
    None
}

pub fn suspend(stage: &mut Stage<'_>) -> Option<()> {
    let other = stage.other()?;
    stage.listen_there(other, 0)?;
    for (name, power_state) in [("standby", STANDBY), ("power-down", POWER_DOWN)] {
        for round in 0..3 {
            let reply = until_an_event(stage, other, Command::Suspend(power_state))?;
            let by = if reply == remote::RESUMED { "at its entry point" } else { "by return" };
            stage.equal(format_args!("{name}, ended {by} in round {round}"), reply, psci::SUCCESS)?;
        }
        stage.check(other.pass_window(), format_args!("CPU {} hangs after {name}", other.index))?;
    }
    Some(())
}

pub fn wait(stage: &mut Stage<'_>) -> Option<()> {
    let other = stage.other()?;
    stage.listen_there(other, 0)?;
    for _ in 0..3 {
        until_an_event(stage, other, Command::Wait)?;
        let [_, pc, ..] = journal::last(other.index, Kind::Signalled);
        stage.check(remote::is_waiting(pc), format_args!("the event came at {pc:#x}, not at the WFI"))?;
    }
    stage.check(other.pass_window(), format_args!("CPU {} hangs after WFI", other.index))
}
