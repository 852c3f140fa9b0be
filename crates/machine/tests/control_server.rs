//! How the control socket treats its clients, good and bad.

#![allow(missing_docs, reason = "tests")]

mod common;

use std::{
    io::Write,
    time::{Duration, Instant},
};

use common::{Machine, PATIENCE, Raw, served};
use proptest::{prelude::*, test_runner::TestRunner};
use switchboard_machine::control::{
    Client, MAX_CLIENTS,
    protocol::{Command, MAX_LINE, ProblemCode, Reply},
};

#[test]
fn the_client_asks_and_the_server_answers() {
    served(&Machine::default(), |path, _| {
        let mut client = Client::connect(path).unwrap();
        assert_eq!(client.request(Command::Status).unwrap(), Ok(Reply::Done));
        let problem = client.request(Command::PowerButton).unwrap().unwrap_err();
        assert_eq!(problem.code, ProblemCode::State);
        assert_eq!(problem.hint.as_deref(), Some("take another"));
        let large = client.request(Command::SetCpus { count: 2000, wait: None }).unwrap().unwrap();
        assert!(matches!(large, Reply::Changes { changes } if changes.len() == 2000));
    });
}

#[test]
fn requests_that_come_at_once_are_answered_one_after_the_other() {
    served(&Machine::default(), |path, _| {
        let mut client = Raw::connect(path);
        let text = r#"{"protocol":1,"command":"status"}"#;
        client.send(format!("{text}\n{text}\r\n\nnonsense\n{text}\n{text}"));
        client.finish();
        assert_eq!(client.answer(), Ok(Reply::Done));
        assert_eq!(client.answer(), Ok(Reply::Done));
        client.problem(ProblemCode::Malformed);
        client.problem(ProblemCode::Malformed);
        assert_eq!(client.answer(), Ok(Reply::Done));
        assert_eq!(client.answer(), Ok(Reply::Done), "the last line may lack its newline");
        client.assert_end();
    });
}

#[test]
fn a_request_may_come_in_pieces() {
    served(&Machine::default(), |path, _| {
        let mut client = Raw::connect(path);
        for byte in b"{\"protocol\":1,\"command\":\"status\"}\n" {
            client.send([*byte]);
        }
        assert_eq!(client.answer(), Ok(Reply::Done));
    });
}

#[test]
fn what_is_wrong_with_a_line_is_said_and_the_next_one_is_read() {
    served(&Machine::default(), |path, _| {
        let mut client = Raw::connect(path);
        for (line, says) in [
            (&b"hello"[..], "this is no request: expected value, at byte 1"),
            (b"", "EOF while parsing a value"),
            (b"{\"protocol\":1,\"command\":\"status\",\"x\":1}", "unknown field `x`"),
            (b"{\"protocol\":1,\"command\":\"explode\"}", "unknown variant `explode`"),
            (b"{\"protocol\":1,\"command\":\"set-cpus\"}", "this is no request: missing field `count`"),
            (b"{\"protocol\":1,\"command\":\"status\"", "EOF while parsing an object, at byte 32"),
            (b"{\"protocol\":1,\"command\":\"\xff\xfe\"}", "invalid unicode code point, at byte"),
            (b"\x00\x01\x02\x80\xff", "at byte 1"),
            (b"[1,2,3]", "trailing characters"),
        ] {
            client.send([line, b"\n"].concat());
            let message = client.problem(ProblemCode::Malformed);
            assert!(message.contains(says), "{message}");
        }
        client.command("\"status\"");
        assert_eq!(client.answer(), Ok(Reply::Done));
    });
}

#[test]
fn what_is_nested_too_deep_is_refused() {
    served(&Machine::default(), |path, _| {
        let mut client = Raw::connect(path);
        for nested in ["[".repeat(60_000), format!("{{\"protocol\":{}", "{\"a\":".repeat(10_000))] {
            client.send(format!("{nested}\n"));
            client.problem(ProblemCode::Malformed);
        }
        client.send(format!("{{\"protocol\":1,\"x\":{}1{}}}\n", "[".repeat(1000), "]".repeat(1000)));
        let message = client.problem(ProblemCode::Malformed);
        assert!(message.contains("unknown field `x`"), "{message}");
    });
}

#[test]
fn another_version_of_the_protocol_is_refused_whatever_else_the_line_says() {
    served(&Machine::default(), |path, _| {
        let mut client = Raw::connect(path);
        for line in [
            r#"{"protocol":2,"command":"status"}"#,
            r#"{"protocol":0,"command":"status"}"#,
            r#"{"protocol":2,"do":{"what":["ever"]}}"#,
        ] {
            client.send(format!("{line}\n"));
            let message = client.problem(ProblemCode::Protocol);
            assert!(message.starts_with("this machine speaks protocol 1"), "{message}");
        }
    });
}

#[test]
fn a_line_may_have_its_full_length_and_not_a_byte_more() {
    served(&Machine::default(), |path, _| {
        let text = r#"{"protocol":1,"command":"status"}"#;
        let padding = " ".repeat(MAX_LINE - 1 - text.len());
        let mut client = Raw::connect(path);
        client.send(format!("{text}{padding}\n{text}{padding}\n"));
        assert_eq!(client.answer(), Ok(Reply::Done));
        assert_eq!(client.answer(), Ok(Reply::Done));

        for end in [" \n", "  "] {
            let mut client = Raw::connect(path);
            client.send(format!("{text}{padding}{end}"));
            let message = client.problem(ProblemCode::Malformed);
            assert!(message.contains("65536 bytes"), "{message}");
            client.assert_end();
        }
    });
}

#[test]
fn a_problem_is_short_however_long_the_mistake_is() {
    served(&Machine::default(), |path, _| {
        let mut client = Raw::connect(path);
        client.command(&format!("\"{}\"", "\\u0001".repeat(10_000)));
        let message = client.problem(ProblemCode::Malformed);
        assert!(message.len() < 400 && message.contains("..."), "{message}");
    });
}

#[test]
fn one_client_too_many_is_told_so_and_served_once_another_has_gone() {
    served(&Machine::default(), |path, _| {
        let mut clients: Vec<Raw> = (0..MAX_CLIENTS).map(|_| Raw::connect(path)).collect();
        for client in &mut clients {
            client.command("\"status\"");
            assert_eq!(client.answer(), Ok(Reply::Done));
        }
        let mut one_more = Raw::connect(path);
        assert!(one_more.problem(ProblemCode::TooMany).contains("16 clients"));
        one_more.assert_end();
        let problem = Client::connect(path).unwrap().request(Command::Status).unwrap().unwrap_err();
        assert_eq!(problem.code, ProblemCode::TooMany);

        clients.pop();
        let deadline = Instant::now() + PATIENCE;
        while Client::connect(path).unwrap().request(Command::Status).unwrap().is_err() {
            assert!(Instant::now() < deadline, "the place is free");
        }
    });
}

#[test]
fn a_client_that_does_not_read_its_answers_blocks_nobody_else() {
    let start = Instant::now();
    served(&Machine::default(), |path, _| {
        let slow = Raw::connect(path);
        slow.stream().set_nonblocking(true).unwrap();
        let request = b"{\"protocol\":1,\"command\":\"set-cpus\",\"count\":5000}\n";
        // Until nothing more goes in: the server waits to write.
        while (&mut slow.stream()).write_all(request).is_ok() {
            assert!(start.elapsed() < PATIENCE);
        }
        let mut quick = Client::connect(path).unwrap();
        assert_eq!(quick.request(Command::Status).unwrap(), Ok(Reply::Done));
        // The server closes while the slow client is still there.
    });
    assert!(start.elapsed() < PATIENCE);
}

#[test]
fn a_client_that_sends_without_end_does_not_hold_up_the_end() {
    let start = Instant::now();
    served(&Machine::default(), |path, server| {
        let flood = Raw::connect(path);
        let mut reader = Raw::connect(path);
        reader.command("\"status\"");
        reader.answer().unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let text = "{\"protocol\":1,\"command\":\"status\"}\n".repeat(100);
                while (&mut flood.stream()).write_all(text.as_bytes()).is_ok() {}
            });
            scope.spawn(|| {
                let mut stream = flood.stream();
                let _ = std::io::copy(&mut stream, &mut std::io::sink());
            });
            std::thread::sleep(Duration::from_millis(50));
            server.close();
        });
    });
    assert!(start.elapsed() < PATIENCE);
}

#[test]
fn closing_ends_silent_clients_and_refuses_new_ones() {
    let start = Instant::now();
    let mut silent = Vec::new();
    served(&Machine::default(), |path, server| {
        silent = (0..MAX_CLIENTS).map(|_| Raw::connect(path)).collect();
        silent[3].send("{\"protocol\":1,");
        server.close();
        let deadline = Instant::now() + PATIENCE;
        while std::os::unix::net::UnixStream::connect(path).is_ok() {
            assert!(Instant::now() < deadline, "nobody listens any more");
        }
    });
    silent.iter_mut().for_each(Raw::assert_end);
    assert!(start.elapsed() < PATIENCE);
}

#[test]
fn a_command_that_waits_blocks_its_client_alone_and_is_answered_when_the_machine_ends() {
    let machine = Machine::default();
    let mut waiting = None;
    served(&machine, |path, server| {
        let mut client = Raw::connect(path);
        client.command("\"reset\"");
        client.command("\"status\"");
        machine.wait_until_somebody_waits();
        let mut other = Client::connect(path).unwrap();
        assert_eq!(other.request(Command::Status).unwrap(), Ok(Reply::Done));
        server.close();
        machine.end();
        waiting = Some(client);
    });
    let mut client = waiting.unwrap();
    assert_eq!(client.problem(ProblemCode::State), "the machine has ended");
    // The next request was not read any more.
    client.assert_end();
}

#[test]
fn the_answer_to_the_command_that_ends_the_machine_arrives() {
    for _ in 0..100 {
        let machine = Machine::default();
        std::thread::scope(|scope| {
            served(&machine, |path, server| {
                let mut client = Client::connect(path).unwrap();
                let asked = scope.spawn(move || client.request(Command::Stop));
                // As the thread does that waits for the machine's end.
                machine.wait_for_end();
                server.close();
                assert_eq!(asked.join().unwrap().unwrap(), Ok(Reply::Done));
            });
        });
    }
}

#[test]
fn a_handler_that_panics_costs_its_client_the_connection_and_nothing_else() {
    served(&Machine::default(), |path, _| {
        let mut client = Raw::connect(path);
        client.command("\"pause\"");
        client.assert_end();
        let error = Client::connect(path).unwrap().request(Command::Pause).unwrap_err();
        assert!(error.to_string().contains("before its answer"), "{error}");
        let mut other = Client::connect(path).unwrap();
        assert_eq!(other.request(Command::Status).unwrap(), Ok(Reply::Done));
    });
}

#[test]
fn clients_that_go_leave_nothing_behind() {
    served(&Machine::default(), |path, _| {
        for _ in 0..10 * MAX_CLIENTS {
            let deadline = Instant::now() + PATIENCE;
            while Client::connect(path).unwrap().request(Command::Status).unwrap().is_err() {
                assert!(Instant::now() < deadline);
            }
            // Gone in the middle of a line, and without reading.
            Raw::connect(path).send("{\"protocol\":1,\"command\":\"status\"}\n{");
        }
    });
}

#[test]
fn clients_that_go_while_they_wait_leave_their_places_to_others() {
    served(&Machine::default(), |path, _| {
        let waiting: Vec<_> = (0..MAX_CLIENTS)
            .map(|_| {
                let mut client = Raw::connect(path);
                client.command(r#""wake""#);
                client
            })
            .collect();
        let mut one_too_many = Raw::connect(path);
        one_too_many.problem(ProblemCode::TooMany);

        drop(waiting);

        let deadline = Instant::now() + PATIENCE;
        while Client::connect(path).unwrap().request(Command::Status).unwrap() != Ok(Reply::Done) {
            assert!(Instant::now() < deadline, "their places are free");
        }
    });
}

#[test]
fn a_client_that_sends_nothing_more_has_not_gone() {
    served(&Machine::default(), |path, _| {
        let mut client = Raw::connect(path);
        client.command(r#""resume""#);
        client.finish();
        assert_eq!(client.answer(), Ok(Reply::Done));
    });
}

#[test]
fn random_lines_are_answered_with_exactly_one_line_each() {
    // Bytes as they come, and pieces of requests.
    let piece = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..20),
        prop::sample::select(vec![
            "{\"protocol\":1,\"command\":\"status\"}",
            "{",
            "}",
            "\"command\"",
            ":",
            ",",
            "\"cpu\"",
            "1e999",
            "-0",
            "null",
            "\\ud800",
            "\u{feff}",
            "\n",
            "\n\n",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
    ];
    let input = prop::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat());
    served(&Machine::default(), |path, _| {
        TestRunner::deterministic()
            .run(&input, |mut bytes| {
                bytes.push(b'\n');
                let lines = bytes.iter().filter(|&&byte| byte == b'\n').count();
                let mut client = Raw::connect(path);
                client.send(&bytes);
                client.finish();
                prop_assert_eq!(client.count_answers(), lines);
                Ok(())
            })
            .unwrap();
    });
}
