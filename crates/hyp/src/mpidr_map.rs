//! From affinity to vCPU: the map that KVM makes when vCPUs first run.

use alloc::{boxed::Box, vec};

use switchboard_smccc::Mpidr;

use crate::power::Slot;

/// The affinities of a VM's vCPUs, compressed to the bits in which they differ. It is not renewed when an affinity
/// changes later: of several vCPUs that have an affinity now, it can lead to another one than the first.
#[derive(Debug)]
pub(crate) struct MpidrMap {
    significant: u64,
    /// By the significant bits, put together.
    slots: Box<[u16]>,
}

/// KVM's map fits a page of 4 KiB: eight bytes, and two for each entry.
const MOST_ENTRIES: usize = (4096 - 8) / 2;

impl MpidrMap {
    /// The map of these vCPUs; `None` where KVM has none and looks at one vCPU after the other.
    pub(crate) fn new(slots: &[Slot]) -> Option<Self> {
        if slots.len() < 2 {
            return None;
        }
        let affinities = || slots.iter().map(|slot| slot.affinity().value());
        let significant = affinities().fold(0, |set, value| set | value)
            & !affinities().fold(u64::MAX, |clear, value| clear & value);
        let entries = 1_usize.checked_shl(significant.count_ones())?;
        if entries > MOST_ENTRIES {
            return None;
        }
        let mut map = Self { significant, slots: vec![0; entries].into_boxed_slice() };
        for (affinity, slot) in affinities().zip(0_u16..) {
            let index = map.index(affinity);
            map.slots[index] = slot;
        }
        Some(map)
    }

    /// The vCPU that had this affinity, if any had. Whether it has it now is for the caller to look at, and for the
    /// others too if it has not.
    pub(crate) fn candidate(&self, affinity: Mpidr) -> usize {
        usize::from(self.slots[self.index(affinity.value())])
    }

    /// The significant bits, pushed together.
    fn index(&self, affinity: u64) -> usize {
        let mut left = self.significant;
        let mut index = 0;
        let mut place = 0;
        while left != 0 {
            let bit = left.trailing_zeros();
            if affinity >> bit & 1 == 1 {
                index |= 1 << place;
            }
            place += 1;
            left &= left - 1;
        }
        index
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    fn slots(affinities: &[u64]) -> Vec<Slot> {
        affinities
            .iter()
            .map(|&affinity| {
                let slot = Slot::new();
                slot.set_affinity(Mpidr::from_register(affinity));
                slot
            })
            .collect()
    }

    #[test]
    fn each_affinity_leads_to_its_own_vcpu() {
        let affinities = [0x0, 0x1, 0x2, 0x100, 0x10003];
        let map = MpidrMap::new(&slots(&affinities)).unwrap();
        for (slot, affinity) in affinities.into_iter().enumerate() {
            assert_eq!(map.candidate(Mpidr::from_register(affinity)), slot);
        }
    }

    #[test]
    fn of_vcpus_with_the_same_affinity_the_last_one_is_found() {
        let map = MpidrMap::new(&slots(&[0, 0, 0])).unwrap();
        assert_eq!(map.candidate(Mpidr::from_register(0)), 2);
    }

    #[test]
    fn a_single_vcpu_needs_none() {
        assert!(MpidrMap::new(&slots(&[0])).is_none());
    }

    #[test]
    fn a_map_that_fills_more_than_a_page_is_not_made() {
        let affinities: Vec<_> = (0..11).map(|bit| 1 << bit).collect();
        assert!(MpidrMap::new(&slots(&affinities)).is_none());
        assert!(MpidrMap::new(&slots(&affinities[..10])).is_some());
    }
}
