//! A trapped call allocates nothing.

mod common;

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

use common::{PSCI_0_2, deny, forward, initialised, load};
use switchboard_hyp::{
    Capability, DeviceAttribute, ExceptionClass, Interruption, KvmVersion, Level, MpState, Next, NoHost,
    Syndrome, VcpuFeatures, Vm, VmConfig,
};

/// The system's allocator, and how often a thread has asked it for memory.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: every method hands its arguments on to the system's allocator, which keeps the contract. The counter is
// initialised at compile time and has no destructor, so counting allocates nothing.
#[allow(unsafe_code, reason = "there is no other way to see allocations")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`, and `pointer` came from the system's allocator.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// By ID, with x1 and x2: forwarded, denied, and everything that KVM answers.
const CALLS: [[u64; 3]; 30] = [
    [0xc400_0060, 0, 0],
    [0x8400_0060, 0, 0],
    [0x8200_0000, 0, 0],
    [0x8000_0000, 0, 0],
    [0x8000_0001, 0x8000_8000, 0],
    [0x8000_8000, 0, 0],
    [0x8400_0000, 0, 0],
    [0xc400_0001, 0, 0],
    [0x8400_0002, 0, 0],
    [0x8400_0003, 1, 0x4000_8000],
    [0xc400_0003, 1, 0x4000_8000],
    [0xc400_0003, 0x100, 0x4000_8000],
    [0x8400_0004, 1, 0],
    [0xc400_0004, 0, 3],
    [0x8400_0006, 0, 0],
    [0x8400_0008, 0, 0],
    [0x8400_0009, 0, 0],
    [0x8400_000a, 0x8400_0000, 0],
    [0xc400_000e, 0, 0],
    [0xc400_0012, 0, 0],
    [0xc400_0015, 0, 0],
    [0x8400_0050, 0, 0],
    [0x8400_0051, 0x8400_0050, 0],
    [0x8400_0052, 0, 0],
    [0xc400_0053, 192, 0],
    [0xc500_0020, 0xc500_0021, 0],
    [0xc500_0021, 0, 0],
    [0x8600_0000, 0, 0],
    [0x8600_0001, 0, 0],
    [0x8600_ff01, 0, 0],
];

fn allocations(act: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.get();
    act();
    ALLOCATIONS.get() - before
}

#[test]
fn the_counter_sees_an_allocation() {
    assert_eq!(allocations(|| drop(std::hint::black_box(Box::new(1)))), 1);
}

#[test]
fn after_the_first_run_no_call_and_no_run_allocates() {
    let vm = Vm::new(VmConfig::new(KvmVersion::V7_2));
    vm.enable(Capability::SystemSuspend);
    forward(&vm, 0xc400_0060, 1);
    deny(&vm, 0x8400_0060, 1);
    let mut vcpu = initialised(&vm, 0, PSCI_0_2);
    let mut target = initialised(&vm, 1, PSCI_0_2.union(VcpuFeatures::POWER_OFF));
    let stolen_time = DeviceAttribute { group: 2, attribute: 0 };
    vcpu.set_attribute(stolen_time, &0x4000_0000_u64.to_le_bytes(), &common::Lender::default()).unwrap();
    vcpu.enter(Interruption::None).unwrap();
    for [id, x1, x2] in CALLS {
        for class in [ExceptionClass::Hvc64, ExceptionClass::Smc64] {
            load(&mut vcpu, &[id, x1, x2]);
            let mut next = Next::NotACall;
            let trap = || next = vcpu.trap(Syndrome::new(class, 0), Level::Guest, &NoHost);
            assert_eq!(allocations(trap), 0, "{id:#x} over {class:?}");
            assert_ne!(next, Next::NotACall);
            let run = || {
                vcpu.set_mp_state(MpState::Runnable);
                vcpu.enter(Interruption::None).unwrap();
                target.enter(Interruption::None).unwrap();
            };
            assert_eq!(allocations(run), 0, "the run after {id:#x}");
            target.set_mp_state(MpState::Stopped);
        }
    }
}
