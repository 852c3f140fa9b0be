//! The time that others have taken from the guest's CPUs, as its kernel counts it.

use std::fs;
use std::num::NonZero;
use std::thread;
use std::time::{Duration, Instant};

use crate::Failure;

const STATISTICS: &str = "/proc/stat";
/// Where it is in the line of all CPUs, behind the line's name.
const STEAL: usize = 7;
/// How long all CPUs are kept busy: nothing is taken from an idle one.
const BUSY: Duration = Duration::from_secs(2);

/// Keeps every CPU busy; prints the ticks that had been stolen before, and after.
pub(crate) fn look() -> Result<String, Failure> {
    let before = stolen()?;
    let cpus = thread::available_parallelism().map_or(1, NonZero::get);
    thread::scope(|scope| {
        for _ in 0..cpus {
            scope.spawn(spin);
        }
    });
    Ok(format!("steal: cpus={cpus} before={before} after={}", stolen()?))
}

fn spin() {
    let start = Instant::now();
    while start.elapsed() < BUSY {
        std::hint::spin_loop();
    }
}

fn stolen() -> Result<u64, Failure> {
    let text = fs::read_to_string(STATISTICS).map_err(|error| format!("{STATISTICS}: {error}"))?;
    parse(&text).ok_or_else(|| format!("{STATISTICS} says nothing of stolen time"))
}

fn parse(text: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix("cpu "))?.split_whitespace().nth(STEAL)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stolen_time_is_the_eighth_figure_of_all_cpus() {
        let text = "cpu  10 0 33 1042 5 0 1 27 0 0\ncpu0 5 0 16 521 2 0 0 3 0 0\nintr 1\n";
        assert_eq!(parse(text), Some(27));
        assert_eq!(parse("cpu  1 2 3\n"), None);
        assert_eq!(parse(""), None);
    }
}
