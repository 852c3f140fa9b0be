//! Artefacts: kernels and busybox, each a folder of the cache with a record.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::apt::{Sources, State};
use super::record::{self, Record};
use crate::cli::Kernel;
use crate::trouble::Trouble;
use crate::workspace;

/// Debian's package that depends on the newest arm64 kernel for virtual machines.
const KERNEL_PACKAGE: &str = "linux-image-cloud-arm64";
const KERNEL_FILE: &str = "Image";
/// What the lab's ports need, in the order of loading, where a kernel has it not built in.
const MODULES: [&str; 6] = [
    "virtio/virtio.ko",
    "virtio/virtio_ring.ko",
    "virtio/virtio_pci_legacy_dev.ko",
    "virtio/virtio_pci_modern_dev.ko",
    "virtio/virtio_pci.ko",
    "char/virtio_console.ko",
];
const MODULE_SUFFIX: &str = ".ko";
const BUSYBOX_FILE: &str = "busybox";

/// The kernel's Image: a path that was given, or Debian's kernel from the cache.
pub(crate) fn kernel(kernel: &Kernel) -> Result<PathBuf> {
    let (name, suites, release): (_, &[_], _) = match kernel {
        Kernel::Path(path) => return given_kernel(path),
        Kernel::V6_1 => ("kernel-6.1", &["bookworm"], (6, 1)),
        Kernel::V6_12 => ("kernel-6.12", &["trixie"], (6, 12)),
        Kernel::V7_2 => ("kernel-7.2", &["forky", "sid"], (7, 2)),
    };
    get(name, KERNEL_FILE, |folder| {
        let mut result = Err(Trouble::new("there is no suite to look in").into());
        for suite in suites {
            result = fetch_kernel(suite, release, folder);
            if result.is_ok() {
                break;
            }
        }
        result
    })
}

/// The modules that a host with this kernel loads first, in this order; they are kept beside the Image.
pub(crate) fn modules(image: &Path) -> Result<Vec<PathBuf>> {
    let folder = image.parent().context("the kernel lies nowhere")?;
    if !folder.join(record::FILE).exists() {
        return Ok(Vec::new());
    }
    let files = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    let is_module = |path: &PathBuf| path.to_string_lossy().ends_with(MODULE_SUFFIX);
    let mut modules: Vec<_> = files.into_iter().filter(is_module).collect();
    modules.sort();
    Ok(modules)
}

/// The static arm64 busybox.
pub(crate) fn busybox() -> Result<PathBuf> {
    get("busybox", BUSYBOX_FILE, |folder| {
        let state = State::open(Sources::Suite("trixie"), "arm64")?;
        state.update()?;
        let package = String::from("busybox-static");
        let version = state.candidate(&package)?;
        let root = folder.join("root");
        state.unpack(&[package], &root)?;
        let found = ["usr/bin/busybox", "bin/busybox"].map(|path| root.join(path));
        let found = found.iter().find(|path| path.is_file()).context("busybox-static holds no busybox")?;
        fs::rename(found, folder.join(BUSYBOX_FILE))?;
        fs::remove_dir_all(root)?;
        Ok(vec![format!("busybox-static={version}")])
    })
}

/// Holds the cache's lock until dropped: one process at a time changes the cache.
pub(crate) fn lock() -> Result<File> {
    let cache = workspace::cache()?;
    fs::create_dir_all(&cache).with_context(|| format!("creating {}", cache.display()))?;
    let path = cache.join("lock");
    let file = File::create(&path).with_context(|| format!("opening {}", path.display()))?;
    if file.try_lock().is_err() {
        eprintln!("setup: waiting for another process that fills the cache");
        file.lock().with_context(|| format!("locking {}", path.display()))?;
    }
    Ok(file)
}

/// The artefact `name`: verified if it is there, otherwise made by `make`, which fills a folder and names the packages.
pub(crate) fn get(
    name: &str,
    file: &str,
    make: impl FnOnce(&Path) -> Result<Vec<String>>,
) -> Result<PathBuf> {
    let cache = workspace::cache()?;
    let folder = cache.join(name);
    if Record::verify(&folder).is_ok() {
        return Ok(folder.join(file));
    }
    let _lock = lock()?;
    // Another process may have made it while we waited.
    match Record::verify(&folder) {
        Ok(_) => return Ok(folder.join(file)),
        Err(error) if folder.join(record::FILE).exists() => {
            eprintln!("setup: {name}: {error:#}; fetching it again");
        }
        Err(_) => {}
    }
    remove_left_overs(&cache, name)?;
    let scratch = tempfile::Builder::new().prefix(&scratch_prefix(name)).tempdir_in(&cache)?;
    let packages = make(scratch.path()).with_context(|| format!("fetching {name}"))?;
    Record::write(scratch.path(), packages)?;
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("removing {}", folder.display()))?;
    }
    fs::rename(scratch.keep(), &folder).with_context(|| format!("creating {}", folder.display()))?;
    Ok(folder.join(file))
}

fn scratch_prefix(name: &str) -> String {
    format!("unfinished-{name}-")
}

/// Removes what an interrupted run has left; nobody else works on it while we hold the lock.
fn remove_left_overs(cache: &Path, name: &str) -> Result<()> {
    for entry in fs::read_dir(cache)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(&scratch_prefix(name)) {
            fs::remove_dir_all(entry.path())
                .with_context(|| format!("removing {}", entry.path().display()))?;
        }
    }
    Ok(())
}

fn given_kernel(path: &Path) -> Result<PathBuf> {
    check_image(path)?;
    Ok(std::path::absolute(path)?)
}

fn fetch_kernel(suite: &'static str, release: (u32, u32), folder: &Path) -> Result<Vec<String>> {
    let state = State::open(Sources::Suite(suite), "arm64")?;
    state.update()?;
    let starts = |start: &'static str| move |name: &String| name.starts_with(start);
    let Some(package) = state.dependencies(KERNEL_PACKAGE)?.into_iter().find(starts("linux-image-")) else {
        bail!("{KERNEL_PACKAGE} of {suite} depends on no kernel");
    };
    check_release(&package, release, suite)?;
    // Newer image packages are empty and depend on the one that holds the file.
    let package = state.dependencies(&package)?.into_iter().find(starts("linux-binary-")).unwrap_or(package);
    let version = state.candidate(&package)?;
    let root = folder.join("root");
    state.unpack(std::slice::from_ref(&package), &root)?;
    let Some(found) = find_kernel(&root)? else {
        bail!("{package} of {suite} holds no kernel");
    };
    check_image(&found)?;
    fs::rename(found, folder.join(KERNEL_FILE))?;
    keep_modules(&root, folder)?;
    fs::remove_dir_all(root)?;
    Ok(vec![format!("{package}={version}")])
}

/// Keeps [`MODULES`], as `NUMBER-NAME.ko`.
fn keep_modules(root: &Path, folder: &Path) -> Result<()> {
    for version in fs::read_dir(root.join("lib/modules")).into_iter().flatten() {
        let drivers = version?.path().join("kernel/drivers");
        for (number, module) in MODULES.iter().enumerate() {
            let (path, name) = (drivers.join(module), module.rsplit('/').next().unwrap_or(module));
            if path.is_file() {
                fs::rename(path, folder.join(format!("{number}-{name}")))?;
            }
        }
    }
    Ok(())
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
fn find_kernel(root: &Path) -> Result<Option<PathBuf>> {
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
}
