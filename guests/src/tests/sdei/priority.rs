//! Handlers within handlers.

use super::{
    journal::{self, Kind, Order},
    stage::Stage,
};
use crate::{
    cpu,
    sdei::{Routing, lines::Line},
};

const NORMAL: Kind = Kind::Bound(Line::Uart);
const CRITICAL: Kind = Kind::Bound(Line::Gpio);

/// Both bound events come to this CPU.
fn listen(stage: &mut Stage<'_>) -> Option<()> {
    let here = Routing::Pe(cpu::affinity());
    stage.listen_here(0)?;
    stage.listen_to(Line::Uart, 1, here)?;
    stage.listen_to(Line::Gpio, 2, here)?;
    Some(())
}

pub fn critical_in_normal(stage: &mut Stage<'_>) -> Option<()> {
    let (client, index) = (stage.client, stage.set.index);
    listen(stage)?;
    journal::order(index, Order::Raise(Line::Gpio));
    stage.done("SIGNAL to itself", client.signal(cpu::affinity()))?;
    stage.taken(index, Kind::Signalled, 1)?;
    stage.taken(index, CRITICAL, 1)?;
    stage.equal(
        format_args!("the critical event was taken within the handler"),
        journal::result(index),
        1,
    )?;
    let ([_, _, _, outer], [_, _, _, inner]) =
        (journal::last(index, Kind::Signalled), journal::last(index, CRITICAL));
    stage.check(outer != inner, format_args!("SP was {inner:#x} within the handler and outside of it"));

    journal::order(index, Order::Raise(Line::Gpio));
    Line::Uart.raise();
    stage.taken(index, NORMAL, 1)?;
    stage.taken(index, CRITICAL, 2)?;
    stage.equal(format_args!("likewise within the handler of a bound event"), journal::result(index), 1)
}

pub fn normal_waits(stage: &mut Stage<'_>) -> Option<()> {
    let (client, index) = (stage.client, stage.set.index);
    listen(stage)?;
    journal::order(index, Order::Signal);
    Line::Gpio.raise();
    stage.taken(index, CRITICAL, 1)?;
    stage.taken(index, Kind::Signalled, 1)?;
    stage.equal(format_args!("event 0 was taken within a critical handler"), journal::result(index), 0);

    journal::order(index, Order::Raise(Line::Uart));
    stage.done("SIGNAL to itself", client.signal(cpu::affinity()))?;
    stage.taken(index, Kind::Signalled, 2)?;
    stage.taken(index, NORMAL, 1)?;
    stage.equal(format_args!("a normal event was taken within a normal handler"), journal::result(index), 0);

    journal::order(index, Order::Signal);
    stage.done("SIGNAL to itself", client.signal(cpu::affinity()))?;
    stage.taken(index, Kind::Signalled, 4)?;
    stage.equal(format_args!("event 0 was taken within its own handler"), journal::result(index), 0)
}
