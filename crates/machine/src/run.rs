//! A machine, from its configuration to its end.

use switchboard_kvm::Kvm;

use crate::{CallStatistics, Config, Console, Control, End, Error, boot::files::BootFiles};

/// Makes a machine, boots it, and runs it until it ends. A reset starts it anew, with memory cleared and every
/// device new, unless the configuration says otherwise.
///
/// `statistics` must have a table for each CPU. It goes on counting over resets.
///
/// # Errors
///
/// [`Error`] if the machine cannot be made, or cannot go on.
pub fn run(
    config: &Config,
    console: &Console,
    statistics: &CallStatistics,
    control: &Control,
) -> Result<End, Error> {
    // What the user got wrong is said first, on any host; what this host lacks comes after.
    if config.cpus == 0 {
        let reason = "something has to run the kernel".to_owned();
        return Err(Error::Cpus { asked: 0, reason, limit: None });
    }
    let mut files = BootFiles::open(config)?;
    let mut boot = files.load(config)?;
    let kvm = Kvm::open(&config.kvm)?;
    loop {
        let end = live(&kvm, config, &mut files, boot, console, statistics, control)?;
        if end != End::Reset || config.on_reset == crate::OnReset::End {
            return Ok(end);
        }
        boot = files.load(config)?;
    }
}

#[cfg(target_arch = "aarch64")]
use crate::life::live;

/// On another architecture there is no [`Kvm`] to call this with.
#[cfg(not(target_arch = "aarch64"))]
fn live(
    kvm: &Kvm,
    _: &Config,
    _: &mut BootFiles,
    _: crate::boot::files::Boot,
    _: &Console,
    _: &CallStatistics,
    control: &Control,
) -> Result<End, Error> {
    kvm.probe()?;
    control.begin().wait()
}
