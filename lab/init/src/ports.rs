//! Virtio-serial ports, by name.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::Failure;

const CLASS: &str = "/sys/class/virtio-ports";
/// The device announces its ports one by one, after the driver has bound.
const PATIENCE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(2);

/// One port. Reading waits for bytes even while the host's side is not open; see [`Port::into_file`] for the other way.
pub(crate) struct Port(File);

/// Waits for the port named `name` and opens it.
pub(crate) fn find(name: &str) -> Result<Port, Failure> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(path) = look_up(name) {
            let opened = OpenOptions::new().read(true).write(true).open(&path);
            return opened.map(Port).map_err(|error| format!("{}: {error}", path.display()));
        }
        if Instant::now() > deadline {
            return Err(format!("no virtio-serial port is named {name}"));
        }
        sleep(PAUSE);
    }
}

fn look_up(name: &str) -> Option<PathBuf> {
    for entry in fs::read_dir(CLASS).ok()?.flatten() {
        let found = fs::read_to_string(entry.path().join("name")).unwrap_or_default();
        let device = PathBuf::from("/dev").join(entry.file_name());
        if found.trim_end() == name && device.exists() {
            return Some(device);
        }
    }
    None
}

impl Port {
    /// The port as a plain file: reading ends when the host's side is closed.
    pub(crate) fn into_file(self) -> File {
        self.0
    }

    /// A second handle on the same port.
    pub(crate) fn try_clone(&self) -> Result<Self, Failure> {
        self.0.try_clone().map(Self).map_err(|error| format!("a second handle on a port: {error}"))
    }
}

impl Read for Port {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.0.read(buffer)? {
                // Not open at the other side yet: there is nothing to wait on but time.
                0 if !buffer.is_empty() => sleep(PAUSE),
                length => return Ok(length),
            }
        }
    }
}

impl Write for Port {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.0.write(buffer)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
