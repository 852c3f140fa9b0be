//! The Differentiated System Description Table (ACPI 6.5, section 5.2.11.1): the devices, and what the guest runs at
//! an event.
//!
//! ```text
//! \_SB.COM0   the serial port
//! \_SB.PWRB   the power button
//! \_SB.GED0   the Generic Event Device: our event device's interrupt, and what is to be done at it
//! \_SB.CPUS   the CPUs C000, C001 and so on, and CSCN, which asks the event device whom an event is about
//! ```
//!
//! At an interrupt the guest reads and acknowledges everything there is, and then the interrupt's level falls. Each
//! CPU has registers of its own, so there is nothing to lock, and the event device names a CPU with an event, so the
//! number of accesses, each of which is an exit, follows the number of events and not that of CPUs.

use std::ops::Range;

use acpi_tables::{
    Aml, AmlSink,
    aml::{
        Add, Arg, Device, EISAName, Else, Equal, Field, FieldAccessType, FieldEntry, FieldLockRule,
        FieldUpdateRule, GreaterEqual, If, Interrupt, LessThan, Local, Memory32Fixed, Method, MethodCall,
        Name, Notify, OpRegion, OpRegionSpace, Path, ResourceTemplate, Return, Scope, Store, While, ZERO,
    },
};

use super::{bytes, low, table};
use crate::{devices::events::registers, layout};

/// With it, integers have 64 bits.
const REVISION: u8 = 2;

const UART: u32 = low(layout::UART.0);
const UART_SIZE: u32 = low(layout::UART_SIZE);

/// `_STA` (section 6.3.7) of a CPU the guest may have: present, enabled, shown, functioning.
const ENABLED: u8 = 0xf;
/// `_STA` of one it may not have: all of that but enabled. Linux on arm64 knows no CPU that is not present.
const NOT_ENABLED: u8 = 0xd;
/// What a power button is notified with when it is pressed (section 4.8.2.2.2.2).
const BUTTON_PRESSED: u8 = 0x80;

/// The opcode that leaves a loop (section 20.3), which the crate lacks.
const BREAK: u8 = 0xa5;

/// The first letter of a CPU's names. Three hexadecimal digits follow: its number.
mod letter {
    pub(super) const DEVICE: char = 'C';
    pub(super) const ENABLED: char = 'S';
    pub(super) const EVENT: char = 'E';
    pub(super) const EJECTED: char = 'J';
    pub(super) const OST_EVENT: char = 'A';
    pub(super) const OST_STATUS: char = 'B';
}

pub(super) fn build(cpus: u32) -> Vec<u8> {
    let devices = Code::concat([serial_port(), power_button(), event_device(), processors(cpus)]);
    table(*b"DSDT", REVISION, &bytes(&Scope::new("\\_SB_".into(), vec![&devices])))
}

/// AML that is written already.
struct Code(Vec<u8>);

impl Code {
    fn of(object: &dyn Aml) -> Self {
        Self(bytes(object))
    }

    fn concat(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut all = Vec::new();
        for part in parts {
            all.extend_from_slice(&part.0);
        }
        Self(all)
    }
}

impl Aml for Code {
    fn to_aml_bytes(&self, sink: &mut dyn AmlSink) {
        sink.vec(&self.0);
    }
}

/// A PL011 that is described as Arm's SBSA wants it: its driver sets no bit rate.
fn serial_port() -> Code {
    let memory = Memory32Fixed::new(true, UART, UART_SIZE);
    let interrupt = level_triggered(layout::UART_INTERRUPT);
    Code::of(&Device::new(
        "COM0".into(),
        vec![
            &Name::new("_HID".into(), &"ARMH0011"),
            &Name::new("_UID".into(), &ZERO),
            &Name::new("_CRS".into(), &ResourceTemplate::new(vec![&memory, &interrupt])),
        ],
    ))
}

fn power_button() -> Code {
    Code::of(&Device::new(
        "PWRB".into(),
        vec![&Name::new("_HID".into(), &EISAName::new("PNP0C0C")), &Name::new("_UID".into(), &ZERO)],
    ))
}

/// Section 5.6.9. `_EVT` gets the number of the interrupt.
fn event_device() -> Code {
    let interrupt = level_triggered(layout::GED_INTERRUPT);
    let pressed = Path::new("\\_SB_.CPUS.PWRE");
    let acknowledge = Store::new(&pressed, &1_u32);
    let button = Path::new("\\_SB_.PWRB");
    let notify = Notify::new(&button, &BUTTON_PRESSED);
    let is_pressed = Equal::new(&pressed, &1_u32);
    let pass_on = If::new(&is_pressed, vec![&acknowledge, &notify]);
    let scan = MethodCall::new("\\_SB_.CPUS.CSCN".into(), Vec::new());
    let is_ours = Equal::new(&Arg(0), &layout::GED_INTERRUPT);
    let handle = If::new(&is_ours, vec![&pass_on, &scan]);
    Code::of(&Device::new(
        "GED0".into(),
        vec![
            &Name::new("_HID".into(), &"ACPI0013"),
            &Name::new("_UID".into(), &ZERO),
            &Name::new("_CRS".into(), &ResourceTemplate::new(vec![&interrupt])),
            &Method::new("_EVT".into(), 1, true, vec![&handle]),
        ],
    ))
}

/// An interrupt that is the device's alone, and asks as long as its line is high.
fn level_triggered(interrupt: u32) -> Interrupt {
    let (consumer, edge_triggered, active_low, shared) = (true, false, false, false);
    Interrupt::new(consumer, edge_triggered, active_low, shared, interrupt)
}

/// The container of the CPUs (section 8.4.1), with the event device's registers.
fn processors(cpus: u32) -> Code {
    let region =
        OpRegion::new("CREG".into(), OpRegionSpace::SystemMemory, &layout::EVENTS.0, &layout::EVENTS_SIZE);
    Code::of(&Device::new(
        "CPUS".into(),
        vec![
            &Name::new("_HID".into(), &"ACPI0010"),
            &Name::new("_CID".into(), &EISAName::new("PNP0A05")),
            &region,
            &words(cpus),
            &single_bytes(cpus),
            &Code::concat((0..cpus).map(processor)),
            &Method::new("CEVT".into(), 1, true, vec![&dispatch(0..cpus)]),
            &scan(cpus),
        ],
    ))
}

/// The registers of 32 bits.
fn words(cpus: u32) -> Field {
    let mut fields = Fields::default();
    fields.place(registers::NEXT, "NEXT", 4);
    fields.place(registers::POWER_BUTTON, "PWRE", 4);
    for cpu in 0..cpus {
        let base = registers_of(cpu);
        fields.place(base + registers::OST_EVENT, &name(letter::OST_EVENT, cpu), 4);
        fields.place(base + registers::OST_STATUS, &name(letter::OST_STATUS, cpu), 4);
    }
    fields.declare(FieldAccessType::DWord)
}

/// The registers of a byte.
fn single_bytes(cpus: u32) -> Field {
    let mut fields = Fields::default();
    for cpu in 0..cpus {
        let base = registers_of(cpu);
        fields.place(base + registers::ENABLED, &name(letter::ENABLED, cpu), 1);
        fields.place(base + registers::EVENT, &name(letter::EVENT, cpu), 1);
        fields.place(base + registers::EJECTED, &name(letter::EJECTED, cpu), 1);
    }
    fields.declare(FieldAccessType::Byte)
}

fn registers_of(cpu: u32) -> u64 {
    registers::CPUS + u64::from(cpu) * registers::CPU_SIZE
}

/// Registers of one region, by ascending offset. Each is as wide as its accesses: one load or one store.
#[derive(Default)]
struct Fields {
    end: u64,
    entries: Vec<FieldEntry>,
}

impl Fields {
    fn place(&mut self, offset: u64, name: &str, size: u64) {
        if offset > self.end {
            self.entries.push(FieldEntry::Reserved(bits(offset - self.end)));
        }
        let name = name.as_bytes().try_into().expect("a name in AML has four characters");
        self.entries.push(FieldEntry::Named(name, bits(size)));
        self.end = offset + size;
    }

    fn declare(self, access: FieldAccessType) -> Field {
        Field::new("CREG".into(), access, FieldLockRule::NoLock, FieldUpdateRule::Preserve, self.entries)
    }
}

fn bits(size: u64) -> usize {
    usize::try_from(size * 8).expect("the registers are 64 KiB")
}

fn name(letter: char, cpu: u32) -> String {
    format!("{letter}{cpu:03X}")
}

/// The device of a CPU (section 8.4). Without `_MAT`: Linux finds the CPU in the MADT by its `_UID`.
fn processor(cpu: u32) -> Code {
    Code::of(&Device::new(
        Path::new(&name(letter::DEVICE, cpu)),
        vec![
            &Name::new("_HID".into(), &"ACPI0007"),
            &Name::new("_UID".into(), &cpu),
            &state(cpu),
            &ejection(cpu),
            &status_report(cpu),
        ],
    ))
}

/// `_STA`: may the guest have it?
fn state(cpu: u32) -> Code {
    let enabled = Path::new(&name(letter::ENABLED, cpu));
    let (yes, no) = (Return::new(&ENABLED), Return::new(&NOT_ENABLED));
    let answer = If::new(&enabled, vec![&yes]);
    Code::of(&Method::new("_STA".into(), 0, false, vec![&answer, &no]))
}

/// `_EJ0`: the guest has released it. The boot CPU never leaves.
fn ejection(cpu: u32) -> Code {
    if cpu == 0 {
        return Code(Vec::new());
    }
    let ejected = Path::new(&name(letter::EJECTED, cpu));
    let release = Store::new(&ejected, &1_u32);
    Code::of(&Method::new("_EJ0".into(), 1, false, vec![&release]))
}

/// `_OST` (section 6.3.5): what became of an event. The status is last: writing it says so. Serialised: two of these
/// at once would mix.
fn status_report(cpu: u32) -> Code {
    let (event, status) = (name(letter::OST_EVENT, cpu), name(letter::OST_STATUS, cpu));
    let (event, status) = (Path::new(&event), Path::new(&status));
    let stores = (Store::new(&event, &Arg(0)), Store::new(&status, &Arg(1)));
    Code::of(&Method::new("_OST".into(), 3, true, vec![&stores.0, &stores.1]))
}

/// `CSCN`: as long as a CPU has an event, take it. Whatever the device says, this ends: no CPU has more than two
/// events waiting, and what is left then is told by the interrupt, which stays up.
fn scan(cpus: u32) -> Code {
    let (cpu, done) = (Local(0), Local(1));
    let next = Path::new("NEXT");
    let read = Store::new(&cpu, &next);
    let none = GreaterEqual::new(&cpu, &cpus);
    let leave = Code(vec![BREAK]);
    let stop = If::new(&none, vec![&leave]);
    let take = MethodCall::new("CEVT".into(), vec![&cpu]);
    let count = Add::new(&done, &done, &1_u32);
    let most = 2 * cpus + 1;
    let more = LessThan::new(&done, &most);
    let start = Store::new(&done, &ZERO);
    let each = While::new(&more, vec![&read, &stop, &take, &count]);
    Code::of(&Method::new("CSCN".into(), 0, true, vec![&start, &each]))
}

/// The body of `CEVT`, which takes the event of CPU `Arg0`. A register has a name and no number, so the CPU is
/// searched for: in as many steps as its number has bits.
fn dispatch(cpus: Range<u32>) -> Code {
    let middle = cpus.start.midpoint(cpus.end);
    match cpus.end.saturating_sub(cpus.start) {
        0 => Code(Vec::new()),
        1 => take_event(cpus.start),
        _ => {
            let is_below = LessThan::new(&Arg(0), &middle);
            let (below, above) = (dispatch(cpus.start..middle), dispatch(middle..cpus.end));
            Code::concat([Code::of(&If::new(&is_below, vec![&below])), Code::of(&Else::new(vec![&above]))])
        }
    }
}

/// Reads a CPU's event, acknowledges it and passes it on. There is none if it was taken back meanwhile.
fn take_event(cpu: u32) -> Code {
    let (register, device) = (Path::new(&name(letter::EVENT, cpu)), Path::new(&name(letter::DEVICE, cpu)));
    let event = Local(0);
    let notify = Notify::new(&device, &event);
    Code::concat([
        Code::of(&Store::new(&event, &register)),
        Code::of(&Store::new(&register, &event)),
        Code::of(&If::new(&event, vec![&notify])),
    ])
}
