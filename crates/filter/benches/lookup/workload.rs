//! Which filters are looked up in, and with which keys.

use switchboard_filter::{Action, Filter, Range};
use switchboard_smccc::FunctionId;

use crate::placements::{Random, clustered, spread};

/// How many ranges.
pub(crate) const SIZES: [usize; 4] = [2, 16, 256, 4096];

/// How many keys are looked up, over and over: too many for a branch predictor to learn, 64 KiB of them.
pub(crate) const KEYS: usize = 16_384;

/// What a guest calls most: PSCI's CPU_ON, CPU_SUSPEND and CPU_OFF.
const PSCI: [u32; 4] = [0xc400_0003, 0xc400_0001, 0x8400_0002, 0x8400_0001];

/// Function IDs by number, from the first to the last, that monitors serve: PSCI, TRNG, SDEI, FF-A, paravirtualized time,
/// the SiP's; each in both widths.
const SERVICES: [(u32, u32); 6] = [
    (0x8400_0000, 0x8400_001f),
    (0x8400_0050, 0x8400_0053),
    (0x8400_0020, 0x8400_003f),
    (0x8400_0060, 0x8400_00ef),
    (0x8500_0020, 0x8500_0021),
    (0x8200_0000, 0x8200_00ff),
];

/// Bit 30 of a function ID: SMC64.
const WIDE: u32 = 1 << 30;

/// The services' ranges, in both widths, and others anywhere, `ranges` in all.
fn services(ranges: usize) -> Filter {
    let mut filter = Filter::new();
    let actions = [Action::Forward, Action::Deny];
    let wanted = SERVICES.into_iter().flat_map(|(first, last)| [(first, last), (first | WIDE, last | WIDE)]);
    for ((first, last), action) in wanted.zip(actions.into_iter().cycle()).take(ranges) {
        filter
            .insert(Range::literal(FunctionId(first), last - first + 1), action)
            .expect("they are disjoint");
    }
    for rule in spread(2 * ranges).rules() {
        if filter.rules().count() < ranges {
            // What overlaps is not wanted.
            let _ = filter.insert(rule.range, rule.action);
        }
    }
    filter
}

/// A placement of ranges and a distribution of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Workload {
    /// Ranges anywhere, keys anywhere.
    Random,
    /// Ranges anywhere, four keys of five among a few PSCI functions.
    Skewed,
    /// As many of a monitor's service ranges as there may be, the rest anywhere; keys as for `Skewed`. With 16 ranges
    /// or more, most calls are to a page with many boundaries.
    Services,
    /// Adversarial: every range in one page of 65,536 IDs, and every key too.
    OnePage,
    /// Adversarial: four boundaries, the fewest that need a tree, in every third page, and keys in these pages and
    /// their neighbours, so that no branch predictor knows which is next.
    Mixed,
}

impl Workload {
    pub(crate) const ALL: [Self; 5] =
        [Self::Random, Self::Skewed, Self::Services, Self::OnePage, Self::Mixed];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Random => "ranges anywhere, random keys",
            Self::Skewed => "ranges anywhere, skewed keys",
            Self::Services => "service ranges and others, skewed keys",
            Self::OnePage => "ranges and keys in one page",
            Self::Mixed => "4 boundaries in every 3rd page, keys there",
        }
    }

    pub(crate) fn filter(self, ranges: usize) -> Filter {
        match self {
            Self::Random | Self::Skewed => spread(ranges),
            Self::Services => services(ranges),
            Self::OnePage => clustered(ranges, 2 * ranges, 7, 1),
            Self::Mixed => clustered(ranges, 4, 13_000, 3),
        }
    }

    /// What a result is multiplied by to change the next key: it leads anywhere the keys do.
    pub(crate) const fn spread(self) -> u32 {
        match self {
            Self::Random | Self::Skewed | Self::Services | Self::Mixed => 0x4_0000,
            Self::OnePage => 0x4000,
        }
    }

    pub(crate) fn keys(self, ranges: usize) -> Vec<u32> {
        let mut random = Random::new(0x1234_5678);
        let pages = u32::try_from(ranges * 3 / 2).expect("few ranges");
        let mut key = || match (self, random.next()) {
            (Self::Skewed | Self::Services, choice) if choice % 5 != 0 => {
                let [index, ..] = (choice >> 8).to_le_bytes();
                PSCI[usize::from(index % 4)]
            }
            (Self::Random | Self::Skewed | Self::Services, _) => random.next(),
            (Self::OnePage, choice) => choice >> 16,
            (Self::Mixed, choice) => (((choice >> 8) % pages) << 16) | (random.next() >> 16),
        };
        (0..KEYS).map(|_| key()).collect()
    }
}
