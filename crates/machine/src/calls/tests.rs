//! Statistics of calls.

use super::{table::ROWS, *};

fn call(function: u32, conduit: Conduit, nanoseconds: u64, verdict: Verdict) -> CallRecord {
    let time = Duration::from_nanos(nanoseconds);
    CallRecord {
        function: FunctionId(function),
        conduit,
        verdict,
        time,
        cpu_time: None,
        standing: Standing::Allowed,
        register_reads: 3,
        register_writes: 1,
    }
}

#[test]
fn calls_of_all_cpus_add_up_by_function_and_conduit() {
    let statistics = CallStatistics::new(2);
    statistics.table(0).record(&call(0x8400_0000, Conduit::Hvc, 100, Verdict::Good));
    statistics.table(1).record(&call(0x8400_0000, Conduit::Hvc, 300, Verdict::Error));
    statistics.table(1).record(&call(0x8400_0000, Conduit::Smc, 50, Verdict::Good));

    let summary = statistics.summary();

    assert_eq!(summary.len(), 2);
    assert_eq!(summary[0].key, Some((FunctionId(0x8400_0000), Conduit::Hvc)));
    assert_eq!(summary[0].name(), Some("PSCI_VERSION"));
    assert_eq!((summary[0].count, summary[0].errors), (2, 1));
    assert_eq!(summary[0].mean(), Duration::from_nanos(200));
    assert_eq!(summary[0].maximum, Duration::from_nanos(300));
    assert_eq!((summary[0].register_reads, summary[0].register_writes), (6, 2));
    assert_eq!(summary[1].key, Some((FunctionId(0x8400_0000), Conduit::Smc)));
}

#[test]
fn a_guest_that_calls_every_function_fills_the_table_and_no_more() {
    let statistics = CallStatistics::new(1);
    for function in 0..100_000 {
        statistics.table(0).record(&call(function, Conduit::Hvc, 1, Verdict::Error));
    }

    let summary = statistics.summary();

    assert_eq!(summary.len(), ROWS + 1);
    assert_eq!(summary.iter().map(|row| row.count).sum::<u64>(), 100_000);
    assert_eq!(summary.last().unwrap().key, None);
}

#[test]
fn function_0_over_hvc_is_a_function_like_any_other() {
    let statistics = CallStatistics::new(1);
    statistics.table(0).record(&call(0, Conduit::Hvc, 1, Verdict::Error));
    assert_eq!(statistics.summary()[0].key, Some((FunctionId(0), Conduit::Hvc)));
}
