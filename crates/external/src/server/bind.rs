//! Making the socket: for its owner alone, from its first moment, and never in the place of anything that lives.

use std::{
    fs::{self, Permissions},
    io,
    os::unix::{
        fs::{FileTypeExt, MetadataExt, PermissionsExt},
        net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU32, Ordering},
};

use thiserror::Error;

/// Tells the sockets of one process from each other while they are made.
static NUMBER: AtomicU32 = AtomicU32::new(0);

/// Why there is no socket to serve on.
#[derive(Debug, Error)]
pub enum BindError {
    /// Somebody listens there.
    #[error("another server listens on {}", path.display())]
    Live {
        /// Which socket.
        path: PathBuf,
    },
    /// Something is there that is no socket.
    #[error("the socket {} cannot be made: something else is there", path.display())]
    NotASocket {
        /// Where.
        path: PathBuf,
    },
    /// The host refused.
    #[error("the socket {} cannot be made", path.display())]
    Io {
        /// Which socket.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl BindError {
    /// What to do about it.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Live { .. } => "end that server, or serve on another path",
            Self::NotASocket { .. } => "serve on another path, or remove what is there",
            Self::Io { .. } => {
                "check that the folder is there, that you may write to it, and that the path has 90 bytes at most"
            }
        }
    }
}

/// A socket's file. It goes with it, if it is still there and still the same.
#[derive(Debug)]
pub(super) struct File {
    path: PathBuf,
    /// Device and inode.
    identity: (u64, u64),
}

impl Drop for File {
    fn drop(&mut self) {
        if identity(&self.path).is_ok_and(|there| there == self.identity) {
            // There is nobody to tell; the next server finds a socket that nobody listens on, and replaces it.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Makes the socket under a name beside its own, and gives it its own once it is its owner's alone.
pub(super) fn listener(path: &Path) -> Result<(UnixListener, File), BindError> {
    let failed = |source| BindError::Io { path: path.to_owned(), source };
    check_place(path)?;
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let beside = path.with_file_name(format!(".{}-{number}", process::id()));
    let listener = UnixListener::bind(&beside).map_err(failed)?;
    let mut file = File { identity: identity(&beside).map_err(failed)?, path: beside };
    fs::set_permissions(&file.path, Permissions::from_mode(0o600)).map_err(failed)?;
    fs::rename(&file.path, path).map_err(failed)?;
    path.clone_into(&mut file.path);
    Ok((listener, file))
}

/// There must be nothing, or a socket that nobody listens on. Of two servers that start at the same moment, the later one
/// has the path.
fn check_place(path: &Path) -> Result<(), BindError> {
    let failed = |source| BindError::Io { path: path.to_owned(), source };
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
        Ok(there) if !there.file_type().is_socket() => {
            return Err(BindError::NotASocket { path: path.to_owned() });
        }
        Ok(_) => {}
    }
    match UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(()),
        Err(error) => Err(failed(error)),
        Ok(_) => Err(BindError::Live { path: path.to_owned() }),
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    fs::symlink_metadata(path).map(|there| (there.dev(), there.ino()))
}
