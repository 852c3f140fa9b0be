//! The bare-metal test image of `guests/`: built by its own flags, and flattened to what a boot loader loads.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::setup::toolchain::{self, CrossToolchain};
use crate::{cross, elf, workspace};

/// The program that is *the* image if there are several.
const PRINCIPAL: &str = "conformance";

/// Builds the image into the file `image`; tells whether there is one.
pub(crate) fn build(toolchain: &CrossToolchain, image: &Path) -> Result<bool> {
    let Some((_, flat)) = flat(toolchain)? else { return Ok(false) };
    fs::write(image, flat).with_context(|| format!("writing {}", image.display()))?;
    Ok(true)
}

/// Builds the image into a file beside its program; where that is, if there is one.
pub(crate) fn build_in_place(toolchain: &CrossToolchain) -> Result<Option<PathBuf>> {
    let Some((program, flat)) = flat(toolchain)? else { return Ok(None) };
    let image = program.with_extension("img");
    fs::write(&image, flat).with_context(|| format!("writing {}", image.display()))?;
    Ok(Some(image))
}

/// Builds the program: its path and its flat image.
fn flat(toolchain: &CrossToolchain) -> Result<Option<(PathBuf, Vec<u8>)>> {
    let folder = workspace::root().join("guests");
    if !folder.join("Cargo.toml").exists() {
        return Ok(None);
    }
    let target = toolchain::bare_metal(toolchain)?;
    let mut command = toolchain.cargo();
    // In its folder: cargo reads the configuration from there.
    command.current_dir(&folder).args(["build", "--release", "--target", target]);
    let programs = cross::programs(&mut command).context("building the bare-metal guest")?;
    let mut programs: Vec<_> = programs.into_iter().filter(|program| program.kind == "bin").collect();
    programs.sort_by_key(|program| program.name != PRINCIPAL);
    let program = programs.into_iter().next().context("guests/ has no program")?;
    let file = fs::read(&program.path).with_context(|| format!("reading {}", program.path.display()))?;
    let flat = elf::flatten(&file).with_context(|| format!("flattening {}", program.path.display()))?;
    Ok(Some((program.path, flat)))
}
