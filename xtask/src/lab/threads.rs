//! What another process's threads do, by `/proc`.

use std::fs;
use std::path::Path;
use std::time::Duration;

/// A tick of `/proc/PID/task/TID/stat`: Linux shows a hundred a second to programs, whatever it counts itself.
const TICK: Duration = Duration::from_millis(10);

/// One thread at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Thread {
    /// Its number.
    pub(crate) number: u32,
    /// Its name.
    pub(crate) name: String,
    /// Its state, as proc_pid_stat(5) abbreviates it: `R` running, `S` asleep, ...
    pub(crate) state: char,
    /// The processor time that it has used.
    pub(crate) used: Duration,
}

/// The threads of process `process`, by number; none if it has ended.
pub(crate) fn of(process: u32) -> Vec<Thread> {
    let entries = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let mut threads: Vec<_> = entries.filter_map(|entry| read(&entry.path())).collect();
    threads.sort_unstable_by_key(|thread| thread.number);
    threads
}

fn read(folder: &Path) -> Option<Thread> {
    parse(&fs::read_to_string(folder.join("stat")).ok()?)
}

/// Fields 1 to 3, 14 and 15 of proc_pid_stat(5). The name is in parentheses, and may contain some.
fn parse(stat: &str) -> Option<Thread> {
    let (number, rest) = stat.split_once(" (")?;
    let (name, rest) = rest.rsplit_once(") ")?;
    let fields: Vec<_> = rest.split_whitespace().collect();
    let ticks = |field: usize| fields.get(field)?.parse::<u32>().ok();
    Some(Thread {
        number: number.parse().ok()?,
        name: name.into(),
        state: fields.first()?.chars().next()?,
        used: TICK * ticks(11)?.checked_add(ticks(12)?)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_contain_what_ends_it() {
        let stat = "24479 (CPU 0) (TCG) R 1 24478 24478 0 -1 1077936192 5 0 0 0 140 17 0 0 20 0 5 0 1 2 3";
        let expected = Thread {
            number: 24479,
            name: "CPU 0) (TCG".into(),
            state: 'R',
            used: Duration::from_millis(1570),
        };
        assert_eq!(parse(stat), Some(expected));
        assert_eq!(parse("24479 (x) R 1"), None);
    }

    #[test]
    fn this_process_has_threads_and_one_that_has_ended_has_none() {
        assert!(!of(std::process::id()).is_empty());
        assert_eq!(of(u32::MAX), []);
    }
}
