//! Requests at random (a thousand with `--long`), while the guest works and takes CPUs off and on by itself. In the lab, on real KVM.

#![cfg(target_arch = "aarch64")]
#![allow(missing_docs, reason = "tests")]

mod common;

use std::{thread::sleep, time::Duration};

use common::{Guest, Operator, is_long, is_principal_host};
use serde_json::Value;

const SYS: &str = "/sys/devices/system/cpu";
const MAX: u64 = 6;
/// The same every time.
const SEED: u64 = 0x5eed_0004;

/// xorshift (Marsaglia 2003).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// Milliseconds from request to result.
#[derive(Default)]
struct Latencies(Vec<u64>);

impl Latencies {
    fn report(&mut self, what: &str) {
        self.0.sort_unstable();
        let at =
            |percent: usize| self.0.get(self.0.len() * percent / 100).or(self.0.last()).copied().unwrap_or(0);
        eprintln!(
            "{what}: {} times, p50 {} ms, p99 {} ms, maximum {} ms",
            self.0.len(),
            at(50),
            at(99),
            at(100)
        );
    }
}

/// Work on every CPU, and somebody in the guest who takes CPUs off and on.
const LOAD: &str = "\
    (while :; do for i in 1 2 3 4 5 6 7 8; do (n=0; while [ $n -lt 500 ]; do n=$((n+1)); done) & done; wait; done) & \
    (while :; do for c in 1 2 3 4 5; do f=/sys/devices/system/cpu/cpu$c/online; \
     [ -e $f ] && { echo 0 > $f; usleep 30000; echo 1 > $f; } 2>/dev/null; usleep 70000; done; done) & ";

#[test]
fn requests_at_random_under_load_lose_no_cpu() {
    if !is_long() && !is_principal_host() {
        return;
    }
    let requests: u32 = if is_long() { 1000 } else { 25 };
    let operator = Operator::new("stress");
    let mut guest = Guest::linux_of(
        "6.12",
        &[
            "--cpus",
            &format!("boot=1,max={MAX}"),
            "--control",
            operator.socket(),
            "--append",
            "quiet auto_online=1 rcupdate.rcu_expedited=1",
        ],
    );
    guest.expect("guest: ready");
    let threads = guest.threads();
    guest.send(&format!("{LOAD}\n"));

    let mut random = Random(SEED);
    let (mut online, mut released) = (Latencies::default(), Latencies::default());
    let (mut refused, mut late) = (0, 0);
    for _ in 0..requests {
        let reply = request(&operator, &mut random);
        for change in reply["changes"].as_array().into_iter().flatten() {
            let milliseconds = change["milliseconds"].as_u64().unwrap();
            match change["result"]["is"].as_str().unwrap() {
                "online" => online.0.push(milliseconds),
                "released" => released.0.push(milliseconds),
                "refused" => refused += 1,
                _ => late += 1,
            }
        }
    }
    online.report("from request to online");
    released.report("from request to released");
    eprintln!("refused by the guest: {refused}; not answered within the time: {late}");

    settle(&operator, &mut guest);
    assert_eq!(guest.threads(), threads, "as many threads as at the beginning");
    guest.send("poweroff -f\n");
    let ended = guest.end();
    ended.assert_code(0);
}

fn request(operator: &Operator, random: &mut Random) -> Value {
    let cpu = (1 + random.below(MAX - 1)).to_string();
    let arguments = match random.below(3) {
        0 => ["cpus", "set", &(1 + random.below(MAX)).to_string(), "--wait=60"].map(str::to_owned),
        1 => ["cpus", "add", &cpu, "--wait=60"].map(str::to_owned),
        _ => ["cpus", "remove", &cpu, "--wait=60"].map(str::to_owned),
    };
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let (status, reply, errors) = operator.ctl(&arguments);
    // Not possible in the state it is in (31), refused (32), late (33): all defined.
    assert!([0, 31, 32, 33].contains(&status), "{arguments:?}: {status} {errors}");
    reply
}

/// Stops the load, and sees that every CPU can be had, and all but one given back.
fn settle(operator: &Operator, guest: &mut Guest) {
    guest.ask("kill %1 %2; sleep 3");
    for (count, enabled) in [(MAX, "0-5"), (1, "0")] {
        let mut status = 1;
        for _ in 0..10 {
            status = operator.ctl(&["cpus", "set", &count.to_string(), "--wait=60"]).0;
            if status == 0 {
                break;
            }
            sleep(Duration::from_millis(500));
        }
        assert_eq!(status, 0, "the guest comes to {count} CPUs");
        assert_eq!(
            guest.ask(&format!("cat {SYS}/enabled; cat {SYS}/online")),
            format!("{enabled}\n{enabled}")
        );
    }
    let log = guest.ask(
        "dmesg | grep -E 'WARNING|BUG|Call trace|rcu.*stall|failed to boot|failed to come online'; true",
    );
    assert_eq!(log, "", "the kernel has nothing to complain about");
}
