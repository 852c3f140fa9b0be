//! Where kernel, device tree and initial RAM disk go in the guest's memory.
//!
//! ```text
//! start of memory + text_offset   kernel, with its BSS
//! the next 2 MiB boundary         device tree: 2 MiB are kept for it
//! 2 MiB further                   initial RAM disk
//! ```
//!
//! The rules are those of Linux, `Documentation/arch/arm64/booting.rst`: the kernel `text_offset` bytes after a
//! 2 MiB boundary, as near to the start of memory as it can be; the device tree at most 2 MiB large and within
//! one 2 MiB block (kernels before 4.2 map just that one); the initial RAM disk within reach of the kernel.

use switchboard_smccc::Ipa;
use thiserror::Error;

use super::fdt;
use crate::layout;

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
/// What the kernel and the device tree are aligned to.
const BLOCK: u64 = 2 * MIB;
/// Linux reaches an initial RAM disk in the 32 GiB that start at the 1 GiB boundary below the kernel.
const INITRD_REACH: u64 = 32 * GIB;

/// What is to find a place. Sizes are in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    /// How much memory the guest has, from [`layout::MEMORY`] on.
    pub memory: u64,
    /// How far from a 2 MiB boundary the kernel starts.
    pub text_offset: u64,
    /// How much memory is the kernel's.
    pub image_size: u64,
    /// The size of the initial RAM disk, if there is one.
    pub initrd: Option<u64>,
}

/// The places: each is the address of the first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placement {
    /// The kernel, and its entry point.
    pub kernel: Ipa,
    /// The device tree. [`fdt::MAX_SIZE`] bytes are free there.
    pub device_tree: Ipa,
    /// The initial RAM disk.
    pub initrd: Option<Ipa>,
}

/// What does not fit. Sizes are in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PlacementError {
    /// The kernel and a device tree are more than the memory there is.
    #[error(
        "the kernel and its device tree need {} MiB of memory, and the guest has {} MiB",
        needed.div_ceil(MIB), memory / MIB
    )]
    KernelDoesNotFit {
        /// How much memory it takes to hold them.
        needed: u64,
        /// How much memory the guest has.
        memory: u64,
    },
    /// The initial RAM disk is more than the kernel leaves free.
    #[error(
        "the initial RAM disk is {} MiB large, and the kernel leaves {} of the guest's {} MiB free",
        initrd.div_ceil(MIB), available / MIB, memory / MIB
    )]
    InitrdDoesNotFit {
        /// Its size.
        initrd: u64,
        /// How much memory is left for it.
        available: u64,
        /// How much memory the guest has.
        memory: u64,
    },
    /// There is memory enough for the initial RAM disk, and Linux would not reach it there.
    #[error(
        "the initial RAM disk is {} MiB large, and an arm64 Linux reaches one of {} MiB at most",
        initrd.div_ceil(MIB), reachable / MIB
    )]
    InitrdOutOfReach {
        /// Its size.
        initrd: u64,
        /// The largest that is within reach.
        reachable: u64,
    },
}

impl Placement {
    /// Finds everything its place.
    ///
    /// # Errors
    ///
    /// [`PlacementError`] if something does not fit.
    pub fn new(request: &Request) -> Result<Self, PlacementError> {
        let memory = request.memory;
        // Counted from the start of memory, which is at a 1 GiB boundary.
        let device_tree = request
            .text_offset
            .checked_add(request.image_size)
            .and_then(|end| end.checked_next_multiple_of(BLOCK))
            .unwrap_or(u64::MAX);
        let free = device_tree.saturating_add(fdt::MAX_SIZE);
        if free > memory {
            return Err(PlacementError::KernelDoesNotFit { needed: free, memory });
        }
        if let Some(initrd) = request.initrd {
            check_initrd(initrd, free, request)?;
        }
        let at = |offset| Ipa(layout::MEMORY.0.saturating_add(offset));
        Ok(Self {
            kernel: at(request.text_offset),
            device_tree: at(device_tree),
            initrd: request.initrd.map(|_| at(free)),
        })
    }
}

/// Whether the initial RAM disk fits at the offset `free`.
fn check_initrd(initrd: u64, free: u64, request: &Request) -> Result<(), PlacementError> {
    let available = request.memory - free;
    if initrd > available {
        return Err(PlacementError::InitrdDoesNotFit { initrd, available, memory: request.memory });
    }
    let window = request.text_offset / GIB * GIB;
    let reachable = window.saturating_add(INITRD_REACH).saturating_sub(free);
    if initrd > reachable {
        return Err(PlacementError::InitrdOutOfReach { initrd, reachable });
    }
    Ok(())
}

impl PlacementError {
    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let needed = match *self {
            // A header that is nonsense, and not a kernel that is large.
            Self::KernelDoesNotFit { needed, .. } if needed > 64 * GIB => {
                return Some("no kernel is that large: check that the file is whole".to_owned());
            }
            Self::KernelDoesNotFit { needed, .. } => needed,
            Self::InitrdDoesNotFit { initrd, available, memory } => {
                memory.saturating_add(initrd.saturating_sub(available))
            }
            Self::InitrdOutOfReach { .. } => return None,
        };
        Some(format!("give the guest {} MiB with `--mem`, or more", needed.div_ceil(MIB)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn request(memory: u64, image_size: u64, initrd: Option<u64>) -> Request {
        Request { memory, text_offset: 0, image_size, initrd }
    }

    #[test]
    fn the_kernel_is_first_then_the_device_tree_then_the_initrd() {
        let placement = Placement::new(&request(128 * MIB, 30 * MIB + 1, Some(5 * MIB))).unwrap();
        assert_eq!(placement.kernel, Ipa(0x4000_0000));
        assert_eq!(placement.device_tree, Ipa(0x4200_0000));
        assert_eq!(placement.initrd, Some(Ipa(0x4220_0000)));
    }

    #[test]
    fn a_text_offset_moves_the_kernel_and_what_follows() {
        let legacy = Request { text_offset: 0x8_0000, ..request(128 * MIB, 2 * MIB, None) };
        let placement = Placement::new(&legacy).unwrap();
        assert_eq!(placement.kernel, Ipa(0x4008_0000));
        assert_eq!(placement.device_tree, Ipa(0x4040_0000));
        assert_eq!(placement.initrd, None);
    }

    #[test]
    fn a_kernel_that_fills_memory_leaves_no_room_for_the_device_tree() {
        let error = Placement::new(&request(32 * MIB, 31 * MIB, None)).unwrap_err();
        assert_eq!(error, PlacementError::KernelDoesNotFit { needed: 34 * MIB, memory: 32 * MIB });
        assert_eq!(
            error.to_string(),
            "the kernel and its device tree need 34 MiB of memory, and the guest has 32 MiB"
        );
        assert_eq!(error.hint().unwrap(), "give the guest 34 MiB with `--mem`, or more");
        Placement::new(&request(34 * MIB, 31 * MIB, None)).unwrap();
    }

    #[test]
    fn a_header_that_claims_every_address_is_an_error() {
        for (text_offset, image_size) in [(0, u64::MAX), (u64::MAX, u64::MAX), (u64::MAX - 1, 1)] {
            let request = Request { memory: u64::MAX / 2, text_offset, image_size, initrd: None };
            let error = Placement::new(&request).unwrap_err();
            assert!(matches!(error, PlacementError::KernelDoesNotFit { .. }), "{error:?}");
            assert_eq!(error.hint().unwrap(), "no kernel is that large: check that the file is whole");
        }
    }

    #[test]
    fn an_initrd_that_is_a_byte_too_large_does_not_fit() {
        Placement::new(&request(64 * MIB, 30 * MIB, Some(32 * MIB))).unwrap();
        let error = Placement::new(&request(64 * MIB, 30 * MIB, Some(32 * MIB + 1))).unwrap_err();
        assert_eq!(
            error,
            PlacementError::InitrdDoesNotFit { initrd: 32 * MIB + 1, available: 32 * MIB, memory: 64 * MIB }
        );
        assert_eq!(
            error.to_string(),
            "the initial RAM disk is 33 MiB large, and the kernel leaves 32 of the guest's 64 MiB free"
        );
        assert_eq!(error.hint().unwrap(), "give the guest 65 MiB with `--mem`, or more");
    }

    #[test]
    fn an_initrd_beyond_the_32_gib_window_is_out_of_reach_in_any_memory() {
        let reachable = 32 * GIB - 32 * MIB;
        Placement::new(&request(64 * GIB, 30 * MIB, Some(reachable))).unwrap();
        let error = Placement::new(&request(64 * GIB, 30 * MIB, Some(reachable + 1))).unwrap_err();
        assert_eq!(error, PlacementError::InitrdOutOfReach { initrd: reachable + 1, reachable });
        assert_eq!(error.hint(), None);
    }

    /// Sizes of every magnitude: a uniform choice would almost never fit.
    fn size() -> impl Strategy<Value = u64> {
        prop_oneof![0..8 * MIB, 0..GIB, 0..64 * GIB, any::<u64>()]
    }

    proptest! {
        #[test]
        fn what_fits_is_in_memory_and_apart(
            memory in size(), text_offset in size(), image_size in size(), initrd in proptest::option::of(size()),
        ) {
            let request = Request { memory, text_offset, image_size, initrd };
            let Ok(placement) = Placement::new(&request) else { return Ok(()) };
            let end = u128::from(layout::MEMORY.0) + u128::from(memory);
            let size_and_start = [
                (Some(placement.kernel), image_size),
                (Some(placement.device_tree), fdt::MAX_SIZE),
                (placement.initrd, initrd.unwrap_or(0)),
            ];
            let mut free = u128::from(layout::MEMORY.0);
            for (start, size) in size_and_start {
                let Some(start) = start.map(|start| u128::from(start.0)) else { continue };
                prop_assert!(start >= free, "{start:#x} is below {free:#x}");
                free = start + u128::from(size);
                prop_assert!(free <= end, "{free:#x} is beyond memory");
            }
            prop_assert_eq!(placement.device_tree.0 % BLOCK, 0);
            prop_assert_eq!(placement.initrd.is_some(), initrd.is_some());
        }

        #[test]
        fn following_the_hint_helps(
            memory in 0..256 * MIB, image_size in 0..128 * MIB, initrd in proptest::option::of(0..128 * MIB),
        ) {
            let mut tried = request(memory, image_size, initrd);
            // First for the kernel, then for the initial RAM disk.
            for _ in 0..2 {
                if let Err(error) = Placement::new(&tried) {
                    let hint = error.hint().unwrap();
                    let mebibytes = hint.split(' ').find_map(|word| word.parse::<u64>().ok()).unwrap();
                    tried.memory = mebibytes * MIB;
                }
            }
            prop_assert_eq!(Placement::new(&tried).err(), None);
        }
    }
}
