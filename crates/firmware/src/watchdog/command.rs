//! What the one function is asked to do.

use switchboard_smccc::watchdog;

/// A command that [`Watchdog`](super::Watchdog) performs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Command {
    Init,
    SetTimeout,
    Enable,
    Pet,
    GetTimeleft,
}

impl Command {
    /// The command with this number, if there is one.
    pub(super) const fn from_number(number: watchdog::Command) -> Option<Self> {
        Some(match number {
            watchdog::Command::INIT => Self::Init,
            watchdog::Command::SET_TIMEOUT => Self::SetTimeout,
            watchdog::Command::ENABLE => Self::Enable,
            watchdog::Command::PET => Self::Pet,
            watchdog::Command::GET_TIMELEFT => Self::GetTimeleft,
            _ => return None,
        })
    }
}
