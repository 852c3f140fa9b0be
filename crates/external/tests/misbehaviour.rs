//! Servers that do what they should not, and what it costs a guest.

mod common;

use std::{
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use common::{
    Board, Place, SUM,
    board::Returned,
    peer::{Peer, Sip, answer_to, eventually},
};
use switchboard_external::{LinkProblem, protocol::ProtocolError};

const RANGE: &str = "0xC2000000+0x100";
/// The timeout is never what ends these calls.
const LONG: &str = ",timeout=30s,failure=0x77";
const SOON: Duration = Duration::from_secs(5);

fn is_failure(call: &Returned) -> bool {
    call.x[0] == 0x77
}

/// The guest makes one call, which the server answers so.
fn after(answer: impl FnOnce(&mut Peer, &[u8]) + Send + 'static) -> (Place, Board, Returned) {
    let place = Place::new();
    let peer = place.scripted(|peer| {
        peer.hello(2);
        let request = peer.request().unwrap();
        answer(peer, &answer_to(&request));
    });
    let board = Board::new(&[place.spec(RANGE, LONG)], 1);
    let call = board.run_connected(|| {
        let call = board.guest(0).hvc(&[SUM, 1, 2]);
        peer.join().unwrap();
        call
    });
    (place, board, call)
}

/// So is the connection closed, and the call answered at once.
fn is_caught(answer: impl FnOnce(&mut Peer, &[u8]) + Send + 'static, expected: ProtocolError) {
    let (_place, board, call) = after(|peer, response| {
        answer(peer, response);
        peer.drain();
    });
    let external = &board.externals[0];
    assert!(is_failure(&call) && call.took < SOON, "{expected}: {call:?}");
    assert_eq!((external.counts().lost, external.counts().protocol_errors), (1, 1), "{expected}");
    assert_eq!(external.last_problem(), Some(LinkProblem::Protocol(expected)));
}

#[test]
fn a_length_of_nothing_closes_the_connection() {
    is_caught(|peer, _| peer.send(&[0; 4]), ProtocolError::Length(0));
}

#[test]
fn a_length_of_4_gib_closes_the_connection_before_anything_of_it_is_there() {
    is_caught(|peer, _| peer.send(&[0xff; 4]), ProtocolError::Length(u32::MAX));
}

#[test]
fn a_length_beyond_the_largest_frame_closes_the_connection() {
    is_caught(|peer, _| peer.send(&253_u32.to_le_bytes()), ProtocolError::Length(253));
}

#[test]
fn a_length_that_is_too_short_for_its_registers_closes_the_connection() {
    let answer = |peer: &mut Peer, response: &[u8]| {
        let mut short = response[..response.len() - 1].to_vec();
        short[0] -= 1;
        peer.send(&short);
    };
    is_caught(answer, ProtocolError::Size { kind: 4, length: 20 });
}

#[test]
fn a_length_that_is_too_long_for_its_registers_closes_the_connection() {
    let answer = |peer: &mut Peer, response: &[u8]| {
        let mut long = [response, &[0]].concat();
        long[0] += 1;
        peer.send(&long);
    };
    is_caught(answer, ProtocolError::Size { kind: 4, length: 22 });
}

#[test]
fn a_register_above_x17_closes_the_connection() {
    let answer = |peer: &mut Peer, response: &[u8]| {
        let mut set = response.to_vec();
        set[15] = 4;
        peer.send(&set);
    };
    is_caught(answer, ProtocolError::Registers(0x4_0001));
}

#[test]
fn a_wrong_sequence_number_closes_the_connection() {
    let answer = |peer: &mut Peer, response: &[u8]| {
        let mut wrong = response.to_vec();
        wrong[5] += 1;
        peer.send(&wrong);
    };
    is_caught(answer, ProtocolError::Unasked(2));
}

#[test]
fn a_second_hello_closes_the_connection() {
    is_caught(|peer, _| peer.hello(2), ProtocolError::Order(1));
}

#[test]
fn a_server_that_closes_within_a_frame_loses_the_call_at_once() {
    let (_place, board, call) = after(|peer, response| peer.send(&response[..9]));
    assert!(is_failure(&call) && call.took < SOON);
    let counts = board.externals[0].counts();
    assert_eq!((counts.lost, counts.protocol_errors), (1, 0));
}

#[test]
fn a_duplicate_closes_the_connection_and_changes_no_answer() {
    let (_place, board, call) = after(|peer, response| {
        peer.send(&[response, response].concat());
        peer.drain();
    });
    assert_eq!(call.x[0], 3);
    assert!(call.took < SOON, "its CPU was woken: {:?}", call.took);
    assert!(eventually(|| board.externals[0].counts().protocol_errors == 1));
}

#[test]
fn a_server_that_sends_byte_by_byte_is_understood() {
    let (_place, board, call) = after(|peer, response| {
        for &byte in response {
            peer.send(&[byte]);
            thread::sleep(Duration::from_millis(2));
        }
    });
    assert_eq!(call.x[0], 3);
    assert!(call.took < SOON, "its CPU was woken: {:?}", call.took);
    assert_eq!(board.externals[0].counts().protocol_errors, 0);
}

#[test]
fn a_server_that_stalls_is_waited_for_until_the_timeout_and_delays_nobody_else() {
    let (stalled, good) = (Place::new(), Place::new());
    let (end, ended) = mpsc::channel::<()>();
    let peer = stalled.scripted(move |peer| {
        peer.hello(17);
        let _ = ended.recv();
    });
    good.serve(Sip(2));
    let specs =
        [stalled.spec("0xC3000000+0x100", ",timeout=500ms,failure=0x77"), good.spec(RANGE, ",timeout=30s")];
    let board = Board::new(&specs, 4);
    board.run_connected(|| {
        thread::scope(|scope| {
            for cpu in 0..3 {
                let mut guest = board.guest(cpu);
                scope.spawn(move || {
                    let call = guest.hvc(&[0xc300_0000]);
                    assert!(is_failure(&call));
                    let margin = Duration::from_millis(500)..Duration::from_millis(1500);
                    assert!(margin.contains(&call.took), "{:?}", call.took);
                });
            }
            let mut guest = board.guest(3);
            let start = Instant::now();
            let mut calls = 0;
            while start.elapsed() < Duration::from_millis(400) {
                assert_eq!(guest.hvc(&[SUM, 1, 2]).x[0], 3);
                calls += 1;
            }
            assert!(calls >= 20, "{calls} calls of another service meanwhile");
        });
    });
    drop(end);
    peer.join().unwrap();
    assert_eq!(board.externals[0].counts().timeouts, 3);
}

#[test]
fn one_slow_answer_does_not_hold_up_the_answers_to_other_cpus() {
    let place = Place::new();
    let peer = place.scripted(|peer| {
        peer.hello(2);
        let first = peer.request().unwrap();
        while let Some(request) = peer.request() {
            peer.answer(&request);
            if request.arguments.values() == [9, 9] {
                peer.answer(&first);
            }
        }
    });
    let board = Board::new(&[place.spec(RANGE, LONG)], 2);
    board.run_connected(|| {
        let (mut slow, mut quick) = (board.guest(0), board.guest(1));
        thread::scope(|scope| {
            scope.spawn(move || assert_eq!(slow.hvc(&[SUM, 1, 2]).x[0], 3));
            assert!(eventually(|| board.externals[0].counts().requests == 1));
            for n in 0..10 {
                assert_eq!(quick.hvc(&[SUM, n, n]).x[0], 2 * n, "out of order");
            }
        });
    });
    peer.join().unwrap();
}

#[test]
fn a_server_that_never_answers_is_sent_away_and_calls_are_answered_at_once_then() {
    let place = Place::new();
    let peer = place.scripted(|peer| {
        peer.hello(17);
        peer.drain()
    });
    let board = Board::new(&[place.spec(RANGE, ",timeout=1ms,failure=0x77")], 1);
    board.run_connected(|| {
        let mut guest = board.guest(0);
        // Some are over before the link has taken them.
        for _ in 0..10_000 {
            assert!(is_failure(&guest.hvc(&[SUM, 1, 2])));
            if board.externals[0].counts().unserved > 0 {
                break;
            }
        }
        assert_eq!(peer.join().unwrap(), 27 + 16 * (22 + 17 * 8), "a hello and 16 requests");
    });
    let external = &board.externals[0];
    assert_eq!((external.counts().protocol_errors, external.counts().unserved), (1, 1));
}

#[test]
fn a_server_that_floods_is_sent_away_and_starves_nobody() {
    let (flooding, good) = (Place::new(), Place::new());
    let peer = flooding.scripted(|peer| {
        peer.hello(2);
        let response = answer_to(&peer.request().unwrap());
        let mut sent = 0_u64;
        while std::io::Write::write_all(&mut peer.stream, &response).is_ok() {
            sent += 1;
        }
        sent
    });
    good.serve(Sip(2));
    let specs = [flooding.spec("0xC3000000+0x100", LONG), good.spec(RANGE, LONG)];
    let board = Board::new(&specs, 2);
    board.run_connected(|| {
        thread::scope(|scope| {
            let (mut flooded, mut other) = (board.guest(0), board.guest(1));
            scope.spawn(move || flooded.hvc(&[0xc300_0000]));
            for _ in 0..100 {
                assert_eq!(other.hvc(&[SUM, 1, 2]).x[0], 3);
            }
        });
        let sent = peer.join().unwrap();
        assert!(sent < 100_000, "{sent} responses until it was sent away");
        assert!(eventually(|| board.externals[0].counts().protocol_errors == 1));
    });
}

#[test]
fn a_reply_after_the_timeout_is_dropped_and_the_next_call_gets_its_own() {
    let place = Place::new();
    let (answer, answered) = mpsc::channel::<()>();
    let peer = place.scripted(move |peer| {
        peer.hello(2);
        let late = peer.request().unwrap();
        answered.recv().unwrap();
        peer.answer(&late);
        let next = peer.request().unwrap();
        peer.answer(&next);
        peer.drain();
    });
    let board = Board::new(&[place.spec(RANGE, ",timeout=200ms,failure=0x77")], 1);
    board.run_connected(|| {
        let mut guest = board.guest(0);
        assert!(is_failure(&guest.hvc(&[SUM, 1, 2])));
        answer.send(()).unwrap();
        assert!(eventually(|| board.externals[0].counts().late == 1));
        assert_eq!(guest.hvc(&[SUM, 40, 2]).x[0], 42);
    });
    peer.join().unwrap();
    let counts = board.externals[0].counts();
    assert_eq!((counts.timeouts, counts.late, counts.answered, counts.protocol_errors), (1, 1, 1, 0));
}

#[test]
fn an_answer_to_a_guest_that_has_been_reset_is_dropped() {
    let place = Place::new();
    let peer = place.scripted(|peer| {
        peer.hello(2);
        let old = peer.request().unwrap();
        let new = peer.request().unwrap();
        peer.answer(&old);
        peer.answer(&new);
        peer.drain();
    });
    let board = Board::new(&[place.spec(RANGE, LONG)], 1);
    board.run_connected(|| {
        let external = &board.externals[0];
        thread::scope(|scope| {
            let mut guest = board.guest(0);
            let old = scope.spawn(move || {
                guest.hvc(&[SUM, 1, 1]);
                guest
            });
            assert!(eventually(|| external.counts().requests == 1));
            external.reset();
            board.wake_all();
            let mut guest = old.join().unwrap();
            assert_eq!(guest.hvc(&[SUM, 2, 2]).x[0], 4);
        });
    });
    peer.join().unwrap();
    assert_eq!(board.externals[0].counts().late, 1);
}

#[test]
fn closing_the_link_answers_the_calls_that_wait() {
    let place = Place::new();
    let peer = place.scripted(|peer| {
        peer.hello(2);
        peer.drain()
    });
    let board = Board::new(&[place.spec(RANGE, LONG)], 1);
    board.run_connected(|| {
        thread::scope(|scope| {
            let mut guest = board.guest(0);
            let call = scope.spawn(move || guest.hvc(&[SUM, 1, 2]));
            assert!(eventually(|| board.externals[0].counts().requests == 1));
            board.externals[0].link().close();
            assert!(is_failure(&call.join().unwrap()));
        });
    });
    peer.join().unwrap();
}

#[test]
fn a_server_that_accepts_and_closes_is_not_tried_again_and_again() {
    let place = Place::new();
    let listener = place.listen();
    let board = Board::new(&[place.spec(RANGE, "")], 1);
    listener.set_nonblocking(true).unwrap();
    let tries = board.run(|| {
        let start = Instant::now();
        let mut tries = 0;
        while start.elapsed() < Duration::from_millis(1200) {
            match listener.accept() {
                Ok(_) => tries += 1,
                Err(_) => thread::sleep(Duration::from_millis(5)),
            }
        }
        tries
    });
    assert!((2..=5).contains(&tries), "{tries} in 1.2 s: at 0, 0.1, 0.3 and 0.7 s");
    assert_eq!(board.externals[0].last_problem(), Some(LinkProblem::Closed));
}
