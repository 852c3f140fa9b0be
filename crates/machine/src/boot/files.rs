//! The files a machine boots from, and getting them into its memory.

use std::{
    fs::File,
    io::{self, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use super::{
    fdt::InitialRamDisk,
    image::KernelImage,
    placement::{Placement, Request},
};
use crate::{Config, Error, Memory};

/// The files, open: a machine that resets boots from the same ones again, even where they have been renamed or
/// removed meanwhile, as happens when a kernel is upgraded.
pub(crate) struct BootFiles {
    kernel: File,
    kernel_path: PathBuf,
    initrd: Option<Initrd>,
}

struct Initrd {
    file: File,
    path: PathBuf,
    size: u64,
}

/// A kernel that has been read and knows its place.
pub(crate) struct Boot {
    image: KernelImage,
    pub(crate) placement: Placement,
}

impl BootFiles {
    pub(crate) fn open(config: &Config) -> Result<Self, Error> {
        let kernel = open(&config.kernel)
            .map_err(|source| Error::OpenKernel { path: config.kernel.clone(), source })?;
        let initrd = config.initrd.as_deref().map(Initrd::open).transpose()?;
        Ok(Self { kernel, kernel_path: config.kernel.clone(), initrd })
    }

    /// Reads the kernel and finds everything its place.
    pub(crate) fn load(&mut self, config: &Config) -> Result<Boot, Error> {
        self.kernel
            .seek(SeekFrom::Start(0))
            .map_err(|source| Error::OpenKernel { path: self.kernel_path.clone(), source })?;
        let name = self.kernel_path.display().to_string();
        let image = KernelImage::read(&mut self.kernel, &name, config.memory)?;
        let placement = Placement::new(&Request {
            memory: config.memory,
            text_offset: image.text_offset,
            image_size: image.image_size,
            initrd: self.initrd.as_ref().map(|initrd| initrd.size),
        })?;
        Ok(Boot { image, placement })
    }

    /// Copies kernel and initial RAM disk into memory.
    pub(crate) fn copy(&mut self, boot: &Boot, memory: &Memory) -> Result<(), Error> {
        memory
            .write(boot.placement.kernel, &boot.image.bytes)
            .map_err(|source| Error::Host { action: "copying the kernel into the guest's memory", source })?;
        if let (Some(initrd), Some(address)) = (&mut self.initrd, boot.placement.initrd) {
            let unreadable = |source| Error::Initrd { path: initrd.path.clone(), source };
            initrd.file.seek(SeekFrom::Start(0)).map_err(unreadable)?;
            memory.read_from(address, &mut initrd.file, initrd.size).map_err(unreadable)?;
        }
        Ok(())
    }

    /// Where the initial RAM disk is in the guest.
    pub(crate) fn initrd_place(&self, boot: &Boot) -> Option<InitialRamDisk> {
        let (initrd, address) = (self.initrd.as_ref()?, boot.placement.initrd?);
        Some(InitialRamDisk { address, size: initrd.size })
    }
}

impl Initrd {
    fn open(path: &Path) -> Result<Self, Error> {
        let unreadable = |source| Error::Initrd { path: path.to_owned(), source };
        let file = open(path).map_err(unreadable)?;
        let size = file.metadata().map_err(unreadable)?.len();
        if size == 0 {
            return Err(unreadable(io::Error::new(io::ErrorKind::UnexpectedEof, "it is empty")));
        }
        Ok(Self { file, path: path.to_owned(), size })
    }
}

/// Opens an ordinary file. A directory opens as well, and fails only when read; a pipe cannot be read twice.
fn open(path: &Path) -> io::Result<File> {
    let file = File::open(path)?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not an ordinary file"))
    }
}
