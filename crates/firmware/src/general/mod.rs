//! The queries that every range of services has (DEN0028, "General service queries").
//!
//! * [`GeneralQueries`]: the service: whose implementation an owner's functions are, and in which revision.
//! * [`support`]: what is implemented, query by query.

mod query;
mod service;
mod support;
#[cfg(test)]
mod tests;

pub use service::GeneralQueries;
pub use support::{GENERAL_NOTE, support};
