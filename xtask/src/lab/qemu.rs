//! The emulator's command line.

use std::path::Path;
use std::process::Command;
use std::str::FromStr;

use switchboard_lab_init::protocol::{CONTROL_PORT, STDERR_PORT, STDIN_PORT, STDOUT_PORT};

use super::Lab;
use crate::guarded;
use crate::setup::host_packages::QEMU;

/// A size of memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Memory {
    mebibytes: u64,
}

impl Default for Memory {
    fn default() -> Self {
        Self { mebibytes: 2048 }
    }
}

impl Memory {
    /// In bytes.
    pub(crate) fn bytes(self) -> u64 {
        self.mebibytes.saturating_mul(1 << 20)
    }
}

impl FromStr for Memory {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (number, factor) = match text.as_bytes().last() {
            Some(b'G' | b'g') => (&text[..text.len() - 1], 1024),
            Some(b'M' | b'm') => (&text[..text.len() - 1], 1),
            _ => (text, 1),
        };
        let mebibytes = number.parse::<u64>().ok().and_then(|number| number.checked_mul(factor));
        match mebibytes {
            Some(mebibytes) if (128..=1 << 20).contains(&mebibytes) => Ok(Self { mebibytes }),
            _ => Err(String::from("a size such as 512M or 2G is wanted, of at least 128M")),
        }
    }
}

/// The ports, and the sockets' names beside the initramfs.
pub(crate) const PORTS: [(&str, &str); 4] =
    [(STDIN_PORT, "stdin"), (STDOUT_PORT, "stdout"), (STDERR_PORT, "stderr"), (CONTROL_PORT, "control")];

/// The name of the monitor's socket beside them.
pub(crate) const MONITOR: &str = "monitor";

/// The command that emulates `lab`'s host; the sockets of [`PORTS`] are in `folder`, and that of the monitor will be.
pub(crate) fn command(lab: &Lab, kernel: &Path, initramfs: &Path, folder: &Path) -> Command {
    let mut command = guarded::command(QEMU);
    command.args(["-M", &format!("virt,virtualization=on,gic-version={}", lab.gic)]);
    command.args(["-cpu", &cpu(&lab.cpu)]);
    command.args(["-smp", &lab.smp.to_string(), "-m", &lab.memory.mebibytes.to_string()]);
    command.args(["-accel", "tcg,thread=multi", "-nic", "none", "-display", "none"]);
    // For a host that says nothing (`diagnosis.rs`). Its threads have names for the same reason.
    let monitor = escape(&folder.join(MONITOR));
    command.args(["-qmp", &format!("unix:{monitor},server=on,wait=off"), "-name", "lab,debug-threads=on"]);
    command.args(["-nodefaults", "-no-user-config", "-no-reboot", "-serial", "stdio"]);
    command.args(["-device", "virtio-serial-pci,max_ports=5"]);
    for (number, (port, socket)) in (1..).zip(PORTS) {
        let path = folder.join(socket);
        command.args(["-chardev", &format!("socket,id={socket},path={}", escape(&path))]);
        command.args(["-device", &format!("virtserialport,chardev={socket},name={port},nr={number}")]);
    }
    command.arg("-kernel").arg(kernel).arg("-initrd").arg(initramfs);
    command.args(["-append", &kernel_command_line(lab)]);
    command
}

/// A comma ends a value unless it is doubled.
fn escape(path: &Path) -> String {
    path.to_string_lossy().replace(',', ",,")
}

/// Pointer authentication by its architected algorithm makes emulation three times slower.
fn cpu(model: &str) -> String {
    let plain = model == "max" || (model.starts_with("max,") && !model.contains("pauth"));
    if plain { format!("{model},pauth-impdef=on") } else { String::from(model) }
}

fn kernel_command_line(lab: &Lab) -> String {
    let mut line = String::from("console=ttyAMA0 panic=-1");
    if !lab.verbose {
        // Errors and warnings: the first of them says why a kernel dies later.
        line.push_str(" loglevel=5");
    }
    if let Some(append) = &lab.append {
        line.push(' ');
        line.push_str(append);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        let mebibytes = |text: &str| text.parse::<Memory>().map(|memory| memory.mebibytes);
        assert_eq!(mebibytes("2G"), Ok(2048));
        assert_eq!(mebibytes("512M"), Ok(512));
        assert_eq!(mebibytes("512"), Ok(512));
        for wrong in ["", "G", "1", "2T", "-1G", "18446744073709551615G"] {
            assert!(mebibytes(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_slow_pointer_authentication_is_avoided_unless_asked_for() {
        assert_eq!(cpu("max"), "max,pauth-impdef=on");
        assert_eq!(cpu("max,sve=off"), "max,sve=off,pauth-impdef=on");
        assert_eq!(cpu("max,pauth=off"), "max,pauth=off");
        assert_eq!(cpu("neoverse-n1"), "neoverse-n1");
    }
}
