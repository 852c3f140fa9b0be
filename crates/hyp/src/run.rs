//! `KVM_RUN`: from its start to the guest, or back without having been there.

use crate::exit::{Exit, SystemEvent};
use crate::power::MpState;
use crate::vcpu::Line;
use crate::{Errno, Vcpu};

/// What a run comes to before the guest executes anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// The guest executes.
    Guest,
    /// The vCPU is off, and the thread sleeps until it is not, or until a signal: then [`Errno::EINTR`].
    Stopped,
    /// The vCPU is suspended and has no interrupt: the thread sleeps until it has, or until a signal.
    Suspended,
    /// `KVM_RUN` returns at once.
    Exit(Exit),
}

/// Is somebody waiting for the run to end, before it has begun?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interruption {
    /// No.
    None,
    /// `immediate_exit` is set in `struct kvm_run`.
    ImmediateExit,
    /// A signal is pending.
    Signal,
}

impl Vcpu<'_> {
    /// The first part of `KVM_RUN`. The VM's first run freezes its filter and its firmware registers, whatever comes
    /// of it afterwards.
    ///
    /// # Errors
    ///
    /// ENOEXEC before it is initialised; EINTR if it is interrupted.
    pub fn enter(&mut self, interruption: Interruption) -> Result<Entry, Errno> {
        if self.features.is_none() {
            return Err(Errno::ENOEXEC);
        }
        if !self.has_run {
            self.has_run = true;
            self.vm.first_run();
        }
        // Both come before KVM looks at what other CPUs have asked for.
        if interruption != Interruption::None {
            return Err(Errno::EINTR);
        }
        let (mp_state, line) = {
            let power = self.slot.power();
            (power.mp_state, power.line)
        };
        match (mp_state, line) {
            (MpState::Stopped, _) => Ok(Entry::Stopped),
            (MpState::Suspended, Line::Low) => {
                self.reset_if_requested();
                Ok(Entry::Suspended)
            }
            (MpState::Suspended, Line::High) => {
                self.reset_if_requested();
                Ok(Entry::Exit(Exit::SystemEvent(SystemEvent::WakeUp)))
            }
            (MpState::Runnable, _) => {
                self.reset_if_requested();
                Ok(Entry::Guest)
            }
        }
    }
}
