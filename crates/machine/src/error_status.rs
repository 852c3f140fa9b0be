//! The source of hardware errors that a guest with ACPI has: where it is in the guest's memory, and what is written there.
//!
//! It exists for one error that is none: an operator's NMI. The caller writes an error status block, and raises the SDEI
//! event that the guest's HEST names ([`crate::boot::acpi`]). Linux reads the block in that event's handler, whatever the CPU
//! was doing, finds it fatal, prints it and panics (`ghes_in_nmi_queue_one_entry`, `__ghes_panic`).
//!
//! ```text
//! + 0 KiB    register: where the block is
//! + 8 bytes  register: has the guest acknowledged what was there before?
//! + 4 KiB    the block, of 4 KiB
//! ```
//!
//! The protocol is that of ACPI 6.5, section 18.3.2.8:
//!
//! 1. While the acknowledge register is not [acknowledged](is_acknowledged), the block is the guest's, and stays as it is.
//! 2. Then [`NOT_ACKNOWLEDGED`] goes to that register, and the [block](fatal) to its place.
//! 3. The event is raised. The guest reads, clears the block's status, and acknowledges.
//!
//! A block is to be written for a guest only that has enabled the event. Linux looks at it when it finds its error sources as
//! well (`ghes_probe`), and would panic then.
//!
//! It is memory, and the guest may write what it likes to it. Nothing is made of it but the answer to the first question.

use switchboard_firmware::CpuIndex;
use switchboard_smccc::{Ipa, Mpidr};

/// The source, in the guest's memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ErrorSource {
    /// Its first byte, at a 64 KiB boundary.
    at: Ipa,
}

/// Set by the guest in the acknowledge register when it has read the block.
pub(crate) const ACKNOWLEDGED: u64 = 1;
/// What goes to the acknowledge register before a block is written.
pub(crate) const NOT_ACKNOWLEDGED: u64 = 0;

impl ErrorSource {
    /// How much memory it has, in bytes: the largest page that an arm64 Linux can have, so that no page of it is anything else.
    pub(crate) const SIZE: u64 = 0x1_0000;
    /// How large a block can be, in bytes. Linux takes none of more than 64 KiB.
    pub(crate) const BLOCK_SIZE: u32 = 0x1000;

    /// From the first byte on. The registers are accessed all the time, the block is mapped when it is read: they share no
    /// page of 4 KiB.
    const ACKNOWLEDGE: u64 = 8;
    const BLOCK: u64 = 0x1000;

    /// The one that begins at `at`.
    pub(crate) const fn new(at: Ipa) -> Self {
        Self { at }
    }

    /// Its first byte.
    pub(crate) const fn start(self) -> Ipa {
        self.at
    }

    /// The register that says where the block is: eight bytes.
    pub(crate) const fn address_register(self) -> Ipa {
        self.at
    }

    /// The register in which the guest acknowledges: eight bytes.
    pub(crate) const fn acknowledge_register(self) -> Ipa {
        Ipa(self.at.0.saturating_add(Self::ACKNOWLEDGE))
    }

    /// Where a block is written.
    pub(crate) const fn block(self) -> Ipa {
        Ipa(self.at.0.saturating_add(Self::BLOCK))
    }

    /// What is there when the guest starts, and where: the registers, and a block without an error in it. All of before was
    /// acknowledged, so a life after a reset begins as the first one did.
    pub(crate) fn initial(self) -> [(Ipa, Vec<u8>); 2] {
        let registers = [self.block().0, ACKNOWLEDGED].into_iter().flat_map(u64::to_le_bytes).collect();
        let nothing = [NO_ERROR; STATUS_FIELDS].into_iter().flat_map(u32::to_le_bytes).collect();
        [(self.address_register(), registers), (self.block(), nothing)]
    }
}

/// Has the guest read the block? `word` is what is in the acknowledge register.
pub(crate) const fn is_acknowledged(word: u64) -> bool {
    word & ACKNOWLEDGED != 0
}

/// The block status of a block that holds nothing, and all other fields of it.
const NO_ERROR: u32 = 0;
/// Five fields of 32 bits are before the data of a block (ACPI 6.5, section 18.3.2.7.1).
const STATUS_FIELDS: usize = 5;
/// Block status: an uncorrectable error is in the block (bit 0), in one entry (bits 13:4).
const ONE_UNCORRECTABLE: u32 = 1 | 1 << 4;
/// There are no raw data: neither an offset nor a length.
const NO_RAW_DATA: [u32; 2] = [0, 0];
/// Of a block and of an entry in it: Linux panics.
const FATAL: u32 = 1;

/// An entry before its section (ACPI 6.5, section 18.3.2.7.1), in bytes: with a time, as from revision 3 on.
const ENTRY_SIZE: u32 = 72;
const ENTRY_REVISION: u16 = 0x300;
/// Validation bits of an entry: the text is valid (bit 1), and neither the FRU's ID (bit 0) nor the time (bit 2).
const TEXT_VALID: u8 = 1 << 1;
/// Flags of an entry (UEFI 2.10, section N.2.2): it is what the error is about.
const PRIMARY: u8 = 1;
/// The size of the text, in bytes. The last one may be a character.
const TEXT_SIZE: usize = 20;
const NO_FRU: [u8; 16] = [0; 16];

/// A Generic Processor Error section (UEFI 2.10, section N.2.4.1), in bytes.
const SECTION_SIZE: u32 = 192;
/// 9876ccad-47b4-4bdb-b65e-16f193c4f3db. The first three parts of a GUID are numbers, and so reversed.
const GENERIC_PROCESSOR: [u8; 16] =
    [0xad, 0xcc, 0x76, 0x98, 0xb4, 0x47, 0xdb, 0x4b, 0xb6, 0x5e, 0x16, 0xf1, 0x93, 0xc4, 0xf3, 0xdb];
/// Validation bits of the section: processor type (bit 0), instruction set (bit 1).
const PROCESSOR_VALID: u64 = 1 | 1 << 1;
/// And processor ID (bit 8), where there is one.
const PROCESSOR_ID_VALID: u64 = 1 << 8;
const PROCESSOR_ARM: u8 = 2;
const INSTRUCTION_SET_A64: u8 = 4;
/// What is not valid before the ID: kind of error, operation, flags, level, two reserved bytes, the version of the CPU and its
/// name.
const BEFORE_ID: [u8; 6 + 8 + 128] = [0; 142];
/// What is not valid after it: target address, requestor, responder, instruction pointer.
const AFTER_ID: [u8; 32] = [0; 32];

/// A block that says that an operator sent an NMI, to this CPU if one was named: a fatal error of a processor, with no kind of
/// error.
///
/// Of the sections that there are for a processor, it is the generic one. Arm's own needs an error, and a kind of it: there is
/// none, and the editions of UEFI number the kinds in two ways.
pub(crate) fn fatal(named: Option<(CpuIndex, Mpidr)>) -> Vec<u8> {
    let [raw_offset, raw_length] = NO_RAW_DATA;
    let fields: [u32; STATUS_FIELDS] =
        [ONE_UNCORRECTABLE, raw_offset, raw_length, ENTRY_SIZE + SECTION_SIZE, FATAL];
    let mut block: Vec<u8> = fields.into_iter().flat_map(u32::to_le_bytes).collect();
    append_entry(&mut block, named.map(|(cpu, _)| cpu));
    append_section(&mut block, named.map(|(_, affinity)| affinity));
    block
}

/// All of the entry but its section.
fn append_entry(block: &mut Vec<u8>, cpu: Option<CpuIndex>) {
    block.extend(GENERIC_PROCESSOR);
    block.extend(FATAL.to_le_bytes());
    block.extend(ENTRY_REVISION.to_le_bytes());
    block.extend([TEXT_VALID, PRIMARY]);
    block.extend(SECTION_SIZE.to_le_bytes());
    block.extend(NO_FRU);
    let cpu = cpu.map(|cpu| format!(" CPU{}", cpu.0)).unwrap_or_default();
    let mut text = format!("operator NMI{cpu}").into_bytes();
    text.resize(TEXT_SIZE, 0);
    block.extend(text);
    // The time: the guest has a clock.
    block.extend([0; 8]);
}

fn append_section(block: &mut Vec<u8>, affinity: Option<Mpidr>) {
    let valid = PROCESSOR_VALID | if affinity.is_some() { PROCESSOR_ID_VALID } else { 0 };
    block.extend(valid.to_le_bytes());
    block.extend([PROCESSOR_ARM, INSTRUCTION_SET_A64]);
    block.extend(BEFORE_ID);
    block.extend(affinity.map_or(0, Mpidr::value).to_le_bytes());
    block.extend(AFTER_ID);
}

#[cfg(test)]
mod tests;
