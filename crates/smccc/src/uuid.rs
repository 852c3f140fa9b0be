//! UUIDs, and how a call returns one.

use core::fmt;

/// A UUID: its 16 bytes, in the order in which it is written (RFC 9562, section 4).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Uuid(pub [u8; 16]);

impl Uuid {
    /// What W0 to W3 hold when a call returns it (DEN0028, "General service queries", Call UID): byte 0 is the lowest of
    /// W0, byte 15 the highest of W3.
    ///
    /// The first word must not be 0xffffffff, which is NOT_SUPPORTED.
    #[must_use]
    pub const fn words(self) -> [u32; 4] {
        let [b0, b1, b2, b3, b4, b5, b6, b7, b8, b9, b10, b11, b12, b13, b14, b15] = self.0;
        [
            u32::from_le_bytes([b0, b1, b2, b3]),
            u32::from_le_bytes([b4, b5, b6, b7]),
            u32::from_le_bytes([b8, b9, b10, b11]),
            u32::from_le_bytes([b12, b13, b14, b15]),
        ]
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            let dash = if matches!(index, 4 | 6 | 8 | 10) { "-" } else { "" };
            write!(f, "{dash}{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Uuid({self})")
    }
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use crate::{general, hyperv, kvm, trng};

    #[test]
    fn kvms_uuid_is_the_four_words_that_linux_compares() {
        assert_eq!(kvm::UUID.to_string(), "28b46fb6-2ec5-11e9-a9ca-4b564d003a74");
        assert_eq!(kvm::UUID.words(), [0xb66f_b428, 0xe911_c52e, 0x564b_caa9, 0x743a_004d]);
    }

    #[test]
    fn no_uuid_begins_like_not_supported_and_no_two_are_the_same() {
        let uuids = [
            kvm::UUID,
            hyperv::UUID,
            trng::UUID,
            general::SIP_UUID,
            general::STANDARD_SECURE_UUID,
            general::STANDARD_HYPERVISOR_UUID,
        ];
        for (index, uuid) in uuids.iter().enumerate() {
            assert_ne!(uuid.words()[0], 0xffff_ffff, "{uuid}");
            assert!(!uuids[index + 1..].contains(uuid), "{uuid}");
        }
    }

    #[test]
    fn switchboards_own_uuids_are_random_ones() {
        for uuid in
            [trng::UUID, general::SIP_UUID, general::STANDARD_SECURE_UUID, general::STANDARD_HYPERVISOR_UUID]
        {
            // Version 4 and variant 10 (RFC 9562, section 5.4).
            assert_eq!((uuid.0[6] >> 4, uuid.0[8] >> 6), (4, 2), "{uuid}");
        }
    }
}
