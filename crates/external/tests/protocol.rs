//! The protocol, byte by byte, as its reference page has it.

use std::time::Duration;

use proptest::{collection::vec, prelude::*};
use switchboard_external::{
    Exchange, Posting, Slots,
    protocol::{
        ArgumentCount, Arguments, Frame, FromMonitor, FromServer, Inbox, MAX_FRAME, MonitorHello,
        ProtocolError, Request, Response, Sequence, ServerHello, Version,
    },
};
use switchboard_filter::Range;
use switchboard_firmware::{CpuIndex, Reply, Results};
use switchboard_smccc::{Conduit, FunctionId, Register};

fn count(count: u8) -> ArgumentCount {
    ArgumentCount::new(count).unwrap()
}

fn body(frame: &Frame) -> &[u8] {
    &frame.bytes()[4..]
}

#[test]
fn a_servers_hello_is_16_bytes() {
    let hello = ServerHello { version: Version::V1, arguments: count(4) };
    assert_eq!(hello.encode().bytes(), b"\x0c\0\0\0\x01SWBDCALL\x01\0\x04");
}

#[test]
fn a_monitors_hello_is_27_bytes() {
    let range = Range::literal(FunctionId(0xc200_0000), 0x100);
    let hello = MonitorHello { version: Version::V1, range, cpus: 8 };
    assert_eq!(hello.encode().bytes(), b"\x17\0\0\0\x02SWBDCALL\x01\0\0\0\0\xc2\xff\0\0\xc2\x08\0\0\0");
}

#[test]
fn a_request_is_22_bytes_and_8_for_each_argument() {
    let request = Request {
        sequence: Sequence(0x0102_0304_0506_0708),
        function: FunctionId(0xc200_0001),
        conduit: Conduit::Smc,
        caller: 3,
        arguments: Arguments::read(count(1), |_| 0x11),
    };
    assert_eq!(
        request.encode().bytes(),
        b"\x1a\0\0\0\x03\x08\x07\x06\x05\x04\x03\x02\x01\x01\0\0\xc2\x03\0\0\0\x01\x11\0\0\0\0\0\0\0"
    );
}

#[test]
fn a_response_has_its_registers_in_order_x0_first() {
    let results = Results::of(0).with(Register::X3, 0x33).with(Register::X1, 0x11);
    let response = Response { sequence: Sequence(5), results };
    assert_eq!(
        response.encode().bytes(),
        b"\x25\0\0\0\x04\x05\0\0\0\0\0\0\0\x0b\0\0\0\0\0\0\0\0\0\0\0\x11\0\0\0\0\0\0\0\x33\0\0\0\0\0\0\0"
    );
}

#[test]
fn what_a_later_version_appends_to_a_hello_is_ignored_and_nothing_else() {
    let hello = ServerHello { version: Version(9), arguments: count(17) };
    let longer = [body(&hello.encode()), b"later"].concat();
    assert_eq!(FromServer::decode(&longer), Ok(FromServer::Hello(hello)));
    let response = Response { sequence: Sequence(5), results: Results::of(0) };
    let longer = [body(&response.encode()), b"later"].concat();
    assert_eq!(FromServer::decode(&longer), Err(ProtocolError::Size { kind: 4, length: 26 }));
}

#[test]
fn a_frame_of_the_other_side_is_an_error() {
    let hello = ServerHello { version: Version::V1, arguments: count(0) }.encode();
    assert_eq!(FromMonitor::decode(body(&hello)), Err(ProtocolError::Kind(1)));
    assert_eq!(FromServer::decode(&[3]), Err(ProtocolError::Kind(3)));
    assert_eq!(FromServer::decode(&[5]), Err(ProtocolError::Kind(5)));
    assert_eq!(FromServer::decode(&[]), Err(ProtocolError::Length(0)));
}

#[test]
fn a_response_without_x0_is_an_error() {
    let mut response = Response { sequence: Sequence(5), results: Results::of(0) }.encode().bytes().to_vec();
    response[13] = 2;
    assert_eq!(FromServer::decode(&response[4..]), Err(ProtocolError::Registers(2)));
}

#[test]
fn the_version_that_is_spoken_is_the_lower_one() {
    assert_eq!(Version(1).agreed(), Ok(Version(1)));
    assert_eq!(Version(u16::MAX).agreed(), Ok(Version(1)));
    assert_eq!(Version(0).agreed(), Err(ProtocolError::Version(Version(0))));
}

/// The frames of the reference page's conversation, and who says each.
fn conversation() -> Vec<(char, Vec<u8>)> {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/src/reference/external.md");
    let page = std::fs::read_to_string(page).unwrap();
    page.lines()
        .filter_map(|line| line.split_once(' ').filter(|(who, _)| ["<", ">"].contains(who)))
        .map(|(who, hex)| {
            let bytes = hex.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).unwrap());
            (who.chars().next().unwrap(), bytes.collect())
        })
        .collect()
}

#[test]
fn the_conversation_of_the_reference_page_is_one() {
    let slots = Slots::new(4, u64::MAX);
    let range = Range::literal(FunctionId(0xc200_0000), 0x100);
    let mut exchange = Exchange::new(MonitorHello { version: Version::HIGHEST, range, cpus: 4 });
    for (who, bytes) in conversation() {
        if who == '<' {
            exchange.receive(&bytes, &slots, &|_| {}).unwrap();
            continue;
        }
        if exchange.output().is_empty() {
            let arguments = Arguments::read(count(2), |register| [40, 2][register.index() - 1]);
            let (function, deadline) = (FunctionId(0xc200_0000), Duration::from_secs(1));
            let posting = Posting { function, conduit: Conduit::Hvc, arguments, deadline };
            slots.post(CpuIndex(1), slots.connected().unwrap(), posting).unwrap();
            exchange.collect(&slots).unwrap();
        }
        assert_eq!(exchange.output(), bytes);
        exchange.sent(bytes.len());
    }
    assert_eq!(slots.reply(CpuIndex(1), Duration::ZERO), Reply::Return(Results::of(42)));
}

fn conduits() -> impl Strategy<Value = Conduit> {
    prop_oneof![Just(Conduit::Hvc), Just(Conduit::Smc)]
}

fn requests() -> impl Strategy<Value = Request> {
    let numbers = (any::<u64>(), any::<u32>(), any::<u32>());
    (numbers, conduits(), vec(any::<u64>(), 0..=17)).prop_map(
        |((sequence, function, caller), conduit, values)| {
            let count = count(u8::try_from(values.len()).unwrap());
            let arguments = Arguments::read(count, |register| values[register.index() - 1]);
            let (sequence, function) = (Sequence(sequence), FunctionId(function));
            Request { sequence, function, conduit, caller, arguments }
        },
    )
}

fn responses() -> impl Strategy<Value = Response> {
    let registers = vec((1..18_u8, any::<u64>()), 0..20);
    (any::<u64>(), any::<u64>(), registers).prop_map(|(sequence, x0, registers)| {
        let results = registers.into_iter().fold(Results::of(x0), |results, (number, value)| {
            results.with(Register::new(number).unwrap(), value)
        });
        Response { sequence: Sequence(sequence), results }
    })
}

proptest! {
    #[test]
    fn a_request_is_read_as_it_was_written(request in requests()) {
        prop_assert_eq!(FromMonitor::decode(body(&request.encode())), Ok(FromMonitor::Request(request)));
    }

    #[test]
    fn a_response_is_read_as_it_was_written(response in responses()) {
        prop_assert_eq!(FromServer::decode(body(&response.encode())), Ok(FromServer::Response(response)));
    }

    #[test]
    fn the_hellos_are_read_as_they_were_written(
        version: u16,
        arguments in 0..=17_u8,
        (first, more) in (0..=u32::MAX).prop_flat_map(|first| (Just(first), 0..=(u32::MAX - first))),
        cpus: u32,
    ) {
        let version = Version(version);
        let server = ServerHello { version, arguments: count(arguments) };
        prop_assert_eq!(FromServer::decode(body(&server.encode())), Ok(FromServer::Hello(server)));
        let range = Range::new(FunctionId(first), more.max(1)).unwrap();
        let monitor = MonitorHello { version, range, cpus };
        prop_assert_eq!(FromMonitor::decode(body(&monitor.encode())), Ok(FromMonitor::Hello(monitor)));
    }

    #[test]
    fn whatever_is_read_is_written_as_it_was(kind in 0..6_u8, fields in vec(any::<u8>(), 0..MAX_FRAME)) {
        let bytes = [&[kind], fields.as_slice()].concat();
        if let Ok(FromServer::Response(response)) = FromServer::decode(&bytes) {
            let written = response.encode();
            prop_assert_eq!(body(&written), bytes.as_slice());
        }
        if let Ok(FromMonitor::Request(request)) = FromMonitor::decode(&bytes) {
            let written = request.encode();
            prop_assert_eq!(body(&written), bytes.as_slice());
        }
    }

    #[test]
    fn frames_are_the_same_in_whatever_pieces_they_come(
        responses in vec(responses(), 1..5),
        piece in 1..400_usize,
    ) {
        let stream: Vec<u8> =
            responses.iter().flat_map(|response| response.encode().bytes().to_vec()).collect();
        let mut inbox = Inbox::new();
        let mut read = Vec::new();
        for bytes in stream.chunks(piece) {
            inbox.feed(bytes, |body| {
                read.push(FromServer::decode(body)?);
                Ok::<_, ProtocolError>(())
            }).unwrap();
        }
        let written: Vec<_> = responses.into_iter().map(FromServer::Response).collect();
        prop_assert_eq!(read, written);
    }

    #[test]
    fn any_bytes_are_frames_or_an_error(bytes in vec(any::<u8>(), 0..2000)) {
        let _ = Inbox::new().feed(&bytes, |body| {
            assert!((1..=MAX_FRAME - 4).contains(&body.len()));
            let _ = (FromServer::decode(body), FromMonitor::decode(body));
            Ok::<_, ProtocolError>(())
        });
    }
}
