//! A million programs on the model, against a reading of the rules that is as plain as can be.

#![allow(missing_docs, reason = "tests")]

use std::thread;

use switchboard_conform::campaign::{Campaign, against_naive};
use switchboard_conform::generate::Kind;
use switchboard_filter::EmptyRangeRule;
use switchboard_hyp::{KvmVersion, VmConfig};

const PROGRAMS: u64 = 1_000_000;

/// Every kernel, every state, both readings of the empty range: their shares of the million, each on a thread of its own.
fn campaigns() -> Vec<(Campaign, VmConfig)> {
    let mut campaigns = Vec::new();
    for version in [KvmVersion::V6_12, KvmVersion::V7_2] {
        for kind in [Kind::AArch64, Kind::AArch32] {
            for empty_range in [EmptyRangeRule::Invalid, EmptyRangeRule::WrapsAtZero] {
                let first = PROGRAMS / 8 * u64::try_from(campaigns.len()).unwrap();
                let campaign = Campaign { seed: 3, first, programs: PROGRAMS / 8, kind };
                campaigns.push((campaign, VmConfig { empty_range, ..VmConfig::new(version) }));
            }
        }
    }
    campaigns
}

#[test]
fn a_million_programs_come_to_what_the_plain_reading_says() {
    let programs: u64 = thread::scope(|scope| {
        let threads: Vec<_> = campaigns()
            .into_iter()
            .map(|(campaign, config)| {
                scope.spawn(move || match against_naive(campaign, &config) {
                    Ok(statistics) => statistics.programs,
                    Err(difference) => panic!("{difference}"),
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(programs, PROGRAMS);
}
