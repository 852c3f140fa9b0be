//! Lists in memory.

use super::*;

const INPUT: u64 = MEMORY;
const OUTPUT: u64 = MEMORY + 0x1000;
/// What memory is full of.
const UNTOUCHED: u64 = 0xa5a5_a5a5_a5a5_a5a5;

fn get(guest: &Guest, reps: u64, input: u64, output: u64) -> Cpu {
    guest.hypercall(&[GET | count(reps), input, output])
}

#[test]
fn registers_are_read_into_memory_and_nothing_behind_them_is_written() {
    let guest = Guest::new();
    guest.put(INPUT, &[SELF, VP_SELF, PRIVILEGES | FEATURES << 32, LIMITS]);
    let after = get(&guest, 3, INPUT, OUTPUT);
    assert_eq!(after.x[0], done(3));
    assert_eq!((after.reads, after.writes), (vec![1, 2, 3], vec![0]));
    let values = [0x000a_0000_0000_0062, 0x100, 0xffff_ffff_0000_0000, 0, 3, 0, UNTOUCHED];
    assert_eq!(guest.words(OUTPUT, 7), values);
    assert_eq!(guest.words(OUTPUT - 8, 1), [UNTOUCHED]);
    assert_eq!(guest.reads_of_memory.get(), 1, "what a guest can change meanwhile is read once");
}

#[test]
fn registers_are_written_from_memory_and_the_output_address_is_not_looked_at() {
    let guest = Guest::new();
    guest.put(INPUT, &[SELF, VP_SELF, GUEST_OS_ID, DIRTY, 7, 0, CRASH_P0 | DIRTY, 0, 8, 0]);
    let after = guest.hypercall(&[SET | count(2), INPUT]);
    assert_eq!((after.x[0], after.reads), (done(2), vec![1, 2]));
    assert_eq!([guest.get(GUEST_OS_ID), guest.get(CRASH_P0)], [[7, 0], [8, 0]]);
}

#[test]
fn a_list_may_be_anywhere_in_a_page_and_end_with_it() {
    let guest = Guest::new();
    let (input, output) = (INPUT + 0x1000 - 24, OUTPUT + 0x1000 - 16);
    guest.put(input, &[SELF, VP_SELF, LIMITS]);
    assert_eq!(get(&guest, 1, input, output).x[0], done(1));
    assert_eq!(guest.words(output, 3), [3, 0, UNTOUCHED]);
}

#[test]
fn the_longest_lists_are_done_at_once() {
    let guest = Guest::new();
    let names = [LIMITS | LIMITS << 32; 128];
    guest.put(INPUT, &[SELF, VP_SELF]);
    guest.put(INPUT + 16, &names);
    assert_eq!(get(&guest, 256, INPUT, OUTPUT).x[0], done(256));
    assert_eq!(guest.words(OUTPUT, 512), [3, 0].repeat(256));
    let elements: Vec<u64> = (0..127).flat_map(|number| [CRASH_P0, 0, number, 0]).collect();
    guest.put(INPUT + 16, &elements);
    assert_eq!(guest.hypercall(&[SET | count(127), INPUT]).x[0], done(127));
    assert_eq!(guest.get(CRASH_P0), [126, 0]);
}

#[test]
fn lists_longer_than_a_page_are_an_invalid_alignment() {
    let guest = Guest::new();
    guest.put(INPUT, &[SELF, VP_SELF]);
    for reps in [257, 1020, 1021, 4095] {
        assert_eq!(get(&guest, reps, INPUT, OUTPUT).x[0], INVALID_ALIGNMENT, "{reps}");
    }
    for reps in [128, 4095] {
        assert_eq!(guest.hypercall(&[SET | count(reps), INPUT]).x[0], INVALID_ALIGNMENT, "{reps}");
    }
}

#[test]
fn lists_that_are_not_aligned_or_go_over_a_pages_end_are_an_invalid_alignment() {
    let guest = Guest::new();
    guest.put(INPUT, &[SELF, VP_SELF, LIMITS]);
    for offset in 1..8 {
        assert_eq!(get(&guest, 1, INPUT + offset, OUTPUT).x[0], INVALID_ALIGNMENT, "{offset}");
        assert_eq!(get(&guest, 1, INPUT, OUTPUT + offset).x[0], INVALID_ALIGNMENT, "{offset}");
    }
    assert_eq!(get(&guest, 1, INPUT + 0xff0, OUTPUT).x[0], INVALID_ALIGNMENT, "20 bytes");
    assert_eq!(get(&guest, 1, INPUT, OUTPUT + 0xff8).x[0], INVALID_ALIGNMENT, "16 bytes");
    assert_eq!(guest.words(OUTPUT, 0x200), [UNTOUCHED; 0x200]);
}

#[test]
fn lists_outside_memory_are_an_invalid_alignment_and_nothing_is_done() {
    let guest = Guest::new();
    guest.put(INPUT, &[SELF, VP_SELF, VP_INDEX]);
    for address in [0, MEMORY - 0x1000, END, 0xffff_ffff_ffff_f000, 0xffff_ffff_ffff_ffe0, 1 << 63] {
        assert_eq!(get(&guest, 1, address, OUTPUT).x[0], INVALID_ALIGNMENT, "{address:#x}");
        assert_eq!(get(&guest, 1, INPUT, address).x[0], INVALID_ALIGNMENT, "{address:#x}");
        assert_eq!(guest.hypercall(&[SET | count(1), address]).x[0], INVALID_ALIGNMENT, "{address:#x}");
    }
    assert!(!guest.hyper_v.has_asked_for_vp_index(CpuIndex(0)));
    assert_eq!(guest.words(OUTPUT, 0x200), [UNTOUCHED; 0x200]);
}

#[test]
fn the_output_may_be_where_the_input_is() {
    // As Linux once had it (`get_vtl`, on x86).
    let guest = Guest::new();
    guest.put(INPUT, &[SELF, VP_SELF, GUEST_OS_ID | LIMITS << 32, UNTOUCHED]);
    guest.set(GUEST_OS_ID, 9);
    assert_eq!(get(&guest, 2, INPUT, INPUT).x[0], done(2));
    assert_eq!(guest.words(INPUT, 4), [9, 0, 3, 0]);
}

#[test]
fn a_list_that_goes_on_or_fails_hands_over_what_it_did() {
    let guest = Guest::new();
    guest.put(INPUT, &[SELF, VP_SELF, 0xbad | LIMITS << 32, LIMITS | 0xbad << 32]);
    let after = guest.hypercall(&[GET | count(4) | start(1), INPUT, OUTPUT]);
    assert_eq!(after.x[0], INVALID_PARAMETER | done(3));
    assert_eq!(guest.words(OUTPUT, 8), [UNTOUCHED, UNTOUCHED, 3, 0, 3, 0, UNTOUCHED, UNTOUCHED]);
}

#[test]
fn a_header_in_memory_is_checked_like_one_in_registers() {
    let guest = Guest::new();
    for (header, status) in [
        ([0, VP_SELF], INVALID_PARTITION_ID),
        ([SELF, 3], INVALID_VP_INDEX),
        ([SELF, VP_SELF | 0x11 << 32], INVALID_PARAMETER),
        ([SELF, VP_SELF | 1 << 63], INVALID_PARAMETER),
    ] {
        guest.put(INPUT, &header);
        guest.put(INPUT + 16, &[LIMITS]);
        assert_eq!(get(&guest, 1, INPUT, OUTPUT).x[0], status);
    }
    assert_eq!(guest.words(OUTPUT, 2), [UNTOUCHED; 2]);
}

#[test]
fn memory_that_is_gone_when_the_results_come_is_an_invalid_alignment() {
    /// All is memory, and none can be written.
    struct ReadOnly;
    impl Host for ReadOnly {
        fn is_memory(&self, _: Ipa, _: u64) -> bool {
            true
        }
        fn read_memory(&self, _: Ipa, bytes: &mut [u8]) -> Result<(), NotMemory> {
            let header = [SELF, VP_SELF, LIMITS].map(u64::to_le_bytes).concat();
            bytes.copy_from_slice(&header[..bytes.len()]);
            Ok(())
        }
    }
    let mut x: Bank = [0; 18];
    x[..4].copy_from_slice(&[HV_HYPERCALL, GET | count(1), INPUT, OUTPUT]);
    let mut registers = Cpu { x, reads: vec![], writes: vec![] };
    let mut call = Call::new(FunctionId(0x4600_0001), Conduit::Hvc, CpuIndex(0), &mut registers);
    let outcome = HyperV::new(1).call(&mut call, &ReadOnly);
    assert_eq!(outcome.results().unwrap().x0(), INVALID_ALIGNMENT);
}
