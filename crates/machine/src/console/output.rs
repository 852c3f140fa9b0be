//! From the guest's serial port to our output.

use rustix::io::Errno;

use super::Console;
use crate::uart::Uart;

impl Console {
    /// Brings the guest's output out until its machine has ended and everything is out.
    pub(crate) fn pump_output(&self, uart: &Uart<'_>) {
        let mut bytes = Vec::new();
        let mut reader = Reader::Present;
        while uart.transmitted(&mut bytes) {
            if reader == Reader::Present {
                reader = self.write_all(&bytes);
            }
            bytes.clear();
        }
    }

    /// Why the guest's output was not written to its end, if it was not. A reader that has seen enough and closed the
    /// pipe is no such reason.
    #[must_use]
    pub fn output_error(&self) -> Option<std::io::Error> {
        self.output_error.get().map(|&error| error.into())
    }

    /// An output that takes no more (a closed pipe, a full disk) ends the output, and not the machine.
    fn write_all(&self, mut bytes: &[u8]) -> Reader {
        while !bytes.is_empty() {
            match rustix::io::write(&self.output, bytes) {
                Ok(count) => bytes = &bytes[count..],
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => self.wait_for_room(),
                Err(Errno::PIPE) => return Reader::Gone,
                Err(error) => {
                    self.output_error.get_or_init(|| error);
                    return Reader::Gone;
                }
            }
        }
        Reader::Present
    }

    /// Somebody has made our output non-blocking: a terminal's other users can.
    fn wait_for_room(&self) {
        use rustix::event::{PollFd, PollFlags, poll};
        // An interrupted or failed wait leads to another attempt to write, which says what is wrong.
        let _ = poll(&mut [PollFd::new(&self.output, PollFlags::OUT)], None);
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reader {
    Present,
    Gone,
}
