//! What a call takes and gives: registers, their names, and how a person wants to read them.

use crate::Register;

/// An argument or a result: what is in one register, or in several that belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Argument {
    /// The register, or the first of several.
    pub register: Register,
    /// The last of them; `register` itself where there is one.
    pub last: Register,
    /// The specification's name.
    pub name: &'static str,
    /// How it is written.
    pub kind: Kind,
}

impl Argument {
    /// The registers, in order.
    pub fn registers(&self) -> impl Iterator<Item = Register> + use<> {
        (self.register.number()..=self.last.number()).filter_map(Register::new)
    }
}

/// How a value is written, by what it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// Bits that mean something only to those who know them.
    Hex,
    /// A number.
    Decimal,
    /// No or yes: 0, or another value.
    Boolean,
    /// Bits that each mean something.
    Flags,
    /// A function ID.
    Function,
    /// An address in the caller's physical address space.
    Address,
    /// A CPU, or several, as in MPIDR.
    Affinity,
    /// Bytes.
    Size,
    /// How many.
    Count,
    /// Which one, from 0.
    Index,
    /// Two endpoint IDs of FF-A: the sender in bits 31:16, the receiver in bits 15:0.
    Endpoints,
    /// A PCI function (DEN0115, section 2.3): segment, bus, device and function in bits 31:16, 15:8, 7:3 and
    /// 2:0.
    Pci,
    /// A signed number: a status code if it is negative, else what the function says it is.
    Status,
    /// A major version in bits 30:16, a minor one in bits 15:0.
    Version,
    /// A part of a UUID, the first byte in bits 7:0.
    Uuid,
    /// Characters, the first one in bits 7:0.
    Text,
}

/// What the generated table calls.
pub(super) const fn argument(first: u8, last: u8, name: &'static str, kind: Kind) -> Argument {
    let (Some(register), Some(last)) = (Register::new(first), Register::new(last)) else {
        panic!("build.rs lets no other register through")
    };
    Argument { register, last, name, kind }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    #[test]
    fn several_registers_come_in_order() {
        let uuid = argument(1, 4, "uuid", Kind::Uuid);
        let numbers: Vec<u8> = uuid.registers().map(Register::number).collect();
        assert_eq!(numbers, [1, 2, 3, 4]);
        assert_eq!(argument(3, 3, "cookie", Kind::Hex).registers().count(), 1);
    }
}
