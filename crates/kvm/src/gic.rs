//! KVM's interrupt controllers.

use std::ptr;

use kvm_bindings::{
    KVM_CREATE_DEVICE_TEST, KVM_DEV_ARM_VGIC_CTRL_INIT, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_DEV_ARM_VGIC_GRP_CTRL,
    KVM_DEV_ARM_VGIC_GRP_NR_IRQS, KVM_VGIC_V2_ADDR_TYPE_CPU, KVM_VGIC_V2_ADDR_TYPE_DIST,
    KVM_VGIC_V3_ADDR_TYPE_DIST, KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION, kvm_create_device, kvm_device_attr,
    kvm_device_type_KVM_DEV_TYPE_ARM_VGIC_ITS, kvm_device_type_KVM_DEV_TYPE_ARM_VGIC_V2,
    kvm_device_type_KVM_DEV_TYPE_ARM_VGIC_V3,
};
use kvm_ioctls::{DeviceFd, VmFd};
use switchboard_smccc::Ipa;

use crate::{Error, GicSupport, Vm};

/// Where an interrupt controller's registers are in the guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GicLayout {
    /// GICv2.
    V2 {
        /// The distributor: 4 KiB.
        distributor: Ipa,
        /// The CPU interface: 8 KiB.
        cpu_interface: Ipa,
    },
    /// GICv3.
    V3 {
        /// The distributor: 64 KiB.
        distributor: Ipa,
        /// The redistributors: 128 KiB for each vCPU, one after the other.
        redistributors: Ipa,
        /// How many there are: one for each vCPU that will ever exist.
        count: u16,
    },
}

/// An interrupt controller. It lives as long as its machine.
pub struct Gic {
    _device: DeviceFd,
}

impl Gic {
    /// Creates and initialises the interrupt controller. Every vCPU must exist by now, and none can be created
    /// afterwards. `interrupts` is how many interrupt IDs there are: 64 to 1024, a multiple of 32.
    ///
    /// # Errors
    ///
    /// [`Error`] if KVM refuses.
    pub fn create(vm: &Vm, layout: GicLayout, interrupts: u32) -> Result<Self, Error> {
        let device_type = match layout {
            GicLayout::V2 { .. } => kvm_device_type_KVM_DEV_TYPE_ARM_VGIC_V2,
            GicLayout::V3 { .. } => kvm_device_type_KVM_DEV_TYPE_ARM_VGIC_V3,
        };
        let mut create = kvm_create_device { type_: device_type, fd: 0, flags: 0 };
        let device = vm.fd.create_device(&mut create).map_err(Error::ioctl("KVM_CREATE_DEVICE (vGIC)"))?;
        set(
            &device,
            KVM_DEV_ARM_VGIC_GRP_NR_IRQS,
            0,
            &interrupts,
            "setting the vGIC's number of interrupts",
        )?;
        match layout {
            GicLayout::V2 { distributor, cpu_interface } => {
                set_address(&device, KVM_VGIC_V2_ADDR_TYPE_DIST, distributor.0)?;
                set_address(&device, KVM_VGIC_V2_ADDR_TYPE_CPU, cpu_interface.0)?;
            }
            GicLayout::V3 { distributor, redistributors, count } => {
                set_address(&device, KVM_VGIC_V3_ADDR_TYPE_DIST, distributor.0)?;
                // One region, index 0: the count is in bits [63:52].
                let region = u64::from(count) << 52 | redistributors.0;
                set_address(&device, KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION, region)?;
            }
        }
        initialise(&device)?;
        Ok(Self { _device: device })
    }
}

/// Which interrupt controllers could be created.
pub(crate) fn support(vm: &VmFd) -> GicSupport {
    GicSupport {
        v2: exists(vm, kvm_device_type_KVM_DEV_TYPE_ARM_VGIC_V2),
        v3: exists(vm, kvm_device_type_KVM_DEV_TYPE_ARM_VGIC_V3),
        its: exists(vm, kvm_device_type_KVM_DEV_TYPE_ARM_VGIC_ITS),
    }
}

/// Could such a device be created? kvm-ioctls makes a file of the descriptor that comes back, but a test gives
/// none: so this is the ioctl itself.
fn exists(vm: &VmFd, device_type: u32) -> bool {
    vmm_sys_util::ioctl_iowr_nr!(KVM_CREATE_DEVICE, kvm_bindings::KVMIO, 0xe0, kvm_create_device);
    let mut create = kvm_create_device { type_: device_type, fd: 0, flags: KVM_CREATE_DEVICE_TEST };
    // SAFETY: the kernel reads and writes the struct, which outlives the call, and nothing else.
    #[allow(unsafe_code, reason = "an ioctl that kvm-ioctls does not offer")]
    let result = unsafe { vmm_sys_util::ioctl::ioctl_with_mut_ref(vm, KVM_CREATE_DEVICE(), &mut create) };
    result == 0
}

fn set_address(device: &DeviceFd, kind: u32, address: u64) -> Result<(), Error> {
    set(device, KVM_DEV_ARM_VGIC_GRP_ADDR, kind, &address, "setting an address of the vGIC")
}

fn set<T>(device: &DeviceFd, group: u32, attr: u32, value: &T, operation: &'static str) -> Result<(), Error> {
    let attribute = kvm_device_attr { group, attr: u64::from(attr), addr: address_of(value), flags: 0 };
    device.set_device_attr(&attribute).map_err(Error::ioctl(operation))
}

fn initialise(device: &DeviceFd) -> Result<(), Error> {
    let attribute = kvm_device_attr {
        group: KVM_DEV_ARM_VGIC_GRP_CTRL,
        attr: u64::from(KVM_DEV_ARM_VGIC_CTRL_INIT),
        addr: 0,
        flags: 0,
    };
    device.set_device_attr(&attribute).map_err(Error::ioctl("initialising the vGIC"))
}

/// The address of a value, for an attribute that the kernel reads it from.
pub(crate) fn address_of<T>(value: &T) -> u64 {
    u64::try_from(ptr::from_ref(value).expose_provenance()).expect("addresses of arm64 have 64 bits")
}
