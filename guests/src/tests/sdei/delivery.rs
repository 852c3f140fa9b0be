//! Events that come, and what they leave.

use super::{
    journal::{self, Kind, Order},
    stage::Stage,
};
use crate::{
    cpu,
    sdei::{
        INVALID_PARAMETERS,
        remote::Remote,
        window::{self, Interrupts},
    },
    secondary,
};

/// How often a CPU is looked at until an event finds it within a window.
const ATTEMPTS: u64 = 200;

/// PSTATE without what an FDT's CPU may have beside: N, Z, C, V, D, A, I, F and M.
const PSTATE: u64 = 0xf000_03df;

pub fn once(stage: &mut Stage<'_>) -> Option<()> {
    let (index, argument) = (stage.set.index, stage.random.next());
    stage.listen_here(argument)?;
    for count in 1..=3 {
        let signalled = stage.client.signal(cpu::affinity());
        stage.done("SIGNAL to itself", signalled)?;
        stage.taken(index, Kind::Signalled, count)?;
    }
    let [x1, _, pstate, _] = journal::last(index, Kind::Signalled);
    stage.equal(format_args!("x1"), x1, argument);
    let flags = 0xf << 28;
    stage.equal(format_args!("x3"), pstate & PSTATE & !flags, secondary::PSTATE_AT_ENTRY)
}

/// An event finds the other CPU in a window: PC and PSTATE say so.
fn signal_into_window(stage: &mut Stage<'_>, remote: Remote, order: Order) -> Option<()> {
    for _ in 0..ATTEMPTS {
        let before = journal::taken(remote.index, Kind::Signalled);
        journal::order(remote.index, order);
        let signalled = stage.client.signal(remote.affinity);
        stage.done("SIGNAL", signalled)?;
        stage.taken(remote.index, Kind::Signalled, before + 1)?;
        let [_, pc, ..] = journal::last(remote.index, Kind::Signalled);
        if window::is_inside(pc) {
            return Some(());
        }
    }
    stage.check(false, format_args!("no event finds CPU {} in a window", remote.index))
}

pub fn context(stage: &mut Stage<'_>) -> Option<()> {
    let remote = stage.other()?;
    let argument = stage.random.next();
    stage.listen_there(remote, argument)?;
    for interrupts in [Interrupts::Masked, Interrupts::Unmasked] {
        remote.set_interrupts(interrupts);
        stage.check(remote.pass_window(), format_args!("CPU {} hangs", remote.index))?;
        signal_into_window(stage, remote, Order::ReadContext)?;
        let [x1, _, pstate, _] = journal::last(remote.index, Kind::Signalled);
        stage.equal(format_args!("x1"), x1, argument);
        let daif = if interrupts == Interrupts::Masked { 0xf << 6 } else { 0 };
        let wanted = (remote.seed() & 0xf) << 28 | daif | 5;
        stage.equal(format_args!("x3"), pstate & PSTATE, wanted);
        for (n, number) in (0..18).zip(0..) {
            let wanted = window::register(remote.seed(), number);
            stage.equal(format_args!("CONTEXT of x{n}"), journal::context(remote.index, n), wanted);
        }
        let beyond = journal::result(remote.index);
        stage.equal(format_args!("CONTEXT of x18"), beyond, INVALID_PARAMETERS);
    }
    Some(())
}

/// The windows themselves tell what has changed.
pub fn nothing_changes(stage: &mut Stage<'_>) -> Option<()> {
    let remote = stage.other()?;
    stage.listen_there(remote, 0)?;
    for interrupts in [Interrupts::Masked, Interrupts::Unmasked] {
        remote.set_interrupts(interrupts);
        stage.check(remote.pass_window(), format_args!("CPU {} hangs", remote.index))?;
        for _ in 0..20 {
            signal_into_window(stage, remote, Order::Nothing)?;
        }
        stage.check(remote.pass_window(), format_args!("CPU {} hangs", remote.index))?;
    }
    Some(())
}

pub fn masked(stage: &mut Stage<'_>) -> Option<()> {
    let (client, index) = (stage.client, stage.set.index);
    stage.listen_here(0)?;
    stage.equal(format_args!("PE_MASK"), client.mask(), 1);
    // Three are one: what is pending is pending.
    for _ in 0..3 {
        stage.done("SIGNAL to itself", client.signal(cpu::affinity()))?;
    }
    cpu::spin(20);
    stage.equal(format_args!("events taken while masked"), journal::taken(index, Kind::Signalled), 0);
    stage.done("PE_UNMASK", client.unmask())?;
    stage.taken(index, Kind::Signalled, 1)?;

    // Disabled, likewise.
    stage.done("DISABLE", client.disable(crate::sdei::Event::SIGNALLED))?;
    stage.done("SIGNAL to itself", client.signal(cpu::affinity()))?;
    cpu::spin(20);
    stage.equal(format_args!("events taken while disabled"), journal::taken(index, Kind::Signalled), 1);
    stage.done("ENABLE", client.enable(crate::sdei::Event::SIGNALLED))?;
    stage.taken(index, Kind::Signalled, 2)
}
