//! The policies that come with Switchboard, the schema, and everything that can be asked about a policy.

mod common;

use std::{env, fs, path::PathBuf};

use common::{Probed, accepted, install, probe, psci_alone, services, start};
use switchboard_policy::{
    Denials, Fate, Level, Mode, Policy, Seen, Source, Standing, diff, groups, schema, shipped,
};
use switchboard_smccc::{Conduit, FunctionId, psci};

fn read(name: &str) -> Policy {
    let source = shipped::policy(name).unwrap();
    Policy::read(source, &services(), Denials::InKernel).unwrap_or_else(|refused| panic!("{refused}"))
}

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../policies").join(name)
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn about_a_shipped_policy_there_is_nothing_to_warn_of() {
    for name in shipped::names() {
        let policy = read(name);
        assert_eq!(policy.findings().count(Level::Warning), 0, "{name}: {}", policy.findings());
        assert!(policy.proof().is_ok());
    }
}

#[test]
fn no_shipped_policy_but_observe_needs_another_service_than_psci() {
    for name in shipped::names().filter(|name| *name != "observe") {
        let source = shipped::policy(name).unwrap();
        let policy = Policy::read(source, &psci_alone(), Denials::InKernel);
        let policy = policy.unwrap_or_else(|refused| panic!("{refused}"));
        assert_eq!(policy.findings().count(Level::Warning), 0, "{name}: {}", policy.findings());
    }
}

#[test]
fn every_file_in_the_folder_is_shipped_and_valid_by_the_schema() {
    let validator = jsonschema::validator_for(&json(&schema())).unwrap();
    let mut files = 0;
    for entry in fs::read_dir(path("")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        files += 1;
        let name = path.file_stem().unwrap().to_str().unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(shipped::policy(name).map(|source| source.text), Some(text.clone()), "{name}");
        let value: toml::Value = toml::from_str(&text).unwrap();
        let value = serde_json::to_value(value).unwrap();
        let wrong: Vec<String> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
        assert!(wrong.is_empty(), "{name}: {wrong:?}");
    }
    assert_eq!(files, shipped::names().count());
}

#[test]
fn every_valid_policy_is_valid_by_the_schema() {
    let validator = jsonschema::validator_for(&json(&schema())).unwrap();
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/policies/valid");
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            let value: toml::Value = toml::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
            assert!(validator.is_valid(&serde_json::to_value(value).unwrap()), "{}", path.display());
        }
    }
}

#[test]
fn the_schema_refuses_what_a_policy_cannot_be() {
    let validator = jsonschema::validator_for(&json(&schema())).unwrap();
    for wrong in [
        "{}",
        r#"{"version": 2}"#,
        r#"{"version": 1, "extend": "minimal"}"#,
        r#"{"version": 1, "rule": [{"calls": ["@psci"], "action": "allow"}]}"#,
        r#"{"version": 1, "rule": [{"calls": [], "action": "deny"}]}"#,
        r#"{"version": 1, "rule": [{"calls": ["@psci"], "action": "forward", "rate": "often"}]}"#,
        r#"{"version": 1, "abi": {"psci": "2.0"}}"#,
    ] {
        assert!(!validator.is_valid(&json(wrong)), "{wrong}");
    }
}

/// `UPDATE_DOCS=1` writes it.
#[test]
fn the_schema_in_the_folder_is_up_to_date() {
    let path = path("schema.json");
    if env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, schema()).unwrap();
    }
    assert_eq!(fs::read_to_string(path).unwrap(), schema(), "UPDATE_DOCS=1 writes it");
}

#[test]
fn a_shipped_policy_does_on_the_model_what_its_proof_says() {
    for name in shipped::names() {
        let policy = read(name);
        let vm = install(policy.plan());
        let mut vcpu = start(&vm, policy.plan());
        for interval in policy.proof().unwrap().intervals {
            for id in [interval.range.first, interval.range.last] {
                let probed = probe(&mut vcpu, id, interval.conduit);
                let expected = match interval.fate {
                    Fate::Kvm => Probed::Kvm,
                    Fate::KvmHasNone | Fate::DeniedInKernel => Probed::NotSupported,
                    Fate::DeniedInUserspace { .. } | Fate::Service { .. } => Probed::Forwarded,
                };
                assert_eq!(probed, expected, "{name}: {interval:?}");
            }
        }
    }
}

#[test]
fn a_linux_guest_that_does_not_care_for_hotplug_costs_no_exit() {
    let policy = read("linux-guest");
    assert!(policy.plan().filter.rules().all(|rule| rule.action == switchboard_filter::Action::Deny));
}

#[test]
fn observe_takes_every_call_that_can_be_taken() {
    let policy = read("observe");
    for (id, forwarded) in [
        (0x0000_0000, true),
        (0x8000_0000, false),
        (0x8000_ffff, false),
        (0x8001_0000, true),
        (0x8400_0050, true),
        (0xc600_0000, true),
        (0xffff_ffff, true),
    ] {
        let action = policy.plan().filter.action(FunctionId(id));
        assert_eq!(action == switchboard_filter::Action::Forward, forwarded, "{id:#x}");
    }
    let fate = policy.fate_of(FunctionId(0x8400_0050), Conduit::Hvc);
    assert!(matches!(fate, Fate::Service { service, .. } if service == "trng"));
}

#[test]
fn a_service_is_told_what_it_must_not_advertise() {
    let policy = read("minimal");
    let setting = &policy.plan().settings[0];
    assert_eq!(setting.service, "psci");
    let hides = |id: u32| setting.hidden.iter().any(|it| (it.first.0..=it.last.0).contains(&id));
    assert!(hides(0x8400_0001) && hides(0x8400_0002) && hides(0xc400_0012));
    assert!(!hides(0x8400_0003) && !hides(0xc400_0003) && !hides(0x8400_000a));
}

#[test]
fn an_explanation_names_the_line() {
    let policy = read("linux-guest-hotplug");
    let explanations = policy.explain_name("PSCI_CPU_ON").unwrap();
    assert_eq!(explanations.len(), 2);
    let text = explanations[1].to_string();
    assert!(text.contains("0xc4000003 CPU_ON"), "{text}");
    assert!(text.contains("other width    0x84000003"), "{text}");
    assert!(
        text.contains("over hvc       service `psci`; policies/linux-guest-hotplug.toml:8: calls"),
        "{text}"
    );
    let below = policy.explain(FunctionId(0x95c1_ba5e)).to_string();
    assert!(below.contains("denied by KVM; policies/linux-guest.toml:33"), "{below}");
    assert_eq!(policy.explain_name("CPU_ONN"), None);
}

#[test]
fn an_explanation_of_what_no_rule_names_says_so() {
    let text = read("minimal").explain(FunctionId(0x8400_0050)).to_string();
    assert!(text.contains("TRNG_VERSION") && text.contains("denied by KVM; no rule names it"), "{text}");
}

#[test]
fn a_diff_shows_exactly_what_changes_for_a_guest() {
    let (before, after) = (read("linux-guest"), read("linux-guest-hotplug"));
    assert!(diff(&before, &before).is_empty());
    let changes = diff(&before, &after);
    // PSCI goes to userspace, and nothing else changes: what KVM has not, it had not.
    assert!(changes.calls.iter().all(|change| {
        let psci = [psci::FIRST_32.0, psci::FIRST_64.0].map(|first| first..first + psci::FUNCTION_COUNT);
        psci.iter().any(|it| it.contains(&change.range.first.0) && it.contains(&change.range.last.0))
            && matches!(&change.after, Seen::Service { service, .. } if service == "psci")
    }));
    assert!(changes.registers.is_empty());
    let text = changes.to_string();
    assert!(!text.contains("MIGRATE\n"), "nobody has it, before and after: {text}");
    assert!(text.contains("0x84000000..=0x84000004 both KVM answers -> service `psci`"), "{text}");
}

#[test]
fn where_a_call_is_denied_makes_no_difference_to_a_guest() {
    let quiet = accepted("version = 1\n[[rule]]\ncalls = [\"@trng\"]\naction = \"deny\"");
    let loud = accepted("version = 1\n[[rule]]\ncalls = [\"@trng\"]\naction = \"deny\"\nlog = true");
    assert!(diff(&quiet, &loud).is_empty());
    assert_ne!(quiet.plan().filter, loud.plan().filter);
}

#[test]
fn a_pin_is_a_change_for_a_guest() {
    let rule = "[[rule]]\ncalls = [\"@psci\"]\naction = \"handle\"\n";
    let latest = accepted(&format!("version = 1\n{rule}"));
    let pinned = accepted(&format!("version = 1\n[abi]\npsci = \"1.1\"\n{rule}"));
    let changes = diff(&latest, &pinned).to_string();
    assert!(changes.contains("KVM answers -> not supported; SYSTEM_OFF2"), "{changes}");
    assert!(changes.contains("KVM_REG_ARM_PSCI_VERSION      the kernel's latest -> 1.1"), "{changes}");
}

#[test]
fn denials_can_be_had_in_userspace() {
    let source = Source::new("policy.toml", "version = 1");
    let policy = Policy::read(source, &services(), Denials::InUserspace).unwrap();
    let fate = policy.fate_of(FunctionId(0x8400_0003), Conduit::Hvc);
    assert!(matches!(fate, Fate::DeniedInUserspace { .. }), "{fate:?}");
    assert_eq!(policy.fate_of(FunctionId(0x8000_0000), Conduit::Hvc), Fate::Kvm);
}

#[test]
fn being_permissive_does_not_open_what_the_extended_policy_denies() {
    let policy = accepted("version = 1\nmode = \"permissive\"\nextends = \"lockdown\"");
    assert_eq!(policy.mode(), Mode::Permissive);
    let route = |id| policy.plan().router.route(FunctionId(id), Conduit::Hvc).unwrap();
    // CPU_ON: denied by a rule. MIGRATE: by none.
    assert_eq!((route(0xc400_0003).service, route(0xc400_0003).standing), (None, Standing::Denied));
    assert_eq!(
        (route(0xc400_0005).service, route(0xc400_0005).standing),
        (Some("psci"), Standing::WouldBeDenied)
    );
}

#[test]
fn the_calls_of_one_rule_count_against_one_rate() {
    let policy = accepted(
        "version = 1\n[[rule]]\ncalls = [\"CPU_ON\", \"CPU_OFF\", \"PSCI_FEATURES\"]\naction = \"forward\"\nrate = \"5/min\"",
    );
    let route = |id, conduit| policy.plan().router.route(FunctionId(id), conduit).unwrap();
    let (one, other) = (route(0x8400_0002, Conduit::Hvc), route(0xc400_0003, Conduit::Smc));
    assert_eq!(one, other);
    assert_eq!((one.rule, one.guard.rate.map(|rate| rate.to_string()).as_deref()), (Some(0), Some("5/min")));
}

#[test]
fn a_group_can_be_listed() {
    let all = groups(&services());
    let psci = all.iter().find(|group| group.name == "@psci-0.1").unwrap();
    let text = psci.to_string();
    assert!(
        text.starts_with("@psci-0.1: KVM's private PSCI 0.1\n  0x95c1ba5e..=0x95c1ba61 KVM_PSCI_0_1"),
        "{text}"
    );
}

#[test]
fn everything_serialises() {
    let policy = read("lockdown");
    let proof = serde_json::to_value(policy.proof().unwrap()).unwrap();
    assert_eq!(proof[0]["first"], "0x00000000");
    assert_eq!(proof[0]["by"], "kvm-has-none");
    let table = serde_json::to_value(policy.table()).unwrap();
    assert_eq!(table["registers"][1]["register"], "KVM_REG_ARM_STD_BMAP");
    let explanation = serde_json::to_value(policy.explain(FunctionId(0x8400_0003))).unwrap();
    assert_eq!(explanation["policy"][0]["by"], "denied-in-userspace");
    assert_eq!(explanation["policy"][0]["log"], "on");
    assert_eq!(explanation["policy"][0]["rule"]["line"], 19);
    let refused = common::read("version = 2").unwrap_err();
    let findings = serde_json::to_value(&refused).unwrap();
    assert_eq!(findings[0]["code"], "P0003");
    assert_eq!(findings[0]["places"][0]["column"], 11);
    assert!(serde_json::to_value(groups(&services())).unwrap()[0]["name"] == "@arch");
    let changes = diff(&policy, &read("minimal"));
    assert!(serde_json::to_value(changes).unwrap()["calls"].is_array());
}
