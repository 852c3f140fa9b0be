//! ELF, as little as is needed: what a file is for, and a bare-metal program as a flat image.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, ensure};

/// `EM_AARCH64`.
const AARCH64: u16 = 183;
const LOADED: u32 = 1;
/// A flat image larger than this is a mistake in a linker script.
const LARGEST: u64 = 256 << 20;

/// Whether the file is an arm64 ELF program.
pub(crate) fn is_arm64(path: &Path) -> bool {
    let mut header = [0; 20];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut header));
    read.is_ok() && path.is_file() && check(&header).is_ok()
}

fn check(bytes: &[u8]) -> Result<()> {
    ensure!(bytes.starts_with(b"\x7fELF\x02\x01"), "it is no 64-bit little-endian ELF file");
    ensure!(number::<2>(bytes, 18)? == u64::from(AARCH64), "it is not for arm64");
    Ok(())
}

/// The memory that the program's segments fill, from the lowest address on; gaps are zero.
pub(crate) fn flatten(bytes: &[u8]) -> Result<Vec<u8>> {
    check(bytes)?;
    let (table, entry_size, count) =
        (number::<8>(bytes, 32)?, number::<2>(bytes, 54)?, number::<2>(bytes, 56)?);
    let mut segments = Vec::new();
    for index in 0..count {
        let header = table.checked_add(index * entry_size).context("the program headers lie outside")?;
        if number::<4>(bytes, header)? == u64::from(LOADED) {
            let field = |offset| number::<8>(bytes, header.saturating_add(offset));
            // Physical address: where the image lies when it starts.
            segments.push((field(24)?, content(bytes, field(8)?, field(32)?)?));
        }
    }
    segments.retain(|(_, content)| !content.is_empty());
    let start = segments.iter().map(|&(address, _)| address).min().context("no segment is loaded")?;
    let mut image = Vec::new();
    for (address, content) in segments {
        let offset = address - start;
        let end = offset.saturating_add(u64::try_from(content.len())?);
        ensure!(end <= LARGEST, "its segments lie {end:#x} bytes apart");
        let (offset, end) = (usize::try_from(offset)?, usize::try_from(end)?);
        image.resize(image.len().max(end), 0);
        image[offset..end].copy_from_slice(content);
    }
    Ok(image)
}

fn content(bytes: &[u8], offset: u64, size: u64) -> Result<&[u8]> {
    let start = usize::try_from(offset)?;
    let end = start.checked_add(usize::try_from(size)?);
    end.and_then(|end| bytes.get(start..end)).context("a segment lies outside the file")
}

fn number<const SIZE: usize>(bytes: &[u8], offset: u64) -> Result<u64> {
    let field = content(bytes, offset, u64::try_from(SIZE)?).context("the file is cut off")?;
    let mut wide = [0; 8];
    wide[..SIZE].copy_from_slice(field);
    Ok(u64::from_le_bytes(wide))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An ELF file of segments, each a kind, a physical address and its bytes.
    fn elf(segments: &[(u32, u64, &[u8])]) -> Vec<u8> {
        let mut file = vec![0; 64 + 56 * segments.len()];
        file[..6].copy_from_slice(b"\x7fELF\x02\x01");
        file[18..20].copy_from_slice(&AARCH64.to_le_bytes());
        file[32..40].copy_from_slice(&64_u64.to_le_bytes());
        file[54..56].copy_from_slice(&56_u16.to_le_bytes());
        file[56..58].copy_from_slice(&u16::try_from(segments.len()).unwrap().to_le_bytes());
        for (index, (kind, address, bytes)) in segments.iter().enumerate() {
            let header = 64 + 56 * index;
            let offset = u64::try_from(file.len()).unwrap();
            file[header..header + 4].copy_from_slice(&kind.to_le_bytes());
            file[header + 8..header + 16].copy_from_slice(&offset.to_le_bytes());
            file[header + 24..header + 32].copy_from_slice(&address.to_le_bytes());
            file[header + 32..header + 40]
                .copy_from_slice(&u64::try_from(bytes.len()).unwrap().to_le_bytes());
            file.extend_from_slice(bytes);
        }
        file
    }

    #[test]
    fn segments_are_placed_by_address_and_gaps_are_zero() {
        let file = elf(&[(1, 0x4000_0004, b"de"), (1, 0x4000_0000, b"abc"), (2, 0, b"note"), (1, 0, b"")]);
        assert_eq!(flatten(&file).unwrap(), b"abc\0de");
    }

    #[test]
    fn damaged_files_are_refused() {
        let file = elf(&[(1, 0, b"abc")]);
        for length in 0..file.len() {
            assert!(flatten(&file[..length]).is_err(), "cut at {length}");
        }
        assert!(flatten(&elf(&[])).is_err());
        assert!(flatten(&elf(&[(1, 0, b"a"), (1, u64::MAX, b"b")])).is_err());
        let mut other = file;
        other[18] = 62;
        assert!(flatten(&other).unwrap_err().to_string().contains("arm64"));
    }
}
