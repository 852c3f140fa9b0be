//! Replies, for people.

use std::fmt::Write;

use comfy_table::{CellAlignment, Table, presets};
use switchboard_machine::control::protocol::{
    Change, ChangeReport, ChangeResult, CpuState, CpuStatus, Description, MachineState, Reply, Status,
};

/// Nothing where there is nothing to say.
pub(super) fn describe(reply: &Reply) -> String {
    match reply {
        Reply::Done | Reply::Nmi { cpu: None } => String::new(),
        Reply::Nmi { cpu: Some(cpu) } => format!("CPU {cpu} has taken the NMI\n"),
        Reply::Status(status) => describe_status(status),
        Reply::Cpus { cpus } => describe_cpus(cpus),
        Reply::Changes { changes } if changes.is_empty() => "nothing had to change\n".to_owned(),
        Reply::Changes { changes } => describe_changes(changes),
    }
}

fn describe_status(status: &Status) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name:<24}{value}");
    };
    line("state", state(status.state));
    line("hardware described by", description(status.description));
    line("CPUs possible", &status.possible.to_string());
    line("CPUs present", &status.present.to_string());
    line("CPUs online", &status.online.to_string());
    line("resets", &status.resets.to_string());
    text
}

fn describe_cpus(cpus: &[CpuStatus]) -> String {
    let mut table = table(["CPU", "affinity", "state", "asked for"]);
    for cpu in cpus {
        table.add_row([
            cpu.cpu.to_string().as_str(),
            &format!("{:#x}", cpu.affinity),
            cpu_state(cpu.state),
            cpu.pending.map_or("", change),
        ]);
    }
    lines(&table)
}

fn describe_changes(changes: &[ChangeReport]) -> String {
    let mut table = table(["CPU", "asked for", "result", "after"]);
    for report in changes {
        let after = match report.result {
            ChangeResult::Requested => String::new(),
            _ => duration(report.milliseconds),
        };
        table.add_row([&report.cpu.to_string(), change(report.change), result(report.result), &after]);
    }
    if let Some(column) = table.column_mut(3) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    lines(&table)
}

fn table(header: [&str; 4]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(header);
    if let Some(column) = table.column_mut(0) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn lines(table: &Table) -> String {
    let mut text = String::new();
    for line in table.lines() {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

/// In seconds or, below one, in milliseconds.
pub(super) fn duration(milliseconds: u64) -> String {
    match (milliseconds / 1000, milliseconds % 1000 / 100) {
        (0, _) => format!("{milliseconds} ms"),
        (seconds, 0) => format!("{seconds} s"),
        (seconds, tenths) => format!("{seconds}.{tenths} s"),
    }
}

const fn state(state: MachineState) -> &'static str {
    match state {
        MachineState::Starting => "starting",
        MachineState::Running => "running",
        MachineState::Paused => "paused",
        MachineState::Suspended => "suspended to RAM",
        MachineState::Ended => "ended",
    }
}

const fn description(description: Description) -> &'static str {
    match description {
        Description::Acpi => "ACPI",
        Description::DeviceTree => "device tree",
    }
}

const fn cpu_state(state: CpuState) -> &'static str {
    match state {
        CpuState::Absent => "absent",
        CpuState::Off => "off",
        CpuState::Online => "online",
    }
}

const fn change(change: Change) -> &'static str {
    match change {
        Change::Add => "add",
        Change::Remove => "remove",
    }
}

const fn result(result: ChangeResult) -> &'static str {
    match result {
        ChangeResult::Requested => "requested",
        ChangeResult::Online => "online",
        ChangeResult::Released => "released",
        ChangeResult::Refused { .. } => "refused",
        ChangeResult::Unheard => "not noticed",
        ChangeResult::Unanswered => "not answered",
        ChangeResult::NotOnline => "not online",
        ChangeResult::Abandoned => "abandoned",
        ChangeResult::Failed => "failed",
        ChangeResult::Impossible => "not possible",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_the_unit_that_reads_best() {
        let examples = [(0, "0 ms"), (999, "999 ms"), (1000, "1 s"), (1250, "1.2 s"), (30_012, "30 s")];
        for (milliseconds, text) in examples {
            assert_eq!(duration(milliseconds), text);
        }
    }
}
