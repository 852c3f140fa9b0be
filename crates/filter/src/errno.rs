//! The errno values that Linux answers (`include/uapi/asm-generic/errno-base.h`).

pub(crate) const EBUSY: i32 = 16;
pub(crate) const EEXIST: i32 = 17;
pub(crate) const EINVAL: i32 = 22;
