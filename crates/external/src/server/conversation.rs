//! The server's side of one connection, without the connection: bytes in, frames out.

use switchboard_firmware::Results;

use crate::protocol::{
    ArgumentCount, Frame, FromMonitor, Inbox, ProtocolError, Request, Response, ServerHello, Version,
};

/// One conversation with a monitor. After an error there is nothing more to do with it.
#[derive(Debug)]
pub struct Conversation {
    inbox: Inbox,
    arguments: ArgumentCount,
    phase: Phase,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Hello,
    Open,
}

impl Conversation {
    /// A new one, in which [`Conversation::hello`] is to be sent first.
    #[must_use]
    pub const fn new(arguments: ArgumentCount) -> Self {
        Self { inbox: Inbox::new(), arguments, phase: Phase::Hello }
    }

    /// What a monitor is told first.
    #[must_use]
    pub fn hello(&self) -> Frame {
        ServerHello { version: Version::HIGHEST, arguments: self.arguments }.encode()
    }

    /// Takes what the monitor has sent: has each call answered, and the answer sent.
    ///
    /// # Errors
    ///
    /// The first [`ProtocolError`], or error of `send`.
    pub fn receive<E: From<ProtocolError>>(
        &mut self,
        bytes: &[u8],
        answer: &mut dyn FnMut(&Request) -> Results,
        mut send: impl FnMut(&Frame) -> Result<(), E>,
    ) -> Result<(), E> {
        let (arguments, phase) = (self.arguments, &mut self.phase);
        self.inbox.feed(bytes, |body| {
            let Some(request) = hear(phase, arguments, body)? else { return Ok(()) };
            let results = answer(&request);
            send(&Response { sequence: request.sequence, results }.encode())
        })
    }
}

/// What the monitor asks for, if that is what it does.
fn hear(phase: &mut Phase, asked: ArgumentCount, body: &[u8]) -> Result<Option<Request>, ProtocolError> {
    match (FromMonitor::decode(body)?, *phase) {
        (FromMonitor::Hello(hello), Phase::Hello) if hello.version.is_spoken() => {
            *phase = Phase::Open;
            Ok(None)
        }
        (FromMonitor::Hello(hello), Phase::Hello) => Err(ProtocolError::Version(hello.version)),
        (FromMonitor::Hello(_), Phase::Open) => Err(ProtocolError::Order(2)),
        (FromMonitor::Request(_), Phase::Hello) => Err(ProtocolError::Order(3)),
        (FromMonitor::Request(request), Phase::Open) => {
            let (got, asked) = (request.arguments.count().get(), asked.get());
            if got == asked { Ok(Some(request)) } else { Err(ProtocolError::ArgumentCount { got, asked }) }
        }
    }
}
