//! The functions that are implemented: the one list behind the answers and the support table.

use switchboard_smccc::{FunctionId, sdei};

/// A function of SDEI that [`Sdei`](super::Sdei) implements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    Version,
    EventRegister,
    EventEnable,
    EventDisable,
    EventContext,
    EventComplete,
    EventCompleteAndResume,
    EventUnregister,
    EventStatus,
    EventGetInfo,
    EventRoutingSet,
    PeMask,
    PeUnmask,
    InterruptBind,
    InterruptRelease,
    EventSignal,
    Features,
    PrivateReset,
    SharedReset,
}

impl Function {
    /// The function with this ID. All are SMC64 (DEN0054, section 5.1).
    pub(super) const fn from_id(id: FunctionId) -> Option<Self> {
        Some(match id {
            sdei::VERSION => Self::Version,
            sdei::EVENT_REGISTER => Self::EventRegister,
            sdei::EVENT_ENABLE => Self::EventEnable,
            sdei::EVENT_DISABLE => Self::EventDisable,
            sdei::EVENT_CONTEXT => Self::EventContext,
            sdei::EVENT_COMPLETE => Self::EventComplete,
            sdei::EVENT_COMPLETE_AND_RESUME => Self::EventCompleteAndResume,
            sdei::EVENT_UNREGISTER => Self::EventUnregister,
            sdei::EVENT_STATUS => Self::EventStatus,
            sdei::EVENT_GET_INFO => Self::EventGetInfo,
            sdei::EVENT_ROUTING_SET => Self::EventRoutingSet,
            sdei::PE_MASK => Self::PeMask,
            sdei::PE_UNMASK => Self::PeUnmask,
            sdei::INTERRUPT_BIND => Self::InterruptBind,
            sdei::INTERRUPT_RELEASE => Self::InterruptRelease,
            sdei::EVENT_SIGNAL => Self::EventSignal,
            sdei::FEATURES => Self::Features,
            sdei::PRIVATE_RESET => Self::PrivateReset,
            sdei::SHARED_RESET => Self::SharedReset,
            _ => return None,
        })
    }
}
