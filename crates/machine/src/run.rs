//! A machine, from its configuration to its end.

use switchboard_kvm::Kvm;

use crate::{
    CallStatistics, Config, Console, Control, End, Error, OnReset,
    boot::{
        fdt,
        files::{Boot, BootFiles},
    },
};

/// A machine that can run: its files have been read and understood, and this host has KVM for it.
pub struct Machine {
    pub(crate) config: Config,
    pub(crate) kvm: Kvm,
    pub(crate) files: BootFiles,
    /// What the first life boots; each reset reads the files again.
    boot: Option<Boot>,
}

/// What is around a machine while it runs.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    /// The guest's serial port goes here.
    pub console: &'a Console,
    /// Every call is counted here. It goes on counting over resets.
    pub statistics: &'a CallStatistics,
    /// Ends the machine from outside.
    pub control: &'a Control,
}

impl Machine {
    /// Reads the files, and opens KVM.
    ///
    /// # Errors
    ///
    /// [`Error`]: first what is wrong with the configuration, on any host; then what this host lacks.
    pub fn new(config: Config) -> Result<Self, Error> {
        if config.cpus == 0 {
            let reason = "something has to run the kernel".to_owned();
            return Err(Error::Cpus { asked: 0, reason, limit: None });
        }
        fdt::check_bootargs(&config.command_line)?;
        let mut files = BootFiles::open(&config)?;
        let boot = files.load(&config)?;
        let kvm = Kvm::open(&config.kvm)?;
        check_cpus(&kvm, config.cpus)?;
        Ok(Self { config, kvm, files, boot: Some(boot) })
    }

    /// Empty statistics, with room for each CPU.
    #[must_use]
    pub fn statistics(&self) -> CallStatistics {
        // On a host of 16-bit addresses there would be no KVM.
        CallStatistics::new(usize::try_from(self.config.cpus).unwrap_or(usize::MAX))
    }

    /// Boots, and runs until it ends. A reset starts it anew, with memory cleared and every device new, unless the
    /// configuration says otherwise.
    ///
    /// # Errors
    ///
    /// [`Error`] if the host has not what the machine needs, or it cannot go on.
    ///
    /// # Panics
    ///
    /// If the statistics have fewer tables than the machine has CPUs.
    pub fn run(&mut self, around: Surroundings<'_>) -> Result<End, Error> {
        assert!(around.statistics.cpus() >= self.statistics().cpus(), "a table for each CPU");
        loop {
            let boot = match self.boot.take() {
                Some(boot) => boot,
                None => self.files.load(&self.config)?,
            };
            let end = self.live(boot, around)?;
            if end != End::Reset || self.config.on_reset == OnReset::End {
                return Ok(end);
            }
        }
    }

    /// On another architecture there is no [`Kvm`] to make a machine with.
    #[cfg(not(target_arch = "aarch64"))]
    fn live(&mut self, _: Boot, _: Surroundings<'_>) -> Result<End, Error> {
        self.kvm.never()
    }
}

fn check_cpus(kvm: &Kvm, asked: u32) -> Result<(), Error> {
    let limit = u32::try_from(kvm.max_vcpus()).unwrap_or(u32::MAX);
    if asked <= limit {
        return Ok(());
    }
    Err(Error::Cpus { asked, reason: format!("this host's KVM runs at most {limit}"), limit: Some(limit) })
}
