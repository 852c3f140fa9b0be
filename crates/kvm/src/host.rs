//! An open `/dev/kvm`.

use std::path::Path;

use crate::OpenError;

/// An open `/dev/kvm` of this architecture.
pub struct Kvm {
    #[cfg(target_arch = "aarch64")]
    pub(crate) fd: kvm_ioctls::Kvm,
    #[cfg(not(target_arch = "aarch64"))]
    absent: std::convert::Infallible,
}

/// The only version of the API there has been since Linux 2.6.22.
const API_VERSION: i32 = 12;

impl Kvm {
    /// Opens `path`, usually `/dev/kvm`.
    ///
    /// # Errors
    ///
    /// [`OpenError`] if it is not there, is not KVM, or is KVM of another architecture.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let open_error = |source| OpenError::Open { path: path.to_owned(), source };
        let name = std::ffi::CString::new(path.as_os_str().as_encoded_bytes())
            .map_err(|error| open_error(error.into()))?;
        let fd = kvm_ioctls::Kvm::new_with_path(name.as_c_str()).map_err(|error| open_error(error.into()))?;
        // Opening proves little: under user-mode emulation it is the host's own, of another architecture.
        let answer = fd.get_api_version();
        if answer != API_VERSION {
            return Err(OpenError::NotKvm { path: path.to_owned(), answer });
        }
        #[cfg(target_arch = "aarch64")]
        return Ok(Self { fd });
        #[cfg(not(target_arch = "aarch64"))]
        Err(OpenError::OtherArchitecture { path: path.to_owned(), architecture: std::env::consts::ARCH })
    }
}

#[cfg(target_arch = "aarch64")]
mod probe {
    use kvm_bindings::KVM_ARM_VCPU_PSCI_0_2;
    use kvm_ioctls::{Cap, VcpuFd, VmFd};
    use switchboard_smccc::{RegisterId, psci::Version};

    use crate::{BitmapBit, BitmapRegister, Error, HostReport, Kvm, VcpuFeatures, gic, vm};

    /// KVM's name for each bitmap register, and what its bits mean.
    const BITMAPS: [(RegisterId, &str, &[&str]); 4] = [
        (RegisterId::STANDARD_BITMAP, "KVM_REG_ARM_STD_BMAP", &["TRNG 1.0"]),
        (RegisterId::STANDARD_HYPERVISOR_BITMAP, "KVM_REG_ARM_STD_HYP_BMAP", &["paravirtualized time"]),
        (
            RegisterId::VENDOR_HYPERVISOR_BITMAP,
            "KVM_REG_ARM_VENDOR_HYP_BMAP",
            &["KVM's UID and FEATURES", "precision time protocol"],
        ),
        (
            RegisterId::VENDOR_HYPERVISOR_BITMAP_2,
            "KVM_REG_ARM_VENDOR_HYP_BMAP_2",
            &["DISCOVER_IMPL_VER (userspace answers)", "DISCOVER_IMPL_CPUS (userspace answers)"],
        ),
    ];

    const PSCI_VERSIONS: [u64; 5] = [0x2, 0x1_0000, 0x1_0001, 0x1_0002, 0x1_0003];

    impl Kvm {
        /// Asks the kernel what it offers. Creates a virtual machine with one vCPU, and runs nothing.
        ///
        /// # Errors
        ///
        /// [`Error`] if that machine cannot be made.
        pub fn probe(&self) -> Result<HostReport, Error> {
            let vm = vm::create(&self.fd, self.smallest_ipa())?;
            let vcpu = probe_vcpu(&vm)?;
            let features = self.features();
            let mut report = HostReport {
                kernel: kernel_release(),
                api_version: self.fd.get_api_version(),
                smccc_filter: vm::has_filter(&vm),
                ipa_bits: self.ipa_bits(),
                max_vcpus: self.fd.get_max_vcpus(),
                gic: gic::support(&vm),
                psci_default: get(&vcpu, RegisterId::PSCI_VERSION)
                    .map_or_else(|| "unknown".to_owned(), |value| Version::from_value(value).to_string()),
                psci_versions: psci_versions(&vcpu),
                pmu: features.pmu,
                pauth: features.pauth,
                sve: features.sve,
                bitmap_registers: BITMAPS.iter().map(|row| bitmap_register(&vcpu, row)).collect(),
                problems: Vec::new(),
            };
            report.problems = problems(&report);
            Ok(report)
        }

        /// How many bits a guest's physical address can have.
        #[must_use]
        pub fn ipa_bits(&self) -> u32 {
            // Absent, or 0, where the limit is what it was before it could be chosen: 40 bits.
            u32::try_from(self.fd.get_host_ipa_limit()).ok().filter(|&bits| bits != 0).unwrap_or(40)
        }

        /// The most vCPUs a machine can have.
        #[must_use]
        pub fn max_vcpus(&self) -> usize {
            self.fd.get_max_vcpus()
        }

        /// The optional features that this host's CPU and kernel have for guests.
        #[must_use]
        pub fn features(&self) -> VcpuFeatures {
            VcpuFeatures {
                pmu: self.fd.check_extension(Cap::ArmPmuV3),
                // KVM gives a guest both kinds or none.
                pauth: self.fd.check_extension(Cap::ArmPtrAuthAddress)
                    && self.fd.check_extension(Cap::ArmPtrAuthGeneric),
                sve: self.fd.check_extension(Cap::ArmSve),
            }
        }

        fn smallest_ipa(&self) -> u32 {
            self.ipa_bits().min(vm::MINIMUM_IPA_BITS)
        }
    }

    fn probe_vcpu(vm: &VmFd) -> Result<VcpuFd, Error> {
        let vcpu = vm.create_vcpu(0).map_err(Error::ioctl("KVM_CREATE_VCPU"))?;
        let mut init = kvm_bindings::kvm_vcpu_init::default();
        vm.get_preferred_target(&mut init).map_err(Error::ioctl("KVM_ARM_PREFERRED_TARGET"))?;
        init.features[0] = 1 << KVM_ARM_VCPU_PSCI_0_2;
        vcpu.vcpu_init(&init).map_err(Error::ioctl("KVM_ARM_VCPU_INIT"))?;
        Ok(vcpu)
    }

    fn get(vcpu: &VcpuFd, register: RegisterId) -> Option<u64> {
        let mut bytes = [0; 8];
        vcpu.get_one_reg(register.0, &mut bytes).ok()?;
        Some(u64::from_le_bytes(bytes))
    }

    /// The versions that the register takes. They are tried from the lowest up.
    fn psci_versions(vcpu: &VcpuFd) -> Vec<String> {
        PSCI_VERSIONS
            .into_iter()
            .filter(|version| vcpu.set_one_reg(RegisterId::PSCI_VERSION.0, &version.to_le_bytes()).is_ok())
            .map(|version| Version::from_value(version).to_string())
            .collect()
    }

    fn bitmap_register(
        vcpu: &VcpuFd,
        &(register, name, meanings): &(RegisterId, &'static str, &[&'static str]),
    ) -> BitmapRegister {
        let value = get(vcpu, register);
        let bits = (0_u8..).zip(meanings).map(|(bit, &meaning)| BitmapBit {
            bit,
            meaning,
            set: value.is_some_and(|value| value >> bit & 1 == 1),
        });
        BitmapRegister { name, value, bits: bits.collect() }
    }

    fn problems(report: &HostReport) -> Vec<String> {
        let mut problems = Vec::new();
        if !report.smccc_filter {
            problems.push(
                "KVM has no SMCCC filter, so no call can be forwarded to userspace: Linux 6.4 or later is needed"
                    .to_owned(),
            );
        }
        if !report.gic.v3 && !report.gic.v2 {
            problems.push("KVM emulates no interrupt controller here".to_owned());
        } else if !report.gic.v3 {
            problems.push("there is no GICv3, so a guest gets a GICv2 and has at most 8 vCPUs".to_owned());
        }
        problems
    }

    fn kernel_release() -> String {
        std::fs::read_to_string("/proc/sys/kernel/osrelease")
            .map_or_else(|_| "unknown".to_owned(), |release| release.trim().to_owned())
    }
}

/// There is no value of this type on another architecture.
#[cfg(not(target_arch = "aarch64"))]
impl Kvm {
    /// Stands for whatever would have been done with it.
    pub fn never<T>(&self) -> T {
        match self.absent {}
    }

    /// Asks the kernel what it offers.
    ///
    /// # Errors
    ///
    /// Never: it cannot be called.
    pub fn probe(&self) -> Result<crate::HostReport, crate::Error> {
        self.never()
    }

    /// The most vCPUs a machine can have.
    #[must_use]
    pub fn max_vcpus(&self) -> usize {
        self.never()
    }
}
