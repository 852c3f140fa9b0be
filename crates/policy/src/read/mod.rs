//! From text to rules.

mod guard;

use core::ops;

use switchboard_firmware::Conduits;
use switchboard_smccc::{Conduit, Width, psci::Version};
use toml::Spanned;

use crate::{
    calls,
    code::Code,
    file::{AbiText, ActionText, ConduitText, File, Mode, RuleText, WidthsText},
    finding::{Finding, Findings},
    names,
    pins::{Pin, Pins},
    range::IdSet,
    rule::{Log, Rule, RuleId, Verdict},
    services::{ServiceId, Services},
    shipped,
    source::{Source, SourceId, Span},
};

/// A policy in words of its own, extended policies included.
#[derive(Debug)]
pub(crate) struct Text {
    pub(crate) rules: Vec<Rule>,
    /// The rules of each file: the policy itself first, what it extends after it.
    pub(crate) layers: Vec<ops::Range<usize>>,
    pub(crate) mode: Mode,
    pub(crate) pins: Pins,
    /// Where the policy says its version.
    pub(crate) version: Option<Span>,
}

/// No policy needs to be as large as this.
pub const MAX_SIZE: usize = 4 << 20;
/// Shipped policies extend each other, and end somewhere.
const MOST_LAYERS: usize = 8;

/// Reads a policy and what it extends. What is wrong goes to the findings.
pub(crate) fn read(source: Source, services: &Services, findings: &mut Findings) -> Text {
    let mut text = Text {
        rules: Vec::new(),
        layers: Vec::new(),
        mode: Mode::Enforce,
        pins: Pins::default(),
        version: None,
    };
    let mut mode = None;
    let mut next = Some(source);
    while let Some(source) = next.take() {
        let id = findings.add_source(source);
        let mut reader = Reader { id, services, findings, rules: &mut text.rules };
        let Some(file) = reader.file() else { break };
        let version = file.version.as_ref().map(|version| reader.span(version));
        text.version = text.version.or(version);
        mode = mode.or(file.mode);
        if let Some(abi) = &file.abi {
            let pins = reader.pins(abi);
            text.pins.complete_with(pins);
        }
        let first = reader.rules.len();
        for rule in &file.rule {
            reader.rule(rule);
        }
        text.layers.push(first..reader.rules.len());
        if text.layers.len() < MOST_LAYERS {
            next = file.extends.as_ref().and_then(|name| reader.extended(name));
        }
    }
    text.mode = mode.unwrap_or(Mode::Enforce);
    text
}

/// Of one file.
struct Reader<'a> {
    id: SourceId,
    services: &'a Services,
    findings: &'a mut Findings,
    rules: &'a mut Vec<Rule>,
}

/// What an exception takes over from its rule.
#[derive(Clone, Copy)]
struct Outer {
    rule: RuleId,
    conduits: Conduits,
    width: Option<Width>,
}

impl Reader<'_> {
    fn file(&mut self) -> Option<File> {
        let text = self.findings.source(self.id)?.text.clone();
        if text.len() > MAX_SIZE {
            self.findings.push(
                Finding::new(Code::TooLarge, "this file is too large for a policy")
                    .at(self.at(0..0), "here it starts")
                    .why(format!("it has {} bytes; at most {MAX_SIZE} are read", text.len()))
                    .hint("say the same by ranges and groups"),
            );
            return None;
        }
        let file: File = match toml::from_str(&text) {
            Ok(file) => file,
            Err(error) => {
                self.findings.push(self.not_a_policy(&text, &error));
                return None;
            }
        };
        match &file.version {
            Some(version) if *version.get_ref() == 1 => Some(file),
            Some(version) => {
                self.findings.push(
                    Finding::new(Code::Version, format!("there is no version {}", version.get_ref()))
                        .at(self.span(version), "this version is not known")
                        .hint("this program reads `version = 1`"),
                );
                None
            }
            None => {
                self.findings.push(
                    Finding::new(Code::Version, "the policy does not say its version")
                        .at(self.at(0..0), "`version` is missing")
                        .hint("write `version = 1` at the top"),
                );
                None
            }
        }
    }

    /// TOML's own errors are about the text; those of the shape name keys and values.
    fn not_a_policy(&self, text: &str, error: &toml::de::Error) -> Finding {
        let span = self.at(error.span().unwrap_or(0..0));
        let is_toml = toml::from_str::<toml::Table>(text).is_ok();
        let message = error.message().lines().next().unwrap_or("");
        if !is_toml {
            return Finding::new(Code::Syntax, "this is no TOML")
                .at(span, message)
                .hint("https://toml.io describes the format");
        }
        let finding = Finding::new(Code::Shape, "this is not what a policy looks like").at(span, message);
        // serde puts what it found and what it knows into backticks.
        let mut words = message.split('`').skip(1).step_by(2);
        let meant = words.next().and_then(|wrong| names::closest(wrong, words));
        match meant {
            Some(meant) => finding.hint(format!("did you mean `{meant}`?")),
            None => finding.hint("`switchboard policy schema` describes a policy, for editors too"),
        }
    }

    fn extended(&mut self, name: &Spanned<String>) -> Option<Source> {
        if let Some(source) = shipped::policy(name.get_ref()) {
            return Some(source);
        }
        let wrong = name.get_ref();
        let finding = Finding::new(Code::UnknownPolicy, format!("there is no shipped policy `{wrong}`"))
            .at(self.span(name), "no shipped policy has this name");
        self.findings.push(match names::closest(wrong, shipped::names()) {
            Some(meant) => finding.hint(format!("did you mean `{meant}`?")),
            None => finding.hint(format!("there are {}", shipped::names().collect::<Vec<_>>().join(", "))),
        });
        None
    }

    fn rule(&mut self, text: &RuleText) {
        let Some(rule) = self.one(text, None) else { return };
        let outer = Outer {
            rule: RuleId(u32::try_from(self.rules.len()).unwrap_or(u32::MAX)),
            conduits: rule.conduits,
            width: width(text),
        };
        self.rules.push(rule);
        for exception in &text.except {
            if let Some(nested) = exception.except.first() {
                self.findings.push(
                    Finding::new(Code::NestedException, "an exception cannot have exceptions")
                        .at(self.span(&nested.calls), "this is an exception to an exception")
                        .hint("make it an exception to the rule itself, and leave its calls out of the other one"),
                );
            }
            let exception = self.one(exception, Some(outer));
            self.rules.extend(exception);
        }
    }

    fn one(&mut self, text: &RuleText, outer: Option<Outer>) -> Option<Rule> {
        let width = width(text).or(outer.and_then(|outer| outer.width));
        let conduits = match (&text.conduit, outer) {
            (Some(conduit), _) => Conduits::Only(match conduit.get_ref() {
                ConduitText::Hvc => Conduit::Hvc,
                ConduitText::Smc => Conduit::Smc,
            }),
            (None, Some(outer)) => outer.conduits,
            (None, None) => Conduits::Both,
        };
        let verdict = self.verdict(text);
        let owned = match &verdict {
            Some(Verdict::Forward { service, .. }) => Some(self.owned(*service)),
            _ => None,
        };
        let mut items = Vec::with_capacity(text.calls.get_ref().len());
        let mut covered = Vec::new();
        for call in text.calls.get_ref() {
            match calls::item(call.get_ref(), self.span(call), width, owned.as_ref(), self.services) {
                Ok((item, calls)) => {
                    covered.extend_from_slice(calls.ranges());
                    items.push(item);
                }
                Err(finding) => self.findings.push(finding),
            }
        }
        let span = self.span(&text.calls);
        if text.calls.get_ref().is_empty() {
            self.findings.push(
                Finding::new(Code::NoCalls, "this rule is about no call")
                    .at(span, "the list is empty")
                    .hint("name the calls, or remove the rule: what no rule names is denied"),
            );
        }
        Some(Rule {
            span,
            action: self.span(&text.action),
            conduit: text.conduit.as_ref().map(|conduit| self.span(conduit)),
            service: text.service.as_ref().map(|service| self.span(service)),
            items,
            calls: IdSet::of(covered),
            conduits,
            verdict: verdict?,
            exception_to: outer.map(|outer| outer.rule),
        })
    }

    /// What this service owns, or any.
    fn owned(&self, service: Option<ServiceId>) -> IdSet {
        let is = |id: ServiceId| service.is_none_or(|service| service == id);
        let owned = self.services.iter().filter(|(id, _)| is(*id)).map(|(_, service)| service.owned());
        IdSet::of(owned.flat_map(IdSet::ranges).copied())
    }

    fn verdict(&mut self, text: &RuleText) -> Option<Verdict> {
        let log = match text.log.as_ref().is_some_and(|log| *log.get_ref()) {
            true => Log::On,
            false => Log::Off,
        };
        match text.action.get_ref() {
            ActionText::Forward => {
                let service = match &text.service {
                    Some(name) => Some(self.service(name)?),
                    None => None,
                };
                let guard = self.guard(text, log);
                Some(Verdict::Forward { service, guard })
            }
            ActionText::Deny => {
                self.only_forwarded(text, "deny");
                Some(Verdict::Deny(log))
            }
            ActionText::Handle => {
                self.only_forwarded(text, "handle");
                if let Some(span) = text.log.as_ref().filter(|log| *log.get_ref()) {
                    self.misplaced(self.span(span), "log", text, "handle");
                }
                Some(Verdict::Handle)
            }
        }
    }

    /// Userspace sees no other call.
    fn only_forwarded(&mut self, text: &RuleText, action: &str) {
        let spans = [
            ("service", text.service.as_ref().map(|it| self.span(it))),
            ("when", text.when.as_ref().map(|it| self.span(it))),
            ("rate", text.rate.as_ref().map(|it| self.span(it))),
        ];
        for (key, span) in spans {
            if let Some(span) = span {
                self.misplaced(span, key, text, action);
            }
        }
    }

    fn misplaced(&mut self, span: Span, key: &str, text: &RuleText, action: &str) {
        let finding = Finding::new(Code::OnlyForwarded, format!("`{key}` means nothing with `{action}`"))
            .at(span, "only a call that comes to userspace can have this")
            .at(self.span(&text.action), "these calls do not come to userspace")
            .hint(format!("write `action = \"forward\"`, or remove `{key}`"));
        self.findings.push(finding);
    }

    fn service(&mut self, name: &Spanned<String>) -> Option<ServiceId> {
        let found = self.services.find(name.get_ref());
        if found.is_none() {
            let wrong = name.get_ref();
            let finding = Finding::new(Code::UnknownService, format!("there is no service `{wrong}`"))
                .at(self.span(name), "no service has this name");
            let all: Vec<&str> = self.services.names().collect();
            self.findings.push(match names::closest(wrong, all.iter().copied()) {
                Some(meant) => finding.hint(format!("did you mean `{meant}`?")),
                None if all.is_empty() => finding.hint("this machine has no services"),
                None => finding.hint(format!("this machine has {}", all.join(", "))),
            });
        }
        found
    }

    fn pins(&mut self, text: &AbiText) -> Pins {
        let pin = |value: &Option<Spanned<bool>>| {
            value.as_ref().map(|value| Pin { value: *value.get_ref(), span: self.span(value) })
        };
        let mut pins = Pins {
            psci: None,
            trng: pin(&text.trng),
            pv_time: pin(&text.pv_time),
            kvm_features: pin(&text.kvm_features),
            ptp: pin(&text.ptp),
            kvm_implementations: pin(&text.kvm_implementations),
        };
        if let Some(version) = &text.psci {
            let span = self.span(version);
            pins.psci = psci_version(version.get_ref()).map(|value| Pin { value, span });
            if pins.psci.is_none() {
                self.findings.push(
                    Finding::new(Code::BadVersion, format!("KVM has no PSCI {}", version.get_ref()))
                        .at(span, "this is no version that KVM can present")
                        .hint("write `0.2`, or `1.0` to `1.3`"),
                );
            }
        }
        pins
    }

    fn at(&self, span: ops::Range<usize>) -> Span {
        Span { source: self.id, start: span.start, end: span.end }
    }

    fn span<T>(&self, text: &Spanned<T>) -> Span {
        self.at(text.span())
    }
}

fn width(text: &RuleText) -> Option<Width> {
    text.widths.as_ref().map(|widths| match widths.get_ref() {
        WidthsText::Smc32 => Width::Smc32,
        WidthsText::Smc64 => Width::Smc64,
    })
}

fn psci_version(text: &str) -> Option<Version> {
    [Version::V0_2, Version::V1_0, Version::V1_1, Version::V1_2, Version::V1_3]
        .into_iter()
        .find(|version| version.to_string() == text)
}
