//! A machine with services, and a guest on the model of KVM.

#![allow(dead_code, reason = "each file of tests uses its share")]

use std::sync::Arc;

use switchboard_filter::{Range, Request};
use switchboard_firmware::psci::{PowerTable, Psci, PsciVersion, support};
use switchboard_firmware::{Conduits, Supported};
use switchboard_hyp::{
    Counter, DeviceAttribute, Entry, ExceptionClass, Exit, Host, Init, Interruption, KvmVersion, Level, Next,
    PVTIME_CTRL, PVTIME_IPA, Syndrome, Time, Vcpu, VcpuFeatures, Vm, VmConfig,
};
use switchboard_policy::{Denials, Plan, Policy, Refused, ServiceDescription, Services, Source};
use switchboard_smccc::{Conduit, FunctionId, Ipa, Mpidr};

/// PSCI as it is, and nothing else.
pub(crate) fn psci_alone() -> Services {
    let power = Arc::new(PowerTable::new(&[Mpidr::from_register(0)]));
    let functions = support().filter(|row| row.supported != Supported::No).flat_map(|row| {
        let id = row.function.id;
        [id, id.other_width()].into_iter().filter(move |id| row.function.has(*id))
    });
    Services::none().with(ServiceDescription::of(&Psci::new(power, PsciVersion::V1_3)).answering(functions))
}

/// PSCI as it is; others by their ranges.
pub(crate) fn services() -> Services {
    let range = |first, count| Range::literal(FunctionId(first), count);
    psci_alone()
        .with(ServiceDescription::new(
            "trng",
            &[range(0x8400_0050, 0x10), range(0xc400_0050, 0x10)],
            Conduits::Both,
        ))
        .with(ServiceDescription::new("pv-time", &[range(0xc500_0020, 0x20)], Conduits::Both))
        .with(
            ServiceDescription::new(
                "kvm-vendor",
                &[range(0x8600_0000, 2), range(0xc600_0040, 2), range(0x8600_ff00, 4)],
                Conduits::Both,
            )
            .denying(&[range(0x8600_0002, 0xfefe)]),
        )
        .with(ServiceDescription::new(
            "general",
            &[range(0x8200_ff00, 4), range(0x8400_ff00, 4), range(0x8500_ff00, 4)],
            Conduits::Both,
        ))
        .with(ServiceDescription::new("watchdog", &[range(0x8200_3d06, 1)], Conduits::Only(Conduit::Smc)))
}

pub(crate) fn read(text: &str) -> Result<Policy, Refused> {
    Policy::read(Source::new("policy.toml", text), &services(), Denials::InKernel)
}

pub(crate) fn accepted(text: &str) -> Policy {
    match read(text) {
        Ok(policy) => policy,
        Err(refused) => panic!("{refused}"),
    }
}

/// What becomes of a call on the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Probed {
    /// KVM answers otherwise than by NOT_SUPPORTED.
    Kvm,
    NotSupported,
    Forwarded,
}

/// A VM of Linux 7.2.13 on which a plan has been installed; every range must be taken.
pub(crate) fn install(plan: &Plan) -> Vm {
    let vm = Vm::new(VmConfig::new(KvmVersion::V7_2));
    vm.enable(switchboard_hyp::Capability::SystemSuspend);
    for rule in plan.filter.rules() {
        let request = Request::from(rule).to_bytes();
        assert_eq!(vm.set_attribute(DeviceAttribute::SMCCC_FILTER, &request), Ok(()), "{rule}");
    }
    vm
}

/// A vCPU that sees the registers of the plan, has an address for stolen time, and runs.
pub(crate) fn start<'vm>(vm: &'vm Vm, plan: &Plan) -> Vcpu<'vm> {
    let mut vcpu = vm.create_vcpu(0).unwrap();
    vcpu.init(Init { features: VcpuFeatures::PSCI_0_2 }).unwrap();
    for (register, value) in plan.registers.values() {
        vcpu.set_register(register, value).unwrap();
    }
    let stolen_time = DeviceAttribute { group: PVTIME_CTRL, attribute: PVTIME_IPA };
    vcpu.set_attribute(stolen_time, &0x4000_0000_u64.to_le_bytes(), &Everything).unwrap();
    assert_eq!(vcpu.enter(Interruption::None), Ok(Entry::Guest));
    vcpu
}

/// Makes a call whose arguments KVM answers, if it answers at all, otherwise than by -1.
pub(crate) fn probe(vcpu: &mut Vcpu<'_>, id: FunctionId, conduit: Conduit) -> Probed {
    let mut x = [0; 18];
    x[0] = u64::from(id.0);
    x[1] = match id.0 {
        // Workaround 1; a function of the same specification; a reset type that there is not.
        0x8000_0001 => 0x8000_8000,
        0x8400_000a => 0x8400_0000,
        0x8400_0051 => 0x8400_0050,
        0xc500_0020 => 0xc500_0020,
        0x8400_0012 | 0xc400_0012 => 1,
        _ => 0,
    };
    vcpu.set_call_registers(&x);
    let class = match conduit {
        Conduit::Hvc => ExceptionClass::Hvc64,
        Conduit::Smc => ExceptionClass::Smc64,
    };
    match vcpu.trap(Syndrome::new(class, 0), Level::Guest, &Everything) {
        Next::Exit(Exit::Hypercall(call)) => {
            assert_eq!(call.function_id, id);
            Probed::Forwarded
        }
        Next::Resume if vcpu.call_registers()[0] == u64::MAX => Probed::NotSupported,
        _ => Probed::Kvm,
    }
}

struct Everything;

impl Host for Everything {
    fn entropy(&self) -> [u64; 3] {
        [7; 3]
    }
    fn time(&self, _: Counter) -> Option<Time> {
        Some(Time { nanoseconds: 1, cycles: 2 })
    }
    fn is_memory(&self, _: Ipa) -> bool {
        true
    }
    fn initialise_stolen_time(&self, _: Ipa) {}
}
