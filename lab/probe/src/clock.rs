//! The clock that KVM's PTP service is to Linux, beside the guest's own.

use std::fs::{self, File};
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use rustix::ioctl::{Opcode, Updater, ioctl, opcode};
use rustix::time::{ClockId, DynamicClockId, Timespec, clock_gettime, clock_gettime_dynamic};

use crate::Failure;

const CLASS: &str = "/sys/class/ptp";
/// How the driver names its clock.
const NAME: &str = "KVM virtual PTP";
/// How often it is read: one reading says nothing of how much they differ.
const READINGS: u32 = 10;
const NANOSECONDS: i64 = 1_000_000_000;

/// `struct ptp_clock_time`.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
struct ClockTime {
    seconds: i64,
    nanoseconds: u32,
    reserved: u32,
}

/// `struct ptp_sys_offset_precise`: all of one moment of the architected counter.
#[repr(C)]
#[derive(Debug, Default)]
struct PreciseOffset {
    device: ClockTime,
    system_realtime: ClockTime,
    system_monotonic_raw: ClockTime,
    reserved: [u32; 4],
}

/// `PTP_SYS_OFFSET_PRECISE`.
const PRECISE: Opcode = opcode::read_write::<PreciseOffset>(b'=', 8);

/// The clock of the device, and the guest's own, in nanoseconds since 1970.
struct Reading {
    device: i64,
    realtime: i64,
    precise: bool,
}

/// Reads the clock a few times; prints by how much it is ahead of the guest's, and the second it tells.
pub(crate) fn look() -> Result<String, Failure> {
    let path = find()?;
    let clock = File::open(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let readings = (0..READINGS).map(|_| read(&clock));
    let readings: Vec<_> =
        readings.collect::<io::Result<_>>().map_err(|error| format!("{}: {error}", path.display()))?;
    let ahead = || readings.iter().map(|reading| reading.device - reading.realtime);
    let precise = if readings.iter().all(|reading| reading.precise) { "yes" } else { "no" };
    Ok(format!(
        "ptp: device-realtime min={} max={} precise={precise} device={}",
        ahead().min().unwrap_or_default(),
        ahead().max().unwrap_or_default(),
        readings.last().map_or(0, |reading| reading.device / NANOSECONDS)
    ))
}

/// The device of the clock of that name.
fn find() -> Result<PathBuf, Failure> {
    for entry in fs::read_dir(CLASS).into_iter().flatten().flatten() {
        let name = fs::read_to_string(entry.path().join("clock_name")).unwrap_or_default();
        if name.trim() == NAME {
            return Ok(Path::new("/dev").join(entry.file_name()));
        }
    }
    Err(format!("there is no clock {NAME}"))
}

fn read(clock: &File) -> io::Result<Reading> {
    read_precisely(clock).or_else(|_| read_in_a_row(clock))
}

/// Both clocks at one moment.
fn read_precisely(clock: &File) -> io::Result<Reading> {
    let mut offset = PreciseOffset::default();
    read_into(clock, &mut offset)?;
    Ok(Reading {
        device: offset.device.in_nanoseconds(),
        realtime: offset.system_realtime.in_nanoseconds(),
        precise: true,
    })
}

#[allow(unsafe_code, reason = "an ioctl that rustix does not offer")]
fn read_into(clock: &File, offset: &mut PreciseOffset) -> io::Result<()> {
    // SAFETY: the operation is defined for this struct, of which every value is valid.
    let request = unsafe { Updater::<PRECISE, PreciseOffset>::new(offset) };
    // SAFETY: the kernel writes the struct, which outlives the call, and nothing else.
    unsafe { ioctl(clock, request) }.map_err(Into::into)
}

/// One clock after the other, where the counter is not what the guest keeps its time by.
fn read_in_a_row(clock: &File) -> io::Result<Reading> {
    let device = clock_gettime_dynamic(DynamicClockId::Dynamic(clock.as_fd()))?;
    let realtime = clock_gettime(ClockId::Realtime);
    Ok(Reading { device: in_nanoseconds(device), realtime: in_nanoseconds(realtime), precise: false })
}

impl ClockTime {
    fn in_nanoseconds(self) -> i64 {
        self.seconds * NANOSECONDS + i64::from(self.nanoseconds)
    }
}

fn in_nanoseconds(time: Timespec) -> i64 {
    time.tv_sec * NANOSECONDS + time.tv_nsec
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_struct_has_the_size_that_the_ioctls_number_has_in_it() {
        // _IOWR('=', 8, 64 bytes)
        assert_eq!(PRECISE, 0xc040_3d08);
    }
}
