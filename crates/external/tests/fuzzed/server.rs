//! A server whose monitor sends anything: it must not panic, and must send one response to each request.

use switchboard_external::{
    protocol::{
        ArgumentCount, Arguments, FromServer, MAX_FRAME, MonitorHello, ProtocolError, Request, Sequence,
        Version,
    },
    server::Conversation,
};
use switchboard_filter::Range;
use switchboard_firmware::Results;
use switchboard_smccc::{Conduit, FunctionId};

use crate::input::Input;

struct Server {
    conversation: Conversation,
    arguments: ArgumentCount,
}

/// Does what the input says, until the server ends the connection.
pub(crate) fn exercise(input: &[u8]) {
    let mut input = Input(input);
    let arguments = ArgumentCount::new(u8::try_from(input.number() % 18).unwrap()).unwrap();
    let mut server = Server { conversation: Conversation::new(arguments), arguments };
    while let Some(step) = input.byte() {
        if server.step(step, &mut input).is_err() {
            return;
        }
    }
}

impl Server {
    fn step(&mut self, step: u8, input: &mut Input<'_>) -> Result<(), ProtocolError> {
        match step % 4 {
            0 | 1 => {
                let count = input.number();
                self.receive(input.bytes(count))
            }
            2 => {
                let range = Range::literal(FunctionId(0xc200_0000), 0x100);
                let version = Version(u16::try_from(input.number() % 3).unwrap());
                self.receive(MonitorHello { version, range, cpus: 4 }.encode().bytes())
            }
            _ => {
                let (sequence, function, caller) =
                    (Sequence(input.u64()), FunctionId(input.u32()), input.u32());
                let arguments = Arguments::read(self.arguments, |register| u64::from(register.number()));
                let request = Request { sequence, function, conduit: Conduit::Smc, caller, arguments };
                self.receive(request.encode().bytes())
            }
        }
    }

    fn receive(&mut self, bytes: &[u8]) -> Result<(), ProtocolError> {
        let mut asked = Vec::new();
        let mut answered = Vec::new();
        let mut answer = |request: &Request| {
            assert_eq!(request.arguments.count(), self.arguments);
            asked.push(request.sequence);
            Results::of(request.sequence.0)
        };
        let result = self.conversation.receive(bytes, &mut answer, |frame| {
            assert!(frame.bytes().len() <= MAX_FRAME);
            let FromServer::Response(response) = FromServer::decode(&frame.bytes()[4..])? else {
                panic!("a server sends one hello")
            };
            answered.push(response.sequence);
            Ok(())
        });
        assert_eq!(asked, answered);
        assert!(answered.len() <= bytes.len() / 22 + 1);
        result
    }
}
