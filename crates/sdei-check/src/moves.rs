//! What can happen: calls of the guest's, events and levels from outside, entries, and power.

use switchboard_firmware::{
    CpuIndex,
    sdei::{EventNumber, Level},
};
use switchboard_smccc::InterruptId;

use crate::configuration::Configuration;

/// Something that happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    /// A CPU calls.
    Call(CpuIndex, Call),
    /// The machine raises an event.
    Raise(EventNumber, Option<CpuIndex>),
    /// The level of an interrupt changes.
    Level(InterruptId, Level),
    /// A CPU is about to enter the guest, kicked or not.
    Enter(CpuIndex),
    /// The same, and whatever there was for it has gone since it has been asked whether there is something.
    Take(CpuIndex),
    /// A CPU goes off.
    Off(CpuIndex),
    /// A CPU starts.
    Start(CpuIndex),
}

/// A call that changes something, or asks for what no other does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// `SDEI_EVENT_REGISTER`.
    Register(EventNumber, Target),
    /// `SDEI_EVENT_ENABLE`.
    Enable(EventNumber),
    /// `SDEI_EVENT_DISABLE`.
    Disable(EventNumber),
    /// `SDEI_EVENT_CONTEXT`.
    Context,
    /// `SDEI_EVENT_COMPLETE`, `SDEI_EVENT_COMPLETE_AND_RESUME`.
    Complete,
    /// `SDEI_EVENT_UNREGISTER`.
    Unregister(EventNumber),
    /// `SDEI_EVENT_ROUTING_SET`.
    SetRouting(EventNumber, Target),
    /// `SDEI_PE_MASK`.
    Mask,
    /// `SDEI_PE_UNMASK`.
    Unmask,
    /// `SDEI_INTERRUPT_BIND`.
    Bind(InterruptId),
    /// `SDEI_INTERRUPT_RELEASE`.
    Release(EventNumber),
    /// `SDEI_EVENT_SIGNAL` of event 0.
    Signal(CpuIndex),
    /// `SDEI_PRIVATE_RESET`.
    PrivateReset,
    /// `SDEI_SHARED_RESET`.
    SharedReset,
}

/// Where an event is to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// RM_ANY.
    Any,
    /// RM_PE.
    Pe(CpuIndex),
    /// RM_PE, with the affinity of no CPU.
    Nobody,
}

/// All that can happen in this configuration to CPUs of which these are on.
#[must_use]
pub fn moves(configuration: &Configuration, on: &[bool]) -> Vec<Move> {
    let cpus = || (0..on.len()).map(CpuIndex);
    let mut moves = Vec::new();
    for cpu in cpus() {
        if on[cpu.0] {
            let calls = calls(configuration, on.len()).into_iter();
            moves.extend(calls.map(|call| Move::Call(cpu, call)));
            moves.extend([Move::Enter(cpu), Move::Take(cpu), Move::Off(cpu)]);
        } else {
            moves.push(Move::Start(cpu));
        }
    }
    for event in configuration.numbers() {
        moves.extend(
            cpus().map(Some).chain([None, Some(CpuIndex(on.len()))]).map(|it| Move::Raise(event, it)),
        );
    }
    for bindable in configuration.interrupts {
        moves.extend([Level::High, Level::Low].map(|level| Move::Level(bindable.interrupt, level)));
    }
    moves
}

fn calls(configuration: &Configuration, cpus: usize) -> Vec<Call> {
    let cpus = || (0..cpus).map(CpuIndex);
    let targets = || [Target::Any, Target::Nobody].into_iter().chain(cpus().map(Target::Pe));
    let mut calls =
        vec![Call::Context, Call::Complete, Call::Mask, Call::Unmask, Call::PrivateReset, Call::SharedReset];
    for event in configuration.numbers() {
        calls.extend([
            Call::Enable(event),
            Call::Disable(event),
            Call::Unregister(event),
            Call::Release(event),
        ]);
        calls.extend(targets().map(|target| Call::Register(event, target)));
        calls.extend(targets().map(|target| Call::SetRouting(event, target)));
    }
    if configuration.event_0 {
        calls.extend(cpus().map(Call::Signal));
    }
    calls.extend(configuration.interrupts.iter().map(|bindable| Call::Bind(bindable.interrupt)));
    calls
}
