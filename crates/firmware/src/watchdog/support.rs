//! The support table of the watchdog.

use switchboard_smccc::{
    catalogue::{self, Document},
    watchdog,
};

use super::command::Command;
use crate::{Support, Supported};

/// What holds for every command, and is otherwise in KVM.
pub const GENERAL_NOTE: &str = "over SMC alone, as Linux calls; over HVC NOT_SUPPORTED. The status codes are PSCI's, and \
                                without a clock of the host's each is NOT_SUPPORTED. KVM has no watchdog";

/// The one function, once for each of its commands.
pub fn support() -> impl Iterator<Item = Support> {
    let functions =
        catalogue::functions().iter().filter(|function| function.document == Document::SmcWatchdog);
    functions.flat_map(|function| {
        let commands = (0..).map_while(|number| Command::from_number(watchdog::Command(number)));
        commands.map(move |command| Support { function, supported: Supported::Yes, note: note(command) })
    })
}

const fn note(command: Command) -> &'static str {
    match command {
        Command::Init => {
            "W1 = 0, `SMCWD_INIT`: x1 and x2 are the shortest and the longest timeout, 1 and 3600 seconds. Changes nothing"
        }
        Command::SetTimeout => {
            "W1 = 1, `SMCWD_SET_TIMEOUT`: W2 seconds, in force at once; INVALID_PARAMETERS outside 1 to 3600. At first it \
             is 3600"
        }
        Command::Enable => {
            "W1 = 2, `SMCWD_ENABLE`: W2 = 1 starts the watchdog or pets it, 0 stops it, all others are \
             INVALID_PARAMETERS, as in OP-TEE (TF-A on MediaTek: start it)"
        }
        Command::Pet => {
            "W1 = 3, `SMCWD_PET`: DISABLED if it does not run, as OP-TEE specifies (TF-A on MediaTek: SUCCESS)"
        }
        Command::GetTimeleft => {
            "W1 = 4, `SMCWD_GET_TIMELEFT`: x1 is the time left in seconds, rounded up; DISABLED if it does not run, as \
             OP-TEE specifies and Linux from 6.16 on expects (before, Linux then does without this command)"
        }
    }
}
