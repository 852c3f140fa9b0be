//! A policy that has been read, checked and compiled.

use core::fmt;

use serde::Serialize;
use switchboard_smccc::{Conduit, FunctionId};

use crate::{
    assign::{Assigned, assign, decided},
    decide::{Cells, Denials, decide, lower},
    file::Mode,
    finding::Findings,
    kvm, lint,
    plan::{Plan, Router, settings},
    read::{Text, read},
    registers::{Answered, FirmwareRegisters, bits},
    rule::{Rule, RuleId},
    services::Services,
    source::{Place, Source},
};

/// A policy without errors: what it says, the plan that does it, and what is worth knowing.
#[derive(Debug)]
pub struct Policy {
    pub(crate) text: Text,
    pub(crate) assigned: Assigned,
    pub(crate) cells: Cells,
    pub(crate) services: Services,
    plan: Plan,
    findings: Findings,
}

/// A policy with errors: there is no plan for it. [`Display`](fmt::Display) shows all findings.
#[derive(Debug, thiserror::Error, Serialize)]
#[serde(transparent)]
pub struct Refused(pub Findings);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Policy {
    /// Reads a policy, checks it, and compiles it for a machine that offers these services.
    ///
    /// # Errors
    ///
    /// [`Refused`] if there is an error in it, with everything that was found. No error is left for KVM to find.
    pub fn read(source: Source, services: &Services, denials: Denials) -> Result<Self, Refused> {
        let mut findings = Findings::default();
        let text = read(source, services, &mut findings);
        // A rule that could not be read is not there, and what follows from that is no error of its own.
        if findings.has_errors() {
            findings.sort();
            return Err(Refused(findings));
        }
        let assigned = assign(&text, &mut findings);
        if findings.has_errors() {
            findings.sort();
            return Err(Refused(findings));
        }
        let cells = decide(&text, &assigned, services, denials);
        let filter = lower(&cells, &text.rules, &mut findings);
        let handled = lint::handled(&cells);
        let allowed = lint::allowed(&cells);
        let bits = bits(&text.pins, &Answered { handled: &handled, allowed: &allowed });
        let registers = FirmwareRegisters::new(&text.pins, &bits);
        let router = Router::new(&cells, &filter, &text.rules, services);
        let settings = settings(&cells, services);
        let decided = decided(&assigned, text.rules.len());
        let subject = lint::Subject {
            text: &text,
            services,
            assigned: &assigned,
            cells: &cells,
            decided: &decided,
            handled: &handled,
            bits: &bits,
        };
        lint::lint(&subject, &mut findings);
        findings.sort();
        if findings.has_errors() {
            return Err(Refused(findings));
        }
        let plan = Plan { filter, registers, router, settings, mode: text.mode };
        Ok(Self { text, assigned, cells, services: services.clone(), plan, findings })
    }

    /// The plan.
    #[must_use]
    pub const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// What becomes of a call that is denied.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        self.text.mode
    }

    /// Warnings and notes.
    #[must_use]
    pub const fn findings(&self) -> &Findings {
        &self.findings
    }

    pub(crate) fn rule_of(&self, id: FunctionId, conduit: Conduit) -> Option<&Rule> {
        let map = match conduit {
            Conduit::Hvc => self.assigned.first(),
            Conduit::Smc => self.assigned.last(),
        };
        self.rule(*map?.get(id)?)
    }

    pub(crate) fn rule(&self, id: RuleId) -> Option<&Rule> {
        self.text.rules.get(usize::try_from(id.0).ok()?)
    }

    /// The line of a rule that names this call.
    pub(crate) fn place(&self, rule: &Rule, id: FunctionId) -> Place {
        self.findings.place(rule.entry(id))
    }

    /// What KVM answers of what comes to it over this conduit.
    pub(crate) fn answered_by_kvm(&self, conduit: Conduit) -> crate::range::IdSet {
        kvm::answers(&self.plan.registers, conduit)
    }
}
