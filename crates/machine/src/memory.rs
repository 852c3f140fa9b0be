//! The guest's memory.

use std::{fs::File, io};

use switchboard_smccc::Ipa;
use vm_memory::{
    Bytes, GuestAddress, GuestMemoryMmap, GuestRegionMmap, MmapRegion, guest_memory::GuestMemoryBackend,
};

use crate::{Error, layout};

/// A range of the guest's memory.
pub struct Memory {
    map: GuestMemoryMmap,
    start: Ipa,
    size: u64,
}

impl Memory {
    /// All of the memory that the guest may use, from [`layout::MEMORY`] on: `size` bytes, all zero.
    ///
    /// # Errors
    ///
    /// [`Error::Memory`] if the host has not that much.
    pub fn new(size: u64) -> Result<Self, Error> {
        Self::at(layout::MEMORY, size)
    }

    /// `size` bytes, all zero, from `start` on.
    pub(crate) fn at(start: Ipa, size: u64) -> Result<Self, Error> {
        let refused = |source: io::Error| Error::Memory { size, source };
        let bytes = usize::try_from(size).map_err(|error| refused(io::Error::other(error)))?;
        // Not MAP_NORESERVE: a host that never had so much says so now, rather than kill us later.
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        let region = MmapRegion::build(None, bytes, libc::PROT_READ | libc::PROT_WRITE, flags)
            .map_err(|error| refused(mmap_error(error)))?;
        let region = GuestRegionMmap::new(region, GuestAddress(start.0))
            .ok_or_else(|| refused(io::Error::other("it would end past the last address")))?;
        let map =
            GuestMemoryMmap::from_regions(vec![region]).map_err(|error| refused(io::Error::other(error)))?;
        Ok(Self { map, start, size })
    }

    /// Where it is for the guest.
    #[must_use]
    pub const fn start(&self) -> Ipa {
        self.start
    }

    /// How much there is, in bytes.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Where in our own address space it starts.
    ///
    /// # Panics
    ///
    /// Never: the start of memory is in memory.
    #[must_use]
    pub fn host_address(&self) -> *mut u8 {
        self.map.get_host_address(GuestAddress(self.start.0)).expect("the start of memory is in memory")
    }

    /// Does a range of addresses lie in it? `length` is in bytes; an empty range is where its address is.
    #[must_use]
    pub fn contains(&self, address: Ipa, length: u64) -> bool {
        let start = address.0.checked_sub(self.start.0);
        let end = start.and_then(|start| start.checked_add(length.max(1)));
        end.is_some_and(|end| end <= self.size)
    }

    /// Copies `bytes` to `address`.
    ///
    /// # Errors
    ///
    /// An I/O error if they do not fit there.
    pub fn write(&self, address: Ipa, bytes: &[u8]) -> io::Result<()> {
        self.map.write_slice(bytes, GuestAddress(address.0)).map_err(io::Error::other)
    }

    /// Copies what is at `address` to `bytes`.
    ///
    /// # Errors
    ///
    /// An I/O error if not all of it is there.
    pub fn read(&self, address: Ipa, bytes: &mut [u8]) -> io::Result<()> {
        self.map.read_slice(bytes, GuestAddress(address.0)).map_err(io::Error::other)
    }

    /// Copies the next `size` bytes of a file to `address`.
    ///
    /// # Errors
    ///
    /// An I/O error if the file ends before, or they do not fit.
    pub fn read_from(&self, address: Ipa, file: &mut File, size: u64) -> io::Result<()> {
        let size = usize::try_from(size).map_err(io::Error::other)?;
        self.map.read_exact_volatile_from(GuestAddress(address.0), file, size).map_err(io::Error::other)
    }
}

fn mmap_error(error: vm_memory::mmap::MmapRegionError) -> io::Error {
    match error {
        vm_memory::mmap::MmapRegionError::Mmap(source) => source,
        other => io::Error::other(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    #[test]
    fn memory_is_what_lies_between_its_two_ends() {
        let memory = Memory::new(2 * MIB).unwrap();
        for (address, length) in
            [(0x4000_0000, 4), (0x401f_ffff, 1), (0x4000_0000, 0x20_0000), (0x401f_ffff, 0)]
        {
            assert!(memory.contains(Ipa(address), length), "{address:#x} {length:#x}");
        }
        for (address, length) in
            [(0, 4), (0x3fff_ffff, 1), (0x3fff_ffff, 2), (0x4020_0000, 0), (0x401f_fffd, 4), (u64::MAX, 1)]
        {
            assert!(!memory.contains(Ipa(address), length), "{address:#x} {length:#x}");
        }
        assert!(!memory.contains(Ipa(0x4000_0000), u64::MAX));
    }

    #[test]
    fn more_memory_than_there_is_is_an_error() {
        for size in [1 << 60, u64::MAX - 0xfff] {
            assert!(matches!(Memory::new(size), Err(Error::Memory { .. })), "{size:#x}");
        }
    }

    #[test]
    fn what_was_written_can_be_read_and_nothing_beyond_the_end() {
        let memory = Memory::new(2 * MIB).unwrap();
        memory.write(Ipa(0x401f_fffc), b"last").unwrap();
        let mut bytes = [0; 4];
        memory.read(Ipa(0x401f_fffc), &mut bytes).unwrap();
        assert_eq!(&bytes, b"last");
        memory.read(Ipa(0x401f_fffd), &mut bytes).unwrap_err();
    }

    #[test]
    fn what_does_not_fit_is_not_written() {
        let memory = Memory::new(2 * MIB).unwrap();
        memory.write(Ipa(0x4000_0000), b"fits").unwrap();
        memory.write(Ipa(0x401f_fffe), b"does not fit").unwrap_err();
    }
}
