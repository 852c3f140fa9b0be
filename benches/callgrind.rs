//! Instructions, counted by callgrind: shared by the benchmarks of several crates.

use std::{env, error::Error, fs, process::Command};

/// Is there valgrind? If not, says so.
pub(crate) fn is_there() -> bool {
    match Command::new("valgrind").arg("--version").output() {
        Ok(_) => true,
        Err(error) => {
            println!("no instruction counts: valgrind: {error}");
            false
        }
    }
}

/// All instructions of one run of this program with these arguments.
pub(crate) fn total(arguments: &[&str]) -> Result<u64, Box<dyn Error>> {
    let report = env::temp_dir().join(format!("switchboard-{}.callgrind", std::process::id()));
    let output = Command::new("valgrind")
        .arg("--tool=callgrind")
        .arg(format!("--callgrind-out-file={}", report.display()))
        .arg(env::current_exe()?)
        .args(arguments)
        .output()?;
    if !output.status.success() {
        return Err(format!("valgrind: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    let text = fs::read_to_string(&report)?;
    fs::remove_file(&report)?;
    let line = text.lines().find_map(|line| line.strip_prefix("summary: ").or(line.strip_prefix("totals: ")));
    Ok(line.ok_or("callgrind's report has no total")?.trim().parse()?)
}
