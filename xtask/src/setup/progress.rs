//! Progress of a download: a bar on a terminal, one line otherwise; always on standard error.

use std::io::{BufRead, BufReader, IsTerminal};
use std::process::{Command, Stdio};

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};

use crate::trouble::Trouble;

/// Runs an `apt-get` command under the heading `what`, following its progress.
pub(crate) fn follow(what: &str, command: &mut Command) -> Result<()> {
    let bar = start(what);
    // apt reports its progress on its standard output, among lines that nobody needs.
    command.arg("-oAPT::Status-Fd=1").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child =
        command.spawn().map_err(|error| Trouble::new(format!("apt-get cannot be run: {error}")))?;
    let complaints = child.stderr.take().map(|stderr| std::thread::spawn(|| std::io::read_to_string(stderr)));
    for line in child.stdout.take().into_iter().flat_map(|stdout| BufReader::new(stdout).lines()) {
        if let Some(percent) = percentage(&line?) {
            bar.set_position(percent);
        }
    }
    let status = child.wait()?;
    bar.finish_and_clear();
    if status.success() {
        return Ok(());
    }
    let complaints =
        complaints.and_then(|thread| thread.join().ok()).and_then(Result::ok).unwrap_or_default();
    let complaints = complaints.trim().replace('\n', "\n    ");
    Err(Trouble::new(format!("{what}: apt-get failed, {status}\n    {complaints}"))
        .hint("is the package archive reachable from here?")
        .into())
}

fn start(what: &str) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        eprintln!("setup: {what}");
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(100).with_message(String::from(what));
    if let Ok(style) = ProgressStyle::with_template("setup: {msg} [{bar:30}] {percent}%") {
        bar.set_style(style);
    }
    bar.tick();
    bar
}

/// The percentage in one line of apt's progress protocol, `dlstatus:ITEM:PERCENT:TEXT` or `pmstatus:PACKAGE:PERCENT:TEXT`.
fn percentage(line: &str) -> Option<u64> {
    let mut fields = line.split(':');
    if !matches!(fields.next()?, "dlstatus" | "pmstatus") {
        return None;
    }
    // A package name may carry its architecture, after a colon.
    let percent = fields.skip(1).find_map(|field| field.parse::<f64>().ok())?;
    format!("{:.0}", percent.clamp(0.0, 100.0)).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::percentage;

    #[test]
    fn percentages_are_found_in_status_lines_only() {
        assert_eq!(percentage("dlstatus:1:12.3456:Retrieving file 1 of 3 (2s remaining)"), Some(12));
        assert_eq!(percentage("pmstatus:libc6:arm64:99.9:Unpacking libc6:arm64"), Some(100));
        assert_eq!(percentage("Get:1 x 12.5 kB"), None);
        assert_eq!(percentage("dlstatus:1:soon"), None);
        assert_eq!(percentage(""), None);
    }
}
