//! A guest that calls everything, with everything forwarded to us: as if no filter kept anything away.

use std::{collections::HashSet, sync::Arc};

use switchboard_firmware::{
    Call, CpuIndex, Firmware, Host, Outcome, RegisterFault, Registers, Results, SystemRegister,
    psci::{Endianness, PowerTable, Psci, PsciVersion, Start},
};
use switchboard_smccc::{Conduit, FunctionId, Ipa, Mpidr, Register};

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

struct AllIsMemory;

impl Host for AllIsMemory {
    fn is_memory(&self, _: Ipa, _: u64) -> bool {
        true
    }
}

fn firmware() -> Firmware {
    let power = Arc::new(PowerTable::new(&[0, 1, 0x100, 0x1_0000].map(Mpidr::from_register)));
    let entry = switchboard_firmware::EntryPoint { address: Ipa(0), context: 0 };
    power.start(CpuIndex(0), Start { entry, endianness: Endianness::Little }).unwrap();
    Firmware::new(vec![Box::new(Psci::new(power, PsciVersion::V1_3))]).unwrap()
}

fn answer(firmware: &Firmware, id: u32, conduit: Conduit, noise: &mut Noise) -> Outcome {
    let mut call = Call::new(FunctionId(id), conduit, CpuIndex(0), noise);
    let outcome = firmware.answer(&mut call, &AllIsMemory);
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
