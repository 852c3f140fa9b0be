//! Everything that the commands need and a fresh machine has not: fetched once, verified at each use.

pub(crate) mod apt;
pub(crate) mod artifact;
pub(crate) mod debian_toolchain;
pub(crate) mod host_packages;
pub(crate) mod kernels;
mod modules;
pub(crate) mod progress;
pub(crate) mod record;
pub(crate) mod toolchain;

use anyhow::Result;

pub(crate) use modules::Loader;

use crate::cli::Kernel;

/// `cargo xtask setup`: all of it.
pub(crate) fn everything() -> Result<()> {
    host_packages::qemu()?;
    for kernel in [Kernel::V6_12, Kernel::V7_2, Kernel::V6_12Full] {
        kernels::guest_image(&kernel)?;
    }
    kernels::image(&Kernel::V6_1)?;
    artifact::busybox()?;
    let toolchain = toolchain::CrossToolchain::get()?;
    if toolchain.bare_target.is_some() {
        toolchain::bare_metal(&toolchain)?;
    }
    eprintln!("setup: complete; arm64 is built for {}", toolchain.target);
    Ok(())
}
