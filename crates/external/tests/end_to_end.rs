//! A guest's calls, through the model of KVM, the filter and the firmware, to another process and back.

mod common;

use std::{
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    thread,
    time::Duration,
};

use common::{
    Board, ECHO, NOT_SUPPORTED, Place, SUM,
    board::junk,
    peer::{Sip, eventually},
};
use rustix::process::{Pid, Signal, kill_process};
use switchboard_external::{External, ServeSpec};
use switchboard_firmware::{
    Call, CpuIndex, Host, Outcome, RegisterFault, Registers, Results, Service, SystemRegister,
};
use switchboard_smccc::{Conduit, FunctionId, Register};

const RANGE: &str = "0xC2000000+0x100";

/// The example in Python; it ends with the test. `None` where there is no Python.
struct Python(Child);

impl Python {
    fn serve(place: &Place) -> Option<Self> {
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/sip_service.py");
        let child = Command::new("python3")
            .arg(example)
            .arg(place.path())
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let Ok(child) = child else {
            println!("skipped: there is no python3");
            return None;
        };
        let python = Self(child);
        assert!(eventually(|| std::os::unix::net::UnixStream::connect(place.path()).is_ok()));
        Some(python)
    }

    fn stop(&self) {
        let pid = Pid::from_child(&self.0);
        kill_process(pid, Signal::STOP).unwrap();
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn both_functions_over_both_conduits(board: &Board) {
    board.run_connected(|| {
        let mut guest = board.guest(0);
        let sum = guest.hvc(&[SUM, 40, 2]);
        assert_eq!(sum.x[0], 42);
        assert_eq!(sum.x[3..], junk()[3..], "nothing else changes");

        let echo = guest.smc(&[ECHO, 1, u64::MAX, 3, 4]);
        assert_eq!(echo.x[..5], [0, 1, u64::MAX, 3, 4]);
        assert_eq!(guest.hvc(&[0xc200_0002]).x[0], NOT_SUPPORTED);
    });
    let counts = board.externals[0].counts();
    assert_eq!((counts.requests, counts.answered), (3, 3));
    assert_eq!((counts.unserved, counts.timeouts, counts.protocol_errors), (0, 0, 0));
}

#[test]
fn a_server_in_rust_answers_a_guests_calls() {
    let place = Place::new();
    place.serve(Sip(4));
    both_functions_over_both_conduits(&Board::new(&[place.spec(RANGE, "")], 1));
}

#[test]
fn a_server_in_python_answers_a_guests_calls() {
    let place = Place::new();
    let Some(_python) = Python::serve(&place) else { return };
    both_functions_over_both_conduits(&Board::new(&[place.spec(RANGE, "")], 1));
}

#[test]
fn a_server_that_is_killed_costs_nothing_and_is_found_again() {
    let place = Place::new();
    let Some(python) = Python::serve(&place) else { return };
    let board = Board::new(&[place.spec(RANGE, ",timeout=30s,failure=0x77")], 1);
    board.run_connected(|| {
        let mut guest = board.guest(0);
        assert_eq!(guest.hvc(&[SUM, 1, 2]).x[0], 3);

        python.stop();
        let killer = thread::spawn(move || {
            thread::sleep(Duration::from_millis(100));
            drop(python);
        });
        let pending = guest.hvc(&[SUM, 1, 2]);
        killer.join().unwrap();
        assert_eq!(pending.x[0], 0x77, "the defined answer");
        assert!(pending.took < Duration::from_secs(5), "as soon as it has gone: {:?}", pending.took);

        let unserved = guest.hvc(&[SUM, 1, 2]);
        assert_eq!((unserved.x[0], unserved.reads), (0x77, 0), "at once");
        let _again = Python::serve(&place);
        assert!(eventually(|| guest.hvc(&[SUM, 1, 2]).x[0] == 3));
    });
    let counts = board.externals[0].counts();
    assert_eq!((counts.lost, counts.reconnects), (1, 1));
}

#[test]
fn a_call_reads_as_many_registers_as_the_server_wants_and_writes_those_that_change() {
    for arguments in [0, 1, 2, 17] {
        let place = Place::new();
        place.serve(Sip(arguments));
        let board = Board::new(&[place.spec(RANGE, "")], 1);
        board.run_connected(|| {
            let sum = board.guest(0).hvc(&[SUM, 40, 2]);
            let expected = match arguments {
                0 => 0,
                1 => 40,
                _ => 42,
            };
            assert_eq!((sum.x[0], sum.reads, sum.writes), (expected, usize::from(arguments), 1));
        });
    }
}

#[test]
fn what_is_known_to_be_in_a_register_is_not_written_again() {
    let place = Place::new();
    place.serve(Sip(4));
    let board = Board::new(&[place.spec(RANGE, "")], 1);
    board.run_connected(|| {
        let echo = board.guest(0).hvc(&[ECHO, 1, 2, 3, 4]);
        assert_eq!((echo.reads, echo.writes), (4, 1), "x0 alone");
    });
}

#[test]
fn an_argument_of_a_32_bit_function_loses_its_upper_half() {
    let place = Place::new();
    place.serve(Sip(2));
    let board = Board::new(&[place.spec("0x82000000+0x100", "")], 1);
    board.run_connected(|| {
        assert_eq!(board.guest(0).hvc(&[0x8200_0000, 1 << 40 | 1, 1 << 40 | 2]).x[0], 3);
    });
}

#[test]
fn over_a_conduit_that_was_not_given_nobody_is_asked() {
    let place = Place::new();
    place.serve(Sip(2));
    let board = Board::new(&[place.spec(RANGE, ",conduit=smc")], 1);
    board.run_connected(|| {
        let mut guest = board.guest(0);
        assert_eq!(guest.hvc(&[SUM, 1, 2]).x[0], NOT_SUPPORTED);
        assert_eq!(guest.smc(&[SUM, 1, 2]).x[0], 3);
    });
    assert_eq!(board.externals[0].counts().requests, 1);
}

#[test]
fn many_cpus_call_at_once_and_each_gets_its_own_answer() {
    let place = Place::new();
    place.serve(Sip(2));
    let board = Board::new(&[place.spec(RANGE, ",timeout=30s")], 8);
    board.run_connected(|| {
        thread::scope(|scope| {
            for cpu in 0..8 {
                let mut guest = board.guest(cpu);
                scope.spawn(move || {
                    for n in 0..500_u64 {
                        let x1 = n << 8 | u64::try_from(cpu).unwrap();
                        assert_eq!(guest.hvc(&[SUM, x1, 1]).x[0], x1 + 1);
                    }
                });
            }
        });
    });
    let counts = board.externals[0].counts();
    assert_eq!((counts.requests, counts.answered, counts.timeouts), (4000, 4000, 0));
}

#[test]
fn without_a_server_a_call_is_answered_at_once_and_reads_nothing() {
    let place = Place::new();
    let board = Board::new(&[place.spec(RANGE, ",timeout=30s")], 1);
    board.run(|| {
        let call = board.guest(0).hvc(&[SUM, 1, 2]);
        assert_eq!((call.x[0], call.reads, call.writes), (NOT_SUPPORTED, 0, 1));
        assert!(call.took < Duration::from_secs(5));
    });
    assert_eq!(board.externals[0].counts().unserved, 1);
}

struct NoRegisters;

impl Registers for NoRegisters {
    fn read(&mut self, _: Register) -> Result<u64, RegisterFault> {
        panic!("nobody asked for one")
    }
    fn write(&mut self, _: Register, _: u64) -> Result<(), RegisterFault> {
        panic!("nobody wrote one")
    }
    fn read_system(&mut self, _: SystemRegister) -> Result<u64, RegisterFault> {
        panic!("nobody asked for one")
    }
}

struct NoClock;

impl Host for NoClock {}

#[test]
fn on_a_machine_without_a_clock_a_call_is_answered_at_once() {
    let place = Place::new();
    place.serve(Sip(2));
    let external = connected(&place.spec(RANGE, ""));
    let mut registers = NoRegisters;
    let mut call = Call::new(FunctionId(0xc200_0000), Conduit::Hvc, CpuIndex(0), &mut registers);
    assert_eq!(external.call(&mut call, &NoClock), Outcome::Return(Results::not_supported()));
}

fn connected(spec: &ServeSpec) -> Arc<External> {
    let external = External::new(spec, 1).unwrap();
    external.connect_first().unwrap();
    external
}
