//! Over which conduits each service is there, with the calls as a guest makes them: all of x0 to x3 full of rubbish above
//! what counts.

use std::time::Duration;

use switchboard_firmware::{
    Call, CpuIndex, Firmware, Host, NotMemory, RegisterFault, Registers, SystemRegister, WallClock,
    general::GeneralQueries,
    kvm::{Implementation, KvmVendor},
    pv_time::PvTime,
    trng::Trng,
    watchdog::{Bite, Watchdog},
};
use switchboard_smccc::{Conduit, FunctionId, Ipa, Owner, Register};

const NOT_SUPPORTED: u64 = 0xffff_ffff_ffff_ffff;
const DIRTY: u64 = 0xdead_beef_0000_0000;

struct Guest([u64; Register::COUNT]);

impl Registers for Guest {
    fn read(&mut self, register: Register) -> Result<u64, RegisterFault> {
        Ok(self.0[register.index()])
    }

    fn write(&mut self, register: Register, value: u64) -> Result<(), RegisterFault> {
        self.0[register.index()] = value;
        Ok(())
    }

    fn read_system(&mut self, _: SystemRegister) -> Result<u64, RegisterFault> {
        Ok(0)
    }
}

/// It is always the same moment, and there is memory everywhere.
struct Still;

impl Host for Still {
    fn write_memory(&self, _: Ipa, _: &[u8]) -> Result<(), NotMemory> {
        Ok(())
    }

    fn monotonic(&self) -> Option<Duration> {
        Some(Duration::from_secs(1))
    }

    fn wall_clock(&self) -> Option<WallClock> {
        Some(WallClock { since_epoch: Duration::from_secs(2), virtual_counter: 3, physical_counter: 4 })
    }
}

/// x0 to x17 after a call with this function ID and x1; the other registers hold their numbers.
fn call(conduit: Conduit, id: u32, x1: u64) -> [u64; Register::COUNT] {
    let owners = [Owner::SIP, Owner::STANDARD_SECURE, Owner::STANDARD_HYPERVISOR];
    let firmware = Firmware::new(vec![
        Box::new(Trng::new(None)),
        Box::new(KvmVendor::new(vec![Implementation { midr: 1, revidr: 2, aidr: 3 }])),
        Box::new(PvTime::new(Ipa(0x4000_0000))),
        Box::new(Watchdog::new(Bite::Reset)),
        Box::new(GeneralQueries::new(&owners)),
    ])
    .unwrap();
    let mut guest = Guest([0; Register::COUNT]);
    for register in Register::all() {
        guest.0[register.index()] = u64::from(register.number());
    }
    guest.0[0] = DIRTY | u64::from(id);
    guest.0[1] = x1;
    let mut call = Call::new(FunctionId::from_x0(guest.0[0]), conduit, CpuIndex(0), &mut guest);
    let results = firmware.answer(&mut call, &Still).results().unwrap();
    call.complete(&results).unwrap();
    guest.0
}

#[test]
fn every_service_but_the_watchdog_answers_the_same_over_both_conduits() {
    for (id, x1) in [
        (0x8400_0050, 0),
        (0x8400_0051, DIRTY | 0x8400_0050),
        (0x8400_0052, 0),
        (0x8600_0000, 0),
        (0x8600_0001, DIRTY | 1),
        (0x8600_ff01, 0),
        (0xc600_0040, 0),
        (0xc500_0020, DIRTY | 0xc500_0021),
        (0xc500_0021, 0),
        (0x8200_ff01, 0),
        (0x8400_ff03, 0),
        (0x8500_ff01, 0),
    ] {
        let over_hvc = call(Conduit::Hvc, id, x1);
        assert_ne!(over_hvc[0], NOT_SUPPORTED, "{id:#x}");
        assert_eq!(over_hvc, call(Conduit::Smc, id, x1), "{id:#x}");
    }
}

#[test]
fn the_watchdog_is_there_over_smc_alone() {
    for command in 0..=4 {
        assert_eq!(call(Conduit::Hvc, 0x8200_3d06, command)[0], NOT_SUPPORTED, "{command}");
    }
    assert_eq!(call(Conduit::Smc, 0x8200_3d06, DIRTY)[..3], [0, 1, 3600]);
}

#[test]
fn no_call_changes_x4_to_x17() {
    for id in [0x8400_0052, 0xc400_0053, 0x8600_0001, 0xc600_0041, 0xc500_0021, 0x8200_3d06, 0x8400_ff01] {
        for conduit in [Conduit::Hvc, Conduit::Smc] {
            let after = call(conduit, id, 0);
            let expected: Vec<u64> = (4..=17).collect();
            assert_eq!(after[4..], expected, "{id:#x}");
        }
    }
}
