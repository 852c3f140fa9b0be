//! The devices of a machine, by their addresses.

use std::sync::{Arc, Mutex};

use switchboard_firmware::{
    CpuIndex,
    sdei::{self, Destination},
};
use switchboard_kvm::{Spi, Vm};
use switchboard_smccc::{InterruptId, Ipa};

use crate::{
    CallStatistics, Error,
    board::{Board, Button, State},
    config::Description,
    devices::{Level, pl011::Pl011, pl061::Pl061},
    layout,
    services::Events,
    session::Session,
    sync::lock,
    uart::{InterruptLine, Uart},
};

/// The devices. vCPU threads access their registers.
pub(crate) struct Bus<'line> {
    pub(crate) uart: Uart<'line>,
    board: Arc<Board>,
    description: Description,
    events_line: &'line Line<'line>,
    gpio: Mutex<Pl061>,
    gpio_line: &'line Line<'line>,
}

/// A device's interrupt. It is at the machine's interrupt controller, unless the guest has bound it to an event.
pub(crate) struct Line<'vm> {
    vm: &'vm Vm,
    interrupt: InterruptId,
    wire: Mutex<Wire>,
    events: Option<Arc<Events>>,
    session: Arc<Session>,
    statistics: &'vm CallStatistics,
}

/// Levels of a line.
struct Wire {
    /// The device's.
    device: Level,
    /// What the interrupt controller sees.
    controller: Level,
}

/// The interrupts of the devices.
pub(crate) struct Lines<'vm> {
    uart: Line<'vm>,
    events: Line<'vm>,
    gpio: Line<'vm>,
}

/// What an access to a device leads to beyond the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Nothing.
    None,
    /// The guest may no longer have this CPU: its thread is not needed.
    Released(CpuIndex),
}

/// A device, and where in it.
enum Place {
    Uart(u64),
    Events(u64),
    Gpio(u64),
    Nothing,
}

impl<'vm> Lines<'vm> {
    pub(crate) fn new(
        vm: &'vm Vm,
        session: &Arc<Session>,
        events: Option<&Arc<Events>>,
        statistics: &'vm CallStatistics,
    ) -> Self {
        let line = |interrupt| Line {
            vm,
            interrupt: InterruptId(interrupt),
            wire: Mutex::new(Wire { device: Level::Low, controller: Level::Low }),
            events: events.cloned(),
            session: Arc::clone(session),
            statistics,
        };
        Self {
            uart: line(layout::UART_INTERRUPT),
            events: line(layout::GED_INTERRUPT),
            gpio: line(layout::GPIO_INTERRUPT),
        }
    }

    /// The guest has bound an interrupt to an event, or has released it.
    pub(crate) fn reroute(&self, interrupt: InterruptId) {
        let Self { uart, events, gpio } = self;
        for line in [uart, events, gpio].into_iter().filter(|line| line.interrupt == interrupt) {
            line.drive(&mut lock(&line.wire));
        }
    }
}

impl<'line> Bus<'line> {
    pub(crate) fn new(
        lines: &'line Lines<'line>,
        board: Arc<Board>,
        description: Description,
    ) -> Result<Self, Error> {
        // To an ACPI guest the serial port is a generic UART, which firmware has enabled.
        let pl011 = match description {
            Description::Acpi => Pl011::enabled(),
            Description::DeviceTree => Pl011::new(),
        };
        Ok(Self {
            uart: Uart::new(pl011, &lines.uart)?,
            board,
            description,
            events_line: &lines.events,
            gpio: Mutex::new(Pl061::new()),
            gpio_line: &lines.gpio,
        })
    }

    /// Where there is no device, a guest reads zeros.
    pub(crate) fn read(&self, address: Ipa, data: &mut [u8]) {
        let value = match self.place(address) {
            Place::Uart(offset) => self.uart.read(offset),
            Place::Events(offset) => {
                let state = self.board.lock();
                state.hotplug.events().read(offset, |cpu| self.is_enabled(cpu))
            }
            Place::Gpio(offset) => lock(&self.gpio).read(offset),
            Place::Nothing => 0,
        };
        for (byte, value) in data.iter_mut().zip(u64::from(value).to_le_bytes()) {
            *byte = value;
        }
    }

    /// Where there is no device, what a guest writes is lost.
    pub(crate) fn write(&self, address: Ipa, data: &[u8]) -> Effect {
        let mut bytes = [0; 4];
        for (byte, value) in bytes.iter_mut().zip(data) {
            *byte = *value;
        }
        let value = u32::from_le_bytes(bytes);
        match self.place(address) {
            Place::Uart(offset) => self.uart.write(offset, value),
            Place::Events(offset) => return self.write_event(offset, value),
            Place::Gpio(offset) => {
                let mut gpio = lock(&self.gpio);
                gpio.write(offset, value);
                self.gpio_line.set(gpio.interrupt_level());
            }
            Place::Nothing => {}
        }
        Effect::None
    }

    /// Brings what happened outside to the devices: events for the guest, the power button.
    pub(crate) fn update(&self) {
        let state = self.board.lock();
        match self.description {
            Description::Acpi => self.events_line.set(state.hotplug.events().interrupt_level()),
            Description::DeviceTree => {
                let mut gpio = lock(&self.gpio);
                let level = match state.button {
                    Button::Up => Level::Low,
                    Button::Down => Level::High,
                };
                gpio.set_input(layout::POWER_BUTTON_LINE, level);
                self.gpio_line.set(gpio.interrupt_level());
            }
        }
    }

    fn write_event(&self, offset: u64, value: u32) -> Effect {
        let released = {
            let State { hotplug, .. } = &mut *self.board.lock();
            let happening = hotplug.events_mut().write(offset, value);
            let released = happening.and_then(|happening| hotplug.happened(happening, &self.board.power));
            self.events_line.set(hotplug.events().interrupt_level());
            released
        };
        self.board.tell_waiters();
        released.map_or(Effect::None, Effect::Released)
    }

    fn is_enabled(&self, cpu: usize) -> bool {
        self.board.power.is_enabled(CpuIndex(cpu))
    }

    fn place(&self, address: Ipa) -> Place {
        let at = |base: Ipa, size| address.0.checked_sub(base.0).filter(|&offset| offset < size);
        if let Some(offset) = at(layout::UART, layout::UART_SIZE) {
            return Place::Uart(offset);
        }
        match self.description {
            Description::Acpi => {
                at(layout::EVENTS, layout::EVENTS_SIZE).map_or(Place::Nothing, Place::Events)
            }
            Description::DeviceTree => {
                at(layout::GPIO, layout::GPIO_SIZE).map_or(Place::Nothing, Place::Gpio)
            }
        }
    }
}

impl InterruptLine for Line<'_> {
    fn set(&self, level: Level) {
        let mut wire = lock(&self.wire);
        if wire.device == level {
            return;
        }
        wire.device = level;
        // Under the lock, so that levels arrive in the order in which they came about.
        if let Some(events) = &self.events
            && let Some(cpu) = events.set_level(self.interrupt, level.into())
        {
            self.session.kick(cpu, self.statistics);
        }
        self.drive(&mut wire);
    }
}

impl Line<'_> {
    /// Brings the device's level to the interrupt controller, if that is where it belongs.
    fn drive(&self, wire: &mut Wire) {
        let destination = self.events.as_ref().map(|events| events.destination(self.interrupt));
        let level = match destination {
            Some(Destination::Event) => Level::Low,
            Some(Destination::InterruptController) | None => wire.device,
        };
        if wire.controller == level {
            return;
        }
        wire.controller = level;
        let level = match level {
            Level::Low => switchboard_kvm::Level::Low,
            Level::High => switchboard_kvm::Level::High,
        };
        if let Err(error) = self.vm.set_interrupt(Spi(self.interrupt.0), level) {
            self.session.finish(Err(error.into()));
        }
    }
}

impl From<Level> for sdei::Level {
    fn from(level: Level) -> Self {
        match level {
            Level::Low => Self::Low,
            Level::High => Self::High,
        }
    }
}
