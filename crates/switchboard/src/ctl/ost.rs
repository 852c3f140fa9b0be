//! What a guest says with `_OST` (ACPI 6.5, section 6.3.5).

/// The first two arguments of `_OST`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Report {
    pub(super) event: u32,
    pub(super) status: u32,
}

/// What the guest was at.
enum Processing {
    Ejection,
    Insertion,
    Other,
}

impl Report {
    /// What the status means where this event led to it.
    pub(super) const fn meaning(self) -> &'static str {
        match (self.status, self.processing()) {
            (0, _) => "success",
            (1, _) => "failure without a reason",
            (2, _) => "the notification was not recognised",
            (0x80, Processing::Ejection) => "ejection is not supported",
            (0x81, Processing::Ejection) => "the device is in use by an application",
            (0x82, Processing::Ejection) => "the device is busy",
            (0x83, Processing::Ejection) => {
                "something that ejection depends on is busy, or cannot be ejected"
            }
            (0x84, Processing::Ejection) => "ejection is in progress",
            (0x80, Processing::Insertion) => "insertion is in progress",
            (0x81, Processing::Insertion) => "the device's driver could not be loaded",
            (0x82, Processing::Insertion) => "insertion is not supported",
            (0x90..=0x9f, Processing::Insertion) => "resources for the insertion are not available",
            _ => "a status without a meaning in ACPI 6.5",
        }
    }

    const fn processing(self) -> Processing {
        match self.event {
            // Eject request, and ejection at the guest's own wish.
            3 | 0x103 => Processing::Ejection,
            // Bus check, device check, and insertion.
            0 | 1 | 0x200 => Processing::Insertion,
            _ => Processing::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_means_one_thing_for_an_ejection_and_another_for_an_insertion() {
        let meaning = |event, status| Report { event, status }.meaning();
        assert_eq!(meaning(0x103, 0x82), "the device is busy");
        assert_eq!(meaning(3, 0x82), "the device is busy");
        assert_eq!(meaning(1, 0x82), "insertion is not supported");
        assert_eq!(meaning(0x200, 0x93), "resources for the insertion are not available");
        assert_eq!(meaning(0x100, 1), "failure without a reason");
        assert_eq!(meaning(3, 0x90), "a status without a meaning in ACPI 6.5");
        assert_eq!(meaning(0x100, 0x80), "a status without a meaning in ACPI 6.5");
    }
}
