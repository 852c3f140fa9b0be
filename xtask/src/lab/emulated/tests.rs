//! Labs with something else for an emulator.

use std::thread;

use super::super::monitor::fake;
use super::*;
use crate::cli::{Kernel, Place};
use crate::lab::{Input, Output};

const REGISTERS: &str = "CPU#0\r\n PC=0000000000000004 X00=0\r\nPSTATE=600003c9 -ZC- EL2h\r\n";

/// How a lab ends whose emulator says nothing, whatever its init does.
fn end(init: fn(UnixStream)) -> Result<u8> {
    let folder = tempfile::tempdir().unwrap();
    let mut lab = Lab::new(Kernel::V6_12, Place::default());
    lab.silence = Some(Duration::from_millis(400));
    lab.timeout = Some(Duration::from_secs(3));
    fake::listen(&folder.path().join(qemu::MONITOR), &[REGISTERS, REGISTERS]);
    let streams = Streams {
        input: Input::Null,
        stdout: Output::To(Box::new(io::sink())),
        stderr: Output::To(Box::new(io::sink())),
    };
    let mut emulator = Command::new("sleep");
    emulator.arg("60");
    let session = Session::start(&lab, emulator, folder.path(), streams, false).unwrap();
    let control = UnixStream::connect(folder.path().join("control")).unwrap();
    thread::spawn(move || init(control));
    session.run(&lab)
}

#[test]
fn a_host_whose_init_does_not_answer_has_frozen_and_what_it_does_is_told() {
    let error = end(|mut control| {
        Frame::Started.write(&mut control).unwrap();
        while Frame::read(&mut control).is_ok() {}
    })
    .unwrap_err();
    assert!(error.is::<Frozen>());
    let text = error.to_string();
    for part in ["nothing was heard", "CPUs stand still", "CPU 0: PC 0x0000000000000004", "(sleep): S"] {
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn a_command_may_be_silent_until_its_time_is_over_on_a_host_whose_init_answers() {
    let end = end(|mut control| {
        Frame::Started.write(&mut control).unwrap();
        while let Ok(frame) = Frame::read(&mut control) {
            assert_eq!(frame, Frame::Ping);
            Frame::Pong.write(&mut control).unwrap();
        }
    });
    assert_eq!(end.unwrap(), TIMED_OUT);
}
