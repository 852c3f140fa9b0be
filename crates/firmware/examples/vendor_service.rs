//! A service of one's own, whole in one file: a silicon provider's call that adds two numbers.
//!
//! A service declares the function IDs that it owns, and decides what each call in them leads to. That is all: whoever
//! embeds the firmware adds it to the others, and from the declaration come the filter, which forwards these calls and no
//! other, and the way to the service.
//!
//! `cargo run -p switchboard-firmware --example vendor_service` makes a call; `cargo test --examples` runs the tests at
//! the end of this file.

use switchboard_filter::Range;
use switchboard_firmware::{
    Call, Conduits, CpuIndex, Declaration, Firmware, Host, Outcome, RegisterFault, Registers, Results,
    Service, SystemRegister,
};
use switchboard_smccc::{Conduit, FunctionId, Register, smccc};

/// `ADD`, SMC64: x0 is SUCCESS and x1 the sum of x1 and x2; INVALID_PARAMETER if that does not fit 64 bits.
const ADD: FunctionId = FunctionId(0xc200_0000);

/// Adds. A service has `&self` alone and is called by several vCPUs at once: what it remembers would be atomic.
struct Adder;

impl Service for Adder {
    fn name(&self) -> &'static str {
        "adder"
    }

    fn declaration(&self) -> Declaration<'_> {
        Declaration {
            // Sixteen functions, of which one has a meaning: the others are NOT_SUPPORTED today, and ours tomorrow.
            owned: &const { [Range::literal(ADD, 0x10)] },
            // Nothing of the hypervisor's would act behind this service's back.
            denied: &[],
            conduits: Conduits::Both,
        }
    }

    fn call(&self, call: &mut Call<'_>, _: &dyn Host) -> Outcome {
        // Every value that a guest can write must have an answer here, and none may panic.
        let results = match call.function() {
            ADD => match call.argument(Register::X1).checked_add(call.argument(Register::X2)) {
                Some(sum) => Results::of(smccc::SUCCESS).with(Register::X1, sum),
                None => Results::of(smccc::INVALID_PARAMETER),
            },
            _ => Results::not_supported(),
        };
        Outcome::Return(results)
    }
}

/// The registers of a guest that is nothing but registers. A monitor reads and writes those of a vCPU.
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

/// This service needs nothing of its host.
struct NoHost;
impl Host for NoHost {}

/// x0 and x1 after a call with these in x0 to x2.
fn call(firmware: &Firmware, x: [u64; 3]) -> Result<[u64; 2], RegisterFault> {
    let mut guest = Guest([0; Register::COUNT]);
    guest.0[..3].copy_from_slice(&x);
    let mut call = Call::new(FunctionId::from_x0(x[0]), Conduit::Smc, CpuIndex(0), &mut guest);
    if let Some(results) = firmware.answer(&mut call, &NoHost).results() {
        call.complete(&results)?;
    }
    Ok([guest.0[0], guest.0[1]])
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let firmware = Firmware::new(vec![Box::new(Adder)])?;
    let [x0, x1] = call(&firmware, [0xc200_0000, 2, 3])?;
    println!("ADD(2, 3): x0 = {x0:#x}, x1 = {x1:#x}");
    println!("the filter forwards {ADD}: {:?}", firmware.filter().action(ADD));
    Ok(())
}

#[cfg(test)]
mod tests {
    use switchboard_filter::Action;

    use super::*;

    const NOT_SUPPORTED: u64 = 0xffff_ffff_ffff_ffff;
    const INVALID_PARAMETER: u64 = 0xffff_ffff_ffff_fffd;

    fn firmware() -> Firmware {
        Firmware::new(vec![Box::new(Adder)]).unwrap()
    }

    #[test]
    fn the_sum_is_in_x1() {
        assert_eq!(call(&firmware(), [0xc200_0000, 2, 3]), Ok([0, 5]));
        assert_eq!(call(&firmware(), [0xdead_beef_c200_0000, 1 << 63, 0]), Ok([0, 1 << 63]));
    }

    #[test]
    fn a_sum_that_does_not_fit_is_invalid_parameter_and_x1_stays() {
        assert_eq!(call(&firmware(), [0xc200_0000, u64::MAX, 1]), Ok([INVALID_PARAMETER, u64::MAX]));
    }

    #[test]
    fn its_other_functions_and_those_of_nobody_are_not_supported() {
        for id in [0xc200_0001, 0xc200_000f, 0xc200_0010, 0x8200_0000] {
            assert_eq!(call(&firmware(), [id, 2, 3]), Ok([NOT_SUPPORTED, 2]), "{id:#x}");
        }
    }

    #[test]
    fn the_filter_forwards_its_functions_and_no_other() {
        let firmware = firmware();
        assert_eq!(firmware.filter().action(FunctionId(0xc200_000f)), Action::Forward);
        assert_eq!(firmware.filter().action(FunctionId(0xc200_0010)), Action::Handle);
    }
}
