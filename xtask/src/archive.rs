//! Initial RAM file systems: a `newc` archive, written as it grows.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result};
use cpio::newc::{self, Builder};

use crate::trouble::Trouble;

const FOLDER: u32 = 0o040_000;
const REGULAR: u32 = 0o100_000;
const CHARACTER_DEVICE: u32 = 0o020_000;

/// An archive under construction; folders are added as they are needed.
pub(crate) struct Archive {
    writer: BufWriter<File>,
    folders: BTreeSet<PathBuf>,
    files: BTreeSet<PathBuf>,
    number: u32,
    size: u64,
}

impl Archive {
    /// Starts an archive in the file `path`. It holds `/dev/console`, which the kernel opens for its first program.
    pub(crate) fn create(path: &Path) -> Result<Self> {
        let file = File::create(path).with_context(|| format!("creating {}", path.display()))?;
        let writer = BufWriter::with_capacity(1 << 20, file);
        let mut archive =
            Self { writer, folders: BTreeSet::new(), files: BTreeSet::new(), number: 0, size: 0 };
        archive.folders_of(Path::new("dev/console"))?;
        let console = archive.entry("dev/console", CHARACTER_DEVICE | 0o600)?.rdev_major(5).rdev_minor(1);
        archive.append(console, 0, &mut io::empty())?;
        Ok(archive)
    }

    /// Adds a folder.
    pub(crate) fn folder(&mut self, path: &str) -> Result<()> {
        self.folders_of(&inside(Path::new(path))?.join("x"))
    }

    /// Adds a file with this content.
    pub(crate) fn bytes(&mut self, path: &str, mode: u32, content: &[u8]) -> Result<()> {
        let path = inside(Path::new(path))?;
        self.regular(&path, mode, u64::try_from(content.len())?, &mut &content[..])
    }

    /// Adds a file of this machine, with its permissions.
    pub(crate) fn file(&mut self, path: &Path, local: &Path) -> Result<()> {
        let name = local.display();
        let mut file = File::open(local).with_context(|| format!("opening {name}"))?;
        let facts = file.metadata().with_context(|| format!("reading {name}"))?;
        if !facts.is_file() {
            return Err(Trouble::new(format!("{name} is no regular file"))
                .hint("pack a folder with tar and unpack it there: busybox has tar")
                .into());
        }
        self.regular(&inside(path)?, facts.permissions().mode() & 0o777, facts.len(), &mut file)
            .with_context(|| format!("putting {name}"))
    }

    /// Ends the archive; tells its size.
    pub(crate) fn finish(mut self) -> Result<u64> {
        newc::trailer(&mut self.writer)?;
        self.writer.flush().context("writing the archive")?;
        Ok(self.size)
    }

    fn regular(&mut self, path: &Path, mode: u32, size: u64, content: &mut impl io::Read) -> Result<()> {
        anyhow::ensure!(
            self.files.insert(path.into()),
            Trouble::new(format!("two files would be /{}", path.display()))
        );
        self.folders_of(path)?;
        let entry = self.entry(&name(path)?, REGULAR | mode)?;
        self.append(entry, size, content)
    }

    /// Adds the folders that lead to `path`.
    fn folders_of(&mut self, path: &Path) -> Result<()> {
        let folders: Vec<_> =
            path.ancestors().skip(1).filter(|folder| !folder.as_os_str().is_empty()).collect();
        for folder in folders.into_iter().rev() {
            if self.folders.insert(folder.into()) {
                let entry = self.entry(&name(folder)?, FOLDER | 0o755)?;
                self.append(entry, 0, &mut io::empty())?;
            }
        }
        Ok(())
    }

    fn entry(&mut self, name: &str, mode: u32) -> Result<Builder> {
        self.number = self.number.checked_add(1).context("too many files")?;
        Ok(Builder::new(name).ino(self.number).mode(mode).nlink(1))
    }

    fn append(&mut self, entry: Builder, size: u64, content: &mut impl io::Read) -> Result<()> {
        let length =
            u32::try_from(size).map_err(|_| Trouble::new("a file of 4 GiB or more cannot be put"))?;
        let mut writer = entry.write(&mut self.writer, length);
        let copied = io::copy(&mut io::Read::take(content, size), &mut writer)?;
        anyhow::ensure!(copied == size, "it changed while it was read");
        writer.finish()?;
        self.size += size;
        Ok(())
    }
}

/// The path as the archive has it: relative to the root, without detours.
fn inside(path: &Path) -> Result<PathBuf> {
    let mut clean = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => clean.push(name),
            Component::ParentDir => {
                clean.pop();
            }
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    anyhow::ensure!(!clean.as_os_str().is_empty(), Trouble::new(format!("{} names no file", path.display())));
    Ok(clean)
}

fn name(path: &Path) -> Result<String> {
    let name = path.to_str().ok_or_else(|| Trouble::new(format!("{} is no UTF-8 name", path.display())))?;
    Ok(String::from(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_reads_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cpio");
        let mut archive = Archive::create(&path).unwrap();
        archive.bytes("/a/b/file", 0o755, b"hello").unwrap();
        archive.bytes("/a/./b/../other", 0o600, b"").unwrap();
        assert!(archive.bytes("a/b/file", 0o644, b"again").is_err());
        archive.folder("/empty").unwrap();
        assert_eq!(archive.finish().unwrap(), 5);

        let mut names = Vec::new();
        let mut file: Box<dyn io::Read> = Box::new(File::open(&path).unwrap());
        loop {
            let reader = newc::Reader::new(file).unwrap();
            if reader.entry().is_trailer() {
                break;
            }
            names.push(format!("{} {:o}", reader.entry().name(), reader.entry().mode()));
            file = reader.finish().unwrap();
        }
        let expected = [
            "dev 40755",
            "dev/console 20600",
            "a 40755",
            "a/b 40755",
            "a/b/file 100755",
            "a/other 100600",
            "empty 40755",
        ];
        assert_eq!(names, expected);
    }

    #[test]
    fn paths_stay_inside() {
        assert_eq!(inside(Path::new("/../../etc/x")).unwrap(), Path::new("etc/x"));
        assert!(inside(Path::new("/..")).is_err());
    }
}
