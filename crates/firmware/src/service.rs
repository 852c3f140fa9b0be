//! One specification's functions.

use alloc::sync::Arc;
use core::{fmt, time::Duration};

use switchboard_filter::Range;
use switchboard_smccc::Conduit;

use crate::{Call, Context, Expiry, Host, Outcome, Reply, Results};

/// Answers the calls of the ranges it declares.
///
/// `call` runs on the thread of the vCPU that calls, several at once for a guest with several CPUs. It must not
/// block, and must not panic whatever the guest has put into its registers.
pub trait Service: Send + Sync {
    /// The name people see, e.g. `psci`.
    fn name(&self) -> &'static str;

    /// Which function IDs it owns, and over which conduits. The filter and the router both come from this. It is asked
    /// for once.
    fn declaration(&self) -> Declaration<'_>;

    /// Decides what a call in a declared range leads to.
    fn call(&self, call: &mut Call<'_>, host: &dyn Host) -> Outcome;

    /// What has become of this CPU's call, which led to [`Outcome::Later`]. Asked on the CPU's own thread whenever that
    /// is woken, and at the deadline; `now` is [`Host::monotonic`].
    ///
    /// A service that never says [`Outcome::Later`] needs nothing here.
    fn reply(&self, caller: CpuIndex, now: Duration) -> Reply {
        let _ = (caller, now);
        Reply::Return(Results::not_supported())
    }

    /// A CPU that was kicked ([`Host::kick`]) is about to enter the guest, and can be made to go on elsewhere. Asked on its own
    /// thread, and of every service: one that has nothing for this CPU leaves its registers alone.
    ///
    /// A service that never switches a CPU's context needs nothing here.
    fn before_entry(&self, context: &mut Context<'_>, host: &dyn Host) {
        let _ = (context, host);
    }

    /// A CPU is off, and has lost its state: whatever is kept for it is to be as at its start. Asked on its own thread, after
    /// the call that turned it off and before it starts anew.
    ///
    /// Others may have seen it off for a moment by then, and something of it still kept.
    ///
    /// What it was to do, another CPU may have to do now: that one is kicked ([`Host::kick`]).
    ///
    /// A service that keeps nothing for a CPU needs nothing here.
    fn cpu_off(&self, cpu: CpuIndex, host: &dyn Host) {
        let _ = (cpu, host);
    }

    /// A deadline that [`Outcome::ReturnUntil`] gave may have passed; `now` is [`Host::monotonic`]. Asked on a thread that
    /// is no vCPU's.
    ///
    /// A service without deadlines needs nothing here.
    fn expired(&self, now: Duration) -> Expiry {
        let _ = now;
        Expiry::Never
    }
}

/// A service that its embedder keeps a handle of.
impl<S: Service + ?Sized> Service for Arc<S> {
    fn name(&self) -> &'static str {
        (**self).name()
    }

    fn declaration(&self) -> Declaration<'_> {
        (**self).declaration()
    }

    fn call(&self, call: &mut Call<'_>, host: &dyn Host) -> Outcome {
        (**self).call(call, host)
    }

    fn reply(&self, caller: CpuIndex, now: Duration) -> Reply {
        (**self).reply(caller, now)
    }

    fn before_entry(&self, context: &mut Context<'_>, host: &dyn Host) {
        (**self).before_entry(context, host);
    }

    fn cpu_off(&self, cpu: CpuIndex, host: &dyn Host) {
        (**self).cpu_off(cpu, host);
    }

    fn expired(&self, now: Duration) -> Expiry {
        (**self).expired(now)
    }
}

/// The function IDs of a service.
#[derive(Debug, Clone, Copy)]
pub struct Declaration<'service> {
    /// Forwarded to userspace and answered by the service.
    pub owned: &'service [Range],
    /// Denied by the hypervisor half, because its own service there would act behind this one's back.
    pub denied: &'service [Range],
    /// Over which conduits the service is there. Over the other one its functions are NOT_SUPPORTED: KVM has one filter for
    /// both, so what comes over the other one is forwarded, and answered so by the router.
    pub conduits: Conduits,
}

/// The conduits over which a service is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Conduits {
    /// HVC and SMC.
    Both,
    /// This one alone.
    Only(Conduit),
}

impl Conduits {
    /// Is this conduit among them?
    #[must_use]
    pub fn include(self, conduit: Conduit) -> bool {
        match self {
            Self::Both => true,
            Self::Only(only) => only == conduit,
        }
    }
}

/// Which CPU of the machine: 0 is the one that boots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CpuIndex(pub usize);

impl fmt::Display for CpuIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CPU {}", self.0)
    }
}
