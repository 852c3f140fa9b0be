//! A kernel file, made into the flat Image that a guest starts in.
//!
//! Three kinds of file hold an arm64 Linux kernel:
//!
//! * an Image, with the header of `Documentation/arch/arm64/booting.rst` ("Call the kernel image");
//! * an Image compressed as a whole (gzip, zstd);
//! * an EFI zboot image (`drivers/firmware/efi/libstub/zboot-header.S`), which is a small EFI program around a
//!   compressed Image. Its header says where the Image is, so that no EFI is needed.
//!
//! Everything else is refused by name as far as it has one: people mix up their kernel files. The file is not
//! trusted, and neither is what it says about itself: it is read as a stream, and never more than the guest's
//! memory is kept of it.
//!
//! Deliberately missing: whether the image is whole. An Image that was cut off after its header looks like one
//! that is followed by a large BSS.

use std::{
    fmt,
    io::{self, Read},
};

use thiserror::Error;

pub use super::decompress::Compression;
use super::decompress::{self, Cause, Recognised, Watched};

/// The length of an Image's header.
const HEADER_LENGTH: usize = 64;
/// What is read to recognise a file: up to an x86 kernel's magic at 0x202, with room.
const HEAD_LENGTH: u64 = 0x400;
/// Where kernels before 3.17 expect to be, whatever their header says (booting.rst).
const LEGACY_TEXT_OFFSET: u64 = 0x8_0000;
/// What a kernel before 3.17 is given for its BSS, which it does not declare: booting.rst asks for "as much
/// memory as possible", and their BSS was below 4 MiB.
const LEGACY_BSS: u64 = 0x100_0000;

/// An arm64 kernel in the form in which it is copied into memory.
#[derive(Clone, PartialEq, Eq)]
pub struct KernelImage {
    /// What is copied, the header included: its first instruction is the kernel's entry point.
    pub bytes: Vec<u8>,
    /// How far from a 2 MiB boundary it is copied to.
    pub text_offset: u64,
    /// How much memory, from its first byte on, is the kernel's own: never less than `bytes`, and with the BSS.
    /// As the file declares it: it may be absurdly large.
    pub image_size: u64,
}

/// A file that cannot be used as a kernel, and why.
#[derive(Debug)]
pub struct ImageError {
    /// The file, as the caller named it.
    pub name: String,
    /// Why.
    pub reason: Reason,
}

/// Why a file cannot be used as a kernel.
#[derive(Debug, Error)]
pub enum Reason {
    /// Opening it worked; reading it did not.
    #[error("cannot read the kernel file")]
    Unreadable(#[source] io::Error),
    /// A kernel for x86.
    #[error("this is an x86 kernel (bzImage), not an arm64 one")]
    X86,
    /// A kernel as the linker left it, or any other program.
    #[error("this is an ELF file (a vmlinux or a program), not a bootable arm64 Image")]
    Elf,
    /// A kernel for 32-bit Arm.
    #[error("this is a 32-bit Arm kernel (zImage), not an arm64 one")]
    Arm32,
    /// None of the above.
    #[error("this is not an arm64 kernel: it has no \"ARM\\x64\" at offset 56")]
    NotAnImage,
    /// It ends too early.
    #[error("the kernel file is truncated: it ends within {within}")]
    Truncated {
        /// The part of the file that is not whole.
        within: &'static str,
    },
    /// A kernel that runs big-endian: nothing here has ever been tried with one.
    #[error("this is a big-endian arm64 kernel")]
    BigEndian,
    /// Compressed with something that has no decoder here.
    #[error("the kernel is compressed with {compression:?}, which is not supported")]
    CompressionNotSupported {
        /// What it calls itself.
        compression: String,
    },
    /// The compressed data breaks the rules of its format.
    #[error("the {compression} data of the kernel is corrupt")]
    Corrupt {
        /// The format.
        compression: Compression,
        /// What the decoder says.
        #[source]
        source: io::Error,
    },
    /// There is more of it than the guest has memory.
    #[error("the kernel, uncompressed, is larger than the guest's memory ({limit} bytes)")]
    TooLarge {
        /// The guest's memory, in bytes.
        limit: u64,
    },
}

impl KernelImage {
    /// Reads a kernel file from its beginning. `name` is for messages; `limit` is the size of the guest's
    /// memory in bytes, and no more than that is kept, whatever a compressed file expands to.
    ///
    /// # Errors
    ///
    /// [`ImageError`], with a [hint](ImageError::hint) on what to do.
    pub fn read(file: &mut impl Read, name: &str, limit: u64) -> Result<Self, ImageError> {
        read_any(file, limit).map_err(|reason| ImageError { name: name.to_owned(), reason })
    }
}

impl ImageError {
    /// What the user can do about it.
    #[must_use]
    pub const fn hint(&self) -> Option<&'static str> {
        Some(match &self.reason {
            Reason::Unreadable(_) => return None,
            Reason::X86 | Reason::Arm32 => {
                "the guest is arm64 whatever this host is: take a kernel built for arm64 \
                 (on Debian, the package linux-image-cloud-arm64)"
            }
            Reason::Elf => "take arch/arm64/boot/Image of the same build",
            Reason::NotAnImage => {
                "an arm64 Image is expected, as it is, compressed with gzip or zstd, or in an EFI zboot image"
            }
            Reason::Truncated { .. } | Reason::Corrupt { .. } => "copy or download the file again",
            Reason::BigEndian => "build the kernel with CONFIG_CPU_LITTLE_ENDIAN=y",
            Reason::CompressionNotSupported { .. } => {
                "uncompress the kernel first, or build it with CONFIG_KERNEL_GZIP=y or CONFIG_KERNEL_ZSTD=y"
            }
            Reason::TooLarge { .. } => "give the guest more memory with `--mem`",
        })
    }
}

/// What a file can be that holds a kernel.
enum Format {
    Image,
    Compressed(Compression),
    Zboot,
}

fn read_any(file: &mut impl Read, limit: u64) -> Result<KernelImage, Reason> {
    let head = read_head(file).map_err(Reason::Unreadable)?;
    let mut whole = head.chain(file);
    match recognise(&head)? {
        Format::Image => read_flat(&mut whole, limit),
        Format::Compressed(compression) => read_compressed(compression, &mut whole, limit),
        Format::Zboot => {
            let zboot = Zboot::parse(&head)?;
            let offset = u64::from(zboot.payload_offset);
            let skipped =
                io::copy(&mut whole.by_ref().take(offset), &mut io::sink()).map_err(Reason::Unreadable)?;
            if skipped < offset {
                return Err(Reason::Truncated { within: "the EFI program before the compressed kernel" });
            }
            let mut payload = whole.take(u64::from(zboot.payload_size));
            read_compressed(zboot.compression, &mut payload, limit)
        }
    }
}

fn read_compressed(
    compression: Compression,
    source: &mut dyn Read,
    limit: u64,
) -> Result<KernelImage, Reason> {
    let mut source = Watched::new(source);
    let image = decompress::decoder(compression, &mut source)
        .map_err(Reason::Unreadable)
        .and_then(|mut decoder| read_flat(&mut decoder, limit));
    image.map_err(|reason| match reason {
        Reason::Unreadable(error) => match source.cause(error) {
            Cause::Unreadable(error) => Reason::Unreadable(error),
            Cause::Truncated => Reason::Truncated { within: "the compressed kernel" },
            Cause::Corrupt(source) => Reason::Corrupt { compression, source },
        },
        other => other,
    })
}

/// Reads an Image. Its header is looked at before the rest is read, or uncompressed.
fn read_flat(source: &mut dyn Read, limit: u64) -> Result<KernelImage, Reason> {
    let mut bytes = read_head(source).map_err(Reason::Unreadable)?;
    let Format::Image = recognise(&bytes)? else {
        return Err(Reason::NotAnImage);
    };
    let header = Header::parse(&bytes)?;
    // One byte more than allowed tells "as large as" from "larger than".
    source.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(Reason::Unreadable)?;
    let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    if length > limit {
        return Err(Reason::TooLarge { limit });
    }
    let (text_offset, image_size) = match header.image_size {
        0 => (LEGACY_TEXT_OFFSET, length.saturating_add(LEGACY_BSS)),
        declared => (header.text_offset, declared.max(length)),
    };
    Ok(KernelImage { bytes, text_offset, image_size })
}

/// The first bytes, fewer if there are no more.
fn read_head(source: &mut (impl Read + ?Sized)) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    source.take(HEAD_LENGTH).read_to_end(&mut head)?;
    Ok(head)
}

fn recognise(head: &[u8]) -> Result<Format, Reason> {
    match decompress::recognise(head) {
        Some(Recognised::Supported(compression)) => return Ok(Format::Compressed(compression)),
        Some(Recognised::Unsupported(name)) => {
            return Err(Reason::CompressionNotSupported { compression: name.to_owned() });
        }
        None => {}
    }
    let holds = |offset: usize, magic: &[u8]| head.get(offset..).is_some_and(|at| at.starts_with(magic));
    if holds(0, b"MZ") && holds(4, b"zimg") {
        Ok(Format::Zboot)
    } else if holds(56, b"ARM\x64") {
        Ok(Format::Image)
    } else if holds(0, b"\x7fELF") {
        Err(Reason::Elf)
    } else if holds(510, b"\x55\xaa") && holds(0x202, b"HdrS") {
        Err(Reason::X86)
    } else if holds(0x24, &0x016f_2818_u32.to_le_bytes()) {
        Err(Reason::Arm32)
    } else if head.len() < HEADER_LENGTH {
        Err(Reason::Truncated { within: "the header of an Image" })
    } else {
        Err(Reason::NotAnImage)
    }
}

/// The fields of an Image's header that matter here. The page size in the flags does not: it is between the
/// kernel and its CPU. Nor does the placement: a kernel always goes to the start of memory.
struct Header {
    text_offset: u64,
    image_size: u64,
}

impl Header {
    fn parse(head: &[u8]) -> Result<Self, Reason> {
        let whole: Option<[u8; HEADER_LENGTH]> = field(head, 0);
        let field = |offset| field(&whole?, offset).map(u64::from_le_bytes);
        let (Some(text_offset), Some(image_size), Some(flags)) = (field(8), field(16), field(24)) else {
            return Err(Reason::Truncated { within: "the header of an Image" });
        };
        if flags & 1 != 0 {
            return Err(Reason::BigEndian);
        }
        Ok(Self { text_offset, image_size })
    }
}

/// The header of an EFI zboot image.
struct Zboot {
    payload_offset: u32,
    payload_size: u32,
    compression: Compression,
}

impl Zboot {
    fn parse(head: &[u8]) -> Result<Self, Reason> {
        const TRUNCATED: Reason = Reason::Truncated { within: "the header of an EFI zboot image" };
        let number = |offset| field(head, offset).map(u32::from_le_bytes);
        let (Some(payload_offset), Some(payload_size)) = (number(8), number(12)) else {
            return Err(TRUNCATED);
        };
        let compression: [u8; 32] = field(head, 24).ok_or(TRUNCATED)?;
        let compression = match compression.split(|byte| *byte == 0).next().unwrap_or_default() {
            b"gzip" => Compression::Gzip,
            // Before "efi/zboot: Limit compression options to GZIP and ZSTD", Linux wrote the name of the build's
            // rule, "zstd22", instead of the format's.
            b"zstd" | b"zstd22" => Compression::Zstd,
            other => {
                let compression = String::from_utf8_lossy(other).into_owned();
                return Err(Reason::CompressionNotSupported { compression });
            }
        };
        Ok(Self { payload_offset, payload_size, compression })
    }
}

fn field<const N: usize>(head: &[u8], offset: usize) -> Option<[u8; N]> {
    head.get(offset..)?.first_chunk().copied()
}

impl fmt::Display for ImageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.reason)
    }
}

impl std::error::Error for ImageError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        // The reason itself is in the message already.
        std::error::Error::source(&self.reason)
    }
}

// Megabytes of kernel help nobody in a failed assertion.
impl fmt::Debug for KernelImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KernelImage")
            .field("bytes", &self.bytes.len())
            .field("text_offset", &format_args!("{:#x}", self.text_offset))
            .field("image_size", &format_args!("{:#x}", self.image_size))
            .finish()
    }
}

#[cfg(test)]
mod tests;
