//! Making the socket: for its owner alone, from its first moment, and never in the place of anything that lives.

use std::{
    ffi::OsStr,
    fs::{self, Metadata, Permissions},
    io,
    os::{
        fd::OwnedFd,
        unix::{
            fs::{FileTypeExt, MetadataExt, PermissionsExt},
            net::UnixListener,
        },
    },
    path::{Path, PathBuf},
};

use rustix::{
    fs::{CWD, RenameFlags, renameat_with, unlink},
    io::Errno,
    net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, connect, listen, socket_with},
    rand::{GetRandomFlags, getrandom},
};
use thiserror::Error;

/// The longest path of a socket, in bytes: what `sockaddr_un` holds, less the NUL at its end.
const MAX_PATH: usize = 107;
/// How long the name is that a socket has first.
const NAME_BESIDE: usize = ".00000000".len();
/// How many clients wait until they are accepted.
const BACKLOG: i32 = 16;
/// How often a step is tried in which somebody else can be faster.
const ATTEMPTS: u32 = 16;

/// Why there is no control socket.
#[derive(Debug, Error)]
pub enum BindError {
    /// A socket cannot have such a path.
    #[error("the control socket's path is {length} bytes long: at most {limit} are possible")]
    PathTooLong {
        /// How long it is.
        length: usize,
        /// How long it may be.
        limit: usize,
    },
    /// Somebody listens there.
    #[error("another machine listens on the control socket {}", path.display())]
    Live {
        /// Which socket.
        path: PathBuf,
    },
    /// Something is there that is no socket.
    #[error("the control socket {} cannot be made: something else is there", path.display())]
    NotASocket {
        /// Where.
        path: PathBuf,
    },
    /// The host refused.
    #[error("the control socket {} cannot be made", path.display())]
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
    pub fn hint(&self) -> String {
        match self {
            Self::PathTooLong { .. } => "give `--control` a shorter path, or a relative one".into(),
            Self::Live { path } => {
                format!("give `--control` another path; `switchboard ctl {} status` asks that machine", path.display())
            }
            Self::NotASocket { .. } => "give `--control` another path, or remove what is there".into(),
            Self::Io { .. } => {
                "check that its folder is there, that you may write to it, and that it is on a local file system".into()
            },
        }
    }
}

/// Which file a socket is, so that another one of that name is not taken for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
}

/// A socket's file. It goes with it, if it is still there and still the same.
pub(super) struct File {
    path: PathBuf,
    identity: Identity,
}

impl From<&Metadata> for Identity {
    fn from(metadata: &Metadata) -> Self {
        Self { device: metadata.dev(), inode: metadata.ino() }
    }
}

impl Identity {
    fn of(path: &Path) -> io::Result<Self> {
        fs::symlink_metadata(path).map(|metadata| Self::from(&metadata))
    }
}

impl Drop for File {
    fn drop(&mut self) {
        if Identity::of(&self.path).is_ok_and(|there| there == self.identity) {
            // There is nobody to tell; the next machine finds a socket that nobody listens on, and replaces it.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Makes the socket.
pub(super) fn listener(path: &Path) -> Result<(UnixListener, File), BindError> {
    let failed = |error: Errno| BindError::Io { path: path.to_owned(), source: error.into() };
    let (listener, mut file) = listen_beside(path)?;
    let beside = file.path.clone();
    for _ in 0..ATTEMPTS {
        match renameat_with(CWD, &beside, CWD, path, RenameFlags::NOREPLACE) {
            Ok(()) => {
                path.clone_into(&mut file.path);
                return Ok((listener, file));
            }
            Err(Errno::EXIST) => {}
            Err(error) => return Err(failed(error)),
        }
        let Some(stale) = stale_socket(path)? else { continue };
        match renameat_with(CWD, &beside, CWD, path, RenameFlags::EXCHANGE) {
            Ok(()) => path.clone_into(&mut file.path),
            Err(Errno::NOENT) => continue,
            Err(error) => return Err(failed(error)),
        }
        // Each has the other's name now. It must be the one that was looked at: another machine may have been faster.
        if Identity::of(&beside).is_ok_and(|replaced| replaced == stale) {
            unlink(&beside).map_err(failed)?;
            return Ok((listener, file));
        }
        renameat_with(CWD, &beside, CWD, path, RenameFlags::EXCHANGE).map_err(failed)?;
        file.path.clone_from(&beside);
    }
    Err(BindError::Live { path: path.to_owned() })
}

/// A socket in the same folder, under a name that nobody knows. It listens once it is its owner's alone: before, nobody
/// can connect.
fn listen_beside(path: &Path) -> Result<(UnixListener, File), BindError> {
    check_length(path)?;
    let failed = |source| BindError::Io { path: path.to_owned(), source };
    let socket = stream_socket(SocketFlags::CLOEXEC).map_err(|error| failed(error.into()))?;
    let beside = bind_beside(&socket, path).map_err(failed)?;
    let identity = Identity::of(&beside).map_err(failed)?;
    let file = File { path: beside, identity };
    fs::set_permissions(&file.path, Permissions::from_mode(0o600)).map_err(failed)?;
    listen(&socket, BACKLOG).map_err(|error| failed(error.into()))?;
    Ok((UnixListener::from(socket), file))
}

fn check_length(path: &Path) -> Result<(), BindError> {
    let length = path.as_os_str().len();
    let name = path.file_name().map_or(0, OsStr::len);
    let limit = MAX_PATH - NAME_BESIDE.saturating_sub(name);
    if length <= limit { Ok(()) } else { Err(BindError::PathTooLong { length, limit }) }
}

fn bind_beside(socket: &OwnedFd, path: &Path) -> io::Result<PathBuf> {
    for _ in 0..ATTEMPTS {
        let mut number = [0; 4];
        getrandom(&mut number, GetRandomFlags::empty())?;
        let beside = path.with_file_name(format!(".{:08x}", u32::from_ne_bytes(number)));
        match bind(socket, &SocketAddrUnix::new(&beside)?) {
            Ok(()) => return Ok(beside),
            Err(Errno::ADDRINUSE) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Errno::ADDRINUSE.into())
}

/// Finds a socket there that nobody listens on, or nothing. Anything else is an error.
fn stale_socket(path: &Path) -> Result<Option<Identity>, BindError> {
    let failed = |source| BindError::Io { path: path.to_owned(), source };
    let there = match fs::symlink_metadata(path) {
        Ok(there) => there,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    if !there.file_type().is_socket() {
        return Err(BindError::NotASocket { path: path.to_owned() });
    }
    let connected = SocketAddrUnix::new(path)
        .and_then(|address| connect(stream_socket(SocketFlags::CLOEXEC | SocketFlags::NONBLOCK)?, &address));
    match connected {
        Err(Errno::CONNREFUSED) => Ok(Some(Identity::from(&there))),
        Err(Errno::NOENT) => Ok(None),
        // With too many clients that wait for it, it lives all the same.
        Ok(()) | Err(Errno::AGAIN) => Err(BindError::Live { path: path.to_owned() }),
        Err(error) => Err(failed(error.into())),
    }
}

fn stream_socket(flags: SocketFlags) -> rustix::io::Result<OwnedFd> {
    socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)
}
