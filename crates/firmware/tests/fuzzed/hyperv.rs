//! A guest that makes hypercalls of Hyper-V: registers and memory at random, or nearly right.
//!
//! Each must return, with a result word that can be one; and of registers and memory only that may change which the call is
//! to write.

use std::{
    cell::{Cell, RefCell},
    ops::Range,
    time::Duration,
};

use switchboard_firmware::{
    Call, CpuIndex, Host, NotMemory, Outcome, RegisterFault, Registers, Report, Service, SystemRegister,
    hyperv::HyperV,
};
use switchboard_smccc::{Conduit, FunctionId, Ipa, Register};

const CPUS: usize = 3;
/// Where the guest has its memory, of three pages.
const MEMORY: u64 = 0x4000_0000;
const LENGTH: usize = 0x3000;

/// Random bytes, taken for decisions. Zeros at their end.
struct Input<'bytes>(&'bytes [u8]);

impl Input<'_> {
    fn byte(&mut self) -> u8 {
        let Some((&byte, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        byte
    }

    fn u64(&mut self) -> u64 {
        u64::from_le_bytes(std::array::from_fn(|_| self.byte()))
    }

    /// One of these, mostly.
    fn one_of(&mut self, values: &[u64]) -> u64 {
        let choice = usize::from(self.byte());
        if choice % 16 == 15 { self.u64() } else { values[choice / 16 % values.len()] }
    }
}

struct Cpu([u64; Register::COUNT]);

impl Registers for Cpu {
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

struct Machine {
    memory: RefCell<Vec<u8>>,
    now: Cell<Option<Duration>>,
}

impl Machine {
    fn range(&self, address: Ipa, length: usize) -> Result<Range<usize>, NotMemory> {
        let start = address.0.checked_sub(MEMORY).and_then(|offset| usize::try_from(offset).ok());
        let start = start.ok_or(NotMemory)?;
        let end = start.checked_add(length).filter(|&end| end <= LENGTH).ok_or(NotMemory)?;
        Ok(start..end)
    }
}

impl Host for Machine {
    fn is_memory(&self, address: Ipa, length: u64) -> bool {
        usize::try_from(length).is_ok_and(|length| self.range(address, length).is_ok())
    }

    fn read_memory(&self, address: Ipa, bytes: &mut [u8]) -> Result<(), NotMemory> {
        assert!(bytes.len() <= 4096);
        bytes.copy_from_slice(&self.memory.borrow()[self.range(address, bytes.len())?]);
        Ok(())
    }

    fn write_memory(&self, address: Ipa, bytes: &[u8]) -> Result<(), NotMemory> {
        assert!(bytes.len() <= 4096);
        let range = self.range(address, bytes.len())?;
        self.memory.borrow_mut()[range].copy_from_slice(bytes);
        Ok(())
    }

    fn monotonic(&self) -> Option<Duration> {
        self.now.get()
    }

    fn report(&self, report: Report<'_>) {
        if let Report::Crash { cpu, message: Some(message), .. } = report {
            assert!((1..=4096).contains(&message.len()) && cpu.0 < CPUS, "{cpu}");
        }
    }
}

/// Does what the bytes say. Bit `s` of what it returns: a call ended with status `s`.
pub(crate) fn exercise(bytes: &[u8]) -> u128 {
    let mut input = Input(bytes);
    let service = HyperV::new(CPUS);
    let machine = Machine { memory: RefCell::new(vec![0; LENGTH]), now: Cell::new(None) };
    let mut seen = 0;
    while !input.0.is_empty() {
        match input.byte() % 4 {
            0 => fill(&mut input, &machine),
            1 => machine.now.set(Some(Duration::from_nanos(input.u64()))),
            _ => seen |= 1 << call(&mut input, &service, &machine),
        }
    }
    let state = service.state();
    let restored = HyperV::new(CPUS);
    restored.restore(&state).unwrap();
    assert_eq!(restored.state(), state);
    seen
}

fn header(input: &mut Input<'_>) -> [u64; 2] {
    [input.one_of(&[u64::MAX, u64::MAX, u64::MAX, 0]), input.one_of(&[0xffff_fffe, 0, 2, 3, 0x10_ffff_fffe])]
}

fn name(input: &mut Input<'_>) -> u64 {
    input.one_of(&[
        0x100, 0x200, 0x201, 0x202, 0x210, 0x213, 0x214, 0x215, 0x215, 0x9_0002, 0x9_0003, 0x9_0004,
        0x9_0000, 0x203,
    ])
}

fn value(input: &mut Input<'_>) -> u64 {
    input.one_of(&[0, 1, 1 << 63, 3 << 62, 0xffff << 48, MEMORY, MEMORY + 0x2fff, 4096, u64::MAX])
}

fn address(input: &mut Input<'_>) -> u64 {
    input.one_of(&[MEMORY, MEMORY + 0x1000, MEMORY + 0xff0, MEMORY + 0x2ff8, MEMORY + 4, 0, u64::MAX - 7])
}

/// Words in memory: a header, and a list of either kind.
fn fill(input: &mut Input<'_>, machine: &Machine) {
    let address = address(input);
    let mut words = header(input).to_vec();
    for _ in 0..input.byte() % 16 {
        words.push(name(input) | name(input) << 32);
        if input.byte() & 1 == 0 {
            words.extend([0, value(input), 0]);
        }
    }
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    let _ = machine.write_memory(Ipa(address), &bytes);
}

/// One hypercall; its status.
fn call(input: &mut Input<'_>, service: &HyperV, machine: &Machine) -> u64 {
    let code = input.one_of(&[0x50, 0x51, 0x50, 0x51, 0x46]);
    let reps = input.one_of(&[1, 2, 3, 5, 127, 256, 0, 4095]);
    let start = input.one_of(&[0, 0, 0, 1, 2, 200]);
    let fast = u64::from(input.byte() & 1) << 16;
    let mut before = [0; Register::COUNT];
    before[0] = 0x4600_0001;
    before[1] = code | fast | reps.wrapping_shl(32) | start.wrapping_shl(48);
    if fast == 0 {
        before[2..4].fill_with(|| address(input));
    } else {
        before[2..4].copy_from_slice(&header(input));
        before[4..].fill_with(|| if input.byte() & 1 == 0 { name(input) } else { value(input) });
    }
    let memory_before = machine.memory.borrow().clone();
    let cpu = CpuIndex(usize::from(input.byte()) % (CPUS + 1));

    let mut registers = Cpu(before);
    let mut call = Call::new(FunctionId(0x4600_0001), Conduit::Hvc, cpu, &mut registers);
    let outcome = service.call(&mut call, machine);
    let Outcome::Return(results) = outcome else { panic!("a hypercall returns: {outcome:?}") };
    call.complete(&results).unwrap();

    let result = registers.0[0];
    assert_eq!(result & 0xffff_f000_ffff_0000, 0, "{result:#x}");
    check(&before, &registers.0, &memory_before, &machine.memory.borrow());
    result & 0xffff
}

/// What has changed is what was to change.
fn check(
    before: &[u64; Register::COUNT],
    after: &[u64; Register::COUNT],
    memory_before: &[u8],
    memory: &[u8],
) {
    let control = before[1];
    let (code, is_fast) = (control & 0xffff, control & 1 << 16 != 0);
    let (reps, start) = (index(control >> 32 & 0xfff), index(control >> 48 & 0xfff));
    let (status, done) = (after[0] & 0xffff, index(after[0] >> 32));
    assert!(done <= reps && (status != 0 || done == reps), "{:#x} after {control:#x}", after[0]);

    let is_written = code == 0x50 && done > start;
    let registers = match is_fast && is_written {
        true => {
            let first = 2 + 2 * (16 + 4 * reps).div_ceil(16);
            first + 2 * start..first + 2 * done
        }
        false => 0..0,
    };
    for number in (1..Register::COUNT).filter(|number| !registers.contains(number)) {
        assert_eq!(after[number], before[number], "x{number} after {control:#x}");
    }
    let bytes = match !is_fast && is_written {
        true => {
            let output = index(before[3] - MEMORY);
            output + 16 * start..output + 16 * done
        }
        false => 0..0,
    };
    assert_eq!(memory[..bytes.start], memory_before[..bytes.start], "before the output of {control:#x}");
    assert_eq!(memory[bytes.end..], memory_before[bytes.end..], "behind the output of {control:#x}");
}

fn index(value: u64) -> usize {
    usize::try_from(value).unwrap()
}
