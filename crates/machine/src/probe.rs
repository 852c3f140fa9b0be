//! Asks this host's KVM what it does with calls under a plan, with a guest of one CPU and three instructions.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use switchboard_firmware::{EntryPoint, Registers};
use switchboard_kvm::{Exit, Kicker, Kvm, Vcpu, VcpuFeatures, Vm};
use switchboard_policy::Plan;
use switchboard_smccc::{Conduit, FunctionId, Ipa, Register};

use crate::{Error, Memory, VcpuError, layout};

/// What KVM did with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probed {
    /// It forwarded it.
    Forwarded,
    /// The guest went on, with NOT_SUPPORTED.
    NotSupported,
    /// KVM's own service answered it: the guest went on with this in x0, or its machine was to end.
    Answered(u64),
    /// It keeps the CPU waiting for something.
    Waits,
}

/// A page of the guest's code for each conduit: the call, a store of x0 where there is no memory, and an endless loop.
const CODE: [u32; 6] = [
    0xd400_0002, // hvc #0
    0xf900_0220, // str x0, [x17]
    0x1400_0000, // b .
    0xd400_0003, // smc #0
    0xf900_0220, // str x0, [x17]
    0x1400_0000, // b .
];
const SMC_OFFSET: u64 = 12;
/// The least that is mapped in one piece.
const MEMORY_SIZE: u64 = 2 << 20;
/// How long a call may keep the CPU.
const PATIENCE: Duration = Duration::from_millis(250);

/// Makes calls under a plan, and says for each what KVM did.
///
/// # Errors
///
/// [`Error`] if there can be no such guest, or KVM refuses the plan.
pub fn probe(kvm: &Kvm, plan: &Plan, calls: &[(FunctionId, Conduit)]) -> Result<Vec<Probed>, Error> {
    let memory = Memory::new(MEMORY_SIZE)?;
    let code: Vec<u8> = CODE.iter().flat_map(|instruction| instruction.to_le_bytes()).collect();
    let copied = |source| Error::Host { action: "copying the probe's code into its guest", source };
    memory.write(layout::MEMORY, &code).map_err(copied)?;
    // Made after the memory and so dropped before it.
    let vm = Vm::create(kvm, 32)?;
    let host_address = u64::try_from(memory.host_address().addr()).expect("addresses of arm64 have 64 bits");
    // SAFETY: the machine is dropped before the memory, to which nobody else refers.
    #[allow(unsafe_code, reason = "the guest writes to the memory it is given")]
    unsafe {
        vm.add_memory(0, memory.start(), memory.size(), host_address)?;
    }
    let mut vcpus = vm.create_vcpus(1, VcpuFeatures::default())?;
    let vcpu = vcpus.first_mut().expect("one was created");
    vcpu.set_firmware_registers(plan.registers.values())?;
    vm.install(&plan.filter)?;
    let kicker = vm.kicker(vcpu)?;
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Acquire) {
                thread::sleep(PATIENCE);
                kicker.kick();
            }
        });
        let attachment = kicker.attach();
        let results = calls.iter().map(|&(id, conduit)| call(vcpu, &kicker, id, conduit)).collect();
        drop(attachment);
        done.store(true, Ordering::Release);
        results
    })
}

fn call(vcpu: &mut Vcpu, kicker: &Kicker, id: FunctionId, conduit: Conduit) -> Result<Probed, Error> {
    let offset = match conduit {
        Conduit::Hvc => 0,
        Conduit::Smc => SMC_OFFSET,
    };
    let address = Ipa(layout::MEMORY.0 + offset);
    vcpu.wake()?;
    vcpu.resume(EntryPoint { address, context: u64::from(id.0) })?;
    let lost = |source| Error::Vcpu { cpu: switchboard_firmware::CpuIndex(0), source };
    for (register, value) in
        [(Register::X1, 0), (Register::X2, 0), (Register::X3, 0), (Register::X17, layout::UART.0)]
    {
        vcpu.write(register, value).map_err(|fault| lost(VcpuError::Register(fault)))?;
    }
    let mut kicks = 0;
    loop {
        match vcpu.run()? {
            Exit::Hypercall(_) => return Ok(Probed::Forwarded),
            Exit::MmioWrite { data, .. } => {
                let probed = went_on(data);
                finish_store(vcpu, kicker)?;
                return Ok(probed);
            }
            Exit::SystemOff(_) | Exit::SystemReset(_) => return Ok(Probed::Answered(0)),
            Exit::MmioRead { .. } | Exit::WakeUp => return Ok(Probed::Waits),
            // The first may have come for the call before.
            Exit::Interrupted if kicks < 2 => {
                vcpu.heed_kick();
                kicks += 1;
            }
            Exit::Interrupted => {
                vcpu.heed_kick();
                return Ok(Probed::Waits);
            }
        }
    }
}

/// KVM moves PC past a store in the next run, wherever PC is by then: so there is one that comes to nothing.
fn finish_store(vcpu: &mut Vcpu, kicker: &Kicker) -> Result<(), Error> {
    kicker.kick();
    vcpu.run()?;
    vcpu.heed_kick();
    Ok(())
}

fn went_on(data: &[u8]) -> Probed {
    let x0 = data.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
    if x0 == u64::MAX { Probed::NotSupported } else { Probed::Answered(x0) }
}
