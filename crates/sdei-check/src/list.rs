//! The mistakes.

/// In the source of the state machine, a text becomes another.
#[derive(Debug, Clone, Copy)]
pub struct Change {
    /// What is there.
    pub from: &'static str,
    /// What is there instead.
    pub to: &'static str,
    /// How often it is there, in all files.
    pub times: usize,
}

/// A mistake.
#[derive(Debug, Clone, Copy)]
pub struct Mutant {
    /// What is wrong.
    pub mistake: &'static str,
    /// What makes it so.
    pub changes: &'static [Change],
}

const fn mutant(mistake: &'static str, changes: &'static [Change]) -> Mutant {
    Mutant { mistake, changes }
}

/// A change of a text that is there once.
const fn change(from: &'static str, to: &'static str) -> Change {
    Change { from, to, times: 1 }
}

/// All of them.
pub const MUTANTS: &[Mutant] = &[
    // What is called.
    mutant(
        "a handler that is registered can be registered again",
        &[change(
            "if handler.registration.is_some() || handler.running.is_some() {\n            return Err(Status::DENIED);\n        }\n        let Request",
            "if handler.running.is_some() {\n            return Err(Status::DENIED);\n        }\n        let Request",
        )],
    ),
    mutant(
        "a handler whose unregistration is pending can be registered again",
        &[change(
            "if handler.registration.is_some() || handler.running.is_some() {\n            return Err(Status::DENIED);\n        }\n        let Request",
            "if handler.registration.is_some() {\n            return Err(Status::DENIED);\n        }\n        let Request",
        )],
    ),
    mutant(
        "an event is enabled once it is registered",
        &[change(
            "routing, enablement: Enablement::Disabled }",
            "routing, enablement: Enablement::Enabled }",
        )],
    ),
    mutant(
        "unregistering a handler that runs is SUCCESS",
        &[change("            return Err(Status::PENDING);\n", "            return Ok(());\n")],
    ),
    mutant(
        "a handler that runs is still registered after it was unregistered",
        &[change(
            "            handler.forget();\n            return Err(Status::PENDING);",
            "            return Err(Status::PENDING);",
        )],
    ),
    mutant(
        "what is pending survives an unregistration",
        &[change(
            "        self.registration = None;\n        self.pending = Pending::No;\n",
            "        self.registration = None;\n",
        )],
    ),
    mutant(
        "the routing of an enabled event can be set",
        &[change(
            "if handler.running.is_none() && registration.enablement == Enablement::Disabled =>",
            "if handler.running.is_none() =>",
        )],
    ),
    mutant(
        "the routing of an event that runs can be set",
        &[change(
            "if handler.running.is_none() && registration.enablement == Enablement::Disabled =>",
            "if registration.enablement == Enablement::Disabled =>",
        )],
    ),
    mutant(
        "a private event is routed to any CPU",
        &[change("EventKind::Private => Routing::Pe(caller),", "EventKind::Private => Routing::Any,")],
    ),
    mutant(
        "a reset forgets handlers that run",
        &[change(
            "        if self.events.iter().any(runs) {\n",
            "        if self.events.is_empty() && self.events.iter().any(runs) {\n",
        )],
    ),
    mutant(
        "a shared reset releases no interrupt",
        &[change(
            "            if let Origin::Interrupt { binding, .. } = &mut event.origin {\n                *binding = Binding::Free;",
            "            if let Origin::Interrupt { binding, .. } = &mut event.origin {\n                let _ = binding;",
        )],
    ),
    mutant(
        "an interrupt whose event is registered can be released",
        &[change(
            "        if handler.registration.is_some() || handler.running.is_some() {\n            return Err(Status::DENIED);\n        }\n        *binding",
            "        if handler.running.is_some() {\n            return Err(Status::DENIED);\n        }\n        *binding",
        )],
    ),
    mutant(
        "an interrupt whose event's unregistration is pending can be released",
        &[change(
            "        if handler.registration.is_some() || handler.running.is_some() {\n            return Err(Status::DENIED);\n        }\n        *binding",
            "        if handler.registration.is_some() {\n            return Err(Status::DENIED);\n        }\n        *binding",
        )],
    ),
    mutant(
        "an interrupt whose line is high can be bound",
        &[change(
            "            if *level == Level::High {\n",
            "            if *level == Level::High && false {\n",
        )],
    ),
    mutant(
        "SDEI_PE_UNMASK masks",
        &[change("self.pes[caller.0].mask = Mask::Unmasked;", "self.pes[caller.0].mask = Mask::Masked;")],
    ),
    mutant(
        "SDEI_PE_MASK is always 1",
        &[change("            Mask::Masked => 0,\n", "            Mask::Masked => 1,\n")],
    ),
    mutant(
        "a signal to a CPU that listens not is kept",
        &[change(
            "        if handler.registration.is_some() {\n            handler.pending = Pending::Yes;\n        }\n",
            "        handler.pending = Pending::Yes;\n",
        )],
    ),
    // What is taken.
    mutant(
        "a normal event interrupts a normal one",
        &[change(
            "Priority::Normal => pe.normal.is_none() && pe.critical.is_none(),",
            "Priority::Normal => pe.critical.is_none(),",
        )],
    ),
    mutant(
        "a normal event interrupts a critical one",
        &[change(
            "Priority::Normal => pe.normal.is_none() && pe.critical.is_none(),",
            "Priority::Normal => pe.normal.is_none(),",
        )],
    ),
    mutant(
        "a critical event does not interrupt a normal one",
        &[change(
            "Priority::Critical => pe.critical.is_none(),",
            "Priority::Critical => pe.critical.is_none() && pe.normal.is_none(),",
        )],
    ),
    mutant(
        "a critical event interrupts a critical one",
        &[change("Priority::Critical => pe.critical.is_none(),", "Priority::Critical => true,")],
    ),
    mutant(
        "a masked CPU takes critical events",
        &[change(
            "is_free && pe.mask == Mask::Unmasked",
            "is_free && (pe.mask == Mask::Unmasked || priority == Priority::Critical)",
        )],
    ),
    mutant(
        "a normal event is taken before a critical one",
        &[change(
            "[Priority::Critical, Priority::Normal]\n            .into_iter()",
            "[Priority::Normal, Priority::Critical]\n            .into_iter()",
        )],
    ),
    mutant(
        "an event that is disabled is taken",
        &[change("let is_ready = handler.is_enabled() && handler.running", "let is_ready = handler.running")],
    ),
    mutant(
        "an event whose handler runs elsewhere is taken",
        &[change(
            "handler.is_enabled() && handler.running.is_none() && self.is_pending",
            "handler.is_enabled() && self.is_pending",
        )],
    ),
    mutant(
        "an event that is taken is still pending",
        &[change(
            "        handler.pending = Pending::No;\n        handler.running = Some(cpu);",
            "        handler.running = Some(cpu);",
        )],
    ),
    mutant(
        "an event for one CPU is taken by any",
        &[change(
            "Some(Routing::Pe(cpu)) => cpu.0..cpu.0 + 1,",
            "Some(Routing::Pe(_)) => 0..self.pes.len(),",
        )],
    ),
    mutant(
        "the level of an interrupt that is not bound is an event",
        &[
            change(
                "binding == Binding::Bound && level == Level::High,",
                "{ let _ = binding; level == Level::High }",
            ),
            change(
                "position(|event| event.description.number == number && event.exists())",
                "position(|event| event.description.number == number)",
            ),
        ],
    ),
    mutant(
        "a level that has fallen is still pending",
        &[change("            *level = new;\n", "            if new == Level::High { *level = new; }\n")],
    ),
    // What is completed.
    mutant(
        "the normal handler is completed before the critical one above it",
        &[change(
            "pe.critical.take().or_else(|| pe.normal.take())",
            "pe.normal.take().or_else(|| pe.critical.take())",
        )],
    ),
    mutant(
        "the context is that of the normal handler while the critical one runs",
        &[change("pe.critical.or(pe.normal).map(", "pe.normal.or(pe.critical).map(")],
    ),
    mutant(
        "completion ends all handlers of the CPU",
        &[change(
            "        Ok(active.context)\n",
            "        let pe = &mut self.pes[caller.0]; pe.normal = None;\n        Ok(active.context)\n",
        )],
    ),
    mutant(
        "an event that was completed still runs",
        &[change("        self.event_mut(active.event)?.handler_mut(caller).running = None;\n", "")],
    ),
    mutant(
        "completion makes the event pending again",
        &[change(
            "        self.event_mut(active.event)?.handler_mut(caller).running = None;\n",
            "        let handler = self.event_mut(active.event)?.handler_mut(caller); handler.running = None; if handler.registration.is_some() { handler.pending = Pending::Yes; }\n",
        )],
    ),
    // CPUs that go off.
    mutant(
        "a CPU that goes off stays unmasked",
        &[change(
            "self.pes[cpu.0] = Pe::default();",
            "self.pes[cpu.0] = Pe { mask: self.pes[cpu.0].mask, ..Pe::default() };",
        )],
    ),
    mutant(
        "what is private to a CPU survives that it goes off",
        &[change(
            "EventKind::Private => *handler = Handler::default(),",
            "EventKind::Private => handler.running = None,",
        )],
    ),
    mutant(
        "a shared handler on a CPU that goes off runs for ever",
        &[change(
            "EventKind::Shared if handler.running == Some(cpu) => handler.running = None,",
            "EventKind::Shared if handler.running == Some(cpu) => {}",
        )],
    ),
    mutant(
        "a CPU that goes off ends shared handlers of others",
        &[change(
            "EventKind::Shared if handler.running == Some(cpu) => handler.running = None,",
            "EventKind::Shared if handler.running.is_some() => handler.running = None,",
        )],
    ),
    mutant(
        "a CPU that goes off is still due",
        &[change(
            "self.pes[cpu.0] = Pe::default();",
            "self.pes[cpu.0] = Pe { kick: self.pes[cpu.0].kick, ..Pe::default() };",
        )],
    ),
    // Who is kicked.
    mutant(
        "a CPU that has taken an event is still due",
        &[change("        self.pes[cpu.0].kick = Kick::None;\n        let event", "        let event")],
    ),
    mutant(
        "a CPU that has found nothing is still due",
        &[change(
            "        if !found {\n            self.pes[cpu.0].kick = Kick::None;",
            "        if false {\n            self.pes[cpu.0].kick = Kick::None;",
        )],
    ),
    mutant(
        "nobody is kicked for a level",
        &[change("        self.attend(index, 0, None)\n", "        None\n")],
    ),
    mutant(
        "whoever is due, nobody else is kicked",
        &[change(
            "if self.takers(index, place).any(|cpu| self.pes[cpu.0].kick == Kick::Due)",
            "if self.pes.iter().any(|pe| pe.kick == Kick::Due)",
        )],
    ),
    mutant(
        "the last CPU that can take an event is kicked, if it is the first",
        &[change(
            "                let taker = self.takers(index, place).next();",
            "                let taker = self.takers(index, place).next().filter(|cpu| cpu.0 == 0);",
        )],
    ),
    mutant(
        "there is room for one kick",
        &[change("struct Kicks([Option<CpuIndex>; 3])", "struct Kicks([Option<CpuIndex>; 1])")],
    ),
    mutant(
        "who is preferred is kicked though it cannot take the event",
        &[change(
            "        self.pes[taker.0].kick = Kick::Due;\n        Some(taker)",
            "        let taker = preferred.unwrap_or(taker);\n        self.pes[taker.0].kick = Kick::Due;\n        Some(taker)",
        )],
    ),
    mutant(
        "an event that nobody has enabled can be raised",
        &[change(
            "        if !handler.is_enabled() {\n            return Err(NotSignalled::NotEnabled);\n        }\n",
            "",
        )],
    ),
    mutant(
        "a private event without a CPU goes to the first",
        &[change(
            "            .find(at_once)\n            .or_else",
            "            .find(|&cpu| at_once(&cpu) && cpu == 0)\n            .or_else",
        )],
    ),
];
