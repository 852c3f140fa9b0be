//! The name and the specification of every function known here.
//!
//! For people: reports, traces and error messages. The table is made of the files in this crate's folder
//! `catalogue`, one a specification, which are documentation themselves; `build.rs` reads them. To add a
//! specification: a file there, and a variant of [`Document`]. To add a function: lines in its specification's file.

mod argument;
mod document;
mod name;

pub use argument::{Argument, Kind};
pub use document::Document;
pub use name::{Named, closest, find_by_name};

use self::{argument::argument, document::Texts};
use crate::{FunctionId, Width};

/// The widths in which a function exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Widths {
    /// SMC32 only.
    Smc32,
    /// SMC64 only.
    Smc64,
    /// Both, with the same number.
    Both,
}

/// A named function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Function {
    /// The specification's name, without a suffix for the width.
    pub name: &'static str,
    /// The function ID; where both widths exist, the SMC32 one.
    pub id: FunctionId,
    /// In which widths it exists.
    pub widths: Widths,
    /// Who specifies it.
    pub document: Document,
    /// The section of the document that does; empty where it is not known here.
    pub section: &'static str,
    /// The version of the specification that brought it, where it is known here.
    pub since: Option<&'static str>,
    /// Its arguments, x1 first. Registers that it does not read are left out; so are all where they are not known
    /// here.
    pub arguments: &'static [Argument],
    /// What it returns, x0 first.
    pub results: &'static [Argument],
}

impl Function {
    /// Is `id` this function, in a width in which it exists?
    #[must_use]
    pub fn has(&self, id: FunctionId) -> bool {
        match self.widths {
            Widths::Smc32 | Widths::Smc64 => id == self.id,
            Widths::Both => id == self.id || (id.width() == Width::Smc64 && id.other_width() == self.id),
        }
    }

    /// The function ID in this width, if it exists.
    #[must_use]
    pub fn id_in(&self, width: Width) -> Option<FunctionId> {
        [self.id, self.id.other_width()].into_iter().find(|id| id.width() == width && self.has(*id))
    }
}

/// The function with this ID, the SVE hint ignored.
///
/// At most four binary searches, so it is fit for a tracer.
#[must_use]
pub fn find(id: FunctionId) -> Option<&'static Function> {
    // As it is first: the function IDs of KVM's PSCI 0.1 are older than the hint, and have its bit set.
    in_either_width(id).or_else(|| in_either_width(id.without_sve_hint()))
}

/// Every function known here, by ID: of those that exist in both widths, by the SMC32 one.
#[must_use]
pub fn functions() -> &'static [Function] {
    FUNCTIONS
}

fn in_either_width(id: FunctionId) -> Option<&'static Function> {
    let at = |id| FUNCTIONS.binary_search_by_key(&id, |function| function.id).ok().map(|at| &FUNCTIONS[at]);
    at(id).or_else(|| at(id.other_width()).filter(|function| function.has(id)))
}

include!(concat!(env!("OUT_DIR"), "/catalogue.rs"));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_found_in_each_width_it_has_and_in_no_other() {
        let name = |id| find(FunctionId(id)).map(|function| function.name);
        assert_eq!(name(0x8400_0003), Some("CPU_ON"));
        assert_eq!(name(0xc400_0003), Some("CPU_ON"));
        assert_eq!(name(0xc401_0003), Some("CPU_ON"), "the SVE hint is no part of the function");
        assert_eq!(name(0x8400_0002), Some("CPU_OFF"));
        assert_eq!(name(0xc400_0002), None);
        assert_eq!(name(0x8500_0020), None);
        assert_eq!(name(0xc500_0020), Some("PV_TIME_FEATURES"));
        assert_eq!(name(0xc501_0020), Some("PV_TIME_FEATURES"));
        assert_eq!(name(0x4600_0001), Some("HV_HYPERCALL"), "a yielding call");
    }

    #[test]
    fn kvms_psci_0_1_is_found_although_its_ids_have_the_bit_of_the_hint() {
        let name = |id| find(FunctionId(id)).map(|function| function.name);
        assert_eq!(name(0x95c1_ba60), Some("KVM_PSCI_0_1_CPU_ON"));
        assert_eq!(name(0x95c0_ba60), None);
    }

    #[test]
    fn the_table_is_sorted_so_that_a_binary_search_finds_everything() {
        assert!(functions().is_sorted_by(|one, next| one.id < next.id));
        for function in functions() {
            for id in [Width::Smc32, Width::Smc64].into_iter().filter_map(|width| function.id_in(width)) {
                assert_eq!(find(id), Some(function), "{id}");
            }
        }
    }

    #[test]
    fn no_two_functions_share_an_id() {
        for (index, function) in functions().iter().enumerate() {
            for other in &functions()[index + 1..] {
                assert!(
                    !other.has(function.id) && !function.has(other.id),
                    "{} {}",
                    function.name,
                    other.name
                );
            }
        }
    }

    #[test]
    fn a_function_has_the_id_of_each_width_it_exists_in() {
        let cpu_on = find(FunctionId(0x8400_0003)).unwrap();
        assert_eq!(cpu_on.id_in(Width::Smc32), Some(FunctionId(0x8400_0003)));
        assert_eq!(cpu_on.id_in(Width::Smc64), Some(FunctionId(0xc400_0003)));
        let cpu_off = find(FunctionId(0x8400_0002)).unwrap();
        assert_eq!(cpu_off.id_in(Width::Smc64), None);
        let sdei_version = find(FunctionId(0xc400_0020)).unwrap();
        assert_eq!(sdei_version.id_in(Width::Smc32), None);
    }

    #[test]
    fn the_named_constants_of_this_crate_have_the_names_of_the_table() {
        let name = |id: FunctionId| find(id).unwrap().name;
        assert_eq!(name(crate::smccc::ARCH_WORKAROUND_3), "SMCCC_ARCH_WORKAROUND_3");
        assert_eq!(name(crate::trng::RND_64), "TRNG_RND");
        assert_eq!(name(crate::pv_time::STOLEN_TIME), "PV_TIME_ST");
        assert_eq!(name(crate::kvm::CALL_UID), "VENDOR_HYP_CALL_UID");
        assert_eq!(name(crate::kvm::PSCI_0_1_FIRST), "KVM_PSCI_0_1_CPU_SUSPEND");
        assert_eq!(name(crate::kvm::PSCI_0_1_LAST), "KVM_PSCI_0_1_MIGRATE");
    }

    #[test]
    fn the_table_is_small() {
        let lists: usize =
            functions().iter().map(|f| size_of_val(f.arguments) + size_of_val(f.results)).sum();
        assert!(size_of_val(functions()) + lists < 64 * 1024, "before equal lists are shared");
    }
}
