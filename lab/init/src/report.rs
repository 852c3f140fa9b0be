//! Files that go back to the host's side.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use switchboard_lab_init::protocol::{Frame, WORKING_FOLDER};

use crate::Failure;
use crate::ports::Port;

/// Sends every file of `paths`, or why it cannot be sent.
pub(crate) fn send_files(control: &mut Port, paths: &[Vec<u8>]) -> Result<(), Failure> {
    for (index, path) in (0..).zip(paths) {
        let path = Path::new(WORKING_FOLDER).join(std::ffi::OsStr::from_bytes(path));
        send_file(control, index, &path).map_err(|error| format!("sending {}: {error}", path.display()))?;
    }
    Ok(())
}

fn send_file(control: &mut Port, index: u32, path: &PathBuf) -> io::Result<()> {
    let (mode, length, mut content) = match open(path) {
        Ok(opened) => opened,
        Err(error) => return Frame::NoFile { index, reason: error.to_string() }.write(control),
    };
    Frame::File { index, mode, length }.write(control)?;
    // Nothing else runs any more, so the length stands.
    let sent = io::copy(&mut content.as_mut().take(length), control)?;
    if sent < length { Err(io::ErrorKind::UnexpectedEof.into()) } else { control.flush() }
}

type Content = Box<dyn Read>;

fn open(path: &PathBuf) -> io::Result<(u32, u64, Content)> {
    let facts = fs::metadata(path)?;
    let mode = facts.permissions().mode() & 0o777;
    if facts.is_dir() {
        return Err(io::Error::other("it is a folder"));
    }
    if facts.is_file() && facts.len() > 0 {
        return Ok((mode, facts.len(), Box::new(File::open(path)?)));
    }
    // Files of procfs and sysfs tell their length only by being read.
    let bytes = fs::read(path)?;
    let length = u64::try_from(bytes.len()).map_err(io::Error::other)?;
    Ok((mode, length, Box::new(io::Cursor::new(bytes))))
}
