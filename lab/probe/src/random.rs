//! The guest's hardware random number generator: figures that a broken one shows in.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;

use crate::Failure;

const DEVICE: &str = "/dev/hwrng";

/// Reads so many bytes; prints how many different ones there are, how many in a thousand bits are ones, and how often
/// the most frequent word of eight bytes occurs.
pub(crate) fn look(bytes: u64) -> Result<String, Failure> {
    let mut numbers = Vec::new();
    let device = File::open(DEVICE).map_err(|error| format!("{DEVICE}: {error}"))?;
    device.take(bytes).read_to_end(&mut numbers).map_err(|error| format!("{DEVICE}: {error}"))?;
    Ok(figures(&numbers))
}

fn figures(numbers: &[u8]) -> String {
    let distinct = numbers.iter().collect::<BTreeSet<_>>().len();
    let bits = u64::try_from(numbers.len() * 8).unwrap_or(u64::MAX);
    let ones: u64 = numbers.iter().map(|byte| u64::from(byte.count_ones())).sum();
    let permille = ones * 1000 / bits.max(1);
    let mut words = BTreeMap::new();
    for word in numbers.chunks_exact(8) {
        *words.entry(word).or_insert(0) += 1;
    }
    let repeats: u64 = words.values().max().copied().unwrap_or(0);
    let constant = if words.len() > 1 { "no" } else { "yes" };
    format!(
        "hwrng: bytes={} distinct={distinct} ones={permille} repeats={repeats} constant={constant}",
        numbers.len()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_generator_shows_in_the_figures() {
        let stuck = figures(&[0xf0; 32]);
        assert_eq!(stuck, "hwrng: bytes=32 distinct=1 ones=500 repeats=4 constant=yes");
        let twice = figures(b"01234567abcdefgh01234567");
        assert!(twice.ends_with("repeats=2 constant=no"), "{twice}");
        assert_eq!(figures(&[]), "hwrng: bytes=0 distinct=0 ones=0 repeats=0 constant=yes");
    }

    #[test]
    fn a_good_one_repeats_nothing() {
        let numbers: Vec<u8> = (0..=255).collect();
        assert_eq!(figures(&numbers), "hwrng: bytes=256 distinct=256 ones=500 repeats=1 constant=no");
    }
}
