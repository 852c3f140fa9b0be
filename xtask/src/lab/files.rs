//! Files that are put into the lab and got from it.

use std::fs::{OpenOptions, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// `FROM=TO` of `--put` and `--get`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mapping {
    from: PathBuf,
    to: PathBuf,
}

impl Mapping {
    /// Both paths.
    pub(crate) fn into_pair(self) -> (PathBuf, PathBuf) {
        (self.from, self.to)
    }
}

impl FromStr for Mapping {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((from, to)) if !from.is_empty() && !to.is_empty() => {
                Ok(Self { from: from.into(), to: to.into() })
            }
            _ => Err(String::from("two paths with a `=` between them are wanted")),
        }
    }
}

/// Writes a file that came from the lab, with its permissions; tells how many bytes came.
pub(crate) fn receive(local: &Path, mode: u32, content: &mut impl Read) -> io::Result<u64> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(local)?;
    let length = io::copy(content, &mut file)?;
    // A file that was there keeps its mode otherwise; a device, such as /dev/stdout, always does.
    if file.metadata()?.is_file() {
        file.set_permissions(Permissions::from_mode(mode))?;
    }
    Ok(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapping_is_two_paths() {
        let mapping: Mapping = "target/x=bin/x=y".parse().unwrap();
        assert_eq!(mapping.into_pair(), (PathBuf::from("target/x"), PathBuf::from("bin/x=y")));
        for wrong in ["", "=", "a", "a=", "=b"] {
            assert!(wrong.parse::<Mapping>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_received_has_its_permissions() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        for mode in [0o755, 0o600] {
            assert_eq!(receive(&path, mode, &mut &b"abc"[..]).unwrap(), 3);
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, mode);
        }
    }
}
