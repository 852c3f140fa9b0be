//! `trng`: what random numbers look like (Arm DEN0098). No bit stays the same, as many are set as chance has it, and no
//! word is another one's copy; those beyond the ones asked for are zero.
//!
//! NO_ENTROPY is tolerated, and counted. With `rate=limited` it must come.

use crate::{
    console::println,
    cpu,
    machine::Machine,
    random::Random,
    services::{self, Caller},
    smccc::Conduit,
    tap::Report,
};

/// So many times 192 bits.
const SAMPLES: u64 = 4096;
/// And so many are enough where they come slowly.
const FEWEST_SAMPLES: u64 = 64;
/// To wait for all samples, and for one number.
const LIMIT_MS: u64 = 20_000;
const PAUSE_MS: u64 = 1;

/// Numbers of bits on both sides of a word's end.
const SIZES_64: [u64; 12] = [1, 2, 31, 32, 63, 64, 65, 127, 128, 129, 191, 192];
const SIZES_32: [u64; 9] = [1, 2, 31, 32, 33, 63, 64, 65, 96];

pub fn run(machine: &Machine, conduit: Conduit, report: &mut Report) {
    let is_limited = machine.args.value("rate") == Some("limited");
    let random = Random::new(machine.args.number("seed", 1234));
    let mut test = Trng { caller: Caller { conduit, report, random }, no_entropy: 0 };
    if test.all(is_limited).is_some() {
        let seen = test.no_entropy > 0;
        let otherwise = format_args!("NO_ENTROPY never came, in spite of rate=limited");
        test.caller.report.check(seen || !is_limited, otherwise);
    }
    println!("# trng no_entropy={}", test.no_entropy);
}

struct Trng<'run> {
    caller: Caller<'run>,
    no_entropy: u64,
}

impl Trng<'_> {
    fn all(&mut self, is_limited: bool) -> Option<()> {
        let [version, ..] = self.caller.answered("TRNG_VERSION", services::TRNG_VERSION, &[])?;
        let is_1_0 = version == services::TRNG_VERSION_1_0;
        self.caller.report.check_ours(is_1_0, format_args!("TRNG_VERSION: {version:#x}"));
        for function in [services::TRNG_RND_32, services::TRNG_RND_64] {
            let what = "TRNG_FEATURES of TRNG_RND";
            self.caller.answered(what, services::TRNG_FEATURES, &[function.into()])?;
        }
        self.sizes(services::TRNG_RND_64, 64, &SIZES_64)?;
        self.sizes(services::TRNG_RND_32, 32, &SIZES_32)?;
        let statistics = self.collect(is_limited)?;
        statistics.check(self.caller.report);
        Some(())
    }

    /// What lies beyond the bits that were asked for is zero.
    fn sizes(&mut self, function: u32, width: u64, sizes: &[u64]) -> Option<()> {
        for &bits in sizes {
            let words = self.number(function, bits)?;
            for (at, word) in (0..).zip(words) {
                let beyond = word & !mask(bits.saturating_sub(at * width).min(width));
                let what = format_args!("{function:#x} of {bits} bits, x{}: bits beyond", 3 - at);
                self.caller.report.equal(what, beyond, 0);
            }
        }
        Some(())
    }

    /// A number of that many bits, its lowest word first.
    fn number(&mut self, function: u32, bits: u64) -> Option<[u64; 3]> {
        let start = cpu::ticks();
        loop {
            match self.caller.answered("TRNG_RND", function, &[bits])? {
                [services::SUCCESS, x1, x2, x3] => return Some([x3, x2, x1]),
                [services::TRNG_NO_ENTROPY, words @ ..] => {
                    self.no_entropy += 1;
                    let empty = words == [0; 3];
                    self.caller.report.check(empty, format_args!("NO_ENTROPY, and words: {words:#x?}"));
                }
                [status, ..] => {
                    let what = format_args!("{function:#x} of {bits} bits returns {status:#x}");
                    self.caller.report.check(false, what);
                    return None;
                }
            }
            if cpu::ticks() - start > cpu::ticks_in_ms(LIMIT_MS) {
                self.caller.report.check(false, format_args!("NO_ENTROPY for {LIMIT_MS} ms"));
                return None;
            }
            cpu::spin(PAUSE_MS);
        }
    }

    fn collect(&mut self, is_limited: bool) -> Option<Statistics> {
        let mut statistics = Statistics::new();
        let start = cpu::ticks();
        while cpu::ticks() - start <= cpu::ticks_in_ms(LIMIT_MS) {
            statistics.add(self.number(services::TRNG_RND_64, 192)?, self.caller.report);
            let enough = match is_limited {
                true => self.no_entropy > 0 && statistics.samples >= FEWEST_SAMPLES,
                false => statistics.samples >= SAMPLES,
            };
            if enough {
                break;
            }
        }
        let samples = statistics.samples;
        let enough = samples >= FEWEST_SAMPLES;
        self.caller.report.check(enough, format_args!("only {samples} numbers in {LIMIT_MS} ms"));
        enough.then_some(statistics)
    }
}

fn mask(bits: u64) -> u64 {
    1_u64.checked_shl(u32::try_from(bits).unwrap_or(u32::MAX)).map_or(u64::MAX, |above| above - 1)
}

/// Of numbers of 192 bits.
struct Statistics {
    samples: u64,
    ones: u64,
    /// Bits that were 1 at least once; that were always 1.
    once: [u64; 3],
    always: [u64; 3],
    last: [u64; 3],
}

impl Statistics {
    const fn new() -> Self {
        Self { samples: 0, ones: 0, once: [0; 3], always: [u64::MAX; 3], last: [0; 3] }
    }

    fn add(&mut self, words: [u64; 3], report: &mut Report) {
        let [low, middle, high] = words;
        let differ = low != middle && middle != high && low != high;
        report.check(differ, format_args!("two words are the same: {words:#x?}"));
        let is_new = (0..3).all(|at| words[at] != self.last[at]);
        report.check(is_new, format_args!("a word came twice in succession: {words:#x?}"));
        for (at, word) in words.into_iter().enumerate() {
            self.once[at] |= word;
            self.always[at] &= word;
            self.ones += u64::from(word.count_ones());
        }
        self.last = words;
        self.samples += 1;
    }

    fn check(&self, report: &mut Report) {
        let bits = self.samples * 192;
        // Eight standard deviations, of half the square root each: chance does not go so far.
        let (expected, bound) = (bits / 2, 4 * bits.isqrt());
        let ones = self.ones;
        println!("# trng bits={bits} ones={ones}");
        let otherwise = format_args!("{ones} of {bits} bits are 1, not {expected} +- {bound}");
        report.check(ones.abs_diff(expected) <= bound, otherwise);
        for (once, always) in self.once.into_iter().zip(self.always) {
            report.equal(format_args!("bits that were never 1"), !once, 0);
            report.equal(format_args!("bits that were always 1"), always, 0);
        }
    }
}
