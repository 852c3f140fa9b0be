//! Streams of compressed bytes, and what went wrong in one.

use std::{
    fmt,
    io::{self, BufReader, Read},
};

use flate2::read::GzDecoder;
use ruzstd::decoding::StreamingDecoder;

/// A compression whose decoder is built in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
}

impl Compression {
    /// The name that people and the Linux kernel's build use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Compressions that are recognised, by the first bytes of a file; those without a decoder by name only.
pub(super) enum Recognised {
    /// It can be uncompressed.
    Supported(Compression),
    /// It cannot.
    Unsupported(&'static str),
}

/// What a file that starts with these bytes is compressed with, if it is.
pub(super) fn recognise(head: &[u8]) -> Option<Recognised> {
    const MAGICS: [(&[u8], Recognised); 7] = [
        (b"\x1f\x8b", Recognised::Supported(Compression::Gzip)),
        (b"\x28\xb5\x2f\xfd", Recognised::Supported(Compression::Zstd)),
        (b"\xfd7zXZ\0", Recognised::Unsupported("xz")),
        (b"BZh", Recognised::Unsupported("bzip2")),
        (b"\x02\x21\x4c\x18", Recognised::Unsupported("lz4")),
        (b"\x89LZO\0", Recognised::Unsupported("lzo")),
        // Not a magic of its own: the properties byte that the kernel's build uses, then a dictionary size.
        (b"\x5d\0\0", Recognised::Unsupported("lzma")),
    ];
    MAGICS.into_iter().find(|(magic, _)| head.starts_with(magic)).map(|(_, recognised)| recognised)
}

/// A reader of what `source` holds in compressed form. Memory: a decoder's window, which ruzstd caps at
/// 128 MiB, the largest that the kernel's build uses (`zstd -22 --ultra`).
///
/// Trailing bytes are not looked at: the kernel's build appends the uncompressed size to some formats.
pub(super) fn decoder<'a>(
    compression: Compression,
    source: impl Read + 'a,
) -> io::Result<Box<dyn Read + 'a>> {
    Ok(match compression {
        Compression::Gzip => Box::new(GzDecoder::new(source)),
        Compression::Zstd => {
            Box::new(StreamingDecoder::new(BufReader::new(source)).map_err(io::Error::other)?)
        }
    })
}

/// A reader that remembers how it ended.
///
/// A decoder reports a failing disk, a file that stops early and corrupt data all as its own error, each
/// decoder in its own way; a user must be told which it was.
pub(super) struct Watched<R> {
    inner: R,
    failure: Option<io::Error>,
    ended: bool,
}

/// Why a decoder gave up.
#[derive(Debug)]
pub(super) enum Cause {
    /// The source could not be read.
    Unreadable(io::Error),
    /// The source ended before the compressed data did.
    Truncated,
    /// The data is not what the compression allows.
    Corrupt(io::Error),
}

impl<R: Read> Watched<R> {
    pub(super) const fn new(inner: R) -> Self {
        Self { inner, failure: None, ended: false }
    }

    /// What `error`, which a decoder of this reader returned, comes from.
    pub(super) fn cause(self, error: io::Error) -> Cause {
        match self {
            Self { failure: Some(failure), .. } => Cause::Unreadable(failure),
            Self { ended: true, .. } => Cause::Truncated,
            Self { .. } => Cause::Corrupt(error),
        }
    }
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self.inner.read(into) {
            Ok(0) if !into.is_empty() => {
                self.ended = true;
                Ok(0)
            }
            // The caller tries again: nothing has ended.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => {
                let kind = error.kind();
                self.failure = Some(error);
                Err(kind.into())
            }
            count => count,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression as Level, write::GzEncoder};
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    use super::*;

    fn compress(compression: Compression, bytes: &[u8]) -> Vec<u8> {
        match compression {
            Compression::Gzip => {
                let mut encoder = GzEncoder::new(Vec::new(), Level::fast());
                encoder.write_all(bytes).unwrap();
                encoder.finish().unwrap()
            }
            Compression::Zstd => compress_to_vec(bytes, CompressionLevel::Fastest),
        }
    }

    fn uncompress(compression: Compression, source: impl Read) -> Result<Vec<u8>, Cause> {
        let mut source = Watched::new(source);
        let mut bytes = Vec::new();
        match decoder(compression, &mut source).and_then(|mut decoder| decoder.read_to_end(&mut bytes)) {
            Ok(_) => Ok(bytes),
            Err(error) => Err(source.cause(error)),
        }
    }

    /// Reads nothing but errors.
    struct Broken;

    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::from(io::ErrorKind::PermissionDenied))
        }
    }

    const BOTH: [Compression; 2] = [Compression::Gzip, Compression::Zstd];

    #[test]
    fn what_was_compressed_is_recognised_and_comes_out_again_without_what_trails_it() {
        let bytes: Vec<u8> = (0..=255).cycle().take(300_000).collect();
        for compression in BOTH {
            let mut compressed = compress(compression, &bytes);
            compressed.extend_from_slice(b"size");
            assert!(matches!(recognise(&compressed), Some(Recognised::Supported(it)) if it == compression));
            assert_eq!(uncompress(compression, &*compressed).unwrap(), bytes, "{compression}");
        }
    }

    #[test]
    fn a_stream_that_ends_early_is_truncated_and_not_corrupt() {
        for compression in BOTH {
            let compressed = compress(compression, &[7; 10_000]);
            for length in 0..compressed.len() - 8 {
                let cause = uncompress(compression, &compressed[..length]).unwrap_err();
                assert!(matches!(cause, Cause::Truncated), "{compression} {length}: {cause:?}");
            }
        }
    }

    #[test]
    fn a_stream_that_breaks_the_rules_is_corrupt() {
        for compression in BOTH {
            let mut compressed = compress(compression, &[7; 10_000]);
            compressed[..2].copy_from_slice(b"no");
            let cause = uncompress(compression, &*compressed).unwrap_err();
            assert!(matches!(cause, Cause::Corrupt(_)), "{compression}: {cause:?}");
        }
    }

    #[test]
    fn a_failing_disk_is_reported_as_itself() {
        for compression in BOTH {
            let compressed = compress(compression, &[7; 10_000]);
            let cause =
                uncompress(compression, compressed[..compressed.len() / 2].chain(Broken)).unwrap_err();
            assert!(
                matches!(&cause, Cause::Unreadable(error) if error.kind() == io::ErrorKind::PermissionDenied),
                "{compression}: {cause:?}"
            );
        }
    }
}
