//! PSCI in userspace for a monitor of one's own: two vCPUs, a bare kvm-ioctls loop, and the power table of
//! `switchboard-firmware`. The guest turns CPU 1 on, waits until it has gone off again, and switches the machine off.
#[cfg(target_arch = "aarch64")]
mod guest;
#[cfg(target_arch = "aarch64")]
mod monitor;
#[cfg(target_arch = "aarch64")]
mod vm;

/// Runs on arm64 alone.
fn main() {
    #[cfg(target_arch = "aarch64")]
    monitor::run();
}
