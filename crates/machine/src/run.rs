//! A machine, from its configuration to its end.

use std::{
    sync::Arc,
    thread::{self, Scope},
};

use switchboard_external::External;
use switchboard_firmware::MemoryAtReset;
use switchboard_kvm::Kvm;

use crate::{
    AnsweredBy, CallStatistics, Config, Console, Control, Cpus, End, Error, OnReset, Presence,
    board::Board,
    boot::{
        fdt,
        files::{Boot, BootFiles},
    },
    control::Server,
    gate::Gate,
    operator::Operator,
    services,
    session::{LifeEnd, ResetBy},
};

/// A machine that can run: its files have been read and understood, and this host has KVM for it.
pub struct Machine {
    pub(crate) config: Config,
    pub(crate) kvm: Kvm,
    pub(crate) files: BootFiles,
    /// What the first life boots; each reset reads the files again.
    boot: Option<Boot>,
    /// The control socket, until the machine runs.
    server: Option<Server>,
    /// What a policy makes of calls.
    pub(crate) gate: Arc<Gate>,
    /// What other processes answer.
    pub(crate) external: Vec<Arc<External>>,
    /// What resets do not change. Made with the first life.
    pub(crate) board: Option<Arc<Board>>,
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
        check_config(&config)?;
        let external = external(&config)?;
        services::check(&config, &external)?;
        fdt::check_bootargs(&config.command_line)?;
        let mut files = BootFiles::open(&config)?;
        let boot = files.load(&config)?;
        let server = config.control.as_deref().map(Server::bind).transpose()?;
        let kvm = Kvm::open(&config.kvm)?;
        check_cpus(&kvm, config.cpus.max)?;
        external.iter().try_for_each(|service| service.connect_first())?;
        let gate = Arc::new(Gate::new(config.plan.clone()));
        Ok(Self { config, kvm, files, boot: Some(boot), server, gate, external, board: None })
    }

    /// Empty statistics, with room for each CPU.
    #[must_use]
    pub fn statistics(&self) -> CallStatistics {
        // On a host of 16-bit addresses there would be no KVM.
        CallStatistics::new(usize::try_from(self.config.cpus.max).unwrap_or(usize::MAX))
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
        around.statistics.start().begin();
        around.statistics.set_external(&self.external);
        let operator = Operator {
            control: around.control,
            statistics: around.statistics,
            description: self.config.description,
            psci: self.config.psci,
        };
        let server = self.server.take();
        thread::scope(|scope| {
            if let Some(server) = &server {
                server
                    .serve(scope, &operator)
                    .map_err(|source| Error::Host { action: "starting a thread", source })?;
            }
            // Even if this thread panics: the scope waits for all of these threads.
            let _ending =
                Ending { control: around.control, server: server.as_ref(), external: &self.external.clone() };
            for (index, service) in self.external.iter().enumerate() {
                answer_elsewhere(scope, index, Arc::clone(service), around.control)?;
            }
            self.run_lives(around)
        })
    }

    fn run_lives(&mut self, around: Surroundings<'_>) -> Result<End, Error> {
        let mut kept = None;
        loop {
            let boot = match self.boot.take() {
                Some(boot) => boot,
                None => self.files.load(&self.config)?,
            };
            let (end, memory) = self.live(boot, kept.take(), around)?;
            match end {
                LifeEnd::End(end) => return Ok(end),
                LifeEnd::Reset { kind, by: ResetBy::Guest, .. } if self.config.on_reset == OnReset::End => {
                    return Ok(End::Reset(kind));
                }
                LifeEnd::Reset { by: ResetBy::Watchdog, .. } if self.config.on_reset == OnReset::End => {
                    return Ok(End::Watchdog);
                }
                LifeEnd::Reset { memory: MemoryAtReset::Kept, .. } => kept = Some(memory),
                LifeEnd::Reset { memory: MemoryAtReset::Cleared, .. } => {}
            }
        }
    }

    /// On another architecture there is no [`Kvm`] to make a machine with.
    #[cfg(not(target_arch = "aarch64"))]
    fn live(
        &mut self,
        _: Boot,
        _: Option<Arc<crate::Memory>>,
        _: Surroundings<'_>,
    ) -> Result<(LifeEnd, Arc<crate::Memory>), Error> {
        self.kvm.never()
    }
}

/// Ends what has begun with the machine.
struct Ending<'machine> {
    control: &'machine Control,
    server: Option<&'machine Server>,
    external: &'machine [Arc<External>],
}

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        // Whoever waits for the guest is told before nobody listens any more.
        self.control.set_ended();
        if let Some(server) = self.server {
            server.close();
        }
        self.external.iter().for_each(|service| service.link().close());
    }
}

fn check_config(config: &Config) -> Result<(), Error> {
    let Cpus { boot, max } = config.cpus;
    if boot == 0 {
        let reason = "something has to run the kernel".to_owned();
        return Err(Error::Cpus { asked: 0, reason, limit: None });
    }
    if boot > max {
        let reason = format!("it can have at most {max}");
        return Err(Error::Cpus { asked: boot, reason, limit: Some(max) });
    }
    if config.psci == AnsweredBy::Kvm {
        if config.cpus.can_change() {
            return Err(Error::HotplugUnderKvm);
        }
        if config.services.sdei == Presence::Present {
            return Err(Error::SdeiUnderKvm);
        }
    }
    Ok(())
}

/// Whoever is to answer for us; nobody is connected to yet.
fn external(config: &Config) -> Result<Vec<Arc<External>>, Error> {
    let cpus = usize::try_from(config.cpus.max).unwrap_or(usize::MAX);
    let prepare = |spec| {
        External::new(spec, cpus)
            .map_err(|source| Error::Host { action: "preparing for a process that answers calls", source })
    };
    config.services.external.iter().map(prepare).collect()
}

/// Starts the thread that talks to another process, over all lives of the machine.
fn answer_elsewhere<'scope>(
    scope: &'scope Scope<'scope, '_>,
    index: usize,
    service: Arc<External>,
    control: &'scope Control,
) -> Result<(), Error> {
    let wake = move |cpu| {
        if let Some(life) = control.life() {
            life.session.threads().wake(cpu);
        }
    };
    thread::Builder::new()
        .name(format!("external-{index}"))
        .spawn_scoped(scope, move || service.link().run(&wake))
        .map_err(|source| Error::Host { action: "starting a thread", source })?;
    Ok(())
}

fn check_cpus(kvm: &Kvm, asked: u32) -> Result<(), Error> {
    let limit = u32::try_from(kvm.max_vcpus()).unwrap_or(u32::MAX);
    if asked <= limit {
        return Ok(());
    }
    Err(Error::Cpus { asked, reason: format!("this host's KVM runs at most {limit}"), limit: Some(limit) })
}
