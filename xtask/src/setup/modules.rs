//! Modules of a kernel: those that are taken out of its package, and kept beside its Image.
//!
//! A package holds no `modules.dep`, which is made where it is installed. So the lists below are in the order of loading.
//! The list that was taken from a package is kept with what it had of it: a cache that was filled from another list is
//! noticed.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::record::{self, Record};

/// Who loads a module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loader {
    /// The init of an emulated host, which loads plain modules only.
    Host,
    /// The init of a guest, whose `insmod` takes compressed ones too.
    Guest,
}

/// What the lab's ports need, where a kernel has it not built in.
const HOST: [&str; 6] = [
    "virtio/virtio",
    "virtio/virtio_ring",
    "virtio/virtio_pci_legacy_dev",
    "virtio/virtio_pci_modern_dev",
    "virtio/virtio_pci",
    "char/virtio_console",
];
/// What a power button needs: `/dev/input/event*`, which every kernel of Debian's has as a module, and the driver of the
/// button in a device tree, which the small kernels for virtual machines have not at all. ACPI's is built in. Then the
/// drivers of services: true random numbers, and the watchdog that is called with `SMC`. What both are built on is built
/// in.
const GUEST: [&str; 4] =
    ["input/evdev", "input/keyboard/gpio_keys", "char/hw_random/arm_smccc_trng", "watchdog/arm_smc_wdt"];
/// The file that says which modules of a guest's were looked for, whether or not the package had them.
const GUEST_LIST: &str = "guest.list";

impl Loader {
    /// Paths in `kernel/drivers`, in the order of loading.
    const fn modules(self) -> &'static [&'static str] {
        match self {
            Self::Host => &HOST,
            Self::Guest => &GUEST,
        }
    }

    const fn suffixes(self) -> &'static [&'static str] {
        match self {
            Self::Host => &[".ko"],
            Self::Guest => &[".ko", ".ko.xz"],
        }
    }

    /// Begins the names of the kept files.
    const fn prefix(self) -> &'static str {
        match self {
            Self::Host => "",
            Self::Guest => "guest-",
        }
    }

    /// The number of a kept file in the order of loading; `None` if it is not for this loader.
    fn number(self, file: &str) -> Option<usize> {
        let name = file.strip_prefix(self.prefix())?;
        let (number, name) = name.split_once('-')?;
        self.suffixes().iter().any(|suffix| name.ends_with(suffix)).then(|| number.parse().ok())?
    }
}

/// What [`GUEST_LIST`] contains.
fn guest_list() -> String {
    Loader::Guest.modules().iter().map(|module| format!("{module}\n")).collect()
}

/// Moves the modules out of the package that is unpacked in `root`, to `folder`, as `PREFIX NUMBER-NAME`.
pub(crate) fn keep(root: &Path, folder: &Path) -> Result<()> {
    let versions = |path: &str| fs::read_dir(root.join(path)).into_iter().flatten();
    for version in versions("lib/modules").chain(versions("usr/lib/modules")) {
        let drivers = version?.path().join("kernel/drivers");
        for loader in [Loader::Host, Loader::Guest] {
            for (number, module) in loader.modules().iter().enumerate() {
                let name = module.rsplit('/').next().unwrap_or(module);
                for suffix in loader.suffixes() {
                    let path = drivers.join(format!("{module}{suffix}"));
                    if path.is_file() {
                        let kept = format!("{}{number}-{name}{suffix}", loader.prefix());
                        fs::rename(path, folder.join(kept))?;
                    }
                }
            }
        }
    }
    fs::write(folder.join(GUEST_LIST), guest_list()).context("writing the list of modules")
}

/// The modules that were kept in `folder`, in the order of loading.
pub(crate) fn kept(folder: &Path, loader: Loader) -> Result<Vec<PathBuf>> {
    let mut modules = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))? {
        let entry = entry?;
        if let Some(number) = loader.number(&entry.file_name().to_string_lossy()) {
            modules.push((number, entry.path()));
        }
    }
    modules.sort();
    Ok(modules.into_iter().map(|(_, path)| path).collect())
}

/// Were all of today's modules of a guest looked for? None were at first, and there have been fewer of them.
pub(crate) fn are_complete(record: &Record) -> bool {
    record.files.get(GUEST_LIST) == Some(&record::digest_of(guest_list().as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A package with these files of `kernel/drivers`, and what is kept of it.
    fn kept_of(modules: &str, files: &[&str]) -> tempfile::TempDir {
        let scratch = tempfile::tempdir().unwrap();
        let root = scratch.path().join("root");
        for file in files {
            let path = root.join(modules).join("6.12.1-cloud-arm64/kernel/drivers").join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, file).unwrap();
        }
        keep(&root, scratch.path()).unwrap();
        scratch
    }

    fn names(folder: &tempfile::TempDir, loader: Loader) -> Vec<String> {
        let paths = kept(folder.path(), loader).unwrap();
        paths.iter().map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn a_guest_loads_what_is_there_compressed_or_not_in_the_order_of_the_list() {
        let files = ["input/keyboard/gpio_keys.ko.xz", "input/evdev.ko.xz", "input/joydev.ko.xz"];
        let folder = kept_of("usr/lib/modules", &files);
        assert_eq!(names(&folder, Loader::Guest), ["guest-0-evdev.ko.xz", "guest-1-gpio_keys.ko.xz"]);
        let files =
            ["watchdog/arm_smc_wdt.ko.xz", "char/hw_random/arm_smccc_trng.ko.xz", "input/evdev.ko.xz"];
        let folder = kept_of("usr/lib/modules", &files);
        let expected = ["guest-0-evdev.ko.xz", "guest-2-arm_smccc_trng.ko.xz", "guest-3-arm_smc_wdt.ko.xz"];
        assert_eq!(names(&folder, Loader::Guest), expected);
        let folder = kept_of("lib/modules", &["input/evdev.ko"]);
        assert_eq!(names(&folder, Loader::Guest), ["guest-0-evdev.ko"]);
    }

    #[test]
    fn a_host_loads_plain_modules_and_none_of_a_guests() {
        let files =
            ["virtio/virtio_ring.ko", "virtio/virtio.ko", "virtio/virtio_pci.ko.xz", "input/evdev.ko"];
        let folder = kept_of("lib/modules", &files);
        assert_eq!(names(&folder, Loader::Host), ["0-virtio.ko", "1-virtio_ring.ko"]);
    }

    #[test]
    fn the_kernel_and_its_record_are_no_modules() {
        for file in ["Image", "record.json", GUEST_LIST, "guest-", "guest-x-y.ko", "evdev.ko"] {
            assert_eq!((Loader::Host.number(file), Loader::Guest.number(file)), (None, None), "{file}");
        }
    }

    fn is_complete(folder: &tempfile::TempDir) -> bool {
        are_complete(&Record::write(folder.path(), Vec::new()).unwrap())
    }

    #[test]
    fn a_kernel_that_was_kept_with_another_list_of_modules_is_not_complete() {
        let folder = kept_of("lib/modules", &["input/evdev.ko.xz"]);
        assert!(is_complete(&folder), "a package need not have every module");
        fs::write(folder.path().join(GUEST_LIST), "input/evdev\n").unwrap();
        assert!(!is_complete(&folder));
        fs::remove_file(folder.path().join(GUEST_LIST)).unwrap();
        assert!(!is_complete(&folder));
    }
}
