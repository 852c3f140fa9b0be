//! The monitor's side of one connection, without the connection: bytes in, bytes out.
//!
//! Its memory is fixed. A server that sends more responses than it got requests is found out at the first, one that
//! leaves too many requests without a response as well.

use switchboard_firmware::CpuIndex;

use crate::{
    Slots,
    protocol::{Frame, FromServer, Inbox, MAX_FRAME, MonitorHello, ProtocolError, ServerHello},
};

/// How many bytes wait to be sent at most. What has no room stays in its slot.
pub const MAX_OUTPUT: usize = 16 * MAX_FRAME;

/// How many requests for each CPU a server may leave without a response. All but one of them have timed out.
pub const MAX_UNANSWERED: u64 = 16;

/// One conversation with a server. After an error there is nothing to do with it but [`Exchange::end`].
#[derive(Debug)]
pub struct Exchange {
    inbox: Inbox,
    talk: Talk,
}

/// All but the frame that is being received.
#[derive(Debug)]
struct Talk {
    hello: MonitorHello,
    phase: Phase,
    output: Output,
    /// Requests that the server has not responded to, whether or not anybody still waits for it.
    unanswered: u64,
    limit: u64,
    /// Whose turn it is: with little room, each CPU gets its share of it.
    next: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Hello,
    Open,
}

impl Exchange {
    /// A new one, in which the server is to speak first. `hello` is what it is told then; the version is agreed on.
    #[must_use]
    pub fn new(hello: MonitorHello) -> Self {
        let limit = MAX_UNANSWERED.saturating_mul(u64::from(hello.cpus));
        let output = Output { bytes: [0; MAX_OUTPUT], start: 0, end: 0 };
        let talk = Talk { hello, phase: Phase::Hello, output, unanswered: 0, limit, next: 0 };
        Self { inbox: Inbox::new(), talk }
    }

    /// Have both said their hello, so that calls are answered?
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.talk.phase == Phase::Open
    }

    /// Takes what the server has sent. `wake` is called for each CPU whose call it answers.
    ///
    /// # Errors
    ///
    /// [`ProtocolError`] if it is no conversation.
    pub fn receive(
        &mut self,
        bytes: &[u8],
        slots: &Slots,
        wake: &dyn Fn(CpuIndex),
    ) -> Result<(), ProtocolError> {
        let talk = &mut self.talk;
        self.inbox.feed(bytes, |body| talk.hear(FromServer::decode(body)?, slots, wake))
    }

    /// Moves requests from the slots to the output, as many as there is room for.
    ///
    /// # Errors
    ///
    /// [`ProtocolError::Unanswered`] if the server owes too many responses.
    pub fn collect(&mut self, slots: &Slots) -> Result<(), ProtocolError> {
        if self.is_open() { self.talk.collect(slots) } else { Ok(()) }
    }

    /// What is to be sent.
    #[must_use]
    pub fn output(&self) -> &[u8] {
        &self.talk.output.bytes[self.talk.output.start..self.talk.output.end]
    }

    /// That many bytes of it have been sent; no more than there were.
    pub fn sent(&mut self, count: usize) {
        let output = &mut self.talk.output;
        output.start = output.start.saturating_add(count).min(output.end);
    }

    /// There is no connection any more: calls that wait get the defined answer, and their CPUs are woken.
    pub fn end(self, slots: &Slots, wake: &dyn Fn(CpuIndex)) {
        // Without a hello nobody has posted anything.
        if self.is_open() {
            slots.close(wake);
        }
    }
}

impl Talk {
    fn hear(
        &mut self,
        said: FromServer,
        slots: &Slots,
        wake: &dyn Fn(CpuIndex),
    ) -> Result<(), ProtocolError> {
        match (said, self.phase) {
            (FromServer::Hello(hello), Phase::Hello) => self.open(hello, slots),
            (FromServer::Response(response), Phase::Open) => {
                let unasked = ProtocolError::Unasked(response.sequence.0);
                self.unanswered = self.unanswered.checked_sub(1).ok_or(unasked)?;
                if let Some(caller) = slots.answer(response)? {
                    wake(caller);
                }
                Ok(())
            }
            (FromServer::Hello(_), Phase::Open) => Err(ProtocolError::Order(1)),
            (FromServer::Response(_), Phase::Hello) => Err(ProtocolError::Order(4)),
        }
    }

    fn open(&mut self, server: ServerHello, slots: &Slots) -> Result<(), ProtocolError> {
        let version = server.version.agreed()?;
        self.output.push(&MonitorHello { version, ..self.hello }.encode());
        self.phase = Phase::Open;
        slots.open(server.arguments);
        Ok(())
    }

    fn collect(&mut self, slots: &Slots) -> Result<(), ProtocolError> {
        while self.output.has_room() {
            let Some(request) = slots.take_posted(self.next) else { return Ok(()) };
            if self.unanswered >= self.limit {
                return Err(ProtocolError::Unanswered(self.unanswered));
            }
            self.unanswered += 1;
            self.next = usize::try_from(request.caller).map_or(0, |caller| caller + 1) % slots.cpus();
            self.output.push(&request.encode());
        }
        Ok(())
    }
}

/// Bytes that wait for the connection to take them.
#[derive(Debug)]
struct Output {
    bytes: [u8; MAX_OUTPUT],
    start: usize,
    end: usize,
}

impl Output {
    /// Is there room for any frame?
    const fn has_room(&self) -> bool {
        self.end - self.start <= MAX_OUTPUT - MAX_FRAME
    }

    /// There is room: a hello is the first frame, and before a request somebody has looked.
    fn push(&mut self, frame: &Frame) {
        self.bytes.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        let bytes = frame.bytes();
        self.bytes[self.end..][..bytes.len()].copy_from_slice(bytes);
        self.end += bytes.len();
    }
}
