//! The policies that come with Switchboard.

use crate::source::Source;

/// Name and text of each.
const SHIPPED: [(&str, &str); 5] = [
    ("linux-guest", include_str!("../../../policies/linux-guest.toml")),
    ("linux-guest-hotplug", include_str!("../../../policies/linux-guest-hotplug.toml")),
    ("lockdown", include_str!("../../../policies/lockdown.toml")),
    ("minimal", include_str!("../../../policies/minimal.toml")),
    ("observe", include_str!("../../../policies/observe.toml")),
];

/// The shipped policy of this name.
#[must_use]
pub fn policy(name: &str) -> Option<Source> {
    let (_, text) = SHIPPED.iter().find(|(shipped, _)| *shipped == name)?;
    Some(Source::new(format!("policies/{name}.toml"), *text))
}

/// The name that was probably meant by one that there is not.
#[must_use]
pub fn closest(name: &str) -> Option<&'static str> {
    crate::names::closest(name, names())
}

/// Their names.
pub fn names() -> impl Iterator<Item = &'static str> {
    SHIPPED.iter().map(|(name, _)| *name)
}
