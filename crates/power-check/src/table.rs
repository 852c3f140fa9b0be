//! A power table, whichever copy it is of.
//!
//! Deliberately missing: what has no races, such as looking a CPU up.

use std::sync::Arc;

use switchboard_firmware::CpuIndex;
use switchboard_firmware::psci::{CpuPower, Next, Refusal, Start};
use switchboard_smccc::{Mpidr, psci::AffinityState};

/// `PowerTable`, method by method.
pub trait Table: Send + Sync {
    /// See `PowerTable::new`.
    fn new(affinities: &[Mpidr]) -> Self
    where
        Self: Sized;
    /// See `PowerTable::state`.
    fn state(&self, cpu: CpuIndex) -> CpuPower;
    /// See `PowerTable::enable`.
    fn enable(&self, cpu: CpuIndex) -> bool;
    /// See `PowerTable::disable`.
    ///
    /// # Errors
    ///
    /// How the CPU is, if it is not off.
    fn disable(&self, cpu: CpuIndex) -> Result<(), CpuPower>;
    /// See `PowerTable::next`.
    fn next(&self, cpu: CpuIndex) -> Next;
    /// See `PowerTable::affinity_info`.
    fn affinity_info(&self, target: Mpidr, level: u64) -> Option<AffinityState>;
    /// See `PowerTable::is_alone`.
    fn is_alone(&self) -> bool;
    /// See `PowerTable::resume`.
    fn resume(&self, cpu: CpuIndex);
    /// See `PowerTable::stop`.
    fn stop(&self) -> bool;
    /// See `PowerTable::is_stopped`.
    fn is_stopped(&self) -> bool;
    /// See `PowerTable::reset`.
    fn reset(&self);
    /// See `PowerTable::off`.
    fn off(&self, cpu: CpuIndex);
    /// See `PowerTable::standby`.
    fn standby(&self, cpu: CpuIndex);
    /// See `PowerTable::power_down`.
    fn power_down(&self, cpu: CpuIndex);
    /// See `PowerTable::claim`.
    ///
    /// # Errors
    ///
    /// Why the CPU cannot be claimed.
    fn claim(&self, cpu: CpuIndex) -> Result<Box<dyn Claim + '_>, Refusal>;
}

/// `Claim`.
pub trait Claim {
    /// See `Claim::start`.
    fn start(self: Box<Self>, start: Start);
}

/// Makes a table with these CPUs.
pub type Make = fn(&[Mpidr]) -> Arc<dyn Table>;

/// Makes a table of one kind.
pub(crate) fn make<T: Table + 'static>(affinities: &[Mpidr]) -> Arc<dyn Table> {
    Arc::new(T::new(affinities))
}

/// Takes the copy in a module for a [`Table`]. Each copy has types of its own, which become those of the firmware.
macro_rules! adapt {
    ($copy:ident) => {
        const _: () = {
            use switchboard_firmware::{CpuIndex, psci};
            use switchboard_smccc::{Mpidr, psci::AffinityState};

            use $crate::table::{Claim, Table};

            const fn power(power: $copy::CpuPower) -> psci::CpuPower {
                match power {
                    $copy::CpuPower::Disabled => psci::CpuPower::Disabled,
                    $copy::CpuPower::Off => psci::CpuPower::Off,
                    $copy::CpuPower::Pending => psci::CpuPower::Pending,
                    $copy::CpuPower::On => psci::CpuPower::On,
                    $copy::CpuPower::Standby => psci::CpuPower::Standby,
                    $copy::CpuPower::PowerDown => psci::CpuPower::PowerDown,
                }
            }

            const fn refusal(refusal: $copy::Refusal) -> psci::Refusal {
                match refusal {
                    $copy::Refusal::Disabled => psci::Refusal::Disabled,
                    $copy::Refusal::AlreadyOn => psci::Refusal::AlreadyOn,
                    $copy::Refusal::OnPending => psci::Refusal::OnPending,
                }
            }

            const fn taken(start: $copy::Start) -> psci::Start {
                let endianness = match start.endianness {
                    $copy::Endianness::Little => psci::Endianness::Little,
                    $copy::Endianness::Big => psci::Endianness::Big,
                };
                psci::Start { entry: start.entry, endianness }
            }

            const fn given(start: psci::Start) -> $copy::Start {
                let endianness = match start.endianness {
                    psci::Endianness::Little => $copy::Endianness::Little,
                    psci::Endianness::Big => $copy::Endianness::Big,
                };
                $copy::Start { entry: start.entry, endianness }
            }

            impl Table for $copy::PowerTable {
                fn new(affinities: &[Mpidr]) -> Self {
                    Self::new(affinities)
                }
                fn state(&self, cpu: CpuIndex) -> psci::CpuPower {
                    power(self.state(cpu))
                }
                fn enable(&self, cpu: CpuIndex) -> bool {
                    self.enable(cpu)
                }
                fn disable(&self, cpu: CpuIndex) -> Result<(), psci::CpuPower> {
                    self.disable(cpu).map_err(power)
                }
                fn next(&self, cpu: CpuIndex) -> psci::Next {
                    match self.next(cpu) {
                        $copy::Next::Start(start) => psci::Next::Start(taken(start)),
                        $copy::Next::Wait => psci::Next::Wait,
                        $copy::Next::Leave => psci::Next::Leave,
                    }
                }
                fn affinity_info(&self, target: Mpidr, level: u64) -> Option<AffinityState> {
                    self.affinity_info(target, level)
                }
                fn is_alone(&self) -> bool {
                    self.is_alone()
                }
                fn resume(&self, cpu: CpuIndex) {
                    self.resume(cpu);
                }
                fn stop(&self) -> bool {
                    self.stop()
                }
                fn is_stopped(&self) -> bool {
                    self.is_stopped()
                }
                fn reset(&self) {
                    self.reset();
                }
                fn off(&self, cpu: CpuIndex) {
                    self.off(cpu);
                }
                fn standby(&self, cpu: CpuIndex) {
                    self.standby(cpu);
                }
                fn power_down(&self, cpu: CpuIndex) {
                    self.power_down(cpu);
                }
                fn claim(&self, cpu: CpuIndex) -> Result<Box<dyn Claim + '_>, psci::Refusal> {
                    match self.claim(cpu) {
                        Ok(claim) => Ok(Box::new(claim)),
                        Err(error) => Err(refusal(error)),
                    }
                }
            }

            impl Claim for $copy::Claim<'_> {
                fn start(self: Box<Self>, start: psci::Start) {
                    (*self).start(given(start));
                }
            }
        };
    };
}

pub(crate) use adapt;
