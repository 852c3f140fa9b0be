//! What a vCPU makes of a register's ID.

use switchboard_smccc::RegisterId;

use crate::Errno;

/// The architecture bits are those of arm64, whatever the size.
pub(crate) const fn is_arm64(id: RegisterId) -> bool {
    id.0 >> 32 & 0xff0f_ffff == 0x6000_0000
}

/// The number of the general register, if it is one. Half of one is EINVAL.
pub(crate) fn as_general(id: RegisterId) -> Result<Option<usize>, Errno> {
    let offset = id.0.checked_sub(RegisterId::X0.0).filter(|offset| *offset <= 61);
    match offset {
        None => Ok(None),
        Some(offset) if offset % 2 == 1 => Err(Errno::EINVAL),
        Some(offset) => Ok(usize::try_from(offset / 2).ok()),
    }
}

/// A pseudo-register of the firmware, whatever its number and size.
pub(crate) const fn is_firmware(id: RegisterId) -> bool {
    matches!(id.0 & 0x0fff_0000, 0x0014_0000 | 0x0016_0000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_general_register_has_an_even_offset() {
        assert_eq!(as_general(RegisterId(0x6030_0000_0010_0006)), Ok(Some(3)));
        assert_eq!(as_general(RegisterId(0x6030_0000_0010_003c)), Ok(Some(30)));
        assert_eq!(as_general(RegisterId(0x6030_0000_0010_0007)), Err(Errno::EINVAL));
        assert_eq!(as_general(RegisterId::PC), Ok(None));
    }
}
