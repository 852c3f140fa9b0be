//! The command line: `name=value`, separated by spaces. Others are ignored.

use crate::psci;

#[derive(Clone, Copy)]
pub struct Args<'line>(pub &'line str);

impl<'line> Args<'line> {
    /// The last value of a name.
    pub fn value(self, name: &str) -> Option<&'line str> {
        let mut pairs = self.0.split_ascii_whitespace().filter_map(|word| word.split_once('='));
        pairs.rfind(|&(key, _)| key == name).map(|(_, value)| value)
    }

    /// The version of PSCI that the firmware must have, as `PSCI_VERSION` returns it: `version=1.3` by default.
    ///
    /// # Panics
    ///
    /// If it is no version.
    pub fn psci_version(self) -> u64 {
        let Some(text) = self.value("version") else { return psci::VERSION_1_3 };
        let parts = text.split_once('.').and_then(|(major, minor)| Some((number(major)?, number(minor)?)));
        let (major, minor) = parts.unwrap_or_else(|| panic!("version={text} is no version"));
        major << 16 | minor
    }

    /// A number, decimal or with `0x`; `default` if it is absent.
    ///
    /// # Panics
    ///
    /// If it is no number: a test must not run with something else than it was told.
    pub fn number(self, name: &str, default: u64) -> u64 {
        let Some(value) = self.value(name) else { return default };
        number(value).unwrap_or_else(|| panic!("{name}={value} is not a number"))
    }
}

/// A number, decimal or with `0x`.
pub fn number(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}
