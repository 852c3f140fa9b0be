//! Where the control socket is, who may use it, and what is never replaced by it.

#![allow(missing_docs, reason = "tests")]

use std::{
    fs,
    os::unix::{
        fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink},
        net::{UnixDatagram, UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
    sync::Barrier,
    thread,
};

use switchboard_machine::control::{BindError, Server};
use tempfile::TempDir;

fn folder() -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("control");
    (folder, path)
}

/// A socket that nobody listens on any more.
fn leave_stale_socket(path: &Path) {
    drop(UnixListener::bind(path).unwrap());
    assert!(fs::metadata(path).unwrap().file_type().is_socket());
}

fn names(folder: &TempDir) -> Vec<String> {
    let entries = fs::read_dir(folder.path()).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn the_socket_is_its_owners_alone_and_goes_with_the_server() {
    let (folder, path) = folder();
    let server = Server::bind(&path).unwrap();
    let metadata = fs::symlink_metadata(&path).unwrap();
    assert!(metadata.file_type().is_socket());
    assert_eq!(metadata.permissions().mode() & 0o7777, 0o600);
    assert_eq!(names(&folder), ["control"]);
    UnixStream::connect(&path).unwrap();
    drop(server);
    assert!(names(&folder).is_empty());
}

#[test]
fn a_socket_that_nobody_listens_on_is_replaced() {
    let (folder, path) = folder();
    leave_stale_socket(&path);
    let _server = Server::bind(&path).unwrap();
    UnixStream::connect(&path).unwrap();
    assert_eq!(names(&folder), ["control"]);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
}

#[test]
fn a_socket_that_somebody_listens_on_is_left_alone() {
    let (folder, path) = folder();
    let _server = Server::bind(&path).unwrap();
    let before = fs::metadata(&path).unwrap().ino();
    let error = Server::bind(&path).err().unwrap();
    assert!(matches!(error, BindError::Live { .. }), "{error}");
    assert!(error.to_string().contains("another machine listens"), "{error}");
    assert!(error.hint().contains("--control"), "{}", error.hint());
    assert_eq!(fs::metadata(&path).unwrap().ino(), before);
    assert_eq!(names(&folder), ["control"]);
}

#[test]
fn a_socket_with_more_clients_than_it_has_room_for_is_no_stale_one() {
    let (_folder, path) = folder();
    let _server = Server::bind(&path).unwrap();
    let connect = || {
        let socket = rustix::net::socket_with(
            rustix::net::AddressFamily::UNIX,
            rustix::net::SocketType::STREAM,
            rustix::net::SocketFlags::NONBLOCK,
            None,
        )
        .unwrap();
        let address = rustix::net::SocketAddrUnix::new(&path).unwrap();
        rustix::net::connect(&socket, &address).map(|()| socket)
    };
    let clients: Vec<_> = (0..64).map_while(|_| connect().ok()).collect();
    assert!(clients.len() < 64, "nobody accepts them");
    assert!(matches!(Server::bind(&path), Err(BindError::Live { .. })));
}

#[test]
fn what_is_no_socket_is_left_alone() {
    let (folder, path) = folder();
    fs::write(&path, "precious").unwrap();
    let link = folder.path().join("link");
    leave_stale_socket(&folder.path().join("stale"));
    symlink("stale", &link).unwrap();
    for there in [path.as_path(), &link, folder.path(), Path::new("/dev/null"), Path::new("/")] {
        let error = Server::bind(there).err().unwrap();
        // Where nothing can be written at all, that is said first.
        assert!(matches!(error, BindError::NotASocket { .. } | BindError::Io { .. }), "{error}");
        assert!(there == Path::new("/dev/null") || matches!(error, BindError::NotASocket { .. }), "{error}");
        assert!(error.to_string().contains(there.to_str().unwrap()), "{error}");
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(names(&folder).len(), 3);
}

#[test]
fn a_socket_of_another_kind_is_left_alone() {
    let (folder, path) = folder();
    let _datagrams = UnixDatagram::bind(&path).unwrap();
    let error = Server::bind(&path).err().unwrap();
    assert!(matches!(error, BindError::Io { .. }), "{error}");
    assert_eq!(names(&folder), ["control"]);
}

#[test]
fn a_path_that_is_too_long_is_refused_with_the_length_that_is_possible() {
    let (folder, _) = folder();
    let base = folder.path().as_os_str().len() + 1;
    let longest = folder.path().join("x".repeat(107 - base));
    drop(Server::bind(&longest).unwrap());

    let error = Server::bind(&folder.path().join("x".repeat(108 - base))).err().unwrap();
    assert!(matches!(error, BindError::PathTooLong { length: 108, limit: 107 }), "{error}");
    assert!(error.to_string().contains("108 bytes long: at most 107"), "{error}");
    assert!(error.hint().contains("shorter"), "{}", error.hint());

    // A short name in a long folder: the name that the socket has first is longer.
    let deep = folder.path().join("x".repeat(107 - base - 3));
    fs::create_dir(&deep).unwrap();
    let error = Server::bind(&deep.join("ab")).err().unwrap();
    assert!(matches!(error, BindError::PathTooLong { length: 107, limit: 100 }), "{error}");
    assert_eq!(names(&folder).len(), 1);
}

#[test]
fn a_folder_that_is_not_there_is_an_error_that_names_the_path() {
    let (folder, _) = folder();
    let error = Server::bind(&folder.path().join("no/control")).err().unwrap();
    assert!(matches!(error, BindError::Io { .. }) && error.to_string().contains("no/control"), "{error}");
    assert!(error.hint().contains("folder"), "{}", error.hint());
}

#[test]
fn a_path_without_a_folder_is_in_the_present_one() {
    // Nothing else in this process depends on the present folder: the other tests' paths are absolute.
    let (folder, _) = folder();
    std::env::set_current_dir(folder.path()).unwrap();
    let server = Server::bind(Path::new("control")).unwrap();
    assert_eq!(names(&folder), ["control"]);
    drop(server);
    assert!(names(&folder).is_empty());
}

#[test]
fn a_file_that_has_taken_the_sockets_name_is_not_removed() {
    let (folder, path) = folder();
    let server = Server::bind(&path).unwrap();
    fs::remove_file(&path).unwrap();
    let other = UnixListener::bind(&path).unwrap();
    drop(server);
    assert_eq!(names(&folder), ["control"]);
    UnixStream::connect(&path).unwrap();
    drop(other);
}

#[test]
fn of_many_machines_that_start_at_once_exactly_one_gets_the_socket() {
    const MACHINES: usize = 8;
    for stale in 0..20 {
        let (folder, path) = folder();
        if stale % 2 == 0 {
            leave_stale_socket(&path);
        }
        let barrier = Barrier::new(MACHINES);
        let servers: Vec<_> = thread::scope(|scope| {
            let start = || {
                barrier.wait();
                Server::bind(&path)
            };
            let threads: Vec<_> = (0..MACHINES).map(|_| scope.spawn(start)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(servers.iter().filter(|server| server.is_ok()).count(), 1);
        UnixStream::connect(&path).unwrap();
        assert_eq!(names(&folder), ["control"]);
    }
}
