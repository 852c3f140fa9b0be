//! What a guest says it is.

use core::fmt;

/// The guest's name for itself (TLFS, "Guest OS Identity"). Whatever a guest says, and zero before it has said anything.
///
/// For people it is e.g. `Linux 6.12.57`, `Windows NT 10.0 build 26100`, or what is known of one that nobody knows.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct GuestOsId(pub u64);

/// Who has made a guest's operating system, and so what its [`GuestOsId`] is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Vendor {
    /// Nobody says so: it is zero.
    Unknown,
    /// Bit 63: it is open source, of this kind (bits 62 to 56: 1 is Linux).
    OpenSource {
        /// Bits 62 to 56.
        os_type: u8,
        /// Bits 55 to 48, the guest's own choice.
        os_id: u8,
    },
    /// One who registers vendors, by number (bits 62 to 48: 1 is Microsoft).
    Proprietary {
        /// Bits 62 to 48.
        vendor_id: u16,
        /// Bits 47 to 40.
        os_id: u8,
    },
}

/// The kinds of open source that the TLFS knows.
const OPEN_SOURCE: [(u8, &str); 4] = [(1, "Linux"), (2, "FreeBSD"), (3, "Xen"), (4, "illumos")];
/// Microsoft's number, and those of its systems.
const MICROSOFT: u16 = 1;
const MICROSOFTS: [(u8, &str); 5] =
    [(1, "MS-DOS"), (2, "Windows 3.x"), (3, "Windows 9x"), (4, "Windows NT"), (5, "Windows CE")];

impl GuestOsId {
    /// Who has made it.
    #[must_use]
    pub const fn vendor(self) -> Vendor {
        let [.., b5, b6, b7] = self.0.to_le_bytes();
        match (self.0, b7 & 0x80) {
            (0, _) => Vendor::Unknown,
            (_, 0) => Vendor::Proprietary { vendor_id: u16::from_le_bytes([b6, b7]), os_id: b5 },
            _ => Vendor::OpenSource { os_type: b7 & 0x7f, os_id: b6 },
        }
    }

    /// The version as Linux puts it there (`hv_generate_guest_id`): major, minor and patch level from `LINUX_VERSION_CODE`
    /// in bits 47 to 16. `None` if it is not Linux.
    ///
    /// The patch level is 255 where it is more.
    #[must_use]
    pub const fn linux_version(self) -> Option<(u16, u8, u8)> {
        let [_, _, patch, minor, major0, major1, ..] = self.0.to_le_bytes();
        match self.vendor() {
            Vendor::OpenSource { os_type: 1, .. } => {
                Some((u16::from_le_bytes([major0, major1]), minor, patch))
            }
            _ => None,
        }
    }

    fn fmt_open_source(self, f: &mut fmt::Formatter<'_>, os_type: u8) -> fmt::Result {
        let [b0, b1, v0, v1, v2, v3, ..] = self.0.to_le_bytes();
        match (name(&OPEN_SOURCE, os_type), self.linux_version()) {
            (Some(name), Some((major, minor, patch))) => write!(f, "{name} {major}.{minor}.{patch}")?,
            (Some(name), None) => write!(f, "{name} version {:#x}", u32::from_le_bytes([v0, v1, v2, v3]))?,
            (None, _) => {
                let version = u32::from_le_bytes([v0, v1, v2, v3]);
                write!(f, "open-source system of type {os_type:#x}, version {version:#x}")?;
            }
        }
        match u16::from_le_bytes([b0, b1]) {
            0 => Ok(()),
            build => write!(f, " build {build}"),
        }
    }

    fn fmt_proprietary(self, f: &mut fmt::Formatter<'_>, vendor_id: u16, os_id: u8) -> fmt::Result {
        let [b0, b1, service, minor, major, ..] = self.0.to_le_bytes();
        match name(&MICROSOFTS, os_id).filter(|_| vendor_id == MICROSOFT) {
            Some(name) => write!(f, "{name}")?,
            None => write!(f, "system {os_id:#x} of vendor {vendor_id:#x}")?,
        }
        write!(f, " {major}.{minor} build {}", u16::from_le_bytes([b0, b1]))?;
        if service == 0 { Ok(()) } else { write!(f, " service pack {service}") }
    }
}

fn name(names: &[(u8, &'static str)], number: u8) -> Option<&'static str> {
    names.iter().find(|(known, _)| *known == number).map(|&(_, name)| name)
}

impl fmt::Display for GuestOsId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.vendor() {
            Vendor::Unknown => f.write_str("a system that has not said what it is"),
            Vendor::OpenSource { os_type, .. } => self.fmt_open_source(f, os_type),
            Vendor::Proprietary { vendor_id, os_id } => self.fmt_proprietary(f, vendor_id, os_id),
        }
    }
}

impl fmt::Debug for GuestOsId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GuestOsId({:#x})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;

    #[test]
    fn linuxs_id_is_its_version_code() {
        // HV_LINUX_VENDOR_ID << 48 | LINUX_VERSION_CODE << 16, of 6.12.57.
        let id = GuestOsId(0x8100_0006_0c39_0000);
        assert_eq!(id.vendor(), Vendor::OpenSource { os_type: 1, os_id: 0 });
        assert_eq!(id.linux_version(), Some((6, 12, 57)));
        assert_eq!(id.to_string(), "Linux 6.12.57");
        assert_eq!(GuestOsId(0x8180_0007_0200_0003).to_string(), "Linux 7.2.0 build 3");
    }

    #[test]
    fn windows_is_known_by_its_build() {
        let id = GuestOsId(0x0001_040a_0000_65f4);
        assert_eq!(id.vendor(), Vendor::Proprietary { vendor_id: 1, os_id: 4 });
        assert_eq!(id.linux_version(), None);
        assert_eq!(id.to_string(), "Windows NT 10.0 build 26100");
        assert_eq!(GuestOsId(0x0001_0406_0102_1db1).to_string(), "Windows NT 6.1 build 7601 service pack 2");
    }

    #[test]
    fn whatever_a_guest_says_is_said_of_it() {
        assert_eq!(GuestOsId(0).to_string(), "a system that has not said what it is");
        assert_eq!(GuestOsId(0x8200_0014_0000_0000).to_string(), "FreeBSD version 0x140000");
        assert_eq!(
            GuestOsId(0x9000_0000_0001_0000).to_string(),
            "open-source system of type 0x10, version 0x1"
        );
        assert_eq!(GuestOsId(0x0002_0401_0200_0003).to_string(), "system 0x4 of vendor 0x2 1.2 build 3");
        assert_eq!(GuestOsId(1).to_string(), "system 0x0 of vendor 0x0 0.0 build 1");
    }
}
