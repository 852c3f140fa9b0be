//! The emulated host's console: kept, and shown when the lab fails or on request.

use std::io::{PipeReader, Read, Write, stderr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::events::Event;

/// How much is kept. A host that floods its console must not fill this machine's memory.
const KEPT: usize = 256 << 10;
/// How many lines are shown usually.
pub(crate) const SHOWN: usize = 40;

/// What the kernel, the lab's init and QEMU have said.
#[derive(Clone, Default)]
pub(crate) struct Console {
    log: Arc<Mutex<Vec<u8>>>,
    heard: Arc<AtomicU64>,
}

impl Console {
    /// Reads the console until its end, which is that of the emulator.
    pub(crate) fn follow(mut pipe: PipeReader, show: bool, events: Sender<Event>) -> Self {
        let console = Self::default();
        let log = console.clone();
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = pipe.read(&mut buffer) {
                log.append(&buffer[..length]);
                if show {
                    // A closed standard error is no reason to end the lab.
                    let _ = stderr().write_all(&buffer[..length]);
                }
            }
            let _ = events.send(Event::EmulatorEnded);
        });
        console
    }

    /// How many bytes it has said.
    pub(crate) fn heard(&self) -> u64 {
        self.heard.load(Ordering::Acquire)
    }

    fn append(&self, bytes: &[u8]) {
        self.heard.fetch_add(u64::try_from(bytes.len()).unwrap_or_default(), Ordering::Release);
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.extend_from_slice(bytes);
        if log.len() > 2 * KEPT {
            let excess = log.len() - KEPT;
            log.drain(..excess);
        }
    }

    /// The last `count` lines, indented.
    pub(crate) fn tail(&self, count: usize) -> String {
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        let text = String::from_utf8_lossy(&log);
        let lines: Vec<_> = text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
        let lines = &lines[lines.len().saturating_sub(count)..];
        lines.iter().map(|line| format!("\n    {line}")).collect()
    }
}
