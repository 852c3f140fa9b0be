//! `DISCOVER_IMPL_VER` and `DISCOVER_IMPL_CPUS`, and implementations as text.

use std::string::ToString;

use super::*;

const VER: u32 = 0xc600_0040;
const CPUS: u32 = 0xc600_0041;

#[test]
fn discover_impl_ver_is_1_0_and_how_many_there_are_whatever_is_in_its_registers() {
    for noise in [0, u64::MAX] {
        let answer = call(VER, [noise; 3]);
        assert_eq!(answer.x0_to_x3(), [SUCCESS, 0x1_0000, 2, 0]);
        assert!(answer.reads.is_empty());
        assert_eq!(answer.writes.len(), 4);
    }
}

#[test]
fn discover_impl_cpus_is_midr_revidr_and_aidr_of_the_one_with_that_index() {
    assert_eq!(call(CPUS, [0, 0, 0]).x0_to_x3(), [SUCCESS, 0x413f_d0c1, 0, 0]);
    assert_eq!(call(CPUS, [1, 0, 0]).x0_to_x3(), [SUCCESS, 0x410f_d083, 0x180, 0xffff_ffff_ffff_ffff]);
}

#[test]
fn discover_impl_cpus_of_an_index_that_there_is_not_is_invalid_parameter() {
    for index in [2, 3, 0x1_0000_0000, 0x1_0000_0001, u64::MAX] {
        assert_eq!(call(CPUS, [index, 0, 0]).outcome, returns(INVALID_PARAMETER), "{index:#x}");
    }
}

#[test]
fn discover_impl_cpus_with_x2_or_x3_not_zero_is_invalid_parameter() {
    for (x2, x3) in [(1, 0), (0, 1), (DIRTY, 0), (0, DIRTY), (u64::MAX, u64::MAX)] {
        assert_eq!(call(CPUS, [0, x2, x3]).outcome, returns(INVALID_PARAMETER), "{x2:#x} {x3:#x}");
    }
}

#[test]
fn discover_impl_cpus_takes_three_registers_and_only_the_writes_that_change_one() {
    let answer = call(CPUS, [1, 0, 0]);
    assert_eq!(answer.reads, [Register::X1, Register::X2, Register::X3]);
    assert_eq!(answer.writes.len(), 4);
    let unchanged = call(CPUS, [0, 0, 0]);
    assert_eq!(unchanged.writes, [(Register::X0, SUCCESS), (Register::X1, 0x413f_d0c1)]);
    let refused = call(CPUS, [2, 0, 0]);
    assert_eq!(refused.reads, [Register::X1]);
    assert_eq!(refused.writes, [(Register::X0, INVALID_PARAMETER)]);
}

#[test]
fn without_implementations_neither_is_supported() {
    let service = KvmVendor::new(vec![]);
    for id in [VER, CPUS] {
        let answer = answer(&service, &with_clock(), id, [0; 3]);
        assert_eq!(answer.outcome, returns(NOT_SUPPORTED), "{id:#x}");
        assert!(answer.reads.is_empty());
        assert_eq!(answer.writes.len(), 1);
    }
}

#[test]
fn they_have_no_smc32_forms() {
    for id in [0x8600_0040, 0x8600_0041] {
        assert_eq!(call(id, [0; 3]).outcome, returns(NOT_SUPPORTED), "{id:#x}");
    }
}

#[test]
fn an_implementation_is_read_in_hexadecimal_or_decimal_and_printed_so_that_it_can_be_read() {
    let expected = Implementation { midr: 0x413f_d0c1, revidr: 12, aidr: u64::MAX };
    assert_eq!("0x413fd0c1:12:0xffffffffffffffff".parse(), Ok(expected));
    assert_eq!("0x413FD0C1:0xc:18446744073709551615".parse(), Ok(expected));
    assert_eq!(expected.to_string().parse(), Ok(expected));
}

#[test]
fn what_is_no_implementation_is_refused_with_the_register_that_is_wrong() {
    let error = |text: &str| text.parse::<Implementation>().unwrap_err();
    for text in ["", "1", "1:2", "1:2:3:4", "1:2:3:"] {
        assert_eq!(error(text), ImplementationError::Form, "{text}");
    }
    for (text, register) in [
        (":0:0", "MIDR_EL1"),
        ("0x:0:0", "MIDR_EL1"),
        ("0x10000000000000000:0:0", "MIDR_EL1"),
        ("0:+1:0", "REVIDR_EL1"),
        ("0:0x+1:0", "REVIDR_EL1"),
        ("0:0:-1", "AIDR_EL1"),
        ("0:0:f", "AIDR_EL1"),
        ("0:0: 1", "AIDR_EL1"),
    ] {
        assert_eq!(error(text), ImplementationError::Number(register), "{text}");
    }
    assert_eq!(
        error("x:0:0").to_string(),
        "the value of MIDR_EL1 is no number of 64 bits, decimal or hexadecimal with 0x"
    );
}
