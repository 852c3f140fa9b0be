//! The list of the calls that were answered.

use std::{fmt::Write, path::PathBuf, time::Duration};

use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;
use switchboard_machine::{
    CallStatistics, CallSummary, Counts, CpuIndex, Crash, Denials, End, ExitCounts, External, HyperV,
    OffKind, ResetKind, ServeSpec, StartCosts,
};
use switchboard_smccc::hyperv::GuestOsId;

use crate::log::printable;

/// The list in the form of `--json`. Version 1: fields are added, never changed.
#[derive(Debug, Serialize)]
pub(crate) struct CallReport {
    version: u32,
    calls: Vec<CallRow>,
    exits: Exits,
    /// What has become of the calls that other processes answer, a row for each range.
    external: Vec<ExternalRow>,
    /// How often a vCPU was got out of the guest.
    kicks: u64,
    /// Calls that a policy wanted to be logged, and that were too many.
    unlogged: u64,
    /// How often the watchdog bit.
    watchdog_bites: u64,
    /// How often the guest said that it has crashed.
    crashes: u64,
    /// The last time that it said something about it; null where it never crashed.
    last_crash: Option<CrashRow>,
    /// What the guest has made of a machine that presents itself as Hyper-V; null where it does not.
    hyper_v: Option<HyperVRow>,
    /// INITs of vCPUs that had run.
    vcpu_resets: u64,
    /// Up to the guest's first instruction; null where it never came.
    start: Option<Start>,
    /// How the machine ended; null while it runs, and where it failed.
    end: Option<&'static str>,
}

#[derive(Debug, Serialize)]
struct HyperVRow {
    /// 0 while it has not said.
    guest_os_id: String,
    guest_os: String,
    /// The CPUs that have asked for their VP index.
    vp_index_asked: Vec<usize>,
}

#[derive(Debug, Serialize)]
struct CrashRow {
    cpu: usize,
    /// P0 to P4.
    parameters: [String; 5],
    /// What is no text is replaced.
    message: Option<String>,
}

#[derive(Debug, Serialize)]
struct CallRow {
    function: Option<&'static str>,
    id: Option<String>,
    conduit: Option<&'static str>,
    answered_by: Option<&'static str>,
    count: u64,
    errors: u64,
    /// By the policy, in userspace.
    denied: u64,
    /// What a permissive policy would have denied.
    would_be_denied: u64,
    mean_ns: u64,
    maximum_ns: u64,
    /// null without `--cpu-time`.
    maximum_cpu_ns: Option<u64>,
    register_reads: u64,
    register_writes: u64,
}

#[derive(Debug, Serialize)]
struct ExternalRow {
    first: String,
    last: String,
    socket: PathBuf,
    requests: u64,
    answered: u64,
    unserved: u64,
    lost: u64,
    timeouts: u64,
    late: u64,
    protocol_errors: u64,
    reconnects: u64,
}

#[derive(Debug, Serialize)]
struct Start {
    time_ns: u64,
    /// The part of it in which KVM created and INITed the vCPUs.
    vcpus_ns: u64,
    /// And the interrupt controller.
    interrupt_controller_ns: u64,
    resident_bytes: u64,
}

#[derive(Debug, Serialize)]
struct Exits {
    hypercalls: u64,
    mmio: u64,
    wake_ups: u64,
    interrupted: u64,
    system: u64,
}

/// The list for programs.
pub(crate) fn report(statistics: &CallStatistics, end: Option<&End>) -> CallReport {
    let ExitCounts { hypercalls, mmio, wake_ups, interrupted, system } = statistics.exits();
    CallReport {
        version: 1,
        calls: statistics.summary().iter().map(row).collect(),
        exits: Exits { hypercalls, mmio, wake_ups, interrupted, system },
        external: statistics.external().iter().map(|service| external_row(service)).collect(),
        kicks: statistics.kicks(),
        unlogged: statistics.log().suppressed(),
        watchdog_bites: statistics.bites(),
        crashes: statistics.crashes(),
        last_crash: statistics.last_crash().map(crash_row),
        hyper_v: statistics.hyperv().map(|hyperv| hyperv_row(&hyperv, statistics.cpus())),
        vcpu_resets: statistics.resets(),
        start: statistics.start_costs().map(|StartCosts { time, hardware, resident }| Start {
            time_ns: nanoseconds(time),
            vcpus_ns: nanoseconds(hardware.vcpus),
            interrupt_controller_ns: nanoseconds(hardware.interrupt_controller),
            resident_bytes: resident,
        }),
        end: end.map(name),
    }
}

fn hyperv_row(hyperv: &HyperV, cpus: usize) -> HyperVRow {
    let id = GuestOsId(hyperv.guest_os_id());
    HyperVRow {
        guest_os_id: format!("{:#x}", id.0),
        guest_os: id.to_string(),
        vp_index_asked: (0..cpus).filter(|&cpu| hyperv.has_asked_for_vp_index(CpuIndex(cpu))).collect(),
    }
}

fn crash_row(Crash { cpu, parameters, message }: Crash) -> CrashRow {
    CrashRow {
        cpu: cpu.0,
        parameters: parameters.map(|parameter| format!("{parameter:#x}")),
        message: message.map(|message| {
            let lines: Vec<_> = message.split(|&byte| byte == b'\n').map(printable).collect();
            lines.join("\n").trim_end_matches('\n').to_owned()
        }),
    }
}

fn external_row(service: &External) -> ExternalRow {
    let Counts { requests, answered, unserved, lost, timeouts, late, protocol_errors, reconnects } =
        service.counts();
    let ServeSpec { range, path, .. } = service.spec();
    ExternalRow {
        first: range.first().to_string(),
        last: range.last().to_string(),
        socket: path.clone(),
        requests,
        answered,
        unserved,
        lost,
        timeouts,
        late,
        protocol_errors,
        reconnects,
    }
}

/// A line about another process, if there is something to say about it.
fn complaint(service: &External) -> Option<String> {
    let Counts { unserved, lost, timeouts, protocol_errors, .. } = service.counts();
    if [unserved, lost, timeouts, protocol_errors] == [0; 4] {
        return None;
    }
    let ServeSpec { range, path, .. } = service.spec();
    let problem = service.last_problem().map(|problem| format!(" (last: {problem})")).unwrap_or_default();
    Some(format!(
        "{range} at {}: {unserved} calls found nobody, {lost} lost whoever was to answer, {timeouts} were not answered in \
         time; {protocol_errors} connections broke the protocol{problem}\n",
        path.display()
    ))
}

const fn name(end: &End) -> &'static str {
    match end {
        End::Off(OffKind::Off) => "off",
        End::Off(OffKind::Hibernate) => "hibernate",
        End::Reset(ResetKind::Cold) => "cold-reset",
        End::Reset(ResetKind::Warm) => "warm-reset",
        End::Quit => "quit",
        End::Stopped => "stopped",
        End::Watchdog => "watchdog",
        End::Signal(_) => "signal",
    }
}

/// A sentence about an end that is out of the ordinary.
const fn sentence(end: &End) -> Option<&'static str> {
    match end {
        End::Off(OffKind::Hibernate) => Some("the guest switched itself off to go on later"),
        End::Reset(ResetKind::Cold) => Some("the guest reset itself"),
        End::Reset(ResetKind::Warm) => Some("the guest reset itself by a warm reset"),
        End::Watchdog => Some("the watchdog ended the machine: its guest had stopped petting it"),
        End::Stopped => Some("the machine was stopped at its control socket"),
        End::Off(OffKind::Off) | End::Quit | End::Signal(_) => None,
    }
}

fn row(summary: &CallSummary) -> CallRow {
    CallRow {
        function: summary.name(),
        id: summary.key.map(|(function, _)| function.to_string()),
        conduit: summary.key.map(|(_, conduit)| conduit.name()),
        answered_by: summary.answered_by,
        count: summary.count,
        errors: summary.errors,
        denied: summary.denied,
        would_be_denied: summary.would_be_denied,
        mean_ns: nanoseconds(summary.mean()),
        maximum_ns: nanoseconds(summary.maximum),
        maximum_cpu_ns: summary.maximum_cpu.map(nanoseconds),
        register_reads: summary.register_reads,
        register_writes: summary.register_writes,
    }
}

/// What a guest is held to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Held {
    /// It may call what there is.
    ToNothing,
    /// A policy, and where that denies.
    ToPolicy(Denials),
}

/// The list for people.
pub(crate) fn text(statistics: &CallStatistics, end: Option<&End>, held: Held) -> String {
    let summary = statistics.summary();
    let mut text = if summary.is_empty() { "no call was forwarded\n".to_owned() } else { rows(&summary) };
    let resets = statistics.resets();
    if resets > 0 {
        text.push_str(&format!(
            "{resets} vCPUs that had run were turned on again; where the CPU has no FEAT_S2FWB, KVM unmapped the whole \
             machine's memory each time\n"
        ));
    }
    text.push_str(&denials(&summary, held, statistics.log().suppressed()));
    text.extend(statistics.external().iter().filter_map(|service| complaint(service)));
    let bites = statistics.bites();
    if bites > 0 {
        text.push_str(&format!("the watchdog bit {bites} times\n"));
    }
    let crashes = statistics.crashes();
    if crashes > 0 {
        text.push_str(&format!("the guest said {crashes} times that it has crashed\n"));
    }
    if let Some(sentence) = end.and_then(sentence) {
        text.push_str(&format!("{sentence}\n"));
    }
    text
}

/// What the policy denied, as far as anybody has seen it.
fn denials(summary: &[CallSummary], held: Held, unlogged: u64) -> String {
    let Held::ToPolicy(place) = held else { return String::new() };
    let sum = |count: fn(&CallSummary) -> u64| summary.iter().map(count).sum::<u64>();
    let mut text = format!("the policy denied {} of these calls", sum(|row| row.denied));
    match sum(|row| row.would_be_denied) {
        0 => {}
        count => text.push_str(&format!(", and would have denied {count} more, were it not permissive")),
    }
    text.push_str(match place {
        Denials::InKernel => {
            "; what it lets KVM deny leaves no trace: `--deny-in-userspace` shows that as well\n"
        }
        Denials::InUserspace => "; KVM denied none\n",
    });
    match unlogged {
        0 => {}
        count => text.push_str(&format!("{count} calls were too many for the policy's log\n")),
    }
    text
}

fn rows(summary: &[CallSummary]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    let is_denied = |row: &CallSummary| row.denied + row.would_be_denied > 0;
    let has_denials = summary.iter().any(is_denied);
    let mut header = vec!["function", "ID", "conduit", "count", "errors", "mean", "maximum"];
    header.extend(has_denials.then_some("denied"));
    header.push("answered by");
    table.set_header(header);
    for row in summary {
        let (id, conduit) = match row.key {
            Some((function, conduit)) => (function.to_string(), conduit.name()),
            None => ("all others".to_owned(), ""),
        };
        let mut cells = vec![
            row.name().unwrap_or("-").to_owned(),
            id,
            conduit.to_owned(),
            row.count.to_string(),
            row.errors.to_string(),
            duration(row.mean()),
            duration(row.maximum),
        ];
        cells.extend(has_denials.then(|| match row.would_be_denied {
            0 => row.denied.to_string(),
            count => format!("would be: {count}"),
        }));
        let is_answered = row.denied < row.count;
        let answered_by = row.answered_by.filter(|_| is_answered).unwrap_or("nobody: NOT_SUPPORTED");
        cells.push(answered_by.to_owned());
        table.add_row(cells);
    }
    for column in 3..=(if has_denials { 7 } else { 6 }) {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let mut text = String::from("calls answered in userspace:\n");
    for line in table.lines() {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// In microseconds: a call takes some, and a unit for the whole column reads best.
fn duration(duration: Duration) -> String {
    let nanoseconds = nanoseconds(duration);
    format!("{}.{} us", nanoseconds / 1000, nanoseconds % 1000 / 100)
}
