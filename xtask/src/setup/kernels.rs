//! Kernels, each an artefact: Debian's Image, and beside it those modules that a host or a guest loads.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::apt::{Sources, State};
use super::artifact;
use super::modules::{self, Loader};
use super::record::{self, Record};
use crate::cli::Kernel;
use crate::trouble::Trouble;

const FILE: &str = "Image";

/// Where Debian has a kernel.
struct Source {
    /// The artefact's name.
    name: &'static str,
    /// The package that depends on the newest kernel of its kind.
    package: &'static str,
    /// The suites to look in.
    suites: &'static [&'static str],
    release: (u32, u32),
}

/// The small kernel for virtual machines, and the one for all machines.
const CLOUD: &str = "linux-image-cloud-arm64";
const FULL: &str = "linux-image-arm64";

impl Source {
    /// The path of the Image instead, if that is what was given.
    fn of(kernel: &Kernel) -> Result<Self, &Path> {
        let (name, package, suites, release): (_, _, &[_], _) = match kernel {
            Kernel::Path(path) => return Err(path),
            Kernel::V6_1 => ("kernel-6.1", CLOUD, &["bookworm"], (6, 1)),
            Kernel::V6_12 => ("kernel-6.12", CLOUD, &["trixie"], (6, 12)),
            Kernel::V6_12Full => ("kernel-6.12-full", FULL, &["trixie"], (6, 12)),
            Kernel::V7_2 => ("kernel-7.2", CLOUD, &["forky", "sid"], (7, 2)),
        };
        Ok(Self { name, package, suites, release })
    }

    /// Fetches it from the first suite that has it.
    fn fetch(&self, folder: &Path) -> Result<Vec<String>> {
        let mut result = Err(Trouble::new("there is no suite to look in").into());
        for suite in self.suites {
            result = self.fetch_from(suite, folder);
            if result.is_ok() {
                break;
            }
        }
        result
    }

    fn fetch_from(&self, suite: &'static str, folder: &Path) -> Result<Vec<String>> {
        let state = State::open(Sources::Suite(suite), "arm64")?;
        state.update()?;
        let found =
            state.dependencies(self.package)?.into_iter().find(|name| name.starts_with("linux-image-"));
        let Some(package) = found else {
            bail!("{} of {suite} depends on no kernel", self.package);
        };
        check_release(&package, self.release, suite)?;
        let packages = holders(state.dependencies(&package)?, package);
        let versions = packages.iter().map(|package| Ok(format!("{package}={}", state.candidate(package)?)));
        let versions = versions.collect::<Result<Vec<_>>>()?;
        let root = folder.join("root");
        state.unpack(&packages, &root)?;
        let Some(found) = find_image(&root)? else {
            bail!("{} of {suite} hold no kernel", packages.join(", "));
        };
        check_image(&found)?;
        fs::rename(found, folder.join(FILE))?;
        modules::keep(&root, folder)?;
        fs::remove_dir_all(root)?;
        Ok(versions)
    }
}

/// The kernel's Image: a path that was given, or Debian's kernel from the cache.
pub(crate) fn image(kernel: &Kernel) -> Result<PathBuf> {
    get(kernel, |_| true)
}

/// The same for a guest, which has its modules beside it if it is Debian's.
pub(crate) fn guest_image(kernel: &Kernel) -> Result<PathBuf> {
    get(kernel, modules::are_complete)
}

fn get(kernel: &Kernel, is_of_use: impl Fn(&Record) -> bool) -> Result<PathBuf> {
    match Source::of(kernel) {
        Ok(source) => artifact::get_if(source.name, FILE, is_of_use, |folder| source.fetch(folder)),
        Err(path) => given(path),
    }
}

/// The modules that whoever runs this kernel loads, in this order.
pub(crate) fn modules(image: &Path, loader: Loader) -> Result<Vec<PathBuf>> {
    let folder = image.parent().context("the kernel lies nowhere")?;
    if !folder.join(record::FILE).exists() {
        return Ok(Vec::new());
    }
    modules::kept(folder, loader)
}

fn given(path: &Path) -> Result<PathBuf> {
    check_image(path)?;
    Ok(std::path::absolute(path)?)
}

/// The packages that hold the Image and the modules. Newer image packages are empty and depend on them; older ones hold
/// both themselves.
fn holders(dependencies: Vec<String>, package: String) -> Vec<String> {
    let is_holder =
        |name: &String| ["linux-binary-", "linux-modules-"].iter().any(|start| name.starts_with(start));
    let holders: Vec<_> = dependencies.into_iter().filter(is_holder).collect();
    if holders.is_empty() { vec![package] } else { holders }
}

/// Versions move: 6.1 and 6.12 are long-term releases and stay; 7.2 stands for the newest, which is never older.
fn check_release(package: &str, wanted: (u32, u32), suite: &str) -> Result<()> {
    let Some(found) = parse_release(package) else {
        bail!("{package} of {suite} names no release");
    };
    let newest = (7, 2);
    if found == wanted || (wanted == newest && found >= newest) {
        return Ok(());
    }
    bail!("{suite} holds kernel {}.{}, not {}.{}", found.0, found.1, wanted.0, wanted.1)
}

fn parse_release(package: &str) -> Option<(u32, u32)> {
    let mut numbers = package.strip_prefix("linux-image-")?.split(['.', '-', '+', '~']);
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// `/boot/vmlinuz-VERSION` or `/usr/lib/modules/VERSION/vmlinuz`.
fn find_image(root: &Path) -> Result<Option<PathBuf>> {
    let list = |folder: &str| fs::read_dir(root.join(folder)).into_iter().flatten();
    for entry in list("boot") {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with("vmlinuz-") {
            return Ok(Some(entry.path()));
        }
    }
    for entry in list("usr/lib/modules") {
        let path = entry?.path().join("vmlinuz");
        if path.is_file() {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

/// An uncompressed arm64 kernel says so in its header.
fn check_image(path: &Path) -> Result<()> {
    let mut header = [0; 64];
    let mut file = File::open(path).with_context(|| format!("opening the kernel {}", path.display()))?;
    if file.read_exact(&mut header).is_ok() && header[56..60] == *b"ARM\x64" {
        return Ok(());
    }
    Err(Trouble::new(format!("{} is no uncompressed arm64 kernel (Image)", path.display()))
        .hint("a compressed one is made plain by `gunzip`, or is `arch/arm64/boot/Image` of its build")
        .into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_read_from_package_names() {
        assert_eq!(parse_release("linux-image-6.12.107+deb13-cloud-arm64"), Some((6, 12)));
        assert_eq!(parse_release("linux-image-6.1.0-40-cloud-arm64"), Some((6, 1)));
        assert_eq!(parse_release("linux-image-cloud-arm64"), None);
    }

    #[test]
    fn long_term_kernels_stay_and_the_newest_may_grow() {
        assert!(check_release("linux-image-6.12.1-x", (6, 12), "trixie").is_ok());
        assert!(check_release("linux-image-6.13.1-x", (6, 12), "trixie").is_err());
        assert!(check_release("linux-image-7.3.1-x", (7, 2), "sid").is_ok());
        assert!(check_release("linux-image-7.1.9-x", (7, 2), "forky").is_err());
    }

    #[test]
    fn an_empty_image_package_names_those_that_hold_the_files() {
        let dependencies = ["linux-base", "linux-binary-7.2.1-x", "linux-modules-7.2.1-x"].map(String::from);
        let found = holders(dependencies.into(), "linux-image-7.2.1-x".into());
        assert_eq!(found, ["linux-binary-7.2.1-x", "linux-modules-7.2.1-x"]);
        let found = holders(vec!["linux-base".into()], "linux-image-6.12.1-x".into());
        assert_eq!(found, ["linux-image-6.12.1-x"]);
    }
}
