//! What CPUs cost that a guest could have and has not. In the lab, on real KVM.

#![cfg(target_arch = "aarch64")]
#![allow(missing_docs, reason = "tests")]

mod common;

use common::{Guest, is_long, is_principal_host};

/// How often each machine is started: the quickest start is the one without noise.
const STARTS: usize = 7;

struct Costs {
    /// To the first instruction, less what KVM took to create and INIT vCPUs and interrupt controller, in nanoseconds.
    time: u64,
    resident: u64,
    threads: usize,
    /// What the guest says of its own boot, in seconds.
    boot: String,
}

fn start(cpus: &str) -> Costs {
    let mut guest = Guest::linux(&["--acpi", "--cpus", cpus]);
    guest.expect("guest: ready");
    let boot = guest.ask("cut -d ' ' -f 1 /proc/uptime");
    let threads = guest.threads();
    guest.send("poweroff -f\n");
    let ended = guest.end();
    ended.assert_code(0);
    let figure = |name: &str| ended.calls["start"][name].as_u64().unwrap();
    let time = figure("time_ns") - figure("vcpus_ns") - figure("interrupt_controller_ns");
    Costs { time, resident: figure("resident_bytes"), threads, boot }
}

/// The least of several starts, which alternate so that what else goes on here hits both alike.
fn least(costs: &[Costs], figure: fn(&Costs) -> u64) -> u64 {
    costs.iter().map(figure).min().unwrap()
}

#[test]
fn sixty_four_possible_cpus_cost_what_one_does() {
    if !is_long() || !is_principal_host() {
        return;
    }
    let (mut one, mut many) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        one.push(start("1"));
        many.push(start("boot=1,max=64"));
    }
    let ratio = |figure| f64_of(least(&many, figure)) / f64_of(least(&one, figure));
    let (time, resident) = (ratio(|costs| costs.time), ratio(|costs| costs.resident));
    eprintln!("64 possible CPUs to 1: time {time:.3}, resident memory {resident:.3}");
    eprintln!("the guest's boot: 1 CPU {} s, 64 possible {} s", one[0].boot, many[0].boot);
    assert_eq!(one[0].threads, many[0].threads, "no thread for a CPU that is not there");
    assert!(time < 1.05, "{time}");
    assert!(resident < 1.05, "{resident}");
}

fn f64_of(value: u64) -> f64 {
    f64::from(u32::try_from(value / 1000).unwrap())
}
