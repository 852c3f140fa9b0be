//! What a Linux guest of the lab looks at its services with, where its shell has no tool for that.
//!
//! Each look prints one line of figures, which whoever asked judges:
//!
//! ```text
//! probe ptp          ptp: device-realtime min=NS max=NS precise=yes|no device=SECONDS
//! probe hwrng BYTES  hwrng: bytes=N distinct=N ones=PERMILLE repeats=N constant=yes|no
//! probe steal        steal: cpus=N before=TICKS after=TICKS
//! ```

mod clock;
mod random;
mod steal;

use std::env;
use std::process::ExitCode;

/// What went wrong, as a sentence for the console: there is nobody to handle it.
type Failure = String;

const USAGE: &str = "probe ptp | probe hwrng BYTES | probe steal";

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let words: Vec<_> = arguments.iter().map(String::as_str).collect();
    match look(&words) {
        Ok(figures) => {
            println!("{figures}");
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("probe: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn look(words: &[&str]) -> Result<String, Failure> {
    match words {
        ["ptp"] => clock::look(),
        ["hwrng", bytes] => {
            let bytes = bytes.parse().map_err(|error| format!("`{bytes}`: {error}"))?;
            random::look(bytes)
        }
        ["steal"] => steal::look(),
        _ => Err(format!("usage: {USAGE}")),
    }
}
