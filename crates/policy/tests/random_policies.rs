//! Random policies: the plain reading of the rules, the plan on the model of KVM, and the proof say the same of every call.

mod common;

use std::fmt::Write;

use common::{Probed, accepted, install, probe, start};
use proptest::prelude::*;
use switchboard_hyp::Vcpu;
use switchboard_policy::{
    Denials, Fate, FirmwareRegisters, Interval, Plan, Policy, Seen, Source, Standing, diff,
};
use switchboard_smccc::{Conduit, FunctionId, Register, Width};

const SMC64: u32 = 1 << 30;

/// A part of the space that one rule is about: the first ID in SMC32, how many, and who owns them.
#[derive(Debug, Clone, Copy)]
struct Block {
    first: u32,
    count: u32,
    service: Option<&'static str>,
    widths: AnyWidths,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AnyWidths {
    Any,
    Only(Width),
}

const fn block(first: u32, count: u32, service: Option<&'static str>) -> Block {
    Block { first, count, service, widths: AnyWidths::Any }
}

/// Where something can go wrong: what KVM answers, what lies beside it, and what nobody knows.
const BLOCKS: [Block; 13] = [
    block(0x8400_0000, 8, Some("psci")),
    block(0x8400_0008, 8, Some("psci")),
    block(0x8400_0010, 16, Some("psci")),
    block(0x8400_0020, 32, None),
    block(0x8400_0050, 4, Some("trng")),
    block(0x8400_0054, 12, Some("trng")),
    Block { first: 0xc500_0020, count: 16, service: Some("pv-time"), widths: AnyWidths::Only(Width::Smc64) },
    Block {
        first: 0x8600_0000,
        count: 2,
        service: Some("kvm-vendor"),
        widths: AnyWidths::Only(Width::Smc32),
    },
    Block {
        first: 0x8600_ff00,
        count: 4,
        service: Some("kvm-vendor"),
        widths: AnyWidths::Only(Width::Smc32),
    },
    block(0x8401_0000, 32, None),
    block(0x8001_0000, 0x100, None),
    block(0x0000_0000, 0x1_0000, None),
    block(0xbfff_ff00, 0x100, None),
];

#[derive(Debug, Clone)]
struct TestRule {
    block: Block,
    ranges: Vec<(u32, u32)>,
    action: TestAction,
    conduit: Option<Conduit>,
    widths: Option<Width>,
    exceptions: Vec<(u32, u32, TestAction)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TestAction {
    Handle,
    Deny,
    DenyAndLog,
    Forward,
    /// If x1 & mask == equals.
    ForwardWhen {
        mask: u64,
        equals: u64,
    },
}

impl TestRule {
    fn is_about(&self, ranges: &[(u32, u32)], id: u32, conduit: Conduit) -> bool {
        let is_64 = id & SMC64 != 0;
        let width = self.widths.is_none_or(|width| (width == Width::Smc64) == is_64);
        let written = |id: u32| ranges.iter().any(|(first, last)| (*first..=*last).contains(&id));
        width && self.conduit.is_none_or(|only| only == conduit) && (written(id) || written(id ^ SMC64))
    }

    fn action(&self, id: u32, conduit: Conduit) -> Option<TestAction> {
        let exception = self.exceptions.iter().find(|(a, b, _)| self.is_about(&[(*a, *b)], id, conduit));
        match exception {
            Some((.., action)) => Some(*action),
            None => self.is_about(&self.ranges, id, conduit).then_some(self.action),
        }
    }

    fn write(&self, text: &mut String) {
        let ranges: Vec<String> =
            self.ranges.iter().map(|(first, last)| format!("\"{first:#010x}..={last:#010x}\"")).collect();
        writeln!(text, "[[rule]]\ncalls = [{}]", ranges.join(", ")).unwrap();
        self.action.write(self.block.service, text);
        if let Some(conduit) = self.conduit {
            writeln!(text, "conduit = \"{conduit}\"").unwrap();
        }
        if let Some(width) = self.widths {
            let width = if width == Width::Smc64 { 64 } else { 32 };
            writeln!(text, "widths = \"{width}\"").unwrap();
        }
        for (first, last, action) in &self.exceptions {
            writeln!(text, "[[rule.except]]\ncalls = [\"{first:#x}..={last:#x}\"]").unwrap();
            action.write(self.block.service, text);
        }
    }
}

impl TestAction {
    fn write(self, service: Option<&str>, text: &mut String) {
        let action = match self {
            Self::Handle => "handle",
            Self::Deny | Self::DenyAndLog => "deny",
            Self::Forward | Self::ForwardWhen { .. } => "forward",
        };
        writeln!(text, "action = \"{action}\"").unwrap();
        match self {
            Self::DenyAndLog => text.push_str("log = true\n"),
            Self::Forward => writeln!(text, "service = \"{}\"", service.unwrap()).unwrap(),
            Self::ForwardWhen { mask, equals } => writeln!(
                text,
                "when = [{{ register = \"x1\", mask = \"{mask:#x}\", equals = \"{equals:#x}\" }}]"
            )
            .unwrap(),
            Self::Handle | Self::Deny => {}
        }
    }
}

fn action(block: Block, conduit: Option<Conduit>) -> BoxedStrategy<TestAction> {
    let mut choices = vec![Just(TestAction::Deny).boxed(), Just(TestAction::DenyAndLog).boxed()];
    if conduit.is_none() {
        choices.push(Just(TestAction::Handle).boxed());
    }
    if block.service.is_some() {
        choices.push(Just(TestAction::Forward).boxed());
        let when = |(mask, value): (u64, u64)| TestAction::ForwardWhen { mask, equals: value & mask };
        choices.push((any::<u64>(), any::<u64>()).prop_map(when).boxed());
    }
    prop::strategy::Union::new(choices).boxed()
}

fn conduit() -> impl Strategy<Value = Option<Conduit>> {
    prop_oneof![3 => Just(None), 1 => Just(Some(Conduit::Hvc)), 1 => Just(Some(Conduit::Smc))]
}

fn rule(block: Block) -> impl Strategy<Value = TestRule> {
    let ends = prop::collection::vec((0..block.count, 0..block.count), 1..3);
    (ends, conduit(), prop::option::of(any::<bool>())).prop_flat_map(move |(ends, conduit, is_64)| {
        let range = |(a, b): &(u32, u32)| (block.first + a.min(b), block.first + a.max(b));
        let ranges: Vec<_> = ends.iter().map(range).collect();
        let widths = match (block.widths, is_64) {
            (AnyWidths::Only(width), _) => Some(width),
            (_, Some(false)) => Some(Width::Smc32),
            (_, Some(true)) => Some(Width::Smc64),
            (_, None) => None,
        };
        // An exception at the start of the first range, and one at its end.
        let (first, last) = ranges[0];
        let exceptions = (action(block, conduit), action(block, conduit), 0..3_u8);
        (action(block, conduit), exceptions).prop_map(move |(action, (low, high, count))| {
            let all = [(first, first, low), (last, last, high)];
            let most = if first == last { 1 } else { 2 };
            let exceptions = all.into_iter().take(usize::from(count).min(most)).collect();
            TestRule { block, ranges: ranges.clone(), action, conduit, widths, exceptions }
        })
    })
}

fn rules() -> impl Strategy<Value = Vec<TestRule>> {
    prop::sample::subsequence(&BLOCKS[..], 0..=BLOCKS.len())
        .prop_flat_map(|blocks| blocks.into_iter().map(rule).collect::<Vec<_>>())
}

/// What is reserved is KVM's; what no rule names is denied.
fn naive(rules: &[TestRule], id: u32, conduit: Conduit) -> (TestAction, Option<&'static str>) {
    if matches!(id >> 16, 0x8000 | 0xc000) {
        return (TestAction::Handle, None);
    }
    let found = rules.iter().find_map(|rule| Some((rule.action(id, conduit)?, rule.block.service)));
    found.unwrap_or((TestAction::Deny, None))
}

/// A VM whose filter does nothing.
fn unfiltered() -> Plan {
    let mut plan = accepted("version = 1").plan().clone();
    plan.filter = switchboard_filter::Filter::new();
    plan.registers = FirmwareRegisters {
        psci_version: None,
        standard: 1,
        standard_hypervisor: 1,
        vendor_hypervisor: 3,
        vendor_hypervisor_2: 0,
    };
    plan
}

fn compare(
    rules: &[TestRule],
    policy: &Policy,
    filtered: &mut Vcpu<'_>,
    bare: &mut Vcpu<'_>,
    id: FunctionId,
    conduit: Conduit,
    x1: u64,
) -> Result<(), TestCaseError> {
    let (action, service) = naive(rules, id.0, conduit);
    let probed = probe(filtered, id, conduit);
    let route = policy.plan().router.route(id, conduit);
    let fate = policy.fate_of(id, conduit);
    let at = format!("{id} {conduit} {action:?} {probed:?} {route:?} {fate:?}");
    match action {
        TestAction::Handle => {
            let expected = probe(bare, id, conduit);
            prop_assert_eq!(probed, expected, "{}", at);
            prop_assert_eq!(fate, if expected == Probed::Kvm { Fate::Kvm } else { Fate::KvmHasNone });
        }
        TestAction::Deny | TestAction::DenyAndLog => match probed {
            Probed::Kvm => prop_assert!(false, "{}", at),
            Probed::NotSupported => {
                prop_assert!(action != TestAction::DenyAndLog, "{}", at);
                prop_assert!(matches!(fate, Fate::DeniedInKernel | Fate::KvmHasNone), "{}", at);
            }
            Probed::Forwarded => {
                let denied = route.is_some_and(|it| it.service.is_none() && it.standing == Standing::Denied);
                prop_assert!(denied && matches!(fate, Fate::DeniedInUserspace { .. }), "{}", at);
            }
        },
        TestAction::Forward | TestAction::ForwardWhen { .. } => {
            prop_assert_eq!(probed, Probed::Forwarded, "{}", at);
            let route = route.unwrap();
            prop_assert_eq!(route.service, service, "{}", at);
            prop_assert!(matches!(fate, Fate::Service { .. }), "{}", at);
            let argument = if id.0 & SMC64 == 0 { x1 & 0xffff_ffff } else { x1 };
            let expected = match action {
                TestAction::ForwardWhen { mask, equals } => argument & mask == equals,
                _ => true,
            };
            let admitted = route.guard.admits(id.width(), |register| {
                assert_eq!(register, Register::X1);
                x1
            });
            prop_assert_eq!(admitted, expected, "{}", at);
        }
    }
    Ok(())
}

/// The intervals over one conduit.
fn over(intervals: &[Interval], conduit: Conduit) -> impl Iterator<Item = &Interval> {
    intervals.iter().filter(move |interval| interval.conduit == conduit)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn the_rules_the_model_and_the_proof_agree(
        rules in rules(),
        ids in prop::collection::vec(any::<u32>(), 32),
        x1: u64,
    ) {
        let mut text = "version = 1\n".to_owned();
        rules.iter().for_each(|rule| rule.write(&mut text));
        let policy = match common::read(&text) {
            Ok(policy) => policy,
            Err(refused) => return Err(TestCaseError::fail(format!("{refused}\n{text}"))),
        };
        let proof = policy.proof().unwrap();
        let (vm, bare_plan) = (install(policy.plan()), unfiltered());
        let bare_vm = install(&bare_plan);
        let (mut filtered, mut bare) = (start(&vm, policy.plan()), start(&bare_vm, &bare_plan));
        for conduit in [Conduit::Hvc, Conduit::Smc] {
            let mut next = Some(0);
            for interval in over(&proof.intervals, conduit) {
                let (first, last) = (interval.range.first, interval.range.last);
                prop_assert_eq!(Some(first.0), next, "the intervals leave no gap");
                next = last.0.checked_add(1);
                for id in [first, last] {
                    compare(&rules, &policy, &mut filtered, &mut bare, id, conduit, x1)?;
                    prop_assert_eq!(&policy.fate_of(id, conduit), &interval.fate);
                }
            }
            prop_assert_eq!(next, None, "they end at the end");
            // Near what rules are about, and anywhere.
            let near = ids.iter().zip(BLOCKS.iter().cycle()).map(|(id, block)| block.first + id % (2 * block.count));
            for id in near.flat_map(|id| [id, id ^ SMC64]).chain(ids.iter().copied()) {
                compare(&rules, &policy, &mut filtered, &mut bare, FunctionId(id), conduit, x1)?;
            }
        }
    }

    #[test]
    fn neither_where_calls_are_denied_nor_being_permissive_changes_what_is_allowed(rules in rules()) {
        let mut text = String::new();
        rules.iter().for_each(|rule| rule.write(&mut text));
        let read = |head: &str, denials| {
            let source = Source::new("policy.toml", format!("version = 1\n{head}{text}"));
            Policy::read(source, &common::services(), denials).unwrap()
        };
        let quiet = read("", Denials::InKernel);
        let seen = read("", Denials::InUserspace);
        let permissive = read("mode = \"permissive\"\n", Denials::InKernel);
        prop_assert!(diff(&quiet, &seen).is_empty());
        prop_assert!(seen.proof().is_ok() && permissive.proof().is_ok());
        for change in diff(&quiet, &permissive).calls {
            prop_assert_eq!(change.before, Seen::NotSupported);
        }
        for interval in seen.proof().unwrap().intervals {
            prop_assert!(interval.fate != Fate::DeniedInKernel, "{:?}", interval);
        }
    }
}
