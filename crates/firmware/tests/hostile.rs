//! A guest that calls everything, with everything forwarded to us: as if no filter kept anything away.

use std::{cell::Cell, collections::HashSet, num::NonZeroU64, sync::Arc, time::Duration};

use switchboard_firmware::{
    Call, CpuIndex, Firmware, Host, NoEntropy, NotMemory, Outcome, RegisterFault, Registers, Results,
    SystemRegister, WallClock,
    general::GeneralQueries,
    hyperv::HyperV,
    kvm::{Implementation, KvmVendor},
    psci::{Endianness, PowerTable, Psci, PsciVersion, Start},
    pv_time::PvTime,
    trng::{RateLimit, Trng},
    watchdog::{Bite, Watchdog},
};
use switchboard_smccc::{Conduit, FunctionId, Ipa, Mpidr, Owner, Register};

/// Registers full of noise; xorshift (Marsaglia 2003).
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

impl Registers for Noise {
    fn read(&mut self, _: Register) -> Result<u64, RegisterFault> {
        Ok(self.next())
    }

    fn write(&mut self, _: Register, _: u64) -> Result<(), RegisterFault> {
        Ok(())
    }

    fn read_system(&mut self, _: SystemRegister) -> Result<u64, RegisterFault> {
        Ok(self.next())
    }
}

/// A host that lends whatever comes: all is memory, time jumps, there is entropy or not.
struct Moody(Cell<u64>);

impl Moody {
    fn next(&self) -> u64 {
        let mut noise = Noise(self.0.get());
        self.0.set(noise.next());
        self.0.get()
    }
}

impl Host for Moody {
    fn is_memory(&self, _: Ipa, _: u64) -> bool {
        true
    }

    fn read_memory(&self, _: Ipa, bytes: &mut [u8]) -> Result<(), NotMemory> {
        bytes.fill_with(|| self.next().to_le_bytes()[0]);
        if self.next() & 1 == 0 { Ok(()) } else { Err(NotMemory) }
    }

    fn write_memory(&self, _: Ipa, _: &[u8]) -> Result<(), NotMemory> {
        if self.next() & 1 == 0 { Ok(()) } else { Err(NotMemory) }
    }

    fn monotonic(&self) -> Option<Duration> {
        let now = Duration::new(self.next(), 999_999_999);
        [None, Some(now), Some(Duration::MAX), Some(Duration::ZERO)]
            [usize::try_from(self.next() & 3).unwrap()]
    }

    fn wall_clock(&self) -> Option<WallClock> {
        let since_epoch = self.monotonic()?;
        Some(WallClock { since_epoch, virtual_counter: self.next(), physical_counter: self.next() })
    }

    fn entropy(&self, bytes: &mut [u8]) -> Result<(), NoEntropy> {
        bytes.fill(0xa5);
        if self.next() & 1 == 0 { Ok(()) } else { Err(NoEntropy) }
    }
}

fn firmware() -> Firmware {
    let power = Arc::new(PowerTable::new(&[0, 1, 0x100, 0x1_0000].map(Mpidr::from_register)));
    let entry = switchboard_firmware::EntryPoint { address: Ipa(0), context: 0 };
    power.start(CpuIndex(0), Start { entry, endianness: Endianness::Little }).unwrap();
    let limit =
        RateLimit { bits_per_second: NonZeroU64::MIN, burst: NonZeroU64::new(1_000_000_000).unwrap() };
    let owners: Vec<Owner> = (0..=0x3f).map(|owner| FunctionId(owner << 24).owner()).collect();
    Firmware::new(vec![
        Box::new(Psci::new(power, PsciVersion::V1_3)),
        Box::new(Trng::new(Some(limit))),
        Box::new(KvmVendor::new(vec![Implementation { midr: 1, revidr: 2, aidr: 3 }])),
        Box::new(PvTime::new(Ipa(0x4000_0000))),
        Box::new(Watchdog::new(Bite::Reset)),
        Box::new(GeneralQueries::new(&owners)),
    ])
    .unwrap()
}

fn answer(firmware: &Firmware, id: u32, conduit: Conduit, noise: &mut Noise) -> Outcome {
    let host = Moody(Cell::new(noise.next()));
    let mut call = Call::new(FunctionId(id), conduit, CpuIndex(0), noise);
    let outcome = firmware.answer(&mut call, &host);
    if let Some(results) = outcome.results() {
        call.complete(&results).unwrap();
    }
    outcome
}

#[test]
fn every_id_at_a_prime_stride_has_a_defined_outcome_over_both_conduits() {
    let firmware = firmware();
    let mut noise = Noise(0x9e37_79b9_7f4a_7c15);
    for conduit in [Conduit::Hvc, Conduit::Smc] {
        for id in (0..=u32::MAX).step_by(4093) {
            let outcome = answer(&firmware, id, conduit, &mut noise);
            if firmware.service(FunctionId(id)).is_none() {
                assert_eq!(outcome, Outcome::Return(Results::of(0xffff_ffff_ffff_ffff)), "{id:#010x}");
            }
        }
    }
}

#[test]
fn every_id_of_the_psci_pages_has_a_defined_outcome_for_many_arguments() {
    let firmware = firmware();
    let mut noise = Noise(0x2545_f491_4f6c_dd1d);
    let mut seen = HashSet::new();
    for _ in 0..2000 {
        for number in 0..0x20 {
            for base in [0x8400_0000, 0xc400_0000, 0x8401_0000, 0xc401_0000] {
                let outcome = answer(&firmware, base | number, Conduit::Smc, &mut noise);
                seen.insert(std::mem::discriminant(&outcome));
            }
        }
    }
    assert!(seen.len() > 3, "returns, off, system off and system reset at least");
}

/// Few bits of noise, so that commands, small numbers and flags are among the arguments.
struct Sparse(Noise);

impl Registers for Sparse {
    fn read(&mut self, _: Register) -> Result<u64, RegisterFault> {
        let mask = self.0.next() & self.0.next() & self.0.next();
        Ok(self.0.next() & if self.0.next() & 1 == 0 { mask } else { 7 })
    }

    fn write(&mut self, _: Register, _: u64) -> Result<(), RegisterFault> {
        Ok(())
    }

    fn read_system(&mut self, _: SystemRegister) -> Result<u64, RegisterFault> {
        Ok(0)
    }
}

/// No service but PSCI stops its caller, and none ever waits.
#[test]
fn every_function_of_the_other_services_returns_whatever_the_arguments_and_the_host() {
    let firmware = firmware();
    let host = Moody(Cell::new(0x1234_5678_9abc_def0));
    let mut registers = Sparse(Noise(0x9e37_79b9_7f4a_7c15));
    let mut statuses = HashSet::new();
    let ids: Vec<u32> = (0x8400_0050..=0x8400_005f)
        .chain(0xc400_0050..=0xc400_005f)
        .chain([0x8600_0000, 0x8600_0001, 0xc600_0040, 0xc600_0041, 0xc500_0020, 0xc500_0021, 0x8200_3d06])
        .chain([0x8200_ff01, 0x8400_ff03, 0x8500_ff00, 0x8600_ff01])
        .collect();
    for _ in 0..2000 {
        for &id in ids.iter() {
            for cpu in [0, 1, usize::MAX] {
                let mut call = Call::new(FunctionId(id), Conduit::Smc, CpuIndex(cpu), &mut registers);
                let outcome = firmware.answer(&mut call, &host);
                let results = outcome.results().unwrap_or_else(|| panic!("{id:#x}: {outcome:?}"));
                statuses.insert(results.x0());
                call.complete(&results).unwrap();
            }
        }
        firmware.expired(Duration::from_nanos(host.next()));
    }
    for status in [0, -1, -2, -3, -8_i64] {
        assert!(statuses.contains(&status.cast_unsigned()), "{status}");
    }
}

/// It stands in the place of KVM's own services, so it has a firmware of its own.
#[test]
fn every_call_of_hyper_v_returns_whatever_the_arguments_and_the_host() {
    let firmware = Firmware::new(vec![Box::new(HyperV::new(2))]).unwrap();
    let host = Moody(Cell::new(0x1234_5678_9abc_def0));
    let mut registers = Sparse(Noise(0x9e37_79b9_7f4a_7c15));
    for _ in 0..20_000 {
        for id in [0x4600_0001, 0x8600_ff00, 0x8600_ff01, 0x8600_ff02, 0x8600_ff03] {
            for cpu in [0, 1, usize::MAX] {
                let mut call = Call::new(FunctionId(id), Conduit::Hvc, CpuIndex(cpu), &mut registers);
                let outcome = firmware.answer(&mut call, &host);
                let results = outcome.results().unwrap_or_else(|| panic!("{id:#x}: {outcome:?}"));
                if id == 0x4600_0001 {
                    assert_eq!(results.x0() & 0xffff_f000_ffff_0000, 0, "{:#x}", results.x0());
                }
                call.complete(&results).unwrap();
            }
        }
    }
}
