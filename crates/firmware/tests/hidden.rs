//! What a policy keeps from a guest is not advertised to it.

use std::sync::Arc;

use switchboard_firmware::{
    Call, CpuIndex, Host, Outcome, RegisterFault, Registers, Service, SystemRegister, WallClock,
    kvm::{Implementation, KvmVendor},
    psci::{PowerTable, Psci, PsciVersion},
    pv_time::PvTime,
    trng::Trng,
};
use switchboard_smccc::{Conduit, FunctionId, Ipa, Mpidr, Register};

/// A guest that may not call these over SMC.
struct Without(&'static [u32]);

impl Host for Without {
    fn allows(&self, function: FunctionId, conduit: Conduit) -> bool {
        conduit == Conduit::Hvc || !self.0.contains(&function.0)
    }

    fn wall_clock(&self) -> Option<WallClock> {
        let since_epoch = std::time::Duration::from_secs(1);
        Some(WallClock { since_epoch, virtual_counter: 1, physical_counter: 2 })
    }
}

struct Bank([u64; 18]);

impl Registers for Bank {
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

/// x0 to x3 after a call with this x1.
fn ask(service: &dyn Service, host: &Without, conduit: Conduit, function: u32, x1: u64) -> [u64; 4] {
    let mut bank = Bank([0; 18]);
    bank.0[1] = x1;
    let mut call = Call::new(FunctionId(function), conduit, CpuIndex(0), &mut bank);
    let Outcome::Return(results) = service.call(&mut call, host) else { panic!("it does not return") };
    call.complete(&results).unwrap();
    [bank.0[0], bank.0[1], bank.0[2], bank.0[3]]
}

const NOT_SUPPORTED: u64 = 0xffff_ffff_ffff_ffff;

fn assert_hidden(service: &dyn Service, features: u32, hidden: &'static [u32]) {
    let host = Without(hidden);
    for &function in hidden {
        let function = u64::from(function);
        assert_eq!(ask(service, &host, Conduit::Smc, features, function)[0], NOT_SUPPORTED, "{function:#x}");
        let over_hvc = ask(service, &host, Conduit::Hvc, features, function)[0];
        assert_ne!(over_hvc, NOT_SUPPORTED, "{function:#x} over HVC");
    }
}

#[test]
fn psci_features_hides_what_may_not_be_called_over_this_conduit() {
    let psci = Psci::new(Arc::new(PowerTable::new(&[Mpidr::from_register(0)])), PsciVersion::V1_3);
    assert_hidden(&psci, 0x8400_000a, &[0x8400_0001, 0xc400_0003, 0xc400_0015]);
}

#[test]
fn trng_features_hides_what_may_not_be_called_over_this_conduit() {
    assert_hidden(&Trng::new(None), 0x8400_0051, &[0x8400_0053, 0xc400_0053]);
}

#[test]
fn pv_time_features_hides_what_may_not_be_called_over_this_conduit() {
    assert_hidden(&PvTime::new(Ipa(0)), 0xc500_0020, &[0xc500_0021]);
}

#[test]
fn kvm_features_have_no_bit_of_what_may_not_be_called_over_this_conduit() {
    let vendor = KvmVendor::new(vec![Implementation { midr: 1, revidr: 2, aidr: 3 }]);
    let host = Without(&[0x8600_0001, 0xc600_0041]);
    assert_eq!(ask(&vendor, &host, Conduit::Smc, 0x8600_0000, 0), [1, 0, 1, 0]);
    assert_eq!(ask(&vendor, &host, Conduit::Hvc, 0x8600_0000, 0), [3, 0, 3, 0]);
}
