//! What a hostile guest can cost: every service, called by four threads at once, with what they are lent on this machine.
//!
//! In the lab the same is done by a guest (`lab_firmware.rs`); an emulated CPU's time is not to be measured in.

#![allow(missing_docs, reason = "tests")]

use std::{
    env,
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use rustix::{
    rand::{GetRandomFlags, getrandom},
    time::{ClockId, clock_gettime},
};
use switchboard_firmware::{
    Call, Context, CpuIndex, Firmware, Host, Lock, NoEntropy, NotMemory, Outcome, RegisterFault, Registers,
    Service, SystemRegister, WallClock,
    general::GeneralQueries,
    hyperv::HyperV,
    kvm::{Implementation, KvmVendor},
    psci::{Endianness, PowerTable, Psci, PsciVersion, Start},
    pv_time::PvTime,
    sdei::{self, Bindable, EventDescription, EventKind, Priority, Sdei},
    trng::Trng,
    watchdog::{Bite, Watchdog},
};
use switchboard_smccc::{Conduit, FunctionId, InterruptId, Ipa, Mpidr, Owner, Register, sdei::EventNumber};

const CPUS: usize = 4;
const LIMIT: Duration = Duration::from_millis(1);
/// A machine on which others work too takes time from a thread that is counted as its own, at random. What is the call's
/// own comes back each time.
const TRIES: usize = 5;

struct Lent(Instant);

impl Host for Lent {
    fn is_memory(&self, _: Ipa, _: u64) -> bool {
        true
    }

    /// Every page is full of what a guest with no scruples would put there.
    fn read_memory(&self, address: Ipa, bytes: &mut [u8]) -> Result<(), NotMemory> {
        let mut random = Random(address.0 | 1);
        bytes.chunks_mut(8).for_each(|word| {
            let value = random.argument().to_le_bytes();
            word.copy_from_slice(&value[..word.len()]);
        });
        Ok(())
    }

    fn write_memory(&self, _: Ipa, _: &[u8]) -> Result<(), NotMemory> {
        Ok(())
    }

    fn monotonic(&self) -> Option<Duration> {
        Some(self.0.elapsed())
    }

    fn wall_clock(&self) -> Option<WallClock> {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
        Some(WallClock { since_epoch, virtual_counter: 1, physical_counter: 2 })
    }

    fn entropy(&self, bytes: &mut [u8]) -> Result<(), NoEntropy> {
        match getrandom(&mut *bytes, GetRandomFlags::NONBLOCK) {
            Ok(count) if count == bytes.len() => Ok(()),
            _ => Err(NoEntropy),
        }
    }
}

#[derive(Clone)]
struct Bank([u64; 18]);

impl Registers for Bank {
    fn read(&mut self, register: Register) -> Result<u64, RegisterFault> {
        Ok(self.0[register.index()])
    }

    fn write(&mut self, register: Register, value: u64) -> Result<(), RegisterFault> {
        self.0[register.index()] = value;
        Ok(())
    }

    fn read_system(&mut self, _: SystemRegister) -> Result<u64, RegisterFault> {
        Ok(0)
    }

    fn write_system(&mut self, _: SystemRegister, _: u64) -> Result<(), RegisterFault> {
        Ok(())
    }
}

/// xorshift (Marsaglia 2003).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// Most arguments that mean something are small.
    fn argument(&mut self) -> u64 {
        let value = self.next();
        if value & 1 == 0 { value >> 1 & 0xff } else { value }
    }
}

/// The lock that the machine lends.
struct Locked<T>(Mutex<T>);

impl<T: Send> Lock<T> for Locked<T> {
    fn new(value: T) -> Self {
        Self(Mutex::new(value))
    }

    fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        work(&mut self.0.lock().unwrap())
    }
}

fn events(power: &Arc<PowerTable>) -> Sdei<Locked<sdei::State>> {
    let event = |number, kind, priority| EventDescription { number: EventNumber(number), kind, priority };
    let events = [
        event(0x4000_0000, EventKind::Shared, Priority::Critical),
        event(0x4000_0001, EventKind::Private, Priority::Normal),
    ];
    let interrupts = [Bindable { interrupt: InterruptId(33), priority: Priority::Normal }];
    Sdei::new(Arc::clone(power), &events, &interrupts).unwrap()
}

fn firmware(vendor: Box<dyn Service>) -> Firmware {
    let affinities: Vec<_> = (0..4).map(Mpidr::from_register).collect();
    let power = Arc::new(PowerTable::new(&affinities));
    let entry = switchboard_firmware::EntryPoint { address: Ipa(0x4000_0000), context: 0 };
    power.start(CpuIndex(0), Start { entry, endianness: Endianness::Little }).unwrap();
    Firmware::new(vec![
        vendor,
        Box::new(events(&power)),
        Box::new(Psci::new(power, PsciVersion::V1_3)),
        Box::new(Trng::new(None)),
        Box::new(PvTime::new(Ipa(0x90a_0000))),
        Box::new(Watchdog::new(Bite::Reset)),
        Box::new(GeneralQueries::new(&[Owner::SIP, Owner::STANDARD_SECURE, Owner::STANDARD_HYPERVISOR])),
    ])
    .unwrap()
}

fn cpu_time() -> Duration {
    clock_gettime(ClockId::ThreadCPUTime).try_into().unwrap()
}

/// Makes a call, and says what it cost this thread.
fn cost(firmware: &Firmware, lent: &Lent, cpu: usize, function: FunctionId, mut bank: Bank) -> Duration {
    let before = cpu_time();
    let mut call = Call::new(function, Conduit::Smc, CpuIndex(cpu), &mut bank);
    let outcome = firmware.answer(&mut call, lent);
    if let Some(results) = outcome.results() {
        call.complete(&results).unwrap();
    }
    assert_ne!(outcome, Outcome::Later);
    // As if it had been kicked each time.
    firmware.before_entry(&mut Context::new(CpuIndex(cpu), &mut bank), lent);
    cpu_time() - before
}

/// How many calls it made, and the costliest.
fn hammer(firmware: &Firmware, lent: &Lent, cpu: usize, until: Instant) -> (u64, Duration) {
    let ranges: Vec<_> =
        firmware.services().flat_map(|service| service.declaration().owned.to_vec()).collect();
    let mut random = Random(0x9e37_79b9_7f4a_7c15 ^ u64::try_from(cpu).unwrap());
    let (mut calls, mut costliest) = (0, Duration::ZERO);
    while Instant::now() < until {
        for range in &ranges {
            let offset = u32::try_from(random.next() % range.count()).unwrap();
            let function = FunctionId(range.first().0 + offset);
            let bank = Bank(std::array::from_fn(|_| random.argument()));
            let mut costs = (0..TRIES).map(|_| cost(firmware, lent, cpu, function, bank.clone()));
            let within = costs.find(|&cost| cost <= LIMIT);
            let within =
                within.unwrap_or_else(|| panic!("{function} took too long {TRIES} times: {:x?}", bank.0));
            costliest = costliest.max(within);
            calls += 1;
        }
    }
    (calls, costliest)
}

fn hammer_all(vendor: Box<dyn Service>) {
    let seconds = if env::var_os("SWITCHBOARD_LONG").is_some() { 60 } else { 2 };
    let (firmware, lent) = (firmware(vendor), Lent(Instant::now()));
    let until = Instant::now() + Duration::from_secs(seconds);

    let results: Vec<_> = thread::scope(|scope| {
        let (firmware, lent) = (&firmware, &lent);
        let threads: Vec<_> =
            (0..CPUS).map(|cpu| scope.spawn(move || hammer(firmware, lent, cpu, until))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });

    let calls: u64 = results.iter().map(|(calls, _)| calls).sum();
    let costliest = results.iter().map(|&(_, costliest)| costliest).max().unwrap();
    println!("{calls} calls in {seconds} s on {CPUS} threads; the costliest took {costliest:?} of CPU time");
    assert!(calls > 1000);
}

#[test]
fn no_call_of_any_service_takes_more_than_a_millisecond_of_its_thread() {
    let implementation = Implementation { midr: 0x410f_d0c1, revidr: 0, aidr: 0 };
    hammer_all(Box::new(KvmVendor::new(vec![implementation; 64])));
}

#[test]
fn nor_does_one_of_hyper_v() {
    hammer_all(Box::new(HyperV::new(CPUS)));
}
