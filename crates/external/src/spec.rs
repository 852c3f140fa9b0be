//! Which function IDs a server answers, and where it listens: the text that people write.

use std::{path::PathBuf, str::FromStr, time::Duration};

use switchboard_filter::{Range, RangeError};
use switchboard_firmware::Conduits;
use switchboard_smccc::{Conduit, FunctionId, smccc};
use thiserror::Error;

/// One range of function IDs for one server.
///
/// As text: `RANGE=unix:PATH[,timeout=TIME][,conduit=hvc|smc|both][,failure=X0]`, with a range like `0xC2000000+0x100`,
/// `0xC2000000..=0xC20000FF` or `0xC2000000`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServeSpec {
    /// The function IDs.
    pub range: Range,
    /// The socket on which the server listens.
    pub path: PathBuf,
    /// How long a call waits for its answer at most.
    pub timeout: Duration,
    /// Over which conduits the functions are there.
    pub conduits: Conduits,
    /// x0 of a call that is not answered in time, or that no server is there for.
    pub failure: u64,
}

/// Why a text is no [`ServeSpec`].
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SpecError {
    /// It does not say where the server listens.
    #[error("`{0}` does not say where the server listens")]
    NoSocket(String),
    /// The path is empty.
    #[error("the path after `unix:` is empty")]
    NoPath,
    /// No number.
    #[error("`{0}` is no {1}")]
    Number(String, &'static str),
    /// Numbers that are no range.
    #[error("`{0}` is no range of function IDs: {reason}", reason = .1)]
    Range(String, RangeError),
    /// No time, or one that is too short or too long.
    #[error("`{0}` is no timeout")]
    Timeout(String),
    /// No conduit.
    #[error("`{0}` is no conduit")]
    Conduit(String),
    /// An option that there is not.
    #[error("there is no option `{0}`")]
    Option(String),
}

impl SpecError {
    /// What to do about it.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::NoSocket(_) | Self::NoPath => {
                "write RANGE=unix:PATH, as in 0xC2000000+0x100=unix:sip.socket"
            }
            Self::Number(..) => "write a number like 0xC2000000, or in decimal",
            Self::Range(..) => "write FIRST+COUNT, FIRST..=LAST, or one function ID",
            Self::Timeout(_) => "write 1ms to 60s, as in timeout=500ms or timeout=2s",
            Self::Conduit(_) => "write conduit=hvc, conduit=smc or conduit=both",
            Self::Option(_) => "there are timeout, conduit and failure; a path has no comma in it",
        }
    }
}

impl ServeSpec {
    /// How long a call waits where nothing is said.
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(1);
    /// How long a call can wait.
    pub const MAX_TIMEOUT: Duration = Duration::from_secs(60);

    /// This range for the server at this path, all else as it is where nothing is said.
    #[must_use]
    pub const fn new(range: Range, path: PathBuf) -> Self {
        Self {
            range,
            path,
            timeout: Self::DEFAULT_TIMEOUT,
            conduits: Conduits::Both,
            failure: smccc::NOT_SUPPORTED,
        }
    }

    fn set(&mut self, option: &str) -> Result<(), SpecError> {
        match option.split_once('=') {
            Some(("timeout", value)) => self.timeout = timeout(value)?,
            Some(("conduit", value)) => self.conduits = conduits(value)?,
            Some(("failure", value)) => self.failure = failure(value)?,
            _ => return Err(SpecError::Option(option.into())),
        }
        Ok(())
    }
}

impl FromStr for ServeSpec {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<Self, SpecError> {
        let (ids, rest) = text.split_once("=unix:").ok_or_else(|| SpecError::NoSocket(text.into()))?;
        let mut parts = rest.split(',');
        let path = parts.next().filter(|path| !path.is_empty()).ok_or(SpecError::NoPath)?;
        let mut spec = Self::new(range(ids)?, path.into());
        parts.try_for_each(|option| spec.set(option))?;
        Ok(spec)
    }
}

fn range(text: &str) -> Result<Range, SpecError> {
    let refused = |reason| SpecError::Range(text.into(), reason);
    let (first, count) = if let Some((first, last)) = text.split_once("..=") {
        let (first, last) = (function_id(first)?, function_id(last)?);
        let more = last.checked_sub(first).ok_or_else(|| refused(RangeError::Empty))?;
        (first, more.checked_add(1).ok_or_else(|| refused(RangeError::Wraps))?)
    } else if let Some((first, count)) = text.split_once('+') {
        (function_id(first)?, number(count, "count")?)
    } else {
        (function_id(text)?, 1)
    };
    Range::new(FunctionId(first), count).map_err(refused)
}

fn function_id(text: &str) -> Result<u32, SpecError> {
    number(text, "function ID")
}

fn number<N: TryFrom<u64>>(text: &str, what: &'static str) -> Result<N, SpecError> {
    let refused = || SpecError::Number(text.into(), what);
    let value = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        // `from_str_radix` takes a sign as well.
        Some(digits) if !digits.starts_with('+') => u64::from_str_radix(digits, 16),
        None if !text.starts_with('+') => text.parse(),
        _ => return Err(refused()),
    };
    value.ok().and_then(|value| N::try_from(value).ok()).ok_or_else(refused)
}

fn timeout(text: &str) -> Result<Duration, SpecError> {
    let refused = || SpecError::Timeout(text.into());
    let (digits, unit) = match text.strip_suffix("ms") {
        Some(digits) => (digits, 1),
        None => (text.strip_suffix('s').ok_or_else(refused)?, 1000),
    };
    let count: u64 = number(digits, "time").map_err(|_| refused())?;
    let time = Duration::from_millis(count.checked_mul(unit).ok_or_else(refused)?);
    let possible = Duration::from_millis(1)..=ServeSpec::MAX_TIMEOUT;
    if possible.contains(&time) { Ok(time) } else { Err(refused()) }
}

fn conduits(text: &str) -> Result<Conduits, SpecError> {
    match text {
        "both" => Ok(Conduits::Both),
        "hvc" => Ok(Conduits::Only(Conduit::Hvc)),
        "smc" => Ok(Conduits::Only(Conduit::Smc)),
        _ => Err(SpecError::Conduit(text.into())),
    }
}

/// x0: its 64 bits, or a negative number as specifications write them.
fn failure(text: &str) -> Result<u64, SpecError> {
    match text.parse::<i64>() {
        Ok(value) if value < 0 => Ok(value.cast_unsigned()),
        _ => number(text, "value of x0"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(text: &str) -> ServeSpec {
        text.parse().unwrap()
    }

    #[test]
    fn the_three_ways_to_write_a_range_are_the_same_range() {
        let expected = Range::literal(FunctionId(0xc200_0000), 0x100);
        assert_eq!(spec("0xC2000000+0x100=unix:a").range, expected);
        assert_eq!(spec("0xc2000000..=0xc20000ff=unix:a").range, expected);
        assert_eq!(spec("3254779904+256=unix:a").range, expected);
        assert_eq!(spec("0xC2000000=unix:a").range.count(), 1);
    }

    #[test]
    fn what_is_not_said_is_a_second_both_conduits_and_not_supported() {
        let spec = spec("0xC2000000=unix:/run/sip=1.socket");
        assert_eq!(spec.path, PathBuf::from("/run/sip=1.socket"));
        assert_eq!(spec.timeout, Duration::from_secs(1));
        assert_eq!(spec.conduits, Conduits::Both);
        assert_eq!(spec.failure, u64::MAX);
    }

    #[test]
    fn options_are_taken_in_any_order() {
        let spec = spec("0xC2000000=unix:a,failure=0x7,conduit=smc,timeout=500ms");
        assert_eq!(spec.timeout, Duration::from_millis(500));
        assert_eq!(spec.conduits, Conduits::Only(Conduit::Smc));
        assert_eq!(spec.failure, 7);
    }

    #[test]
    fn a_failure_can_be_written_as_its_specification_does() {
        assert_eq!(spec("0xC2000000=unix:a,failure=-4").failure, 0xffff_ffff_ffff_fffc);
        assert_eq!(spec("0xC2000000=unix:a,failure=0xfffffffffffffffc").failure, 0xffff_ffff_ffff_fffc);
    }

    #[test]
    fn what_is_no_spec_says_what_is_wrong_and_what_to_write() {
        for (text, message) in [
            ("0xC2000000", "`0xC2000000` does not say where the server listens"),
            ("0xC2000000=tcp:a", "`0xC2000000=tcp:a` does not say where the server listens"),
            ("0xC2000000=unix:", "the path after `unix:` is empty"),
            ("0xC2000000=unix:,timeout=1s", "the path after `unix:` is empty"),
            ("C2000000=unix:a", "`C2000000` is no function ID"),
            ("0x=unix:a", "`0x` is no function ID"),
            ("0x2+0x+1=unix:a", "`0x+1` is no count"),
            ("0x1C2000000=unix:a", "`0x1C2000000` is no function ID"),
            (
                "0xC2000000+0=unix:a",
                "`0xC2000000+0` is no range of function IDs: the range holds no function ID",
            ),
            ("2..=1=unix:a", "`2..=1` is no range of function IDs: the range holds no function ID"),
            ("0xC2000000=unix:a,timeout=61s", "`61s` is no timeout"),
            ("0xC2000000=unix:a,timeout=0ms", "`0ms` is no timeout"),
            ("0xC2000000=unix:a,timeout=5", "`5` is no timeout"),
            ("0xC2000000=unix:a,timeout=99999999999999999999s", "`99999999999999999999s` is no timeout"),
            ("0xC2000000=unix:a,conduit=eret", "`eret` is no conduit"),
            ("0xC2000000=unix:a,failure=no", "`no` is no value of x0"),
            ("0xC2000000=unix:a,b", "there is no option `b`"),
        ] {
            let error = text.parse::<ServeSpec>().unwrap_err();
            assert_eq!(error.to_string(), message);
            assert!(!error.hint().is_empty());
        }
    }
}
