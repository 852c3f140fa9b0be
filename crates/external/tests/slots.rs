//! The monitor's side without a socket: what is sent when, and to whom.

use std::time::Duration;

use switchboard_external::{
    Connected, Exchange, Gone, Posting, Slots,
    protocol::{
        ArgumentCount, Arguments, FromMonitor, Inbox, MonitorHello, ProtocolError, Request, Response,
        ServerHello, Version,
    },
};
use switchboard_filter::Range;
use switchboard_firmware::{CpuIndex, Reply, Results};
use switchboard_smccc::{Conduit, FunctionId};

const FAILURE: u64 = 0x77;
const TIMEOUT: Duration = Duration::from_secs(1);

/// An exchange in which both have said their hello, and the monitor's has been sent.
fn open(slots: &Slots) -> Exchange {
    let range = Range::literal(FunctionId(0xc200_0000), 0x100);
    let cpus = u32::try_from(slots.cpus()).unwrap();
    let mut exchange = Exchange::new(MonitorHello { version: Version::HIGHEST, range, cpus });
    let hello = ServerHello { version: Version::V1, arguments: ArgumentCount::MAX };
    exchange.receive(hello.encode().bytes(), slots, &|_| {}).unwrap();
    exchange.sent(usize::MAX);
    exchange
}

fn post(slots: &Slots, cpu: usize, server: Connected) -> Result<(), Gone> {
    let arguments = Arguments::read(server.arguments(), |_| 0);
    let (function, deadline) = (FunctionId(0xc200_0000), TIMEOUT);
    slots.post(CpuIndex(cpu), server, Posting { function, conduit: Conduit::Hvc, arguments, deadline })
}

/// All that there is room for.
fn send(exchange: &mut Exchange, slots: &Slots) -> Vec<Request> {
    exchange.collect(slots).unwrap();
    let mut requests = Vec::new();
    Inbox::new()
        .feed(exchange.output(), |body| {
            if let FromMonitor::Request(request) = FromMonitor::decode(body)? {
                requests.push(request);
            }
            Ok::<_, ProtocolError>(())
        })
        .unwrap();
    exchange.sent(exchange.output().len());
    requests
}

#[test]
fn a_call_whose_server_has_gone_meanwhile_is_not_posted_for_the_next_one() {
    let slots = Slots::new(1, FAILURE);
    let first = open(&slots);
    let server = slots.connected().unwrap();
    first.end(&slots, &|_| {});
    assert_eq!(post(&slots, 0, server), Err(Gone));

    let mut second = open(&slots);
    assert_eq!(post(&slots, 0, server), Err(Gone), "the next one may want other arguments");
    assert_eq!(send(&mut second, &slots), []);
    assert_eq!(post(&slots, 0, slots.connected().unwrap()), Ok(()));
}

#[test]
fn a_cpu_that_there_is_not_gets_the_defined_answer() {
    let slots = Slots::new(1, FAILURE);
    let _open = open(&slots);
    assert_eq!(post(&slots, 1, slots.connected().unwrap()), Err(Gone));
    assert_eq!(slots.reply(CpuIndex(1), Duration::ZERO), Reply::Return(Results::of(FAILURE)));
}

#[test]
fn with_little_room_each_cpu_has_its_turn() {
    let slots = Slots::new(100, FAILURE);
    let mut exchange = open(&slots);
    let server = slots.connected().unwrap();
    (0..100).for_each(|cpu| post(&slots, cpu, server).unwrap());
    let mut callers = Vec::new();
    while callers.len() < 100 {
        let requests = send(&mut exchange, &slots);
        assert!((1..100).contains(&requests.len()), "there is room for some of them");
        for request in requests {
            let response = Response { sequence: request.sequence, results: Results::of(0) };
            exchange.receive(response.encode().bytes(), &slots, &|_| {}).unwrap();
            callers.push(request.caller);
            // Those that have had their turn call again at once.
            let cpu = usize::try_from(request.caller).unwrap();
            assert_eq!(slots.reply(CpuIndex(cpu), Duration::ZERO), Reply::Return(Results::of(0)));
            post(&slots, cpu, server).unwrap();
        }
    }
    callers.truncate(100);
    assert_eq!(callers, (0..100).collect::<Vec<u32>>());
}

#[test]
fn a_call_that_is_over_before_there_was_room_for_it_is_not_sent() {
    let slots = Slots::new(1, FAILURE);
    let mut exchange = open(&slots);
    post(&slots, 0, slots.connected().unwrap()).unwrap();
    assert_eq!(slots.reply(CpuIndex(0), TIMEOUT), Reply::Return(Results::of(FAILURE)));
    assert_eq!(send(&mut exchange, &slots), []);
    assert_eq!((slots.counts().timeouts, slots.counts().requests), (1, 0));
}

#[test]
fn an_answer_that_is_there_counts_also_when_its_cpu_asks_late() {
    let slots = Slots::new(1, FAILURE);
    let mut exchange = open(&slots);
    post(&slots, 0, slots.connected().unwrap()).unwrap();
    let [request] = send(&mut exchange, &slots)[..] else { panic!("there is one") };
    let response = Response { sequence: request.sequence, results: Results::of(5) };
    exchange.receive(response.encode().bytes(), &slots, &|_| {}).unwrap();
    assert_eq!(slots.reply(CpuIndex(0), 2 * TIMEOUT), Reply::Return(Results::of(5)));
}

#[test]
fn a_request_is_not_answered_before_it_has_been_sent() {
    let slots = Slots::new(2, FAILURE);
    let mut exchange = open(&slots);
    let server = slots.connected().unwrap();
    post(&slots, 0, server).unwrap();
    let [first] = send(&mut exchange, &slots)[..] else { panic!("there is one") };
    post(&slots, 1, server).unwrap();
    let mut guessed = first.sequence;
    guessed.0 += 1;
    let response = Response { sequence: guessed, results: Results::of(0) };
    let result = exchange.receive(response.encode().bytes(), &slots, &|_| {});
    assert_eq!(result, Err(ProtocolError::Unasked(guessed.0)));
}

#[test]
fn a_duplicate_is_found_out_while_others_wait_and_takes_no_answer_from_them() {
    let slots = Slots::new(2, FAILURE);
    let mut exchange = open(&slots);
    let server = slots.connected().unwrap();
    (0..2).for_each(|cpu| post(&slots, cpu, server).unwrap());
    let [first, _] = send(&mut exchange, &slots)[..] else { panic!("there are two") };
    let response = Response { sequence: first.sequence, results: Results::of(0) };
    assert_eq!(exchange.receive(response.encode().bytes(), &slots, &|_| {}), Ok(()));
    let again = exchange.receive(response.encode().bytes(), &slots, &|_| {});
    assert_eq!(again, Err(ProtocolError::Unasked(first.sequence.0)));
}

#[test]
fn a_sequence_number_of_the_future_is_found_out_while_others_wait() {
    let slots = Slots::new(1, FAILURE);
    let mut exchange = open(&slots);
    post(&slots, 0, slots.connected().unwrap()).unwrap();
    let [request] = send(&mut exchange, &slots)[..] else { panic!("there is one") };
    let mut future = request.sequence;
    future.0 += 1;
    let response = Response { sequence: future, results: Results::of(0) };
    let result = exchange.receive(response.encode().bytes(), &slots, &|_| {});
    assert_eq!(result, Err(ProtocolError::Unasked(future.0)));
}
