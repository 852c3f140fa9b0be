//! The record of an artefact: which files it has and what they contain.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The record's file, written last: a folder without it is not complete.
pub(crate) const FILE: &str = "record.json";

/// What was fetched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// The packages it came from, as `name=version`.
    pub(crate) packages: Vec<String>,
    /// SHA-256 in hexadecimal, by file name.
    pub(crate) files: BTreeMap<String, String>,
}

impl Record {
    /// Records the files of `folder`, not those of folders in it, and writes the record there.
    pub(crate) fn write(folder: &Path, packages: Vec<String>) -> Result<Self> {
        let mut files = BTreeMap::new();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if let (true, Some(name)) = (path.is_file(), path.file_name()) {
                let digest = digest(&path).with_context(|| format!("reading {}", path.display()))?;
                files.insert(name.to_string_lossy().into_owned(), digest);
            }
        }
        let record = Self { packages, files };
        fs::write(folder.join(FILE), serde_json::to_vec_pretty(&record)?).context("writing the record")?;
        Ok(record)
    }

    /// Reads the record of `folder` and compares every file with it; an error says what is not as recorded.
    pub(crate) fn verify(folder: &Path) -> Result<Self> {
        let record: Self = serde_json::from_slice(&fs::read(folder.join(FILE))?)?;
        for (name, recorded) in &record.files {
            let found = digest(&folder.join(name)).with_context(|| name.clone())?;
            anyhow::ensure!(found == *recorded, "{name} is damaged");
        }
        Ok(record)
    }
}

/// SHA-256 of a file, in hexadecimal.
fn digest(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 256 << 10];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            length => hash.update(&buffer[..length]),
        }
    }
    Ok(hexadecimal(hash))
}

/// SHA-256 of these bytes, as a record has that of a file.
pub(crate) fn digest_of(bytes: &[u8]) -> String {
    hexadecimal(Sha256::new_with_prefix(bytes))
}

fn hexadecimal(hash: Sha256) -> String {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_verifies_until_a_file_changes() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("Image"), "abc").unwrap();
        let written = Record::write(folder.path(), vec!["linux=1".into()]).unwrap();
        let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(written.files["Image"], known);
        assert_eq!(digest_of(b"abc"), known);
        assert_eq!(Record::verify(folder.path()).unwrap(), written);

        fs::write(folder.path().join("Image"), "abd").unwrap();
        assert_eq!(Record::verify(folder.path()).unwrap_err().to_string(), "Image is damaged");
        fs::remove_file(folder.path().join("Image")).unwrap();
        assert!(Record::verify(folder.path()).is_err());
    }

    #[test]
    fn a_folder_without_a_whole_record_does_not_verify() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Record::verify(folder.path()).is_err());
        fs::write(folder.path().join(FILE), "{\"packages\": [").unwrap();
        assert!(Record::verify(folder.path()).is_err());
    }
}
