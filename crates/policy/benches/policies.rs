//! What reading, compiling and proving policies costs.

use std::{
    fmt::Write,
    time::{Duration, Instant},
};

use switchboard_policy::{Denials, Policy, ServiceDescription, Services, Source};

/// So many rules of every kind, over the whole space.
fn policy(rules: u32) -> String {
    let mut text = "version = 1\n\n[[rule]]\ncalls = [\"@arch\"]\naction = \"handle\"\n".to_owned();
    for number in 0..rules {
        let first = 0x8200_0000 + 0x40 * number;
        let last = first + 0x1f;
        let _ = writeln!(text, "\n# Rule {number}.\n[[rule]]\ncalls = [\"{first:#010x}..={last:#010x}\"]");
        text.push_str(match number % 4 {
            0 => "action = \"forward\"\nservice = \"vendor\"\nrate = \"100/s\"\n",
            1 => "action = \"deny\"\nlog = true\n",
            2 => "action = \"handle\"\n",
            _ => {
                "action = \"forward\"\nconduit = \"smc\"\nwhen = [{ register = \"x1\", equals = \"0x1\" }]\n"
            }
        });
    }
    text
}

fn best(mut act: impl FnMut()) -> Duration {
    let mut times = (0..20).map(|_| {
        let start = Instant::now();
        act();
        start.elapsed()
    });
    let first = times.next().unwrap_or_default();
    times.fold(first, Duration::min)
}

fn main() {
    let ranges = [0x8200_0000, 0xc200_0000]
        .map(|first| switchboard_filter::Range::literal(switchboard_smccc::FunctionId(first), 0x100_0000));
    let conduits = switchboard_firmware::Conduits::Both;
    let services = Services::none().with(ServiceDescription::new("vendor", &ranges, conduits));
    println!("{:>8} {:>8} {:>16} {:>10} {:>10}", "rules", "ranges", "read and lint", "prove", "all");
    for rules in [10, 100, 1_000, 10_000] {
        let text = policy(rules);
        let read = || Policy::read(Source::new("bench.toml", text.as_str()), &services, Denials::InKernel);
        let policy = match read() {
            Ok(policy) => policy,
            Err(refused) => {
                println!("{refused}");
                return;
            }
        };
        let reading = best(|| drop(read()));
        let proving = best(|| drop(policy.proof()));
        let all = best(|| drop(read().map(|policy| policy.proof())));
        let ranges = policy.plan().filter.rules().count();
        println!("{rules:>8} {ranges:>8} {reading:>16.2?} {proving:>10.2?} {all:>10.2?}");
    }
}
