//! The text of the control protocol. It is an interface: other programs speak it.

#![allow(missing_docs, reason = "tests")]

use proptest::prelude::*;
use switchboard_machine::control::protocol::{
    Answer, Change, ChangeReport, ChangeResult, Command, CpuState, CpuStatus, Description, MachineState,
    Problem, ProblemCode, Reply, Request, Response, Status,
};

/// A request is written and read as this, after the protocol's number.
#[track_caller]
fn assert_request(command: Command, text: &str) {
    let request = Request::new(command);
    let text = format!(r#"{{"protocol":1,{text}}}"#);
    assert_eq!(serde_json::to_string(&request).unwrap(), text);
    assert_eq!(serde_json::from_str::<Request>(&text).unwrap(), request);
}

#[track_caller]
fn assert_response(answer: Result<Reply, Problem>, text: &str) {
    let response = Response::new(answer);
    let text = format!(r#"{{"protocol":1,{text}}}"#);
    assert_eq!(serde_json::to_string(&response).unwrap(), text);
    assert_eq!(serde_json::from_str::<Response>(&text).unwrap(), response);
}

#[track_caller]
fn refused(text: &str) -> String {
    serde_json::from_str::<Request>(text).unwrap_err().to_string()
}

#[test]
fn requests_without_fields() {
    for (command, name) in [
        (Command::Status, "status"),
        (Command::Cpus, "cpus"),
        (Command::PowerButton, "power-button"),
        (Command::Reset, "reset"),
        (Command::Stop, "stop"),
        (Command::Pause, "pause"),
        (Command::Resume, "resume"),
        (Command::Wake, "wake"),
    ] {
        assert_request(command, &format!(r#""command":"{name}""#));
    }
}

#[test]
fn requests_about_cpus() {
    assert_request(Command::SetCpus { count: 4, wait: None }, r#""command":"set-cpus","count":4"#);
    assert_request(
        Command::SetCpus { count: 4, wait: Some(30000) },
        r#""command":"set-cpus","count":4,"wait":30000"#,
    );
    assert_request(Command::AddCpu { cpu: 3, wait: None }, r#""command":"add-cpu","cpu":3"#);
    assert_request(
        Command::AddCpu { cpu: u32::MAX, wait: Some(u64::MAX) },
        r#""command":"add-cpu","cpu":4294967295,"wait":18446744073709551615"#,
    );
    assert_request(
        Command::RemoveCpu { cpu: 3, wait: Some(0) },
        r#""command":"remove-cpu","cpu":3,"wait":0"#,
    );
}

#[test]
fn an_nmi_is_for_a_cpu_or_for_any() {
    assert_request(Command::Nmi { cpu: None }, r#""command":"nmi""#);
    assert_request(Command::Nmi { cpu: Some(3) }, r#""command":"nmi","cpu":3"#);
}

#[test]
fn fields_come_in_any_order_and_null_is_as_good_as_nothing() {
    let text = r#" { "wait" : null, "cpu" : 3, "command" : "add-cpu", "protocol" : 1 } "#;
    let request: Request = serde_json::from_str(text).unwrap();
    assert_eq!(request, Request::new(Command::AddCpu { cpu: 3, wait: None }));
}

#[test]
fn a_field_that_is_not_known_is_refused_in_a_request() {
    for command in [r#""status""#, r#""stop""#, r#""set-cpus","count":4"#, r#""add-cpu","cpu":3"#] {
        let text = format!(r#"{{"protocol":1,"command":{command},"timeout":5}}"#);
        assert!(refused(&text).contains("unknown field `timeout`"), "{text}");
    }
}

#[test]
fn a_field_of_another_command_is_refused() {
    for (command, field) in [
        (r#""status""#, "wait"),
        (r#""cpus""#, "cpu"),
        (r#""stop""#, "count"),
        (r#""add-cpu","cpu":3"#, "count"),
        (r#""set-cpus","count":4"#, "cpu"),
    ] {
        let text = format!(r#"{{"protocol":1,"command":{command},"{field}":5}}"#);
        assert!(refused(&text).contains(&format!("no field `{field}`")), "{text}");
    }
}

#[test]
fn a_field_that_is_missing_is_named() {
    for (text, field) in [
        (r#"{"command":"status"}"#, "protocol"),
        (r#"{"protocol":1}"#, "command"),
        (r#"{"protocol":1,"command":"set-cpus"}"#, "count"),
        (r#"{"protocol":1,"command":"add-cpu","wait":5}"#, "cpu"),
        (r#"{"protocol":1,"command":"remove-cpu","cpu":null}"#, "cpu"),
    ] {
        assert!(refused(text).contains(&format!("missing field `{field}`")), "{text}");
    }
}

#[test]
fn unknown_commands_wrong_types_and_repeated_fields_are_refused() {
    for (text, says) in [
        (r#"{"protocol":1,"command":"explode"}"#, "unknown variant `explode`, expected one of `status`"),
        (r#"{"protocol":1,"command":"Status"}"#, "unknown variant"),
        (r#"{"protocol":1,"command":7}"#, "at line 1"),
        (r#"{"protocol":1,"command":{"status":{}}}"#, "invalid type"),
        (r#"{"protocol":1,"command":["status"]}"#, "at line 1"),
        (r#"{"protocol":"1","command":"status"}"#, "invalid type"),
        (r#"{"protocol":-1,"command":"status"}"#, "invalid value"),
        (r#"{"protocol":1,"command":"add-cpu","cpu":"3"}"#, "invalid type"),
        (r#"{"protocol":1,"command":"add-cpu","cpu":3.5}"#, "invalid type"),
        (r#"{"protocol":1,"command":"add-cpu","cpu":4294967296}"#, "invalid value"),
        (r#"{"protocol":1,"command":"add-cpu","cpu":3,"cpu":4}"#, "duplicate field `cpu`"),
        (r#"{"protocol":1,"command":"status","command":"stop"}"#, "duplicate field `command`"),
        (r#"{"protocol":1,"command":"status"} {}"#, "trailing characters"),
        ("7", "invalid type"),
        ("", "EOF"),
    ] {
        let error = refused(text);
        assert!(error.contains(says), "{text}: {error}");
    }
}

#[test]
fn replies_that_are_about_the_machine() {
    assert_response(Ok(Reply::Done), r#""reply":{"kind":"done"}"#);
    let status =
        |state, description| Status { state, description, possible: 4, present: 3, online: 2, resets: 1 };
    for (state, name) in [
        (MachineState::Starting, "starting"),
        (MachineState::Running, "running"),
        (MachineState::Paused, "paused"),
        (MachineState::Suspended, "suspended"),
        (MachineState::Ended, "ended"),
    ] {
        for (description, described) in
            [(Description::Acpi, "acpi"), (Description::DeviceTree, "device-tree")]
        {
            let text = format!(
                r#""reply":{{"kind":"status","state":"{name}","description":"{described}","possible":4,"present":3,"online":2,"resets":1}}"#
            );
            assert_response(Ok(Reply::Status(status(state, description))), &text);
        }
    }
}

#[test]
fn replies_that_list_cpus() {
    for (state, state_name) in
        [(CpuState::Absent, "absent"), (CpuState::Off, "off"), (CpuState::Online, "online")]
    {
        for (pending, pending_text) in [
            (None, ""),
            (Some(Change::Add), r#","pending":"add""#),
            (Some(Change::Remove), r#","pending":"remove""#),
        ] {
            let cpu = CpuStatus { cpu: 3, affinity: 0x1_0000_0003, state, pending };
            let text = format!(
                r#""reply":{{"kind":"cpus","cpus":[{{"cpu":3,"affinity":4294967299,"state":"{state_name}"{pending_text}}}]}}"#
            );
            assert_response(Ok(Reply::Cpus { cpus: vec![cpu] }), &text);
        }
    }
}

#[test]
fn replies_about_changes() {
    assert_response(Ok(Reply::Changes { changes: vec![] }), r#""reply":{"kind":"changes","changes":[]}"#);
    for (result, text) in [
        (ChangeResult::Requested, r#""is":"requested""#),
        (ChangeResult::Online, r#""is":"online""#),
        (ChangeResult::Released, r#""is":"released""#),
        (ChangeResult::Refused { event: 0x103, status: 0x82 }, r#""is":"refused","event":259,"status":130"#),
        (ChangeResult::Unheard, r#""is":"unheard""#),
        (ChangeResult::Unanswered, r#""is":"unanswered""#),
        (ChangeResult::NotOnline, r#""is":"not-online""#),
        (ChangeResult::Abandoned, r#""is":"abandoned""#),
        (ChangeResult::Failed, r#""is":"failed""#),
    ] {
        let report = ChangeReport { cpu: 3, change: Change::Remove, result, milliseconds: 250 };
        let text = format!(
            r#""reply":{{"kind":"changes","changes":[{{"cpu":3,"change":"remove","result":{{{text}}},"milliseconds":250}}]}}"#
        );
        assert_response(Ok(Reply::Changes { changes: vec![report] }), &text);
    }
}

#[test]
fn problems() {
    for (code, name) in [
        (ProblemCode::Malformed, "malformed"),
        (ProblemCode::Protocol, "protocol"),
        (ProblemCode::NoSuchCpu, "no-such-cpu"),
        (ProblemCode::BootCpu, "boot-cpu"),
        (ProblemCode::CpuCount, "cpu-count"),
        (ProblemCode::Unchanged, "unchanged"),
        (ProblemCode::Busy, "busy"),
        (ProblemCode::DeviceTree, "device-tree"),
        (ProblemCode::KvmPsci, "kvm-psci"),
        (ProblemCode::State, "state"),
        (ProblemCode::TooMany, "too-many"),
        (ProblemCode::Other, "other"),
    ] {
        let problem = Problem::new(code, "why");
        assert_response(Err(problem.clone()), &format!(r#""problem":{{"code":"{name}","message":"why"}}"#));
        let text = format!(r#""problem":{{"code":"{name}","message":"why","hint":"what to do"}}"#);
        assert_response(Err(problem.with_hint("what to do")), &text);
    }
}

#[test]
fn what_a_later_server_says_besides_is_ignored() {
    let text = r#"{"protocol":1,"machine":"a","reply":{"kind":"changes","took":7,"changes":[
        {"cpu":3,"change":"add","why":[],"result":{"is":"online","node":0},"milliseconds":5}]}}"#;
    let response: Response = serde_json::from_str(text).unwrap();
    let report = ChangeReport { cpu: 3, change: Change::Add, result: ChangeResult::Online, milliseconds: 5 };
    assert_eq!(response, Response::new(Ok(Reply::Changes { changes: vec![report] })));

    let text = r#"{"protocol":9,"problem":{"code":"on-fire","message":"m","since":1}}"#;
    let response: Response = serde_json::from_str(text).unwrap();
    assert_eq!(response.protocol, 9);
    assert_eq!(response.answer, Answer::Problem(Problem::new(ProblemCode::Other, "m")));
}

#[test]
fn every_example_of_the_guide_is_what_the_types_write() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/src/reference/control.md");
    let page = std::fs::read_to_string(path).unwrap();
    let mut examples = 0;
    for block in page.split("```json\n").skip(1) {
        let (block, _) = block.split_once("```").expect("the block ends");
        for line in block.lines() {
            let written = if line.contains(r#""command""#) {
                serde_json::from_str::<Request>(line).map(|request| serde_json::to_string(&request))
            } else {
                serde_json::from_str::<Response>(line).map(|response| serde_json::to_string(&response))
            };
            assert_eq!(written.expect(line).unwrap(), line);
            examples += 1;
        }
    }
    assert!(examples >= 20, "the page has examples");
}

#[test]
fn the_guide_names_every_problem() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/src/reference/control.md");
    let page = std::fs::read_to_string(path).unwrap();
    let listed =
        page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`')).map(|(name, _)| name);
    let listed: Vec<&str> = listed.collect();
    for name in [
        "malformed",
        "protocol",
        "no-such-cpu",
        "boot-cpu",
        "cpu-count",
        "unchanged",
        "busy",
        "device-tree",
        "kvm-psci",
        "state",
        "too-many",
    ] {
        assert!(listed.contains(&name), "{name}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_the_types_panic(text in r#"[{}\[\]":, a-z0-9\\-]{0,80}"#) {
        let _ = serde_json::from_str::<Request>(&text);
        let _ = serde_json::from_str::<Response>(&text);
    }
}
