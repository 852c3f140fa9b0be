//! Calls that another process answers, under a real guest. In the lab, on real KVM.

#![cfg(target_arch = "aarch64")]
#![allow(missing_docs, reason = "tests")]

mod common;

use std::{
    env, fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use common::{Guest, Operator, path};
use switchboard_external::{
    protocol::{ArgumentCount, Request},
    server::{Handler, Server},
};
use switchboard_firmware::Results;
use switchboard_smccc::Register;

/// What the guest's test calls: a sum and an echo.
struct Sip {
    calls: AtomicU64,
    /// How long each answer takes.
    takes: Duration,
}

impl Handler for Sip {
    fn arguments(&self) -> ArgumentCount {
        ArgumentCount::new(4).unwrap()
    }

    fn call(&self, request: &Request) -> Results {
        self.calls.fetch_add(1, Ordering::Relaxed);
        thread::sleep(self.takes);
        let x = |register| request.arguments.get(register);
        match request.function.0 {
            0xc200_0000 => Results::of(x(Register::X1).wrapping_add(x(Register::X2))),
            _ => Register::all().skip(1).take(4).fold(Results::of(0), |results, n| results.with(n, x(n))),
        }
    }
}

/// Serves until the test's process ends.
fn serve(name: &str, takes: Duration) -> (PathBuf, Arc<Sip>) {
    let socket = env::temp_dir().join(format!("{name}-{}.socket", std::process::id()));
    let sip = Arc::new(Sip { calls: AtomicU64::new(0), takes });
    let (server, handler) = (Server::bind(&socket).unwrap(), Arc::clone(&sip));
    thread::spawn(move || server.serve(&*handler));
    (socket, sip)
}

fn range(socket: &Path, options: &str) -> String {
    format!("0xC2000000+0x100=unix:{}{options}", path(socket))
}

#[test]
fn a_call_is_answered_by_another_process_for_the_registers_that_it_wants() {
    let (socket, sip) = serve("answers", Duration::ZERO);
    let ended = Guest::bare("test=external calls=1000 conduit=smc", &["--serve", &range(&socket, "")]).end();
    ended.assert_code(0);
    ended.assert_tap();

    assert_eq!(sip.calls.load(Ordering::Relaxed), 1000);
    let external = &ended.calls["external"][0];
    assert_eq!((&external["requests"], &external["answered"]), (&1000.into(), &1000.into()));
    // x1 to x4, because the server asks for them; x0, and of the echo nothing that is there already.
    let rows = ended.calls["calls"].as_array().unwrap().iter().filter(|row| row["answered_by"] == "external");
    for row in rows {
        let count = row["count"].as_u64().unwrap();
        assert_eq!(row["register_reads"], 4 * count, "{row}");
        assert_eq!(row["register_writes"], count, "{row}");
    }
}

#[test]
fn a_process_that_does_not_answer_costs_the_guest_the_timeout_and_no_more() {
    let (socket, _) = serve("stalls", Duration::from_secs(3600));
    let serve = range(&socket, ",timeout=20ms");
    let ended = Guest::bare("test=external calls=20 expect=failure conduit=hvc", &["--serve", &serve]).end();
    ended.assert_code(0);
    ended.assert_tap();
    let external = &ended.calls["external"][0];
    let count = |what| external[what].as_u64().unwrap();
    assert!(count("timeouts") > 0, "{external}");
    // Who leaves so many unanswered is taken for gone, and the guest does not wait for him.
    assert_eq!(count("timeouts") + count("unserved") + count("lost"), 20, "{external}");
}

#[test]
fn a_guest_whose_call_waits_can_be_paused_reset_and_stopped_at_once() {
    let (socket, sip) = serve("waits", Duration::from_secs(3600));
    let operator = Operator::new("external");
    let (serve, calls) = (range(&socket, ",timeout=60s"), "test=external calls=1 expect=failure conduit=hvc");
    let guest = Guest::bare(calls, &["--serve", &serve, "--control", operator.socket(), "--cpus", "2"]);
    let asked = |count| {
        while sip.calls.load(Ordering::Relaxed) < count {
            thread::sleep(Duration::from_millis(5));
        }
    };

    asked(1);
    let began = Instant::now();
    operator.must(&["pause"]);
    operator.must(&["resume"]);
    operator.must(&["reset"]);
    // The new life asks another time: the server has a thread for each monitor, and this one is still busy.
    while operator.must(&["status"])["resets"] != 1 {}
    operator.must(&["stop"]);
    guest.end().assert_code(68);
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
}

#[test]
fn a_path_where_nobody_listens_is_found_before_the_guest_runs() {
    let nobody = env::temp_dir().join("nobody.socket");
    let _ = fs::remove_file(&nobody);
    let ended = Guest::bare("test=off", &["--serve", &range(&nobody, "")]).end();
    ended.assert_code(14);
    assert!(ended.errors.contains("nobody.socket") && ended.errors.contains("hint:"), "{}", ended.errors);
}

#[test]
fn a_range_that_a_service_has_already_is_refused() {
    let (socket, _) = serve("twice", Duration::ZERO);
    let serve = format!("0x84000000+4=unix:{}", path(&socket));
    let ended = Guest::bare("test=off", &["--serve", &serve]).end();
    ended.assert_code(15);
    assert!(ended.errors.contains("external"), "{}", ended.errors);
}
