//! How handlers end.

use core::sync::atomic::Ordering;

use super::{
    journal::{self, Kind, Order},
    stage::Stage,
};
use crate::{
    cpu,
    sdei::{DENIED, Event, PENDING, Priority, Routing, handler, remote, window::Interrupts},
    secondary,
};

pub fn resume(stage: &mut Stage<'_>) -> Option<()> {
    let remote = stage.other()?;
    stage.listen_there(remote, 0)?;
    remote.set_interrupts(Interrupts::Unmasked);
    stage.check(remote.pass_window(), format_args!("CPU {} hangs", remote.index))?;
    let resumed = handler::resumed(remote.index);
    let count = || resumed.count.load(Ordering::Acquire);
    let (before, wrong) = (count(), resumed.wrong.load(Ordering::Acquire));
    let mut signals = 0;
    // Where PSTATE.I is set, between windows, a handler only completes.
    while count() < before + 20 && signals < 400 {
        journal::resume(remote.index);
        signals += 1;
        let signalled = stage.client.signal(remote.affinity);
        stage.done("SIGNAL", signalled)?;
        stage.taken(remote.index, Kind::Signalled, signals)?;
    }
    stage.check(remote.pass_window(), format_args!("CPU {} hangs", remote.index))?;
    stage.check(count() >= before + 20, format_args!("{} of {signals} were resumed", count() - before))?;
    let now_wrong = resumed.wrong.load(Ordering::Acquire);
    let (elr, spsr) = (resumed.elr.load(Ordering::Acquire), resumed.spsr.load(Ordering::Acquire));
    let what = format_args!("arrivals with other than PC and PSTATE; the last has {elr:#x} and {spsr:#x}");
    stage.equal(what, now_wrong, wrong);
    let pstate = resumed.pstate.load(Ordering::Acquire);
    stage.equal(format_args!("PSTATE on arrival"), pstate, secondary::PSTATE_AT_ENTRY)
}

pub fn unregister(stage: &mut Stage<'_>) -> Option<()> {
    let (client, index) = (stage.client, stage.set.index);
    stage.listen_here(0)?;
    journal::order(index, Order::Unregister);
    stage.done("SIGNAL to itself", client.signal(cpu::affinity()))?;
    stage.taken(index, Kind::Signalled, 1)?;
    stage.equal(format_args!("UNREGISTER in the handler"), journal::result(index), PENDING);
    let gone = remote::wait(|| client.status(Event::SIGNALLED) == 0);
    stage.check(gone, format_args!("STATUS afterwards: {:#x}", client.status(Event::SIGNALLED)))?;
    stage.equal(format_args!("ENABLE afterwards"), client.enable(Event::SIGNALLED), DENIED);
    let again = client.register(Event::SIGNALLED, Priority::Normal, 0, Routing::Any);
    stage.done("REGISTER afterwards", again)?;
    stage.done("ENABLE", client.enable(Event::SIGNALLED))?;
    stage.done("SIGNAL to itself", client.signal(cpu::affinity()))?;
    stage.taken(index, Kind::Signalled, 2)
}
