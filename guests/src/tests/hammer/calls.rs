//! What a hostile guest calls: mostly functions that there are, with arguments that mean something to some of them.

use crate::{psci, random::Random, sdei, services, smccc::Registers, tests::ids};

/// Every function of every service, but for PSCI's that would end, park or start a CPU.
const FUNCTIONS: [u32; 63] = [
    psci::PSCI_VERSION,
    psci::AFFINITY_INFO_32,
    psci::AFFINITY_INFO_64,
    psci::MIGRATE_INFO_TYPE,
    0x8400_0007, // MIGRATE_INFO_UP_CPU
    0xc400_0007,
    psci::PSCI_FEATURES,
    psci::NODE_HW_STATE_32,
    psci::NODE_HW_STATE_64,
    psci::SET_SUSPEND_MODE,
    psci::STAT_RESIDENCY_32,
    psci::STAT_RESIDENCY_64,
    psci::STAT_COUNT_32,
    psci::STAT_COUNT_64,
    psci::MEM_PROTECT,
    psci::MEM_CHECK_RANGE_32,
    psci::MEM_CHECK_RANGE_64,
    psci::SMCCC_VERSION,
    0x8000_0001, // SMCCC_ARCH_FEATURES
    0x8000_0002, // SMCCC_ARCH_SOC_ID
    services::TRNG_VERSION,
    services::TRNG_FEATURES,
    services::TRNG_GET_UUID,
    services::TRNG_RND_32,
    services::TRNG_RND_64,
    services::KVM_UID,
    services::KVM_FEATURES,
    services::KVM_PTP,
    services::KVM_IMPL_VER,
    services::KVM_IMPL_CPUS,
    services::PV_TIME_FEATURES,
    services::PV_TIME_ST,
    services::WATCHDOG,
    services::EXTERNAL_SUM,
    services::EXTERNAL_ECHO,
    services::GENERAL_QUERIES[0],
    services::GENERAL_QUERIES[1],
    services::GENERAL_QUERIES[2],
    services::GENERAL_QUERIES[3],
    services::GENERAL_QUERIES[4],
    services::GENERAL_QUERIES[5],
    services::HV_HYPERCALL,
    sdei::VERSION,
    sdei::EVENT_REGISTER,
    sdei::EVENT_ENABLE,
    sdei::EVENT_DISABLE,
    sdei::EVENT_CONTEXT,
    sdei::EVENT_COMPLETE,
    sdei::EVENT_COMPLETE_AND_RESUME,
    sdei::EVENT_UNREGISTER,
    sdei::EVENT_STATUS,
    sdei::EVENT_GET_INFO,
    sdei::EVENT_ROUTING_SET,
    sdei::PE_MASK,
    sdei::PE_UNMASK,
    sdei::INTERRUPT_BIND,
    sdei::INTERRUPT_RELEASE,
    sdei::EVENT_SIGNAL,
    sdei::FEATURES,
    sdei::PRIVATE_RESET,
    sdei::SHARED_RESET,
    psci::CPU_ON_32,
    psci::CPU_ON_64,
];

const SMC64: u32 = 1 << 30;
const FAST: u32 = 1 << 31;
/// SMCCC, section 2.5: the hint (bit 16), and bits that must be zero.
const HINT_AND_MBZ: u32 = 0x00ff_0000;
const OWNER: u32 = 0xff00_0000;

/// Arguments at the edges of something: counts of bits, function IDs, events, interrupts, widths, signs.
const EDGES: [u64; 20] = [
    0,
    1,
    2,
    3,
    4,
    32,
    33,
    34,
    64,
    192,
    193,
    0x8400_0000,
    0xc400_0053,
    0xc500_0021,
    0x6000_0000,
    0x6000_0001,
    0x7fff_ffff,
    0xffff_ffff,
    1 << 63,
    u64::MAX,
];

/// Of one CPU.
pub struct Calls {
    random: Random,
    affinity: u64,
}

impl Calls {
    pub fn new(seed: u64, index: usize, affinity: u64) -> Self {
        let index = u64::try_from(index).expect("at most 64 CPUs");
        // CPUs that count up from the same number would make the same calls for a while.
        let seed = seed.wrapping_add(index).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Self { random: Random::new(seed), affinity }
    }

    /// For the registers that a call must keep.
    pub const fn pattern(&mut self) -> u64 {
        self.random.next()
    }

    /// A function ID, and the registers to call it with.
    pub fn next(&mut self) -> (u32, Registers) {
        let id = loop {
            let id = self.id();
            if !ids::is_power(id) || self.is_cpu_on(id) {
                break id;
            }
        };
        let x0 = if self.one_in(4) { u64::from(id) } else { self.random.dirty(id) };
        let mut registers = Registers::random(x0, &mut self.random);
        // To functions that nobody here has written go random numbers only: by chance one of them registers, say, a
        // handler of events, and no edge is to be its address.
        if FUNCTIONS.contains(&(id & !HINT_AND_MBZ)) {
            for at in 1..4 {
                registers.0[at] = self.argument(registers.0[at]);
            }
        }
        self.mean_events(id, &mut registers);
        self.tame(id, &mut registers);
        (id, registers)
    }

    fn id(&mut self) -> u32 {
        let function = FUNCTIONS[self.below(FUNCTIONS.len())];
        let noise = self.narrow();
        match self.below(8) {
            0 => function & OWNER | noise & 0xffff,
            1 => function ^ noise & HINT_AND_MBZ,
            2 => function ^ [SMC64, FAST, 1 << 16][self.below(3)],
            _ => function,
        }
    }

    fn argument(&mut self, random: u64) -> u64 {
        match self.below(8) {
            0..=3 => EDGES[self.below(EDGES.len())],
            4 => self.affinity,
            // A dirty upper half above an edge.
            5 => self.random.next() << 32 | EDGES[self.below(EDGES.len())] & u64::from(u32::MAX),
            _ => random,
        }
    }

    /// Calls of SDEI mean its event 0 and this CPU so often that events come now and then.
    fn mean_events(&mut self, id: u32, registers: &mut Registers) {
        if !(sdei::VERSION..=sdei::SHARED_RESET).contains(&id) {
            return;
        }
        if !self.one_in(4) {
            registers.0[1] = sdei::Event::SIGNALLED.0;
        }
        if id == sdei::EVENT_SIGNAL && !self.one_in(4) {
            registers.0[2] = self.affinity;
        }
    }

    /// No registers may start a CPU, nor let the watchdog bite, nor take an event to where no handler is.
    fn tame(&self, id: u32, registers: &mut Registers) {
        if self.is_cpu_on(id) {
            // It is on, and is told so.
            registers.0[1] = self.affinity;
        }
        // Whatever its width and its other bits: a careless firmware may not look.
        let is_watchdog = id & !(SMC64 | HINT_AND_MBZ) | FAST == services::WATCHDOG;
        if is_watchdog && narrow(registers.0[1]) == narrow(services::WATCHDOG_ENABLE) {
            registers.0[2] &= !u64::from(u32::MAX);
        }
        let is_register = id & !(SMC64 | HINT_AND_MBZ) | FAST == sdei::EVENT_REGISTER & !SMC64;
        if is_register {
            registers.0[2] = sdei::handler::empty_entry();
            // Relative to VBAR_EL1 it would be somewhere else.
            registers.0[4] &= 1;
        }
    }

    /// CPU_ON itself, without a bit too many.
    fn is_cpu_on(&self, id: u32) -> bool {
        id == psci::CPU_ON_64 || id == psci::CPU_ON_32 && self.affinity <= u64::from(u32::MAX)
    }

    fn narrow(&mut self) -> u32 {
        narrow(self.random.next())
    }

    fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    fn below(&mut self, count: usize) -> usize {
        let count = u64::try_from(count).expect("a length");
        // The upper bits: the lowest of xorshift are its worst.
        usize::try_from((self.random.next() >> 20) % count).expect("less than a length")
    }
}

fn narrow(wide: u64) -> u32 {
    let [a, b, c, d, ..] = wide.to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}
