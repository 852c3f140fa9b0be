//! A machine that starts, and a server that is not as it should be.

mod common;

use std::{fs, time::Instant};

use common::{
    Place,
    peer::{Peer, Sip},
};
use switchboard_external::{ConnectError, External, HANDSHAKE_TIMEOUT, LinkProblem, server::Server};

fn connect(place: &Place) -> Result<(), ConnectError> {
    External::new(&place.spec("0xC2000000+0x100", ""), 1).unwrap().connect_first()
}

/// The hello of a server whose first words are these.
fn greeted_by(hello: &'static [u8]) -> Result<(), ConnectError> {
    let place = Place::new();
    let peer = place.scripted(move |peer: &mut Peer| {
        peer.send(hello);
        peer.drain()
    });
    let result = connect(&place);
    if result.is_err() {
        peer.join().unwrap();
    }
    result
}

fn problem(result: Result<(), ConnectError>) -> (String, &'static str) {
    let error = result.unwrap_err();
    (error.problem.to_string(), error.hint())
}

#[test]
fn a_wrong_path_is_found_before_the_machine_runs() {
    let (text, hint) = problem(connect(&Place::new()));
    assert!(text.starts_with("connecting to it failed"));
    assert_eq!(hint, "start the server before the machine, and check the path");
}

#[test]
fn a_socket_that_nobody_listens_on_and_a_file_are_no_server() {
    let place = Place::new();
    drop(place.listen());
    assert_eq!(problem(connect(&place)).1, "nobody listens on that socket any more: start the server again");

    let place = Place::new();
    fs::write(place.path(), "").unwrap();
    assert!(connect(&place).is_err());
}

#[test]
fn a_path_that_no_socket_can_have_is_no_server() {
    let spec = format!("0xC2000000=unix:/{}", "a".repeat(200)).parse().unwrap();
    let error = External::new(&spec, 1).unwrap().connect_first().unwrap_err();
    assert_eq!(error.problem, LinkProblem::PathTooLong);
}

#[test]
fn a_server_with_another_magic_is_another_program() {
    let (text, hint) = problem(greeted_by(b"\x0c\0\0\0\x01SWBDCALM\x01\0\x02"));
    assert_eq!(text, "it does not speak this protocol: its first bytes are others");
    assert_eq!(
        hint,
        "check that the path is that of a server for function IDs, and not another program's socket"
    );
    let (text, _) = problem(greeted_by(b"HTTP/1.1 400 Bad Request\r\n\r\n"));
    assert_eq!(text, "it announced a frame of 1347703880 bytes: there are 1 to 252");
}

#[test]
fn a_server_of_version_0_is_refused_and_one_of_a_later_version_speaks_ours() {
    let (text, hint) = problem(greeted_by(b"\x0c\0\0\0\x01SWBDCALL\0\0\x02"));
    assert_eq!(text, "it speaks version 0 of the protocol, and this side 1");
    assert_eq!(hint, "use a server and a monitor of which one speaks the version of the other");
    assert_eq!(greeted_by(b"\x10\0\0\0\x01SWBDCALL\x07\0\x02more"), Ok(()));
}

#[test]
fn a_server_that_wants_more_arguments_than_there_are_is_refused() {
    let (text, _) = problem(greeted_by(b"\x0c\0\0\0\x01SWBDCALL\x01\0\x12"));
    assert_eq!(text, "it asks for 18 arguments: a call has 17 at most");
}

#[test]
fn a_server_that_says_nothing_is_given_five_seconds() {
    let place = Place::new();
    let peer = place.scripted(Peer::drain);
    let start = Instant::now();
    let error = connect(&place).unwrap_err();
    assert_eq!(error.problem, LinkProblem::Silent);
    assert!(start.elapsed() >= HANDSHAKE_TIMEOUT);
    peer.join().unwrap();
}

#[test]
fn a_server_replaces_a_socket_that_nobody_listens_on_and_nothing_else() {
    let place = Place::new();
    drop(place.listen());
    let server = Server::bind(&place.path()).unwrap();
    let live = Server::bind(&place.path()).unwrap_err();
    assert_eq!(live.hint(), "end that server, or serve on another path");
    drop(server);
    assert!(!place.path().exists(), "its file goes with it");

    fs::write(place.path(), "").unwrap();
    let file = Server::bind(&place.path()).unwrap_err();
    assert_eq!(file.hint(), "serve on another path, or remove what is there");
}

#[test]
fn a_servers_socket_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    place.serve(Sip(0));
    assert_eq!(fs::metadata(place.path()).unwrap().permissions().mode() & 0o777, 0o600);
}
