//! `TRNG_RND`.

use super::*;

#[test]
fn in_smc64_the_lowest_bits_are_in_x3_and_the_highest_in_x1() {
    let host = counting();
    assert_eq!(
        call(&host, RND_64, 192).x0_to_x3(),
        [SUCCESS, 0x1817_1615_1413_1211, 0x100f_0e0d_0c0b_0a09, 0x0807_0605_0403_0201]
    );
    assert_eq!(asked(&host), [24]);
}

#[test]
fn in_smc32_the_lowest_bits_are_in_w3_and_the_highest_in_w1() {
    let host = counting();
    assert_eq!(call(&host, RND_32, 96).x0_to_x3(), [SUCCESS, 0x0c0b_0a09, 0x0807_0605, 0x0403_0201]);
    assert_eq!(asked(&host), [12]);
}

#[test]
fn bits_beyond_those_asked_for_are_zero_for_every_number_in_smc64() {
    for bits in 1..=192_u32 {
        let [x0, x1, x2, x3] = call(&all_set(), RND_64, u64::from(bits)).x0_to_x3();
        assert_eq!(x0, SUCCESS, "{bits}");
        for (register, first) in [(x3, 0), (x2, 64), (x1, 128)] {
            let expected = match bits.saturating_sub(first) {
                64.. => u64::MAX,
                count => (1 << count) - 1,
            };
            assert_eq!(register, expected, "{bits}");
        }
    }
}

#[test]
fn bits_beyond_those_asked_for_are_zero_for_every_number_in_smc32() {
    for bits in 1..=96_u32 {
        let [x0, x1, x2, x3] = call(&all_set(), RND_32, u64::from(bits)).x0_to_x3();
        assert_eq!(x0, SUCCESS, "{bits}");
        for (register, first) in [(x3, 0), (x2, 32), (x1, 64)] {
            let count = bits.saturating_sub(first).min(32);
            assert_eq!(register, (1 << count) - 1, "{bits}");
        }
    }
}

#[test]
fn the_host_is_asked_once_and_for_no_more_bytes_than_hold_the_bits() {
    for (bits, bytes) in [(1, 1), (8, 1), (9, 2), (64, 8), (65, 9), (96, 12), (191, 24), (192, 24)] {
        let host = all_set();
        call(&host, RND_64, bits);
        assert_eq!(asked(&host), [bytes], "{bits}");
    }
}

#[test]
fn two_calls_do_not_return_the_same_bits() {
    let host = counting();
    assert_eq!(call(&host, RND_64, 16).x0_to_x3()[3], 0x0201);
    assert_eq!(call(&host, RND_64, 16).x0_to_x3()[3], 0x0403);
}

#[test]
fn no_bits_and_more_than_three_registers_hold_are_invalid_parameters_and_the_host_is_not_asked() {
    let host = all_set();
    for (id, bits) in [
        (RND_32, 0),
        (RND_32, 97),
        (RND_32, 192),
        (RND_32, 0xffff_ffff),
        (RND_64, 0),
        (RND_64, 193),
        (RND_64, 256),
        (RND_64, 0x100 + 64),
        (RND_64, 0x8000_0000),
        (RND_64, 0xffff_ffff),
    ] {
        assert_eq!(call(&host, id, bits).outcome, returns(INVALID_PARAMETERS), "{id:#x} {bits:#x}");
    }
    assert!(asked(&host).is_empty());
}

#[test]
fn the_number_of_bits_is_w1_in_either_width() {
    assert_eq!(call(&all_set(), RND_32, DIRTY | 5).x0_to_x3(), [SUCCESS, 0, 0, 0x1f]);
    assert_eq!(call(&all_set(), RND_64, DIRTY | 5).x0_to_x3(), [SUCCESS, 0, 0, 0x1f]);
    assert_eq!(call(&all_set(), RND_64, DIRTY).outcome, returns(INVALID_PARAMETERS));
}

#[test]
fn a_host_without_entropy_is_no_entropy_and_three_zeros() {
    let host = ScriptedHost { entropy: RefCell::new([0xff; 7].to_vec()), ..ScriptedHost::default() };
    for id in [RND_32, RND_64] {
        assert_eq!(call(&host, id, 64).x0_to_x3(), [NO_ENTROPY, 0, 0, 0], "{id:#x}");
    }
    assert_eq!(asked(&host), [8, 8]);
}

/// A host that fails halfway.
struct Leaky;

impl Host for Leaky {
    fn entropy(&self, bytes: &mut [u8]) -> Result<(), crate::NoEntropy> {
        bytes.fill(0x55);
        Err(crate::NoEntropy)
    }
}

#[test]
fn what_a_host_that_fails_has_left_in_the_bytes_does_not_reach_the_guest() {
    assert_eq!(call(&Leaky, RND_64, 192).x0_to_x3(), [NO_ENTROPY, 0, 0, 0]);
}

#[test]
fn trng_rnd_takes_one_register_and_at_most_four_writes() {
    for id in [RND_32, RND_64] {
        let answer = call(&all_set(), id, 96);
        assert_eq!(answer.reads, [Register::X1]);
        assert_eq!(answer.writes.len(), 4);
        let refused = call(&all_set(), id, 0);
        assert_eq!(refused.reads, [Register::X1]);
        assert_eq!(refused.writes, [(Register::X0, INVALID_PARAMETERS)]);
    }
}
