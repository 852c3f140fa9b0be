//! The Software Delegated Exception Interface (Arm DEN0054, version 1.1), from the side of its client.
//!
//! [`Client`] makes the calls; [`handler`] is where events arrive; [`window`] shows that nothing but the handler sees
//! them; [`lines`] are the interrupts that can be bound; [`remote`] lets other CPUs do something meanwhile.

pub mod faults;
pub mod handler;
pub mod lines;
pub mod remote;
pub mod window;

use core::sync::atomic::{AtomicU8, Ordering};

use crate::smccc::{Conduit, Registers};

core::arch::global_asm!(include_str!("sdei.s"));

/// The tests use the first four CPUs; as in `sdei.s`, which has stacks for them.
pub const MAX_CPUS: usize = 4;

/// Function IDs (section 5.1; the values are in Linux's `include/uapi/linux/arm_sdei.h` too).
pub const VERSION: u32 = 0xc400_0020;
pub const EVENT_REGISTER: u32 = 0xc400_0021;
pub const EVENT_ENABLE: u32 = 0xc400_0022;
pub const EVENT_DISABLE: u32 = 0xc400_0023;
pub const EVENT_CONTEXT: u32 = 0xc400_0024;
pub const EVENT_COMPLETE: u32 = 0xc400_0025;
pub const EVENT_COMPLETE_AND_RESUME: u32 = 0xc400_0026;
pub const EVENT_UNREGISTER: u32 = 0xc400_0027;
pub const EVENT_STATUS: u32 = 0xc400_0028;
pub const EVENT_GET_INFO: u32 = 0xc400_0029;
pub const EVENT_ROUTING_SET: u32 = 0xc400_002a;
pub const PE_MASK: u32 = 0xc400_002b;
pub const PE_UNMASK: u32 = 0xc400_002c;
pub const INTERRUPT_BIND: u32 = 0xc400_002d;
pub const INTERRUPT_RELEASE: u32 = 0xc400_002e;
pub const EVENT_SIGNAL: u32 = 0xc400_002f;
pub const FEATURES: u32 = 0xc400_0030;
pub const PRIVATE_RESET: u32 = 0xc400_0031;
pub const SHARED_RESET: u32 = 0xc400_0032;

/// Status codes.
pub const SUCCESS: u64 = 0;
pub const INVALID_PARAMETERS: u64 = status(2);
pub const DENIED: u64 = status(3);
pub const PENDING: u64 = status(5);

const fn status(code: u64) -> u64 {
    code.wrapping_neg()
}

/// Is it one of the negative numbers that are status codes?
pub const fn is_error(x0: u64) -> bool {
    x0 >> 63 != 0
}

/// Bits of `EVENT_STATUS`.
pub const REGISTERED: u64 = 1 << 0;
pub const ENABLED: u64 = 1 << 1;
pub const RUNNING: u64 = 1 << 2;

/// What `EVENT_GET_INFO` tells.
pub const INFO_TYPE: u64 = 0;
/// 0: software can.
pub const INFO_SIGNALABLE: u64 = 1;
pub const INFO_PRIORITY: u64 = 2;
pub const INFO_ROUTING_MODE: u64 = 3;
pub const INFO_ROUTING_AFFINITY: u64 = 4;

/// The number of an event.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Event(pub u64);

impl Event {
    /// The private event that `EVENT_SIGNAL` raises (section 4.3).
    pub const SIGNALLED: Self = Self(0);
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Priority {
    Normal,
    Critical,
}

/// Which PE takes a shared event. Of a private one it means nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Routing {
    Any,
    /// The PE with this affinity.
    Pe(u64),
}

impl Routing {
    pub const fn mode(self) -> u64 {
        match self {
            Self::Any => 0,
            Self::Pe(_) => 1,
        }
    }

    const fn affinity(self) -> u64 {
        match self {
            Self::Any => 0,
            Self::Pe(affinity) => affinity,
        }
    }
}

/// By SMC handlers complete, and by HVC.
#[unsafe(no_mangle)]
static SDEI_BY_SMC: AtomicU8 = AtomicU8::new(0);

/// From now on handlers, and CPUs that were not told otherwise, call over this conduit.
pub fn use_conduit(conduit: Conduit) {
    SDEI_BY_SMC.store(u8::from(conduit == Conduit::Smc), Ordering::Release);
}

/// The calls of SDEI, each as x0 after it.
#[derive(Clone, Copy)]
pub struct Client {
    conduit: Conduit,
}

impl Client {
    pub const fn new(conduit: Conduit) -> Self {
        Self { conduit }
    }

    /// Over the conduit of [`use_conduit`].
    pub fn current() -> Self {
        Self::new(if SDEI_BY_SMC.load(Ordering::Acquire) == 0 { Conduit::Hvc } else { Conduit::Smc })
    }

    pub const fn conduit(self) -> Conduit {
        self.conduit
    }

    fn call(self, function: u32, arguments: [u64; 3]) -> u64 {
        self.conduit.call3(function, arguments)
    }

    pub fn version(self) -> u64 {
        self.call(VERSION, [0; 3])
    }

    /// With the handler of [`handler`] for this priority.
    pub fn register(self, event: Event, priority: Priority, argument: u64, routing: Routing) -> u64 {
        let entry = handler::entry(priority);
        let mut registers = Registers::new(EVENT_REGISTER.into(), [event.0, entry, argument]);
        registers.0[4] = routing.mode();
        registers.0[5] = routing.affinity();
        self.conduit.call(registers).registers.0[0]
    }

    pub fn enable(self, event: Event) -> u64 {
        self.call(EVENT_ENABLE, [event.0, 0, 0])
    }

    pub fn disable(self, event: Event) -> u64 {
        self.call(EVENT_DISABLE, [event.0, 0, 0])
    }

    /// xN of what was interrupted.
    pub fn context(self, n: u64) -> u64 {
        self.call(EVENT_CONTEXT, [n, 0, 0])
    }

    /// Outside a handler: in one it does not come back.
    pub fn complete(self) -> u64 {
        self.call(EVENT_COMPLETE, [0; 3])
    }

    pub fn complete_and_resume(self, address: u64) -> u64 {
        self.call(EVENT_COMPLETE_AND_RESUME, [address, 0, 0])
    }

    pub fn unregister(self, event: Event) -> u64 {
        self.call(EVENT_UNREGISTER, [event.0, 0, 0])
    }

    pub fn status(self, event: Event) -> u64 {
        self.call(EVENT_STATUS, [event.0, 0, 0])
    }

    pub fn info(self, event: Event, what: u64) -> u64 {
        self.call(EVENT_GET_INFO, [event.0, what, 0])
    }

    pub fn set_routing(self, event: Event, routing: Routing) -> u64 {
        self.call(EVENT_ROUTING_SET, [event.0, routing.mode(), routing.affinity()])
    }

    /// 1 if it was unmasked, 0 if it was masked already.
    pub fn mask(self) -> u64 {
        self.call(PE_MASK, [0; 3])
    }

    pub fn unmask(self) -> u64 {
        self.call(PE_UNMASK, [0; 3])
    }

    /// The event's number, or an error.
    pub fn bind(self, intid: u64) -> u64 {
        self.call(INTERRUPT_BIND, [intid, 0, 0])
    }

    pub fn release(self, event: Event) -> u64 {
        self.call(INTERRUPT_RELEASE, [event.0, 0, 0])
    }

    /// Raises event 0 of the PE with this affinity.
    pub fn signal(self, affinity: u64) -> u64 {
        self.call(EVENT_SIGNAL, [Event::SIGNALLED.0, affinity, 0])
    }

    pub fn reset_private(self) -> u64 {
        self.call(PRIVATE_RESET, [0; 3])
    }

    pub fn reset_shared(self) -> u64 {
        self.call(SHARED_RESET, [0; 3])
    }
}
