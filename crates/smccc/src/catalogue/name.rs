//! Functions by what people call them.

use super::{Function, functions};
use crate::{FunctionId, Width};

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Named {
    /// The function.
    pub function: &'static Function,
    /// The width that the name asks for: SMC64 in `CPU_ON_64`, none in `CPU_ON`.
    pub width: Option<Width>,
}

impl Named {
    /// The function IDs that are meant: that of the width that is asked for, or every one.
    pub fn ids(self) -> impl Iterator<Item = FunctionId> {
        [Width::Smc32, Width::Smc64]
            .into_iter()
            .filter(move |width| self.width.is_none_or(|asked| asked == *width))
            .filter_map(move |width| self.function.id_in(width))
    }
}

/// The function of this name, in capital or small letters: `CPU_ON`, with its document's prefix (`PSCI_CPU_ON`),
/// and with the width that is meant (`CPU_ON_64`, `TRNG_RND32`). A width in which the function does not exist finds
/// nothing.
#[must_use]
pub fn find_by_name(name: &str) -> Option<Named> {
    if let Some(function) = with_name(name) {
        return Some(Named { function, width: None });
    }
    let (stem, width) = split_width(name)?;
    let function = with_name(stem).filter(|function| function.id_in(width).is_some())?;
    Some(Named { function, width: Some(width) })
}

/// How many functions [`closest`] proposes at most.
const PROPOSALS: usize = 3;

/// Up to three functions whose names are near this one, the nearest first: "did you mean".
pub fn closest(name: &str) -> impl Iterator<Item = &'static Function> + use<> {
    let stem = split_width(name).map_or(name, |(stem, _)| stem);
    let limit = (stem.len() / 3).max(2);
    let mut last = None;
    let proposals: [Option<&Function>; PROPOSALS] = core::array::from_fn(|_| {
        // The nearest that has not been proposed yet; of two that are equally near, the lower ID.
        let (distance, at) = (0..functions().len())
            .filter_map(|at| Some((distance_to(&functions()[at], stem)?, at)))
            .filter(|found| found.0 <= limit && last.is_none_or(|last| *found > last))
            .min()?;
        last = Some((distance, at));
        Some(&functions()[at])
    });
    proposals.into_iter().flatten()
}

fn with_name(name: &str) -> Option<&'static Function> {
    let plain = functions().iter().find(|function| function.name.eq_ignore_ascii_case(name));
    plain.or_else(|| {
        functions().iter().find(|function| {
            without_prefix(function, name).is_some_and(|rest| function.name.eq_ignore_ascii_case(rest))
        })
    })
}

/// `PSCI_CPU_ON` for a function of PSCI: `CPU_ON`.
fn without_prefix<'a>(function: &Function, name: &'a str) -> Option<&'a str> {
    let prefix = function.document.prefix();
    let (start, rest) = name.split_at_checked(prefix.len())?;
    if start.eq_ignore_ascii_case(prefix) { rest.strip_prefix('_') } else { None }
}

fn split_width(name: &str) -> Option<(&str, Width)> {
    [("32", Width::Smc32), ("64", Width::Smc64)].into_iter().find_map(|(suffix, width)| {
        let stem = name.strip_suffix(suffix)?;
        Some((stem.strip_suffix('_').unwrap_or(stem), width))
    })
}

/// How far a name is from a function's: with the prefix of the document, or with the prefix in neither.
fn distance_to(function: &Function, name: &str) -> Option<usize> {
    let bare = |name| without_prefix(function, name).unwrap_or(name);
    let whole = distance(function.name, name);
    let without = distance(bare(function.name), bare(name));
    [whole, without].into_iter().flatten().min()
}

/// The longest name that is compared. No function has one as long; there is no heap here.
const LONGEST: usize = 64;

/// The edit distance (Levenshtein) of two names, capital and small letters alike.
fn distance(one: &str, other: &str) -> Option<usize> {
    if other.len() > LONGEST {
        return None;
    }
    // One row of the table: how far the part of `one` that has been read is from each start of `other`.
    let mut row: [usize; LONGEST + 1] = core::array::from_fn(|at| at);
    for (read, byte) in one.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = read + 1;
        for (at, against) in other.bytes().enumerate() {
            let replaced = diagonal + usize::from(!byte.eq_ignore_ascii_case(&against));
            diagonal = row[at + 1];
            row[at + 1] = replaced.min(diagonal + 1).min(row[at] + 1);
        }
    }
    Some(row[other.len()])
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    fn found(name: &str) -> Option<(&'static str, Option<Width>)> {
        find_by_name(name).map(|named| (named.function.name, named.width))
    }

    fn proposals(name: &str) -> Vec<&'static str> {
        closest(name).map(|function| function.name).collect()
    }

    #[test]
    fn a_name_is_found_bare_and_with_the_prefix_of_its_document_in_either_case() {
        assert_eq!(found("CPU_ON"), Some(("CPU_ON", None)));
        assert_eq!(found("psci_cpu_on"), Some(("CPU_ON", None)));
        assert_eq!(found("PSCI_VERSION"), Some(("PSCI_VERSION", None)));
        assert_eq!(found("PSCI_PSCI_VERSION"), Some(("PSCI_VERSION", None)));
        assert_eq!(found("TRNG_CPU_ON"), None, "the prefix of another document");
        assert_eq!(found("VERSION"), None, "more than one is called this");
    }

    #[test]
    fn a_suffix_asks_for_a_width_and_finds_only_functions_that_have_it() {
        assert_eq!(found("CPU_ON_64"), Some(("CPU_ON", Some(Width::Smc64))));
        assert_eq!(found("TRNG_RND32"), Some(("TRNG_RND", Some(Width::Smc32))));
        assert_eq!(found("psci_system_off2_64"), Some(("SYSTEM_OFF2", Some(Width::Smc64))));
        assert_eq!(found("SDEI_VERSION_64"), Some(("SDEI_VERSION", Some(Width::Smc64))));
        assert_eq!(found("CPU_OFF_64"), None);
        assert_eq!(found("SDEI_VERSION_32"), None);
    }

    #[test]
    fn a_name_means_the_ids_of_the_width_it_asks_for_or_all() {
        let ids = |name: &str| find_by_name(name).unwrap().ids().map(|id| id.0).collect::<Vec<u32>>();
        assert_eq!(ids("CPU_ON"), [0x8400_0003, 0xc400_0003]);
        assert_eq!(ids("CPU_ON_64"), [0xc400_0003]);
        assert_eq!(ids("CPU_OFF"), [0x8400_0002]);
        assert_eq!(ids("SDEI_VERSION"), [0xc400_0020]);
    }

    #[test]
    fn every_function_is_found_by_its_own_name_and_with_its_prefix() {
        for function in functions() {
            assert_eq!(find_by_name(function.name).unwrap().function, function);
            let name = std::format!("{}_{}", function.document.prefix(), function.name);
            assert_eq!(find_by_name(&name).unwrap().function, function, "{name}");
            assert!(function.name.len() < LONGEST);
        }
    }

    #[test]
    fn what_is_nearly_a_name_proposes_it() {
        assert_eq!(proposals("CPU_OM")[0], "CPU_ON");
        assert_eq!(proposals("psci_cpu_om_64")[0], "CPU_ON");
        assert_eq!(proposals("EVENT_REGISTER")[0], "SDEI_EVENT_REGISTER", "without its prefix");
        assert_eq!(proposals("FFA_MEM_SHRE")[0], "FFA_MEM_SHARE");
    }

    #[test]
    fn what_is_near_nothing_proposes_nothing() {
        assert!(proposals("PLEASE_MAKE_COFFEE").is_empty());
        assert!(proposals(&"CPU_ON".repeat(20)).is_empty());
        assert!(proposals("CPU_ÖN").len() <= PROPOSALS, "no part of a character is taken");
    }

    #[test]
    fn the_distance_counts_insertions_deletions_and_replacements() {
        assert_eq!(distance("kitten", "SITTING"), Some(3));
        assert_eq!(distance("", "abc"), Some(3));
        assert_eq!(distance("abc", ""), Some(3));
        assert_eq!(distance("same", "SAME"), Some(0));
    }
}
