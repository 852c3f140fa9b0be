//! What is written while the guest runs: calls that a policy wants to be logged, and the guest's crashes.

use std::{
    fmt::Write as _,
    io::{self, Write as _},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
};

use switchboard_machine::{CallStatistics, Crash, Logged, LoggedCall};
use switchboard_policy::Standing;
use switchboard_smccc::catalogue;

/// Writes it to standard error, as long as the process lives.
pub(crate) fn write(
    statistics: &CallStatistics,
    raw: &Arc<AtomicBool>,
) -> io::Result<Option<JoinHandle<()>>> {
    let Some(reader) = statistics.log().take_reader() else { return Ok(None) };
    let raw = Arc::clone(raw);
    let work = move || {
        for logged in reader {
            let mut text = match logged {
                Logged::Call(call) => describe_call(call),
                Logged::Crash(crash) => describe_crash(&crash),
            };
            if raw.load(Ordering::Relaxed) {
                text = text.replace('\n', "\r\n");
            }
            // There is nobody to tell if standard error is closed.
            let _ = io::stderr().write_all(text.as_bytes());
        }
    };
    thread::Builder::new().name("guest-log".into()).spawn(work).map(Some)
}

fn describe_call(LoggedCall { cpu, function, conduit, standing }: LoggedCall) -> String {
    let name = catalogue::find(function).map_or("(no name)", |function| function.name);
    let said = match standing {
        Standing::Allowed => "allowed",
        Standing::Denied => "denied",
        Standing::WouldBeDenied => "would be denied",
    };
    format!("policy: {cpu} called {name} ({function}) over {conduit}: {said}\n")
}

/// The parameters, then what the guest has to say, line by line.
pub(crate) fn describe_crash(crash: &Crash) -> String {
    let Crash { cpu, parameters: [p0, p1, p2, p3, p4], message } = crash;
    let mut text = format!(
        "crash: the guest has crashed, says {cpu}: P0 {p0:#x}, P1 {p1:#x}, P2 {p2:#x}, P3 {p3:#x}, P4 {p4:#x}\n"
    );
    for line in message.as_deref().unwrap_or_default().split(|&byte| byte == b'\n') {
        if !line.is_empty() {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "crash: | {}", printable(line));
        }
    }
    text
}

/// What a guest has written must not move the cursor, change a terminal's colours, or turn the direction of a line.
pub(crate) fn printable(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes)
        .trim_end_matches(['\0', '\r'])
        .chars()
        .map(|character| if is_harmless(character) { character } else { '\u{fffd}' })
        .collect()
}

/// No control character but a tab, and none of Unicode's that format text (UAX #9: directions and their marks).
fn is_harmless(character: char) -> bool {
    let directs = matches!(character, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{61c}');
    character == '\t' || !(character.is_control() || directs)
}

#[cfg(test)]
mod tests {
    use switchboard_machine::CpuIndex;

    use super::*;

    #[test]
    fn a_crash_is_told_with_its_parameters_and_line_by_line() {
        let message = Some("first\nsecond\x1b[31m\u{9b}\u{202e}\0\0".into());
        let crash = Crash { cpu: CpuIndex(3), parameters: [1, 2, 3, 0x4000_0000, 15], message };
        let expected = "crash: the guest has crashed, says CPU 3: P0 0x1, P1 0x2, P2 0x3, P3 0x40000000, P4 0xf\n\
                        crash: | first\ncrash: | second\u{fffd}[31m\u{fffd}\u{fffd}\n";
        assert_eq!(describe_crash(&crash), expected);
    }

    #[test]
    fn one_that_says_nothing_has_its_parameters_alone() {
        let crash = Crash { cpu: CpuIndex(0), parameters: [0; 5], message: None };
        assert_eq!(describe_crash(&crash).lines().count(), 1);
    }
}
