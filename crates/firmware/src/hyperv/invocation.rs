//! By which convention a hypercall comes: where its lists are, and whether they are there.

use core::ops::Range;

use switchboard_smccc::{
    Ipa, Register,
    hyperv::{ALIGNMENT, Control, FAST_REGISTERS, PAGE_SIZE, Status},
};

use super::{features::Value, hypercall::Hypercall};
use crate::{Call, Host, Results};

/// The longest list: a page.
const LONGEST: usize = 4096;
const _: () = assert!(PAGE_SIZE == 4096);

/// The registers that carry a list are used by twos: each list begins in an even one.
const PAIR: usize = 16;

/// A hypercall whose control word is in order.
#[derive(Debug)]
pub(super) struct Invocation {
    pub(super) hypercall: Hypercall,
    convention: Convention,
    /// The elements that are to be looked at: those before are done.
    pub(super) reps: Range<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Convention {
    /// The lists are in x2 to x17, the output behind the input (TLFS, "Extended Fast Hypercalls"; OpenVMM,
    /// `hv1_hypercall`, `aarch64.rs`, for SMCCC).
    Fast,
    /// x2 is the address of the input, x3 that of the output.
    Memory,
}

/// A list of bytes: header and elements, or results.
pub(super) struct List([u8; LONGEST]);

/// Where the output goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Output {
    /// To this register and those behind it.
    Registers(u8),
    /// To this address, in memory as far as the host knows.
    Memory(Ipa),
    /// There is none.
    Nowhere,
}

impl Invocation {
    /// What a control word asks for.
    ///
    /// The status is that of the TLFS ("Common Hypercall Status Codes"): a word that cannot be one before a code that nobody
    /// knows, before one that makes no sense for its code.
    pub(super) fn of(control: Control) -> Result<Self, Status> {
        if control.has_reserved_bits() {
            return Err(Status::INVALID_HYPERCALL_INPUT);
        }
        let hypercall = Hypercall::from_code(control.code()).ok_or(Status::INVALID_HYPERCALL_CODE)?;
        let reps = usize::from(control.rep_start())..usize::from(control.rep_count());
        // Neither of them has a header of variable size. Without elements, the range is empty.
        if control.variable_header_size() != 0 || reps.is_empty() {
            return Err(Status::INVALID_HYPERCALL_INPUT);
        }
        let convention = if control.is_fast() { Convention::Fast } else { Convention::Memory };
        Ok(Self { hypercall, convention, reps })
    }

    /// The list that the guest hands over, read once, and where it wants the other one.
    pub(super) fn lists(&self, call: &mut Call<'_>, host: &dyn Host) -> Result<(List, Output), Status> {
        let input = Hypercall::HEADER + self.hypercall.input_element() * self.reps.end;
        let output = self.hypercall.output_element() * self.reps.end;
        match self.convention {
            Convention::Fast => fast(call, input, output),
            Convention::Memory => in_memory(call, host, input, output),
        }
    }

    /// Hands over the results of these elements, and none else: x0 aside, `results` has the registers afterwards.
    pub(super) fn hand_over(
        &self,
        done: Range<usize>,
        list: &List,
        output: Output,
        host: &dyn Host,
        results: Results,
    ) -> Result<Results, Status> {
        let element = self.hypercall.output_element();
        let bytes = done.start * element..done.end * element;
        match output {
            Output::Registers(first) => Ok(registers(first, bytes.start / 8..bytes.end / 8)
                .fold(results, |results, (register, word)| results.with(register, list.word(word * 8)))),
            Output::Memory(Ipa(address)) if !bytes.is_empty() => {
                let offset = u64::try_from(bytes.start).map_err(|_| Status::INVALID_ALIGNMENT)?;
                let written = host.write_memory(Ipa(address + offset), &list.0[bytes]);
                written.map(|()| results).map_err(|_| Status::INVALID_ALIGNMENT)
            }
            Output::Memory(_) | Output::Nowhere => Ok(results),
        }
    }
}

/// Too much for the registers is INVALID_HYPERCALL_INPUT, as in OpenVMM.
fn fast(call: &mut Call<'_>, input: usize, output: usize) -> Result<(List, Output), Status> {
    let pairs = input.div_ceil(PAIR) + output.div_ceil(PAIR);
    if pairs > usize::from(FAST_REGISTERS / 2) {
        return Err(Status::INVALID_HYPERCALL_INPUT);
    }
    let mut list = List::new();
    for (register, word) in registers(Register::X2.number(), 0..input.div_ceil(8)) {
        list.set_word(word * 8, call.argument(register));
    }
    let first = u8::try_from(2 * input.div_ceil(PAIR)).map_err(|_| Status::INVALID_HYPERCALL_INPUT)?;
    let output = if output == 0 { Output::Nowhere } else { Output::Registers(2 + first) };
    Ok((list, output))
}

/// Whether there is memory for the output is looked at first, so that a call that cannot end well changes nothing.
fn in_memory(
    call: &mut Call<'_>,
    host: &dyn Host,
    input: usize,
    output: usize,
) -> Result<(List, Output), Status> {
    let from = place(call.argument(Register::X2), input)?;
    let to = if output == 0 {
        Output::Nowhere
    } else {
        let address = place(call.argument(Register::X3), output)?;
        let length = u64::try_from(output).map_err(|_| Status::INVALID_ALIGNMENT)?;
        if !host.is_memory(address, length) {
            return Err(Status::INVALID_ALIGNMENT);
        }
        Output::Memory(address)
    };
    let mut list = List::new();
    host.read_memory(from, &mut list.0[..input]).map_err(|_| Status::INVALID_ALIGNMENT)?;
    Ok((list, to))
}

/// An address of a list of that many bytes: aligned, and in one page.
fn place(address: u64, length: usize) -> Result<Ipa, Status> {
    let is_in_a_page = u64::try_from(length).is_ok_and(|length| length <= PAGE_SIZE - address % PAGE_SIZE);
    if address.is_multiple_of(ALIGNMENT) && is_in_a_page {
        Ok(Ipa(address))
    } else {
        Err(Status::INVALID_ALIGNMENT)
    }
}

/// The registers that carry these words of a list that begins in register `first`.
fn registers(first: u8, words: Range<usize>) -> impl Iterator<Item = (Register, usize)> {
    words.filter_map(move |word| {
        let number = first.checked_add(u8::try_from(word).ok()?)?;
        Some((Register::new(number)?, word))
    })
}

impl List {
    pub(super) const fn new() -> Self {
        Self([0; LONGEST])
    }

    /// The 8 bytes from this offset on.
    pub(super) fn word(&self, offset: usize) -> u64 {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&self.0[offset..offset + 8]);
        u64::from_le_bytes(bytes)
    }

    /// The 4 bytes from this offset on.
    pub(super) fn half_word(&self, offset: usize) -> u32 {
        let mut bytes = [0; 4];
        bytes.copy_from_slice(&self.0[offset..offset + 4]);
        u32::from_le_bytes(bytes)
    }

    pub(super) fn set_value(&mut self, offset: usize, [low, high]: Value) {
        self.set_word(offset, low);
        self.set_word(offset + 8, high);
    }

    fn set_word(&mut self, offset: usize, word: u64) {
        self.0[offset..offset + 8].copy_from_slice(&word.to_le_bytes());
    }
}
