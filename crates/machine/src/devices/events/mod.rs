//! The event device: how an ACPI guest is told that CPUs come and go, and that the power button was pressed.
//!
//! It has one interrupt, level-triggered, which is up as long as anything has not been acknowledged. So an event that is
//! raised before the guest listens is not lost. Each CPU has registers of its own, and the guest finds those with an event
//! by one register, so an event costs the same however many CPUs there can be.
//!
//! The registers are described in [`registers`]; the guest's AML is in `boot/acpi`. What a happening means is decided in
//! `hotplug`.

pub mod registers;
#[cfg(test)]
mod tests;

use super::Level;

/// What a guest is told about a CPU. The numbers are those of ACPI's `Notify` (ACPI 6.5, section 5.6.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A CPU can be had.
    DeviceCheck,
    /// A CPU is wanted back.
    EjectRequest,
}

/// What the guest has said by a register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happening {
    /// It has read a CPU's event and acknowledged it.
    Heard {
        /// Which CPU.
        cpu: usize,
    },
    /// It has released a CPU (`_EJ0`).
    Released {
        /// Which CPU.
        cpu: usize,
    },
    /// It says what became of an event (`_OST`).
    Status {
        /// Which CPU.
        cpu: usize,
        /// Of which event.
        event: u32,
        /// What became of it.
        status: u32,
    },
}

/// The device.
pub struct Events {
    cpus: Box<[Cpu]>,
    button: Button,
}

#[derive(Debug, Clone, Copy, Default)]
struct Cpu {
    event: Option<Event>,
    ost_event: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Button {
    Untouched,
    Pressed,
}

/// What an offset is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Register {
    Next,
    Button,
    OfCpu(usize, u64),
}

impl Events {
    /// The device of a machine that can have this many CPUs.
    #[must_use]
    pub fn new(cpus: usize) -> Self {
        Self { cpus: vec![Cpu::default(); cpus].into(), button: Button::Untouched }
    }

    /// The guest reads a register. `enabled` says whether it may have a CPU.
    #[must_use]
    pub fn read(&self, offset: u64, enabled: impl Fn(usize) -> bool) -> u32 {
        match self.register(offset) {
            Some(Register::Next) => self
                .cpus
                .iter()
                .position(|cpu| cpu.event.is_some())
                .and_then(|index| u32::try_from(index).ok())
                .unwrap_or(registers::NO_CPU),
            Some(Register::Button) => u32::from(self.button == Button::Pressed),
            Some(Register::OfCpu(cpu, registers::ENABLED)) => u32::from(enabled(cpu)),
            Some(Register::OfCpu(cpu, registers::EVENT)) => self.cpus[cpu].event.map_or(0, Event::number),
            Some(Register::OfCpu(..)) | None => 0,
        }
    }

    /// The guest writes a register.
    pub fn write(&mut self, offset: u64, value: u32) -> Option<Happening> {
        match self.register(offset)? {
            Register::Button if value & 1 != 0 => {
                self.button = Button::Untouched;
                None
            }
            Register::OfCpu(cpu, registers::EVENT) => {
                // Another one may have taken its place since the guest has read it.
                let heard = self.cpus[cpu].event.take_if(|event| event.number() == value);
                heard.map(|_| Happening::Heard { cpu })
            }
            Register::OfCpu(cpu, registers::EJECTED) if value & 1 != 0 => Some(Happening::Released { cpu }),
            Register::OfCpu(cpu, registers::OST_EVENT) => {
                self.cpus[cpu].ost_event = value;
                None
            }
            Register::OfCpu(cpu, registers::OST_STATUS) => {
                Some(Happening::Status { cpu, event: self.cpus[cpu].ost_event, status: value })
            }
            Register::Next | Register::Button | Register::OfCpu(..) => None,
        }
    }

    /// Tells the guest something about a CPU, in place of what it has not heard yet.
    pub fn raise(&mut self, cpu: usize, event: Event) {
        self.cpus[cpu].event = Some(event);
    }

    /// Takes back what the guest has not heard yet. True if there was something.
    pub fn withdraw(&mut self, cpu: usize) -> bool {
        self.cpus[cpu].event.take().is_some()
    }

    /// Presses the power button.
    pub fn press_button(&mut self) {
        self.button = Button::Pressed;
    }

    /// A new life of the machine: nobody presses the button any more. Events about CPUs wait for the guest that boots.
    pub fn reset(&mut self) {
        self.button = Button::Untouched;
        self.cpus.iter_mut().for_each(|cpu| cpu.ost_event = 0);
    }

    /// The level of its interrupt.
    #[must_use]
    pub fn interrupt_level(&self) -> Level {
        if self.button == Button::Pressed || self.cpus.iter().any(|cpu| cpu.event.is_some()) {
            Level::High
        } else {
            Level::Low
        }
    }

    fn register(&self, offset: u64) -> Option<Register> {
        match offset {
            registers::NEXT => Some(Register::Next),
            registers::POWER_BUTTON => Some(Register::Button),
            _ => {
                let at = offset.checked_sub(registers::CPUS)?;
                let cpu = usize::try_from(at / registers::CPU_SIZE).ok()?;
                (cpu < self.cpus.len()).then_some(Register::OfCpu(cpu, at % registers::CPU_SIZE))
            }
        }
    }
}

impl Event {
    /// Its number in `Notify`, and in the event register.
    #[must_use]
    pub const fn number(self) -> u32 {
        match self {
            Self::DeviceCheck => 1,
            Self::EjectRequest => 3,
        }
    }
}
