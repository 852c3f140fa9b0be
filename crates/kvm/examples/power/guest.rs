//! The guest of the example: nineteen instructions at the start of 64 KiB of memory.

/// Its memory.
#[repr(align(0x1_0000))]
pub(crate) struct Memory([u32; 0x4000]);

impl Memory {
    pub(crate) fn new() -> Box<Self> {
        let mut memory = Box::new(Self([0; 0x4000]));
        memory.0[..CODE.len()].copy_from_slice(&CODE);
        memory
    }
}

#[rustfmt::skip]
const CODE: [u32; 19] = [
    0x5280_0060, 0x72b8_8000, 0xd280_0021, 0x1000_01a2, 0xd280_0543, 0xd400_0002, // CPU_ON(1, the last line, 42)
    0x5280_0080, 0x72b8_8000, 0xd280_0021, 0xd280_0002, 0xd400_0002, 0xf100_041f, // AFFINITY_INFO(1, 0): is it off?
    0x54ff_ff41, 0x5280_0100, 0x72b0_8000, 0xd400_0002, // If not, ask again. SYSTEM_OFF()
    0x5280_0040, 0x72b0_8000, 0xd400_0002, // CPU_OFF()
];
