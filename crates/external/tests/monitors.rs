//! Monitors that do what they should not, and a server that has several.

mod common;

use std::{
    io::{Read, Write},
    os::unix::net::UnixStream,
    sync::mpsc::{Receiver, Sender, channel},
    thread,
    time::Duration,
};

use common::{
    Board, Place, SUM,
    peer::{Sip, sip},
};
use switchboard_external::{
    protocol::{ArgumentCount, Arguments, Frame, MonitorHello, ProtocolError, Request, Sequence, Version},
    server::{Handler, ServeError},
};
use switchboard_filter::Range;
use switchboard_firmware::Results;
use switchboard_smccc::{Conduit, FunctionId};

/// Tells why each monitor has gone.
struct Watched(Sender<Result<(), ServeError>>);

impl Handler for Watched {
    fn arguments(&self) -> ArgumentCount {
        Sip(2).arguments()
    }

    fn call(&self, request: &Request) -> Results {
        sip(request)
    }

    fn gone(&self, why: Result<(), ServeError>) {
        self.0.send(why).unwrap();
    }
}

fn watched(place: &Place) -> Receiver<Result<(), ServeError>> {
    let (sender, receiver) = channel();
    place.serve(Watched(sender));
    receiver
}

fn hello(version: u16) -> Frame {
    let range = Range::literal(FunctionId(0xc200_0000), 0x100);
    MonitorHello { version: Version(version), range, cpus: 1 }.encode()
}

fn request(arguments: u8) -> Frame {
    let arguments = Arguments::read(ArgumentCount::new(arguments).unwrap(), |_| 1);
    let (sequence, function) = (Sequence(1), FunctionId(0xc200_0000));
    Request { sequence, function, conduit: Conduit::Hvc, caller: 0, arguments }.encode()
}

/// Why a monitor that sends this is sent away.
fn fate(sent: &[&[u8]]) -> ProtocolError {
    let place = Place::new();
    let gone = watched(&place);
    let mut monitor = UnixStream::connect(place.path()).unwrap();
    monitor.write_all(&sent.concat()).unwrap();
    let _ = monitor.read_to_end(&mut Vec::new());
    match gone.recv_timeout(Duration::from_secs(10)).unwrap() {
        Err(ServeError::Protocol(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_monitor_that_does_not_keep_to_the_protocol_is_sent_away() {
    let hello = hello(1);
    assert_eq!(fate(&[&[0xff; 4]]), ProtocolError::Length(u32::MAX));
    assert_eq!(fate(&[request(2).bytes()]), ProtocolError::Order(3));
    assert_eq!(fate(&[hello.bytes(), hello.bytes()]), ProtocolError::Order(2));
    let few = fate(&[hello.bytes(), request(1).bytes()]);
    assert_eq!(few, ProtocolError::ArgumentCount { got: 1, asked: 2 });
}

#[test]
fn a_monitor_that_does_not_speak_the_servers_version_is_sent_away() {
    for version in [0, 2, u16::MAX] {
        assert_eq!(fate(&[hello(version).bytes()]), ProtocolError::Version(Version(version)));
    }
}

#[test]
fn several_monitors_are_served_at_once_and_a_silent_one_holds_up_none() {
    let place = Place::new();
    let gone = watched(&place);
    let _silent = UnixStream::connect(place.path()).unwrap();
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let board = Board::new(&[place.spec("0xC2000000+0x100", ",timeout=30s")], 1);
                board.run_connected(|| {
                    let mut guest = board.guest(0);
                    for n in 0..100 {
                        assert_eq!(guest.hvc(&[SUM, n, n]).x[0], 2 * n);
                    }
                });
            });
        }
    });
    for _ in 0..3 {
        assert!(gone.recv_timeout(Duration::from_secs(10)).unwrap().is_ok());
    }
}

#[test]
fn of_more_monitors_than_there_can_be_the_last_are_sent_away() {
    let place = Place::new();
    let _gone = watched(&place);
    let mut greeted = |_| {
        let mut monitor = UnixStream::connect(place.path()).unwrap();
        let mut hello = [0; 16];
        let is_served = monitor.read_exact(&mut hello).is_ok();
        (monitor, is_served)
    };
    let monitors: Vec<_> = (0..20).map(&mut greeted).collect();
    assert_eq!(monitors.iter().filter(|(_, is_served)| *is_served).count(), 16);
}
