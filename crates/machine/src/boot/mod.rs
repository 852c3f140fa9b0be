//! What a guest is booted from: its kernel, its initrd, its device tree, and where in memory they go.
//!
//! * [`image`]: a kernel file, recognised and uncompressed.
//! * [`placement`]: the addresses.
//! * [`fdt`]: the description of the machine that the guest reads.
//! * [`acpi`]: the same, for a guest that is to have ACPI, and [`efi`]: what hands it over.
//!
//! These are pure: bytes and numbers in, bytes and numbers out. Only `files` opens files and writes to the guest's
//! memory.

pub mod acpi;
mod decompress;
pub mod efi;
pub mod fdt;
pub(crate) mod files;
pub mod image;
pub mod placement;
