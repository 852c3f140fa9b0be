//! What has gone wrong with a request about a CPU, and what to do about it.

use switchboard_machine::control::protocol::{Change, ChangeReport, ChangeResult};

use super::{ost, text::duration};
use crate::{exit::Status, failure::Failure};

/// None where nothing has.
pub(super) fn failure(report: &ChangeReport) -> Option<Failure> {
    let &ChangeReport { cpu, change, result, milliseconds } = report;
    let time = duration(milliseconds);
    let (status, message, hint) = match result {
        ChangeResult::Requested | ChangeResult::Online | ChangeResult::Released => return None,
        ChangeResult::Refused { event, status } => refused(cpu, change, ost::Report { event, status }),
        ChangeResult::Failed => (
            Status::CannotBeDone,
            format!("CPU {cpu}: the machine's host has no room for its thread"),
            Some(
                "see what limits the host's threads: `ulimit -u`, or the control group's `pids.max`"
                    .to_owned(),
            ),
        ),
        ChangeResult::Impossible => (
            Status::CannotBeDone,
            format!("CPU {cpu} could not be asked for: the guest is busy with it, or cannot be told"),
            Some(format!("`cpus {}` with this CPU says why", change_name(change))),
        ),
        ChangeResult::Unheard => (
            Status::NotInTime,
            format!(
                "CPU {cpu}: the guest has not noticed the request within {time}: it is still booting, or has no driver \
                 that listens"
            ),
            Some("the request stands: the guest finds it when its driver starts".to_owned()),
        ),
        ChangeResult::Unanswered => (
            Status::NotInTime,
            format!("CPU {cpu}: the guest has noticed the request, and has not answered it within {time}"),
            Some(
                "the request stands: ask `cpus list` how it goes on, or wait longer with `--wait`".to_owned(),
            ),
        ),
        ChangeResult::NotOnline => (
            Status::NotInTime,
            format!("CPU {cpu} is the guest's, which has not brought it online within {time}"),
            Some(format!(
                "in the guest, `echo 1 > /sys/devices/system/cpu/cpu{cpu}/online` does it, and this udev rule always: \
                 {UDEV_RULE}"
            )),
        ),
        ChangeResult::Abandoned => (
            Status::Abandoned,
            format!(
                "CPU {cpu}: the request was abandoned after {time}: the machine has ended, or another request has \
                 taken its place"
            ),
            None,
        ),
    };
    Some(Failure::new(status, message, hint))
}

const fn change_name(change: Change) -> &'static str {
    match change {
        Change::Add => "add",
        Change::Remove => "remove",
    }
}

const UDEV_RULE: &str =
    r#"SUBSYSTEM=="cpu", ACTION=="add", TEST=="online", ATTR{online}=="0", ATTR{online}="1""#;

fn refused(cpu: u32, change: Change, report: ost::Report) -> (Status, String, Option<String>) {
    let verb = match change {
        Change::Add => "take",
        Change::Remove => "give back",
    };
    let ost::Report { event, status } = report;
    let meaning = report.meaning();
    let message = format!(
        "the guest refused to {verb} CPU {cpu}: `_OST` event {event:#x}, status {status:#x}: {meaning}"
    );
    let hint = "the guest's kernel log says more: `dmesg` there".to_owned();
    (Status::GuestRefused, message, Some(hint))
}
