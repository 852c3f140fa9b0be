//! What calls return, while there are no events.

use super::stage::Stage;
use crate::sdei::{
    DENIED, ENABLED, Event, INFO_PRIORITY, INFO_SIGNALABLE, INFO_TYPE, INVALID_PARAMETERS, PE_MASK, Priority,
    REGISTERED, Routing,
};

/// Major version 1 in bits 62 to 48, minor version 1 in bits 47 to 32.
const VERSION_1_1: u64 = 1 << 48 | 1 << 32;

/// Not masked before, says PE_MASK.
const WAS_MASKED: u64 = 0;
const WAS_UNMASKED: u64 = 1;

pub fn version_and_mask(stage: &mut Stage<'_>) -> Option<()> {
    let client = stage.client;
    // Bits 31 to 0 are the vendor's.
    stage.equal(format_args!("SDEI_VERSION"), client.version() & !0xffff_ffff, VERSION_1_1);
    stage.equal(format_args!("PE_MASK at first"), client.mask(), WAS_MASKED);
    let set = stage.set;
    for remote in set.others() {
        let mask = stage.on(remote, PE_MASK, &[])?;
        stage.equal(format_args!("PE_MASK at first, on CPU {}", remote.index), mask, WAS_MASKED);
    }
    stage.done("PE_UNMASK", client.unmask());
    stage.equal(format_args!("PE_MASK of what is unmasked"), client.mask(), WAS_UNMASKED);
    stage.equal(format_args!("PE_MASK again"), client.mask(), WAS_MASKED)
}

pub fn event_0(stage: &mut Stage<'_>) -> Option<()> {
    let (client, event) = (stage.client, Event::SIGNALLED);
    // 0: private; software signals it; normal.
    for (what, info) in [("type", INFO_TYPE), ("signalable", INFO_SIGNALABLE), ("priority", INFO_PRIORITY)] {
        stage.equal(format_args!("GET_INFO of event 0, {what}"), client.info(event, info), 0);
    }
    stage.equal(format_args!("STATUS at first"), client.status(event), 0);
    stage.done("REGISTER", client.register(event, Priority::Normal, 0, Routing::Any));
    stage.equal(format_args!("STATUS after REGISTER"), client.status(event), REGISTERED);
    stage.done("ENABLE", client.enable(event));
    stage.equal(format_args!("STATUS after ENABLE"), client.status(event), REGISTERED | ENABLED);
    stage.done("DISABLE", client.disable(event));
    stage.equal(format_args!("STATUS after DISABLE"), client.status(event), REGISTERED);
    stage.done("UNREGISTER", client.unregister(event));
    stage.equal(format_args!("STATUS after UNREGISTER"), client.status(event), 0)
}

pub fn denied(stage: &mut Stage<'_>) -> Option<()> {
    let (client, event) = (stage.client, Event::SIGNALLED);
    stage.equal(format_args!("ENABLE of what is not registered"), client.enable(event), DENIED);
    stage.equal(format_args!("DISABLE of what is not registered"), client.disable(event), DENIED);
    stage.equal(format_args!("UNREGISTER of what is not registered"), client.unregister(event), DENIED);
    stage.equal(format_args!("CONTEXT outside a handler"), client.context(0), DENIED);
    stage.equal(format_args!("COMPLETE outside a handler"), client.complete(), DENIED);
    let resume = client.complete_and_resume(0x4000_0000);
    stage.equal(format_args!("COMPLETE_AND_RESUME outside a handler"), resume, DENIED);
    let absent = client.register(Event(1), Priority::Normal, 0, Routing::Any);
    stage.equal(format_args!("REGISTER of an event that is not there"), absent, INVALID_PARAMETERS);
    stage.done("REGISTER", client.register(event, Priority::Normal, 0, Routing::Any));
    let twice = client.register(event, Priority::Normal, 0, Routing::Any);
    stage.equal(format_args!("REGISTER twice"), twice, DENIED);
    let routed = client.set_routing(event, Routing::Any);
    stage.equal(format_args!("ROUTING_SET of a private event"), routed, INVALID_PARAMETERS);
    stage.equal(format_args!("SIGNAL to nobody"), client.signal(0x00fe_fefe), INVALID_PARAMETERS);
    // A PPI is KVM's, and shown to nobody.
    stage.equal(format_args!("BIND of a PPI"), client.bind(27), INVALID_PARAMETERS)
}
