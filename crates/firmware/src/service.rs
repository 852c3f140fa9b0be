//! One specification's functions.

use alloc::sync::Arc;
use core::fmt;

use switchboard_filter::Range;

use crate::{Call, Host, Outcome};

/// Answers the calls of the ranges it declares.
///
/// `call` runs on the thread of the vCPU that calls, several at once for a guest with several CPUs. It must not
/// block, and must not panic whatever the guest has put into its registers.
pub trait Service: Send + Sync {
    /// The name people see, e.g. `psci`.
    fn name(&self) -> &'static str;

    /// Which function IDs it owns. The filter and the router both come from this.
    fn declaration(&self) -> Declaration;

    /// Decides what a call in a declared range leads to.
    fn call(&self, call: &mut Call<'_>, host: &dyn Host) -> Outcome;
}

/// A service that its embedder keeps a handle of.
impl<S: Service + ?Sized> Service for Arc<S> {
    fn name(&self) -> &'static str {
        (**self).name()
    }

    fn declaration(&self) -> Declaration {
        (**self).declaration()
    }

    fn call(&self, call: &mut Call<'_>, host: &dyn Host) -> Outcome {
        (**self).call(call, host)
    }
}

/// The function IDs of a service.
#[derive(Debug, Clone, Copy)]
pub struct Declaration {
    /// Forwarded to userspace and answered by the service.
    pub owned: &'static [Range],
    /// Denied by the hypervisor half, because its own service there would act behind this one's back.
    pub denied: &'static [Range],
}

/// Which CPU of the machine: 0 is the one that boots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CpuIndex(pub usize);

impl fmt::Display for CpuIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CPU {}", self.0)
    }
}
