//! From our input to the guest's serial port.

use rustix::{
    event::{PollFd, PollFlags, poll},
    io::Errno,
};

use super::{Console, InputKind, Pending, escape::Typed};
use crate::{Control, End, sync::lock, uart::Uart};

/// How much typed input is kept for a guest that does not read it. Beyond that, what is typed is lost, but `^A x`
/// is still heard. Streams are not read ahead at all.
const TYPED_AHEAD: usize = 4096;

impl Console {
    /// Brings input to the guest until its machine has ended.
    pub(crate) fn pump_input(&self, uart: &Uart<'_>, control: &Control) {
        // Held for the machine's life: its next life goes on with what is left.
        let mut pending = lock(&self.pending);
        while !uart.is_closed() {
            pending.deliver(uart);
            self.wait_and_read(&mut pending, uart, control);
        }
    }

    fn wait_and_read(&self, pending: &mut Pending, uart: &Uart<'_>, control: &Control) {
        let mut events = vec![PollFd::new(uart.input_event(), PollFlags::IN)];
        let wanted = !pending.ended && (self.kind == InputKind::Terminal || pending.bytes.is_empty());
        if let Some(input) = self.input_fd().filter(|_| wanted) {
            events.push(PollFd::from_borrowed_fd(input, PollFlags::IN));
        }
        match poll(&mut events, None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(_) => {
                pending.ended = true;
                return;
            }
        }
        let [room, input @ ..] = events.as_slice() else { return };
        if !room.revents().is_empty() {
            uart.clear_input_event();
        }
        if input.iter().any(|event| !event.revents().is_empty()) {
            self.read(pending, control);
        }
    }

    fn read(&self, pending: &mut Pending, control: &Control) {
        let Some(input) = self.input_fd() else { return };
        let mut buffer = [0; 1024];
        let typed = match rustix::io::read(input, &mut buffer) {
            // The end of input is not the end of the machine: it may have more to say.
            Ok(0) => {
                pending.ended = true;
                return;
            }
            Ok(count) => {
                // Somebody types: a machine that is suspended wakes up.
                control.wake();
                &buffer[..count]
            }
            Err(Errno::INTR | Errno::AGAIN) => return,
            Err(_) => {
                pending.ended = true;
                return;
            }
        };
        match self.kind {
            InputKind::Stream => pending.bytes.extend(typed),
            InputKind::Terminal => {
                if pending.escape.filter(typed, &mut pending.bytes) == Typed::Leave {
                    control.end(End::Quit);
                }
                pending.bytes.truncate(TYPED_AHEAD);
            }
        }
    }
}

impl Pending {
    fn deliver(&mut self, uart: &Uart<'_>) {
        while !self.bytes.is_empty() {
            let taken = uart.receive(self.bytes.make_contiguous());
            if taken == 0 {
                return;
            }
            self.bytes.drain(..taken);
        }
    }
}
