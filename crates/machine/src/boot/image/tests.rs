//! Kernel files as people have them, good and bad.

use std::{error::Error as _, io::Write};

use flate2::{Compression as Level, write::GzEncoder};
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

use super::*;

const MIB: u64 = 1 << 20;
const PLENTY: u64 = 64 * MIB;

/// An Image with a header of these values and `length` bytes in all.
fn image(text_offset: u64, image_size: u64, flags: u64, length: usize) -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..=255).cycle().take(length.max(64)).collect();
    bytes[..8].copy_from_slice(b"MZ\x40\xfacode");
    bytes[8..16].copy_from_slice(&text_offset.to_le_bytes());
    bytes[16..24].copy_from_slice(&image_size.to_le_bytes());
    bytes[24..32].copy_from_slice(&flags.to_le_bytes());
    bytes[56..60].copy_from_slice(b"ARM\x64");
    bytes.truncate(length);
    bytes
}

/// What Linux makes of itself today: 4 KiB pages, anywhere in memory.
fn modern() -> Vec<u8> {
    image(0, 0x30_0000, 0b1010, 100_000)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Level::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    compress_to_vec(bytes, CompressionLevel::Fastest)
}

/// An EFI zboot image: its header, 0x2000 bytes of EFI program, the payload, more program.
fn zboot(compression: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; 0x2000];
    bytes[..8].copy_from_slice(b"MZ\0\0zimg");
    bytes[8..12].copy_from_slice(&0x2000_u32.to_le_bytes());
    bytes[12..16].copy_from_slice(&u32::try_from(payload.len()).unwrap().to_le_bytes());
    bytes[24..24 + compression.len()].copy_from_slice(compression);
    bytes[56..60].copy_from_slice(&0x8182_23cd_u32.to_le_bytes());
    bytes.extend_from_slice(payload);
    bytes.extend_from_slice(b"size and sections");
    bytes
}

fn read(file: &[u8]) -> Result<KernelImage, ImageError> {
    KernelImage::read(&mut &*file, "vmlinuz", PLENTY)
}

fn reason(file: &[u8]) -> Reason {
    read(file).unwrap_err().reason
}

#[test]
fn an_image_is_taken_as_it_is() {
    let kernel = read(&modern()).unwrap();
    assert_eq!(kernel, KernelImage { bytes: modern(), text_offset: 0, image_size: 0x30_0000 });
}

#[test]
fn a_compressed_image_is_uncompressed_whatever_it_is_wrapped_in() {
    let expected = read(&modern()).unwrap();
    for file in [
        gzip(&modern()),
        zstd(&modern()),
        zboot(b"gzip", &gzip(&modern())),
        zboot(b"zstd", &zstd(&modern())),
        zboot(b"zstd22", &zstd(&modern())),
    ] {
        assert_eq!(read(&file).unwrap(), expected);
    }
}

#[test]
fn an_image_without_a_size_is_from_before_3_17_and_at_512_kib() {
    let kernel = read(&image(0x1234, 0, 0, 100_000)).unwrap();
    assert_eq!(kernel.text_offset, 0x8_0000);
    assert_eq!(kernel.image_size, 100_000 + 16 * MIB);
}

#[test]
fn an_image_is_never_smaller_than_its_bytes() {
    let kernel = read(&image(0, 64, 0b1010, 100_000)).unwrap();
    assert_eq!(kernel.image_size, 100_000);
}

#[test]
fn a_header_that_claims_every_address_is_kept_for_the_placement_to_refuse() {
    let kernel = read(&image(u64::MAX, u64::MAX, 0b1010, 64)).unwrap();
    assert_eq!((kernel.text_offset, kernel.image_size), (u64::MAX, u64::MAX));
}

#[test]
fn a_kernel_of_another_kind_is_named() {
    let mut x86 = vec![0; 1000];
    x86[..2].copy_from_slice(b"MZ");
    x86[510..512].copy_from_slice(b"\x55\xaa");
    x86[0x202..0x206].copy_from_slice(b"HdrS");
    assert!(matches!(reason(&x86), Reason::X86));

    let mut arm32 = vec![0; 1000];
    arm32[0x24..0x28].copy_from_slice(b"\x18\x28\x6f\x01");
    assert!(matches!(reason(&arm32), Reason::Arm32));

    let mut elf = vec![0; 1000];
    elf[..4].copy_from_slice(b"\x7fELF");
    assert!(matches!(reason(&elf), Reason::Elf));
    assert!(matches!(reason(&gzip(&elf)), Reason::Elf), "inside a compressed file as well");
}

#[test]
fn what_is_no_kernel_is_not_an_image() {
    assert!(matches!(reason(&[0; 1000]), Reason::NotAnImage));
    assert!(matches!(reason(&gzip(&[0; 1000])), Reason::NotAnImage));
    assert!(matches!(reason(&gzip(&gzip(&modern()))), Reason::NotAnImage), "one layer of compression only");
}

#[test]
fn a_big_endian_kernel_is_refused() {
    assert!(matches!(reason(&image(0, 0x30_0000, 0b1011, 100_000)), Reason::BigEndian));
}

#[test]
fn a_compression_without_a_decoder_is_named() {
    for (file, name) in [
        (b"\xfd7zXZ\0 and so on".to_vec(), "xz"),
        (b"\x02\x21\x4c\x18 and so on".to_vec(), "lz4"),
        (b"BZh9 and so on".to_vec(), "bzip2"),
        (zboot(b"xzkern", b"\xfd7zXZ\0"), "xzkern"),
        (zboot(b"", b""), ""),
        (zboot(&[b'\n'; 32], b""), "\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n"),
    ] {
        let reason = reason(&file);
        assert!(
            matches!(&reason, Reason::CompressionNotSupported { compression } if compression == name),
            "{reason}"
        );
        assert!(!reason.to_string().contains('\n'), "a file's bytes are escaped: {reason}");
    }
}

#[test]
fn a_file_that_ends_early_says_in_which_part() {
    let gzipped = gzip(&modern());
    let zipped = zboot(b"gzip", &gzipped);
    for (file, part) in [
        (&b""[..], "the header of an Image"),
        (&modern()[..63], "the header of an Image"),
        (&gzipped[..gzipped.len() / 2], "the compressed kernel"),
        (&zipped[..20], "the header of an EFI zboot image"),
        (&zipped[..0x1000], "the EFI program before the compressed kernel"),
        (&zipped[..0x2000 + gzipped.len() / 2], "the compressed kernel"),
    ] {
        let reason = reason(file);
        assert!(matches!(reason, Reason::Truncated { within } if within == part), "{part}: {reason}");
    }
}

#[test]
fn corrupt_data_is_told_from_a_short_file() {
    let mut file = gzip(&modern());
    let middle = file.len() / 2;
    file[middle..middle + 64].fill(0xff);
    let error = read(&file).unwrap_err();
    assert!(matches!(error.reason, Reason::Corrupt { compression: Compression::Gzip, .. }), "{error}");
    assert!(error.source().is_some(), "what the decoder says is kept");
}

#[test]
fn a_kernel_may_fill_memory_and_not_more() {
    let file = modern();
    KernelImage::read(&mut &*file, "vmlinuz", 100_000).unwrap();
    let error = KernelImage::read(&mut &*file, "vmlinuz", 99_999).unwrap_err();
    assert!(matches!(error.reason, Reason::TooLarge { limit: 99_999 }), "{error}");
    // Less than what is read to recognise it.
    let error = KernelImage::read(&mut &*file, "vmlinuz", 0).unwrap_err();
    assert!(matches!(error.reason, Reason::TooLarge { limit: 0 }), "{error}");
}

#[test]
fn a_bomb_is_not_uncompressed_beyond_the_guests_memory() {
    for bomb in [gzip(&image(0, 0, 0, 50_000_000)), zstd(&image(0, 0, 0, 50_000_000))] {
        let error = KernelImage::read(&mut &*bomb, "bomb", MIB).unwrap_err();
        assert!(matches!(error.reason, Reason::TooLarge { limit: MIB }), "{error}");
    }
}

#[test]
fn an_endless_file_is_not_read_to_its_end() {
    let mut endless = io::Cursor::new(modern()).chain(io::repeat(0));
    let error = KernelImage::read(&mut endless, "/dev/zero", MIB).unwrap_err();
    assert!(matches!(error.reason, Reason::TooLarge { .. }), "{error}");
}

/// A file on a disk that fails after some bytes.
struct Failing<'a>(&'a [u8]);

impl Read for Failing<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self.0.read(into)? {
            0 => Err(io::Error::other("the disk is on fire")),
            count => Ok(count),
        }
    }
}

#[test]
fn a_failing_disk_is_not_mistaken_for_a_bad_kernel() {
    for file in [modern(), gzip(&modern()), zboot(b"zstd", &zstd(&modern()))] {
        for length in [0, 100, file.len() / 2] {
            let error = KernelImage::read(&mut Failing(&file[..length]), "vmlinuz", PLENTY).unwrap_err();
            assert!(matches!(error.reason, Reason::Unreadable(_)), "{error}");
            assert_eq!(error.source().unwrap().to_string(), "the disk is on fire");
            assert_eq!(error.hint(), None);
        }
    }
}

#[test]
fn an_error_names_the_file_and_says_what_to_do() {
    let error = read(&[0; 1000]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "vmlinuz: this is not an arm64 kernel: it has no \"ARM\\x64\" at offset 56"
    );
    assert!(error.hint().unwrap().contains("EFI zboot"));
    assert!(error.source().is_none());
}
