//! Reports in the Test Anything Protocol, version 12.

use core::fmt;

use crate::console::println;

/// More failures than this are counted, not shown: a broken firmware must not flood the console.
const SHOWN: u64 = 20;

/// One test point.
pub struct Report {
    failures: u64,
    differences: u64,
    skip: Option<&'static str>,
    /// The firmware under test is not Switchboard's: where the specification leaves a choice, any will do.
    any_firmware: bool,
}

impl Report {
    pub const fn new(any_firmware: bool) -> Self {
        Self { failures: 0, differences: 0, skip: None, any_firmware }
    }

    pub const fn any_firmware(&self) -> bool {
        self.any_firmware
    }

    /// Holds under any firmware.
    pub fn check(&mut self, holds: bool, otherwise: fmt::Arguments<'_>) -> bool {
        if !holds {
            if self.failures < SHOWN {
                println!("# {otherwise}");
            }
            self.failures += 1;
        }
        holds
    }

    /// Says more about the failure that was just shown.
    pub fn note(&self, text: fmt::Arguments<'_>) {
        if self.failures <= SHOWN {
            println!("# {text}");
        }
    }

    /// Holds under Switchboard; another firmware may differ, and that is only noted.
    pub fn check_ours(&mut self, holds: bool, otherwise: fmt::Arguments<'_>) -> bool {
        if !self.any_firmware {
            return self.check(holds, otherwise);
        }
        if !holds {
            if self.differences < SHOWN {
                println!("# differs: {otherwise}");
            }
            self.differences += 1;
        }
        holds
    }

    pub fn equal(&mut self, what: fmt::Arguments<'_>, got: u64, wanted: u64) -> bool {
        self.check(got == wanted, format_args!("{what}: {got:#x}, not {wanted:#x}"))
    }

    pub fn equal_ours(&mut self, what: fmt::Arguments<'_>, got: u64, wanted: u64) -> bool {
        self.check_ours(got == wanted, format_args!("{what}: {got:#x}, not {wanted:#x}"))
    }

    /// The test cannot run here.
    pub const fn skip(&mut self, reason: &'static str) {
        self.skip = Some(reason);
    }

    /// Prints the point.
    pub fn print(&self, number: usize, name: fmt::Arguments<'_>) {
        if self.failures > SHOWN {
            println!("# {} failures", self.failures);
        }
        if self.differences > SHOWN {
            println!("# {} differences", self.differences);
        }
        match (self.failures, self.skip) {
            (0, Some(reason)) => println!("ok {number} - {name} # SKIP {reason}"),
            (0, None) => println!("ok {number} - {name}"),
            _ => println!("not ok {number} - {name}"),
        }
    }
}

/// Prints a point that says nothing here.
pub fn print_skip(number: usize, name: fmt::Arguments<'_>, reason: fmt::Arguments<'_>) {
    println!("ok {number} - {name} # SKIP {reason}");
}
