//! Artefacts, each a folder of the cache with a record; busybox is one.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::apt::{Sources, State};
use super::record::{self, Record};
use crate::workspace;

const BUSYBOX_FILE: &str = "busybox";

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
    get_if(name, file, |_| true, make)
}

/// The same, if it is of use: one that an older version of this program has made may lack something.
pub(crate) fn get_if(
    name: &str,
    file: &str,
    is_of_use: impl Fn(&Record) -> bool,
    make: impl FnOnce(&Path) -> Result<Vec<String>>,
) -> Result<PathBuf> {
    let cache = workspace::cache()?;
    let folder = cache.join(name);
    if Record::verify(&folder).is_ok_and(|record| is_of_use(&record)) {
        return Ok(folder.join(file));
    }
    let _lock = lock()?;
    // Another process may have made it while we waited.
    match Record::verify(&folder) {
        Ok(record) if is_of_use(&record) => return Ok(folder.join(file)),
        Ok(_) => eprintln!("setup: {name}: an older version of this program made it; fetching it again"),
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
