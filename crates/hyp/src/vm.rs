//! A virtual machine: what its vCPUs share, and what freezes when the first of them runs.

use alloc::{boxed::Box, vec::Vec};
use core::sync::atomic::{AtomicUsize, Ordering};

use spin::{Mutex, Once, RwLock};
use switchboard_filter::{EmptyRangeRule, Lookups, Namespaces, Request, RequestError};
use switchboard_smccc::{Conduit, Mpidr};

use crate::features::VcpuFeatures;
use crate::firmware_registers::FirmwareRegisters;
use crate::host::Mitigations;
use crate::mpidr_map::MpidrMap;
use crate::power::Slot;
use crate::{Errno, KvmVersion, Vcpu};

/// What a VM is made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VmConfig {
    /// Whose behaviour it has.
    pub version: KvmVersion,
    /// What that kernel makes of an empty range at function ID 0.
    pub empty_range: EmptyRangeRule,
    /// How the host fares with the CPU vulnerabilities that guests ask about.
    pub mitigations: Mitigations,
    /// The most vCPUs it can have. KVM: 512.
    pub max_vcpus: u16,
    /// One filter for both conduits, as KVM has it, or one for each.
    pub namespaces: NamespaceRule,
}

/// How many filters there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NamespaceRule {
    /// One, for both conduits: KVM.
    One,
    /// One for HVC and one for SMC: the extension that KVM does not have.
    Two,
}

/// A capability that can be enabled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Capability {
    /// `KVM_CAP_ARM_SYSTEM_SUSPEND` (216): KVM's PSCI has `SYSTEM_SUSPEND`. It cannot be disabled again.
    SystemSuspend,
}

/// A virtual machine.
#[derive(Debug)]
pub struct Vm {
    config: VmConfig,
    /// Held by whoever changes what the first run freezes, and by the first run.
    filter: Mutex<Namespaces>,
    /// There from the first run on.
    lookups: Once<Lookups>,
    pub(crate) firmware: FirmwareRegisters,
    features: Once<VcpuFeatures>,
    slots: Box<[Slot]>,
    /// The numbers of the vCPUs, in the order of their creation; they have the first of the slots.
    ids: Mutex<Vec<u32>>,
    count: AtomicUsize,
    mpidr_map: RwLock<Option<MpidrMap>>,
}

impl VmConfig {
    /// KVM of this kernel, on a host without vulnerabilities.
    #[must_use]
    pub const fn new(version: KvmVersion) -> Self {
        Self {
            version,
            empty_range: version.empty_range_rule(),
            mitigations: Mitigations::NOT_REQUIRED,
            max_vcpus: 512,
            namespaces: NamespaceRule::One,
        }
    }
}

impl Vm {
    /// A VM without vCPUs.
    #[must_use]
    pub fn new(config: VmConfig) -> Self {
        Self {
            config,
            filter: Mutex::new(match config.namespaces {
                NamespaceRule::One => Namespaces::one(config.empty_range),
                NamespaceRule::Two => Namespaces::two(config.empty_range),
            }),
            lookups: Once::new(),
            firmware: FirmwareRegisters::new(),
            features: Once::new(),
            slots: (0..config.max_vcpus).map(|_| Slot::new()).collect(),
            ids: Mutex::new(Vec::new()),
            count: AtomicUsize::new(0),
            mpidr_map: RwLock::new(None),
        }
    }

    /// `KVM_CREATE_VCPU`. Its number makes its affinity: Aff0 is bits `[3:0]`, Aff1 `[11:4]`, Aff2 `[19:12]`.
    ///
    /// # Errors
    ///
    /// EINVAL for a number or a count beyond the most, EEXIST for a number that is taken.
    pub fn create_vcpu(&self, id: u32) -> Result<Vcpu<'_>, Errno> {
        let mut ids = self.ids.lock();
        if id >= u32::from(self.config.max_vcpus) {
            return Err(Errno::EINVAL);
        }
        let slot = self.slots.get(ids.len()).ok_or(Errno::EINVAL)?;
        if ids.contains(&id) {
            return Err(Errno::EEXIST);
        }
        ids.push(id);
        self.count.store(ids.len(), Ordering::Release);
        // The map does not know this one.
        *self.mpidr_map.write() = None;
        Ok(Vcpu::new(self, slot, id))
    }

    /// `KVM_ENABLE_CAP` on the VM.
    pub fn enable(&self, capability: Capability) {
        match capability {
            Capability::SystemSuspend => self.enable_system_suspend(),
        }
    }

    /// Has any of its vCPUs run? Nothing makes this false again.
    #[must_use]
    pub fn has_ran_once(&self) -> bool {
        self.lookups.is_completed()
    }

    /// The kernel it behaves as.
    #[must_use]
    pub const fn version(&self) -> KvmVersion {
        self.config.version
    }

    pub(crate) const fn mitigations(&self) -> Mitigations {
        self.config.mitigations
    }

    pub(crate) const fn namespaces(&self) -> NamespaceRule {
        self.config.namespaces
    }

    pub(crate) fn request(&self, conduit: Conduit, request: &Request) -> Result<(), RequestError> {
        self.filter.lock().request(conduit, request)
    }

    /// Does something that is allowed until the first run and, if it changes nothing, after it.
    pub(crate) fn unless_it_has_run(
        &self,
        changes_nothing: impl FnOnce() -> bool,
        act: impl FnOnce(),
    ) -> Result<(), Errno> {
        let _guard = self.filter.lock();
        if self.has_ran_once() && !changes_nothing() {
            return Err(Errno::EBUSY);
        }
        act();
        Ok(())
    }

    /// A vCPU runs for the first time.
    pub(crate) fn first_run(&self) {
        if self.mpidr_map.read().is_none() {
            // Made before the lock is taken: whoever turns a CPU on looks in here.
            let map = MpidrMap::new(self.slots());
            *self.mpidr_map.write() = map;
        }
        self.lookups();
    }

    /// The compiled filters. That somebody asks means that a vCPU runs, and so freezes them.
    #[inline]
    pub(crate) fn lookups(&self) -> &Lookups {
        // `call_once` alone would take the lock first, on every call.
        match self.lookups.get() {
            Some(lookups) => lookups,
            None => self.freeze(),
        }
    }

    #[cold]
    fn freeze(&self) -> &Lookups {
        let mut filter = self.filter.lock();
        self.lookups.call_once(|| filter.freeze())
    }

    /// All vCPUs have the same features: the first to be initialised says which.
    pub(crate) fn agree_on(&self, features: VcpuFeatures) -> bool {
        *self.features.call_once(|| features) == features
    }

    /// Those of the vCPUs that there are.
    pub(crate) fn slots(&self) -> &[Slot] {
        &self.slots[..self.count.load(Ordering::Acquire)]
    }

    /// The vCPU with this affinity.
    pub(crate) fn find(&self, affinity: Mpidr) -> Option<&Slot> {
        let slots = self.slots();
        let has_it = |slot: &&Slot| slot.affinity() == affinity;
        let mapped = self.mpidr_map.read().as_ref().map(|map| map.candidate(affinity));
        mapped.and_then(|index| slots.get(index)).filter(has_it).or_else(|| slots.iter().find(has_it))
    }
}
