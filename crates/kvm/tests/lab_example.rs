//! The example runs to its end. In the lab, on real KVM.

#![cfg(target_arch = "aarch64")]
#![allow(missing_docs, reason = "tests")]

#[path = "../examples/power/guest.rs"]
mod guest;
#[path = "../examples/power/monitor.rs"]
mod monitor;
#[path = "../examples/power/vm.rs"]
mod vm;

#[test]
fn a_bare_loop_turns_a_cpu_on_and_off_and_the_machine_off() {
    monitor::run();
}
