//! A lab whose host has frozen is started again, once, and that is told.

use std::time::Duration;

use anyhow::Result;

use super::summary::Summary;
use crate::lab::Frozen;
use crate::trouble;

/// How long nothing is heard of a lab before it is looked after. Tests are silent for longer: what decides is whether the
/// host's init answers, and it does within a second.
pub(crate) const SILENCE: Duration = Duration::from_secs(120);

/// How one run of a lab ended.
#[derive(Debug)]
pub(crate) struct Attempt<T> {
    /// What it brought.
    pub(crate) result: T,
    /// The lab's end.
    pub(crate) end: Result<u8>,
    /// Whether anything had failed by then, which a second run must not hide.
    pub(crate) has_failure: bool,
}

/// Runs a lab; and once more, if its host froze before anything had failed.
///
/// An emulator that freezes now and then says nothing about what is tested on it. One that does so twice in a row may: it is
/// a failure, as is everything else.
pub(crate) fn unless_frozen_twice<T>(
    place: &str,
    summary: &mut Summary,
    mut run: impl FnMut() -> Result<Attempt<T>>,
) -> Result<Attempt<T>> {
    let first = run()?;
    match &first.end {
        Err(error) if error.is::<Frozen>() && !first.has_failure => {
            eprintln!("{}", trouble::describe(error));
            eprintln!("test: the {place} is started again");
            summary.note(format!("{place}: the emulated host froze once and was started again"));
            run()
        }
        _ => Ok(first),
    }
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    /// Runs that end one after the other as told; how the last one ended, how many there were, and the summary.
    fn end(ends: Vec<(Result<u8>, bool)>) -> (Result<u8>, usize, String) {
        let mut summary = Summary::default();
        let (mut ends, mut runs) = (ends.into_iter(), 0);
        let attempt = unless_frozen_twice("max", &mut summary, || {
            runs += 1;
            let (end, has_failure) = ends.next().unwrap();
            Ok(Attempt { result: (), end, has_failure })
        });
        (attempt.unwrap().end, runs, summary.to_string())
    }

    fn frozen() -> Result<u8> {
        Err(Frozen::example().into())
    }

    #[test]
    fn a_lab_that_froze_is_run_again_and_that_is_told() {
        let (end, runs, summary) = end(vec![(frozen(), false), (Ok(0), false)]);
        assert_eq!((end.unwrap(), runs), (0, 2));
        assert!(summary.contains("note: max: the emulated host froze once and was started again"));
    }

    #[test]
    fn a_lab_that_froze_twice_has_failed() {
        let (end, runs, _) = end(vec![(frozen(), false), (frozen(), false)]);
        assert!(end.unwrap_err().is::<Frozen>());
        assert_eq!(runs, 2);
    }

    #[test]
    fn a_lab_that_froze_after_a_test_had_failed_is_not_run_again() {
        let (end, runs, summary) = end(vec![(frozen(), true)]);
        assert!(end.is_err() && !summary.contains("froze"));
        assert_eq!(runs, 1);
    }

    #[test]
    fn a_lab_that_ended_in_any_other_way_is_not_run_again() {
        for end_of_it in [Ok(0), Ok(1), Ok(trouble::TIMED_OUT), Err(anyhow!("no kernel"))] {
            assert_eq!(end(vec![(end_of_it, false)]).1, 1);
        }
    }
}
