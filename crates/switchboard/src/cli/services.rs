//! The arguments that say which services a guest has, and who answers it.

use std::num::NonZeroU64;

use clap::Args;
use switchboard_machine::{Answerer, Bite, Implementation, Presence, RateLimit, ServeSpec, Services};

/// Services beside PSCI.
#[derive(Debug, Args)]
#[command(next_help_heading = "Services")]
pub(crate) struct ServiceArguments {
    /// Who answers the guest's calls for random numbers (TRNG). By default whoever answers PSCI.
    #[arg(long, value_enum, value_name = "WHO")]
    trng: Option<Who>,

    /// The most random bits that the guest gets in a second, from Switchboard. It may save up for one second. No limit by
    /// default.
    #[arg(long, value_name = "BITS")]
    trng_rate: Option<NonZeroU64>,

    /// Who answers the calls of KVM's vendor services: its identity and features, the wall clock (PTP), and the CPUs on which
    /// the guest may come to run. They are all in one place. Userspace by default where `--implementations` is given, and
    /// KVM otherwise.
    #[arg(long, value_enum, value_name = "WHO")]
    kvm_services: Option<Who>,

    /// Who answers the guest's questions for stolen time. It is KVM that counts it.
    #[arg(long, value_enum, value_name = "WHO", default_value_t = Who::Kvm)]
    pv_time: Who,

    /// Give the guest events that reach it whatever it has masked (SDEI). A Linux guest with `--acpi` can then be reached by
    /// `switchboard ctl SOCKET nmi` even where it hangs with interrupts off.
    #[arg(long)]
    sdei: bool,

    #[command(flatten)]
    offer: OfferArguments,
}

/// What a guest can have beside what every machine has.
#[derive(Debug, Args)]
pub(crate) struct OfferArguments {
    /// The CPUs on which the guest may come to run, by MIDR_EL1, REVIDR_EL1 and AIDR_EL1: `MIDR:REVIDR:AIDR`, separated by
    /// commas. Linux 6.15 and later enables what works around the errata of all of them.
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    implementations: Vec<Implementation>,

    /// A watchdog that the guest calls (Linux: arm,smc-wdt): a guest that enables it and stops petting it is reset, or
    /// switched off. Linux finds it by device tree alone.
    #[arg(long, value_enum, value_name = "BITE")]
    watchdog: Option<Watchdog>,

    /// As which hypervisor the machine presents itself. Hyper-V takes the place of KVM's vendor services; Linux 6.12 finds it
    /// with `--acpi` alone.
    #[arg(long, value_enum, value_name = "WHOSE", default_value_t = Personality::Kvm)]
    personality: Personality,

    /// Let another process answer a range of function IDs: `FIRST+COUNT=unix:PATH`, and after it any of `,timeout=1s`,
    /// `,conduit=hvc` and `,failure=VALUE`. Any number of them.
    #[arg(long, value_name = "RANGE")]
    serve: Vec<ServeSpec>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Who {
    /// Switchboard.
    Userspace,
    /// KVM, in the kernel.
    Kvm,
    /// Nobody: the calls are not supported.
    None,
}

impl From<Who> for Answerer {
    fn from(who: Who) -> Self {
        match who {
            Who::Userspace => Self::Userspace,
            Who::Kvm => Self::Kvm,
            Who::None => Self::Nobody,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Watchdog {
    /// Start the machine anew.
    Reset,
    /// Switch it off.
    Off,
}

impl From<Watchdog> for Bite {
    fn from(watchdog: Watchdog) -> Self {
        match watchdog {
            Watchdog::Reset => Self::Reset,
            Watchdog::Off => Self::Off,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Personality {
    /// Linux's KVM.
    Kvm,
    /// Microsoft's Hyper-V: its version, reference time, VP index and crash registers; no VMBus.
    #[value(name = "hyperv")]
    HyperV,
}

impl From<Personality> for switchboard_machine::Personality {
    fn from(personality: Personality) -> Self {
        match personality {
            Personality::Kvm => Self::Kvm,
            Personality::HyperV => Self::HyperV,
        }
    }
}

/// So many bits a second, and as many saved up; one call may want 192.
fn rate_limit(bits_per_second: NonZeroU64) -> RateLimit {
    RateLimit { bits_per_second, burst: bits_per_second.max(MOST_BITS) }
}

/// What one call of a TRNG returns at most (DEN0098, `TRNG_RND`).
const MOST_BITS: NonZeroU64 = NonZeroU64::new(192).expect("not zero");

/// Arguments that contradict each other.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Contradiction(pub(crate) &'static str);

impl ServiceArguments {
    /// The services. `usual` answers what can be answered in userspace and in the kernel alike.
    pub(crate) fn services(&self, usual: Answerer) -> Result<Services, Contradiction> {
        let trng = self.trng.map_or(usual, Answerer::from);
        if self.trng_rate.is_some() && trng != Answerer::Userspace {
            return Err(Contradiction(
                "`--trng-rate` limits Switchboard's TRNG alone: it needs `--trng userspace`",
            ));
        }
        let by_default = match (self.offer.personality, self.offer.implementations.is_empty()) {
            (Personality::HyperV, _) => Who::None,
            (Personality::Kvm, true) => Who::Kvm,
            (Personality::Kvm, false) => Who::Userspace,
        };
        let kvm = Answerer::from(self.kvm_services.unwrap_or(by_default));
        if self.offer.personality == Personality::HyperV {
            if kvm != Answerer::Nobody || !self.offer.implementations.is_empty() {
                return Err(Contradiction(
                    "with `--personality hyperv` nobody answers for KVM: leave out `--kvm-services` and \
                     `--implementations`",
                ));
            }
            if self.offer.touches(&VENDOR_RANGES) {
                return Err(Contradiction(
                    "`--serve` takes calls out of the range of the hypervisor's vendor, which is Hyper-V's with \
                     `--personality hyperv`",
                ));
            }
        }
        if !self.offer.implementations.is_empty() && kvm != Answerer::Userspace {
            return Err(Contradiction(
                "KVM does not answer for `--implementations`: they need `--kvm-services userspace`",
            ));
        }
        if kvm != Answerer::Nobody && self.offer.touches(&VENDOR_RANGES) {
            return Err(Contradiction(
                "`--serve` takes calls out of the range of KVM's vendor services, which have one implementer: add \
                 `--kvm-services none`",
            ));
        }
        if usual == Answerer::Kvm && self.offer.touches(&PSCI_RANGES) {
            return Err(Contradiction(
                "`--serve` takes calls of PSCI, which KVM answers: CPUs could not be started",
            ));
        }
        Ok(Services {
            trng,
            trng_limit: self.trng_rate.map(rate_limit),
            kvm,
            pv_time: self.pv_time.into(),
            sdei: if self.sdei { Presence::Present } else { Presence::Absent },
            ..self.offer.services()
        })
    }
}

/// The function IDs of KVM's vendor services, and of PSCI: the first and the last of each width.
const VENDOR_RANGES: [(u32, u32); 2] = [(0x8600_0000, 0x86ff_ffff), (0xc600_0000, 0xc6ff_ffff)];
const PSCI_RANGES: [(u32, u32); 2] = [(0x8400_0000, 0x8400_001f), (0xc400_0000, 0xc400_001f)];

impl OfferArguments {
    /// Does another process answer anything of these ranges?
    fn touches(&self, ranges: &[(u32, u32)]) -> bool {
        let touches = |spec: &ServeSpec| {
            let (first, last) = (spec.range.first().0, spec.range.last().0);
            ranges.iter().any(|&(from, to)| first <= to && from <= last)
        };
        self.serve.iter().any(touches)
    }

    /// What is asked for here, and all else by KVM.
    pub(crate) fn services(&self) -> Services {
        Services {
            implementations: self.implementations.clone(),
            personality: self.personality.into(),
            watchdog: self.watchdog.map(Bite::from),
            external: self.serve.clone(),
            ..Services::of_kvm()
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        services: ServiceArguments,
    }

    fn services(arguments: &[&str]) -> Result<Services, Contradiction> {
        let line = Line::try_parse_from([&["run"], arguments].concat()).unwrap();
        line.services.services(Answerer::Userspace)
    }

    #[test]
    fn random_numbers_come_from_whoever_answers_psci() {
        let line = Line::try_parse_from(["run"]).unwrap();
        assert_eq!(line.services.services(Answerer::Kvm), Ok(Services::of_kvm()));
        assert_eq!(services(&[]).unwrap().trng, Answerer::Userspace);
        assert_eq!(services(&["--trng", "none"]).unwrap().trng, Answerer::Nobody);
    }

    #[test]
    fn implementations_bring_kvms_services_to_userspace() {
        let services = services(&["--implementations", "0x410fd0c1:0:0,0x410fd490:1:2"]).unwrap();
        assert_eq!(services.kvm, Answerer::Userspace);
        assert_eq!(services.implementations[1], Implementation { midr: 0x410f_d490, revidr: 1, aidr: 2 });
    }

    #[test]
    fn where_hyper_v_is_there_kvm_is_not() {
        let services = services(&["--personality", "hyperv"]).unwrap();
        assert_eq!(services.kvm, Answerer::Nobody);
        assert_eq!(services.personality, switchboard_machine::Personality::HyperV);
    }

    #[test]
    fn contradictions_are_refused() {
        services(&["--implementations", "0x410fd0c1:0:0", "--kvm-services", "kvm"]).unwrap_err();
        services(&["--trng-rate", "1000", "--trng", "kvm"]).unwrap_err();
        services(&["--serve", "0xC6000040+2=unix:a"]).unwrap_err();
        services(&["--personality", "hyperv", "--kvm-services", "kvm"]).unwrap_err();
        services(&["--personality", "hyperv", "--implementations", "0x410fd0c1:0:0"]).unwrap_err();
        services(&["--personality", "hyperv", "--serve", "0xC6000040+2=unix:a"]).unwrap_err();
        services(&["--serve", "0xC6000040+2=unix:a", "--kvm-services", "none"]).unwrap();
        let line = Line::try_parse_from(["run", "--serve", "0x84000000+0x20=unix:a"]).unwrap();
        line.services.services(Answerer::Kvm).unwrap_err();
    }

    #[test]
    fn what_is_no_implementation_rate_or_range_is_refused() {
        for wrong in [
            ["--implementations", "0x410fd0c1:0"],
            ["--trng-rate", "0"],
            ["--serve", "0xC2000000"],
            ["--watchdog", "bark"],
        ] {
            assert!(Line::try_parse_from([&["run"], &wrong[..]].concat()).is_err(), "{wrong:?}");
        }
    }
}
