//! Programs by seed and number.

mod calls;
mod requests;

use switchboard_hyp::{RegisterId, VcpuFeatures};

use crate::program::{Program, Step};
use crate::random::Random;
use crate::{GUEST_START, generate::calls::Context};

/// What the vCPUs of a campaign's programs are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// EL1 in AArch64 state.
    AArch64,
    /// EL1 in AArch32 state.
    AArch32,
}

/// The program with this number. At least eight calls are in it.
#[must_use]
pub fn program(seed: u64, number: u64, kind: Kind) -> Program {
    let mut generator = Generator::new(Random::of_program(seed, number), kind);
    generator.prepare();
    let calls = 8 + generator.random.below(5);
    for _ in 0..calls {
        if generator.random.percent(30) {
            generator.between_calls();
        }
        let call = calls::call(&mut generator.random, &generator.context, kind);
        generator.steps.push(Step::Call(call));
        if generator.random.percent(15) {
            generator.look_at_all();
        }
    }
    generator.look_at_all();
    Program { vcpus: generator.context.vcpus, steps: generator.steps }
}

struct Generator {
    random: Random,
    base: VcpuFeatures,
    context: Context,
    steps: Vec<Step>,
}

/// Attributes: the filter, its neighbours, and others' groups.
const ATTRIBUTES: [(u32, u64); 6] = [(0, 0), (0, 0), (0, 1), (0, 2), (1, 0), (0xffff_ffff, u64::MAX)];

/// The firmware registers, and IDs beside them.
const FIRMWARE: [u64; 13] = [
    RegisterId::PSCI_VERSION.0,
    RegisterId::WORKAROUND_1.0,
    RegisterId::WORKAROUND_2.0,
    RegisterId::WORKAROUND_3.0,
    RegisterId::STANDARD_BITMAP.0,
    RegisterId::STANDARD_HYPERVISOR_BITMAP.0,
    RegisterId::VENDOR_HYPERVISOR_BITMAP.0,
    RegisterId::VENDOR_HYPERVISOR_BITMAP_2.0,
    RegisterId::PSCI_VERSION.0 | 4,
    RegisterId::STANDARD_BITMAP.0 | 4,
    RegisterId::STANDARD_BITMAP.0 | 0xffff,
    RegisterId::PSCI_VERSION.0 | 0x8000,
    // Half of x0.
    0x6030_0000_0010_0001,
];

/// Values for bitmaps, levels and versions.
const VALUES: [u64; 16] =
    [0, 0, 1, 1, 2, 3, 4, 7, 0x10, 0x12, 0x13, 0x1_0000, 0x1_0001, 0x1_0002, 0x1_0003, 0x1_0004];

impl Generator {
    fn new(mut random: Random, kind: Kind) -> Self {
        let psci = if random.percent(90) { VcpuFeatures::PSCI_0_2 } else { VcpuFeatures::default() };
        let base = match kind {
            Kind::AArch64 => psci,
            Kind::AArch32 => psci.union(VcpuFeatures::EL1_32BIT),
        };
        let count = random.pick(&[1, 1, 2, 2, 2, 3]);
        // Numbers that follow each other, or whose affinities differ in other fields than Aff0.
        let spread = random.pick(&[1, 1, 1, 16, 17, 0x7f]);
        let vcpus = (0..count).map(|index| index * spread).collect();
        Self { random, base, context: Context { vcpus, ranges: Vec::new() }, steps: Vec::new() }
    }

    /// What a monitor does before the first run.
    fn prepare(&mut self) {
        for vcpu in 0..self.context.vcpus.len() {
            let off = if vcpu == 0 { 2 } else { 65 };
            if self.random.percent(if vcpu == 0 { 98 } else { 92 }) {
                self.init(vcpu, off);
            }
        }
        if self.random.percent(50) {
            self.steps.push(Step::EnableSystemSuspend);
        }
        for _ in 0..self.random.below(7) {
            self.set_filter();
        }
        for _ in 0..self.random.below(4) {
            self.set_firmware();
        }
        if self.random.percent(40) {
            self.set_stolen_time();
        }
        if self.random.percent(15) {
            let vcpu = self.vcpu();
            self.steps.push(Step::RunImmediately { vcpu });
        }
    }

    /// What a monitor does at any time, whether or not it makes sense then.
    fn between_calls(&mut self) {
        let vcpu = self.vcpu();
        match self.random.below(20) {
            0..=3 => self.set_filter(),
            4..=6 => self.set_firmware(),
            7..=8 => {
                let id = self.random.pick(&FIRMWARE);
                self.steps.push(Step::GetFirmware { vcpu, id });
            }
            9 => {
                let (group, attribute) = self.random.pick(&ATTRIBUTES);
                self.steps.push(Step::HasAttribute { group, attribute });
            }
            10 => {
                let (group, attribute) = self.random.pick(&ATTRIBUTES);
                self.steps.push(Step::GetAttribute { group, attribute });
            }
            11..=13 => {
                // The first vCPU makes most of the calls, so it is awake most of the time.
                let state = if vcpu == 0 {
                    self.random.pick(&[0, 0, 0, 0, 0, 5, 10, 1, 4, u32::MAX])
                } else {
                    self.random.pick(&[0, 0, 5, 5, 5, 10, 10, 1, 6, u32::MAX])
                };
                self.steps.push(Step::SetMpState { vcpu, state });
            }
            14..=15 => {
                let high = self.random.percent(50);
                self.steps.push(Step::SetLine { vcpu, high });
            }
            16 => self.init(vcpu, 30),
            17 => self.set_stolen_time(),
            18 => self.steps.push(Step::RunImmediately { vcpu }),
            _ => self
                .steps
                .push(Step::BecomeBigEndian { vcpu: if self.random.percent(70) { 0 } else { vcpu } }),
        }
    }

    fn look_at_all(&mut self) {
        for vcpu in 0..self.context.vcpus.len() {
            self.steps.push(Step::GetMpState { vcpu });
            self.steps.push(Step::Inspect { vcpu });
        }
    }

    fn init(&mut self, vcpu: usize, off: u64) {
        let mut features = self.base;
        if self.random.percent(off) {
            features = features.union(VcpuFeatures::POWER_OFF);
        }
        if self.random.percent(4) {
            features = self.random.pick(&[
                VcpuFeatures(features.0 ^ VcpuFeatures::PSCI_0_2.0),
                VcpuFeatures(features.0 | 1 << 31),
                VcpuFeatures(features.0 | 1 << 20),
            ]);
        }
        self.steps.push(Step::Init { vcpu, features: features.0 });
    }

    fn set_filter(&mut self) {
        let (group, attribute) = if self.random.percent(92) { (0, 0) } else { self.random.pick(&ATTRIBUTES) };
        let request = if self.random.percent(2) {
            None
        } else {
            Some(requests::request(&mut self.random, &mut self.context.ranges))
        };
        self.steps.push(Step::SetAttribute { group, attribute, request });
    }

    fn set_firmware(&mut self) {
        let vcpu = self.vcpu();
        let id = self.random.pick(&FIRMWARE);
        let value = if self.random.percent(95) { self.random.pick(&VALUES) } else { self.random.bits() };
        self.steps.push(Step::SetFirmware { vcpu, id, value });
    }

    fn set_stolen_time(&mut self) {
        let vcpu = self.vcpu();
        let good = GUEST_START + 0x1f80;
        let address = match self.random.below(10) {
            0 => None,
            1 => Some(good + self.random.below(64)),
            2 => {
                Some(self.random.pick(&[GUEST_START - 64, GUEST_START + 0x2000, 0, u64::MAX, u64::MAX - 63]))
            }
            _ => Some(good + 64 * self.random.below(2)),
        };
        self.steps.push(Step::SetStolenTime { vcpu, address });
    }

    fn vcpu(&mut self) -> usize {
        self.random.index(self.context.vcpus.len())
    }
}
