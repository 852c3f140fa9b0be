//! `switchboard ctl`, with a machine that says what a test wants it to.

#![allow(missing_docs, reason = "tests")]

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    os::unix::net::UnixListener,
    path::Path,
    process::{Command, Output},
    thread,
};

use tempfile::TempDir;

fn ctl(socket: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_switchboard")).arg("ctl").arg(socket).args(arguments).output().unwrap()
}

/// What `ctl` has asked, printed and ended with.
struct Talk {
    request: String,
    status: i32,
    output: String,
    errors: String,
}

/// Runs `ctl` on a socket whose machine says this to whatever it is asked.
fn talk(arguments: &[&str], answer: &str) -> Talk {
    let folder = TempDir::new().unwrap();
    let socket = folder.path().join("control");
    let listener = UnixListener::bind(&socket).unwrap();
    let answer = answer.to_owned();
    let machine = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = String::new();
        BufReader::new(&stream).read_line(&mut request).unwrap();
        stream.write_all(answer.as_bytes()).unwrap();
        request
    });
    let output = ctl(&socket, arguments);
    Talk {
        request: machine.join().unwrap().trim_end().to_owned(),
        status: output.status.code().unwrap(),
        output: String::from_utf8(output.stdout).unwrap(),
        errors: String::from_utf8(output.stderr).unwrap(),
    }
}

fn reply(reply: &str) -> String {
    format!("{{\"protocol\":1,\"reply\":{reply}}}\n")
}

fn change(cpu: u32, change: &str, result: &str, milliseconds: u32) -> String {
    format!(r#"{{"cpu":{cpu},"change":"{change}","result":{{{result}}},"milliseconds":{milliseconds}}}"#)
}

fn changes(changes: &[String]) -> String {
    reply(&format!(r#"{{"kind":"changes","changes":[{}]}}"#, changes.join(",")))
}

/// One CPU that something has gone wrong with: the status, what is said, and whether there is something to do.
#[track_caller]
fn assert_failed(change: String, status: i32, row: &str, message: &str, hint: &str) {
    let talk = talk(&["cpus", "set", "4", "--wait"], &changes(&[change]));
    assert_eq!(talk.status, status, "{}", talk.errors);
    assert!(talk.output.contains(row), "{}", talk.output);
    assert_eq!(talk.errors.lines().next(), Some(format!("error: {message}").as_str()));
    if hint.is_empty() {
        assert!(!talk.errors.contains("hint"), "{}", talk.errors);
    } else {
        assert!(talk.errors.contains("\n\nhint: ") && talk.errors.contains(hint), "{}", talk.errors);
    }
}

#[test]
fn each_command_asks_for_what_it_says() {
    for (arguments, request) in [
        (&["status"][..], r#""status""#),
        (&["cpus", "list"], r#""cpus""#),
        (&["cpus", "set", "4"], r#""set-cpus","count":4"#),
        (&["cpus", "set", "4", "--wait=5"], r#""set-cpus","count":4,"wait":5000"#),
        (&["cpus", "add", "3", "--wait"], r#""add-cpu","cpu":3,"wait":30000"#),
        (&["cpus", "add", "--wait", "3"], r#""add-cpu","cpu":3,"wait":30000"#),
        (&["cpus", "remove", "3", "--wait=0"], r#""remove-cpu","cpu":3,"wait":0"#),
        (&["power-button"], r#""power-button""#),
        (&["nmi"], r#""nmi""#),
        (&["nmi", "--cpu", "2"], r#""nmi","cpu":2"#),
        (&["reset"], r#""reset""#),
        (&["stop"], r#""stop""#),
        (&["pause"], r#""pause""#),
        (&["resume"], r#""resume""#),
        (&["wake"], r#""wake""#),
    ] {
        let talk = talk(arguments, &reply(r#"{"kind":"done"}"#));
        assert_eq!(talk.request, format!(r#"{{"protocol":1,"command":{request}}}"#));
        assert_eq!((talk.status, talk.output.as_str(), talk.errors.as_str()), (0, "", ""));
    }
}

#[test]
fn who_has_taken_an_nmi_is_said_and_that_nobody_has_is_a_failure() {
    let taken = talk(&["nmi"], &reply(r#"{"kind":"nmi","cpu":2}"#));
    assert_eq!((taken.status, taken.output.as_str()), (0, "CPU 2 has taken the NMI\n"));

    let waits = talk(&["nmi"], &reply(r#"{"kind":"nmi"}"#));
    assert_eq!((waits.status, waits.output.as_str()), (33, ""));
    assert!(waits.errors.starts_with("error: no CPU has taken the NMI yet"), "{}", waits.errors);
    assert!(waits.errors.contains("\n\nhint: "), "{}", waits.errors);
}

#[test]
fn the_status_is_a_line_for_each_figure() {
    let answer = reply(
        r#"{"kind":"status","state":"suspended","description":"acpi","possible":8,"present":3,"online":2,"resets":1}"#,
    );
    let talk = talk(&["status"], &answer);
    assert_eq!(talk.status, 0);
    assert_eq!(
        talk.output,
        "state                   suspended to RAM\n\
         hardware described by   ACPI\n\
         CPUs possible           8\n\
         CPUs present            3\n\
         CPUs online             2\n\
         resets                  1\n"
    );
}

#[test]
fn the_list_of_cpus_is_a_table() {
    let answer = reply(
        r#"{"kind":"cpus","cpus":[{"cpu":0,"affinity":0,"state":"online"},{"cpu":1,"affinity":1,"state":"off","pending":"remove"},{"cpu":16,"affinity":256,"state":"absent","pending":"add"}]}"#,
    );
    let talk = talk(&["cpus", "list"], &answer);
    assert_eq!(talk.status, 0);
    assert_eq!(
        talk.output,
        " CPU  affinity  state   asked for\n   0  0x0       online\n   1  0x1       off     remove\n  16  0x100     absent  add\n"
    );
}

#[test]
fn changes_that_went_well_are_a_table() {
    let answer = changes(&[
        change(3, "add", r#""is":"online""#, 1250),
        change(10, "remove", r#""is":"released""#, 40),
        change(11, "remove", r#""is":"requested""#, 0),
    ]);
    let talk = talk(&["cpus", "set", "4", "--wait"], &answer);
    assert_eq!((talk.status, talk.errors.as_str()), (0, ""));
    assert_eq!(
        talk.output,
        " CPU  asked for  result     after\n   3  add        online     1.2 s\n  10  remove     released   40 ms\n  11  remove     requested\n"
    );
}

#[test]
fn where_nothing_had_to_change_that_is_said() {
    let talk = talk(&["cpus", "set", "4"], &changes(&[]));
    assert_eq!((talk.status, talk.output.as_str()), (0, "nothing had to change\n"));
}

#[test]
fn a_guest_that_refuses_says_why_in_numbers_that_are_explained() {
    assert_failed(
        change(3, "remove", r#""is":"refused","event":259,"status":130"#, 40),
        32,
        "   3  remove     refused  40 ms",
        "the guest refused to give back CPU 3: `_OST` event 0x103, status 0x82: the device is busy",
        "dmesg",
    );
    assert_failed(
        change(3, "add", r#""is":"refused","event":1,"status":129"#, 40),
        32,
        "   3  add        refused  40 ms",
        "the guest refused to take CPU 3: `_OST` event 0x1, status 0x81: the device's driver could not be loaded",
        "dmesg",
    );
}

#[test]
fn a_guest_that_does_not_answer_in_time_may_do_so_later() {
    assert_failed(
        change(3, "add", r#""is":"unheard""#, 30_004),
        33,
        "not noticed   30 s",
        "CPU 3: the guest has not noticed the request within 30 s: it is still booting, or has no driver that listens",
        "the request stands",
    );
    assert_failed(
        change(3, "remove", r#""is":"unanswered""#, 500),
        33,
        "not answered  500 ms",
        "CPU 3: the guest has noticed the request, and has not answered it within 500 ms",
        "the request stands",
    );
}

#[test]
fn a_guest_that_does_not_bring_a_cpu_online_needs_somebody_who_does() {
    let online = change(12, "add", r#""is":"not-online""#, 30_000);
    let message = "CPU 12 is the guest's, which has not brought it online within 30 s";
    for hint in [
        "echo 1 > /sys/devices/system/cpu/cpu12/online",
        r#"SUBSYSTEM=="cpu", ACTION=="add", TEST=="online", ATTR{online}=="0", ATTR{online}="1""#,
    ] {
        assert_failed(online.clone(), 33, "not online   30 s", message, hint);
    }
}

#[test]
fn a_request_that_is_void_or_cannot_be_carried_out() {
    assert_failed(
        change(3, "add", r#""is":"abandoned""#, 70),
        34,
        "abandoned",
        "CPU 3: the request was abandoned after 70 ms: the machine has ended, or another request has taken its place",
        "",
    );
    assert_failed(
        change(3, "add", r#""is":"failed""#, 0),
        31,
        "failed",
        "CPU 3: the machine's host has no room for its thread",
        "threads",
    );
}

#[test]
fn of_several_cpus_the_worst_decides_and_each_is_told_of() {
    let results = [
        (r#""is":"online""#, 0),
        (r#""is":"abandoned""#, 34),
        (r#""is":"unheard""#, 33),
        (r#""is":"refused","event":3,"status":1"#, 32),
    ];
    for count in 1..=results.len() {
        let reports: Vec<_> =
            (1..).zip(&results[..count]).map(|(cpu, (result, _))| change(cpu, "add", result, 5)).collect();
        let talk = talk(&["cpus", "set", "5"], &changes(&reports));
        assert_eq!(talk.status, results[count - 1].1);
        assert_eq!(talk.errors.matches("error: ").count(), count - 1, "{}", talk.errors);
        assert_eq!(talk.output.lines().count(), 1 + count);
    }
}

#[test]
fn a_problem_is_the_machines_own_words() {
    let answer = "{\"protocol\":1,\"problem\":{\"code\":\"boot-cpu\",\"message\":\"CPU 0 stays\",\"hint\":\"remove another\"}}\n";
    let without_hint =
        "{\"protocol\":1,\"problem\":{\"code\":\"not-known-yet\",\"message\":\"CPU 0 stays\"}}\n";
    for (answer, errors) in
        [(answer, "error: CPU 0 stays\n\nhint: remove another\n"), (without_hint, "error: CPU 0 stays\n")]
    {
        let talk = talk(&["cpus", "remove", "0"], answer);
        assert_eq!((talk.status, talk.output.as_str(), talk.errors.as_str()), (31, "", errors));
    }
}

#[test]
fn json_is_what_the_machine_said() {
    let talk_of = |answer: &str| talk(&["--json", "cpus", "add", "3"], answer);

    let answer = changes(&[change(3, "add", r#""is":"unheard""#, 5)]);
    let talk = talk_of(&answer);
    let printed: serde_json::Value = serde_json::from_str(&talk.output).unwrap();
    let said: serde_json::Value = serde_json::from_str(&answer).unwrap();
    assert_eq!((talk.status, &printed), (33, &said["reply"]));
    assert!(talk.output.starts_with("{\n  \"kind\": \"changes\""), "{}", talk.output);
    assert!(talk.errors.starts_with("error: CPU 3"), "{}", talk.errors);

    let talk = talk_of(&reply(r#"{"kind":"done"}"#));
    assert_eq!((talk.status, talk.output.as_str()), (0, "{\n  \"kind\": \"done\"\n}\n"));

    let talk = talk_of("{\"protocol\":1,\"problem\":{\"code\":\"busy\",\"message\":\"later\"}}\n");
    assert_eq!(talk.output, "{\n  \"code\": \"busy\",\n  \"message\": \"later\"\n}\n");
    assert_eq!((talk.status, talk.errors.as_str()), (31, "error: later\n"));
}

#[test]
fn a_connection_that_fails_in_the_middle_is_status_1() {
    for (answer, says) in [
        ("", "the machine ended the connection before its answer"),
        ("{\"protocol\":1,\"reply\":{\"kind\":\"do", "the machine ended the connection before its answer"),
        ("what?\n", "the answer cannot be understood: expected value"),
        ("{\"protocol\":1}\n", "the answer cannot be understood"),
        ("{\"protocol\":1,\"reply\":{\"kind\":\"flowers\"}}\n", "unknown variant `flowers`"),
    ] {
        let talk = talk(&["stop"], answer);
        assert_eq!((talk.status, talk.output.as_str()), (1, ""), "{}", talk.errors);
        assert!(talk.errors.starts_with("error: asking the machine: "), "{}", talk.errors);
        assert!(talk.errors.contains(says), "{}", talk.errors);
    }
}

#[test]
fn where_nobody_listens_that_is_status_30_with_a_hint() {
    let folder = TempDir::new().unwrap();
    let stale = folder.path().join("stale");
    drop(UnixListener::bind(&stale).unwrap());
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let long = folder.path().join("x".repeat(200));
    for (socket, says) in [
        (folder.path().join("none"), "there is no such file"),
        (stale, "nobody listens on"),
        (file, "nobody listens on"),
        (folder.path().to_owned(), "nobody listens on"),
        (long, "cannot be connected to"),
    ] {
        let output = ctl(&socket, &["status"]);
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(30), "{errors}");
        assert!(errors.starts_with("error: ") && errors.contains(says), "{errors}");
        assert!(errors.contains(socket.to_str().unwrap()) && errors.contains("\n\nhint: "), "{errors}");
        assert!(output.stdout.is_empty(), "standard output is data");
    }
}

#[test]
fn wrong_usage_is_status_2() {
    for arguments in [
        &[][..],
        &["cpus"],
        &["cpus", "add"],
        &["cpus", "add", "one"],
        &["cpus", "add", "-1"],
        &["cpus", "add", "1", "--wait=soon"],
        &["cpus", "list", "--wait"],
        &["status", "--wait"],
        &["explode"],
    ] {
        assert_eq!(ctl(Path::new("socket"), arguments).status.code(), Some(2), "{arguments:?}");
    }
}
