//! Bound events: where they go, and where their interrupts go.

use super::{
    journal::{self, Kind},
    stage::Stage,
};
use crate::{
    cpu, gic,
    sdei::{
        DENIED, INFO_PRIORITY, INFO_ROUTING_AFFINITY, INFO_ROUTING_MODE, INFO_TYPE, PE_UNMASK, Priority,
        Routing, lines::Line, remote,
    },
};

const LINES: [Line; 2] = [Line::Uart, Line::Gpio];

fn unmask_there(stage: &mut Stage<'_>) -> Option<()> {
    let set = stage.set;
    for other in set.others() {
        let unmasked = stage.on(other, PE_UNMASK, &[])?;
        stage.done("PE_UNMASK there", unmasked)?;
    }
    Some(())
}

pub fn routed(stage: &mut Stage<'_>) -> Option<()> {
    let (client, set) = (stage.client, stage.set);
    unmask_there(stage)?;
    stage.done("PE_UNMASK", client.unmask())?;
    for line in LINES {
        let argument = stage.random.next();
        let event = stage.listen_to(line, argument, Routing::Pe(cpu::affinity()))?;
        stage.equal(format_args!("GET_INFO, type"), client.info(event, INFO_TYPE), 1);
        let critical = u64::from(line.priority() == Priority::Critical);
        stage.equal(format_args!("GET_INFO, priority"), client.info(event, INFO_PRIORITY), critical);
        stage.equal(
            format_args!("ROUTING_SET while enabled"),
            client.set_routing(event, Routing::Any),
            DENIED,
        );
        line.raise();
        stage.taken(set.index, Kind::Bound(line), 1)?;
        for other in set.others() {
            let routing = Routing::Pe(other.affinity);
            stage.done("DISABLE", client.disable(event))?;
            stage.done("ROUTING_SET", client.set_routing(event, routing))?;
            stage.done("ENABLE", client.enable(event))?;
            stage.equal(
                format_args!("GET_INFO, routing"),
                client.info(event, INFO_ROUTING_MODE),
                routing.mode(),
            );
            let affinity = client.info(event, INFO_ROUTING_AFFINITY);
            stage.equal(format_args!("GET_INFO, affinity"), affinity, other.affinity);
            line.raise();
            stage.taken(other.index, Kind::Bound(line), 1)?;
            let [x1, ..] = journal::last(other.index, Kind::Bound(line));
            stage.equal(format_args!("x1"), x1, argument);
        }
        let all = u64::try_from(set.others().count()).unwrap_or(0) + 1;
        stage.equal(format_args!("all of them"), journal::taken_anywhere(Kind::Bound(line)), all);
    }
    Some(())
}

pub fn any(stage: &mut Stage<'_>) -> Option<()> {
    unmask_there(stage)?;
    // This PE is masked: another one takes them.
    let other = stage.other()?;
    let (own, kinds) = (stage.set.index, LINES.map(Kind::Bound));
    for (line, kind) in LINES.into_iter().zip(kinds) {
        stage.listen_to(line, 0, Routing::Any)?;
        for count in 1..=10 {
            line.raise();
            remote::wait(|| journal::taken_anywhere(kind) >= count);
            let taken = journal::taken_anywhere(kind);
            stage.equal(format_args!("events taken by any CPU"), taken, count)?;
        }
        stage.equal(format_args!("events taken by a PE that is masked"), journal::taken(own, kind), 0);
    }
    stage.check(other.pass_window(), format_args!("CPU {} hangs", other.index))
}

pub fn released(stage: &mut Stage<'_>) -> Option<()> {
    let (client, gic) = (stage.client, stage.set.gic);
    for line in LINES {
        let intid = line.intid();
        gic::set_level_sensitive(gic, intid);
        let pending = |wanted: bool| {
            cpu::poll(1000, || (gic::is_pending(gic, intid) == wanted).then_some(())).is_some()
        };
        let event = stage.listen_to(line, 0, Routing::Any)?;
        line.raise();
        cpu::spin(10);
        stage.check(pending(false), format_args!("{intid} is bound, and pending in the GIC"));
        line.lower();
        stage.equal(format_args!("RELEASE of what is registered"), client.release(event), DENIED);
        stage.done("UNREGISTER", client.unregister(event))?;
        stage.done("RELEASE", client.release(event))?;
        stage.equal(
            format_args!("STATUS of an event that is released"),
            client.status(event),
            crate::sdei::INVALID_PARAMETERS,
        );
        line.raise();
        stage.check(pending(true), format_args!("{intid} is released, and not pending in the GIC"));
        stage.equal(format_args!("BIND of what is pending"), client.bind(intid), DENIED);
        line.lower();
        stage.check(pending(false), format_args!("{intid} stays pending in the GIC"));
    }
    Some(())
}
