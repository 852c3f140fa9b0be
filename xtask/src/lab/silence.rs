//! When a lab from which nothing is heard is given up.

use std::time::{Duration, Instant};

/// Keeps watch on how long nothing has been heard.
///
/// Whatever the command, the kernel or the emulator prints is heard. After the limit the lab's init is asked whether it is
/// still there, and has half of the limit for its answer: that tells a host that has stopped from a command that is silent,
/// which may be as long as it likes.
#[derive(Debug)]
pub(crate) struct Silence {
    limit: Duration,
    heard: u64,
    since: Instant,
    asked: Option<Instant>,
}

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Listen, until then at the latest.
    Listen(Instant),
    /// Ask the lab's init, and listen on.
    Ask,
    /// Give the lab up, from which nothing has been heard for so long.
    GiveUp(Duration),
}

impl Silence {
    /// From now on, after a silence of `limit` the lab's init has to answer.
    pub(crate) fn new(limit: Duration, now: Instant) -> Self {
        Self { limit, heard: 0, since: now, asked: None }
    }

    /// The lab's init has answered.
    pub(crate) fn answered(&mut self, now: Instant) {
        *self = Self { heard: self.heard, ..Self::new(self.limit, now) };
    }

    /// What is to be done now that `heard` bytes in all have been heard.
    pub(crate) fn step(&mut self, heard: u64, now: Instant) -> Step {
        if heard != self.heard {
            self.heard = heard;
            self.answered(now);
        }
        match self.asked {
            None if now < self.since + self.limit => Step::Listen(self.since + self.limit),
            None => {
                self.asked = Some(now);
                Step::Ask
            }
            Some(asked) if now < asked + self.limit / 2 => Step::Listen(asked + self.limit / 2),
            Some(_) => Step::GiveUp(now - self.since),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(120);

    fn begin() -> (Silence, impl Fn(u64) -> Instant) {
        let begin = Instant::now();
        (Silence::new(LIMIT, begin), move |seconds| begin + Duration::from_secs(seconds))
    }

    #[test]
    fn a_lab_that_says_something_now_and_then_is_not_even_asked() {
        let (mut silence, at) = begin();
        for round in 1..100 {
            let now = at(round * 119);
            assert_eq!(silence.step(round, now), Step::Listen(now + LIMIT));
        }
    }

    #[test]
    fn a_host_whose_init_does_not_answer_is_given_up() {
        let (mut silence, at) = begin();
        assert_eq!(silence.step(7, at(1)), Step::Listen(at(121)));
        assert_eq!(silence.step(7, at(120)), Step::Listen(at(121)));
        assert_eq!(silence.step(7, at(121)), Step::Ask);
        assert_eq!(silence.step(7, at(122)), Step::Listen(at(181)));
        assert_eq!(silence.step(7, at(181)), Step::GiveUp(Duration::from_secs(180)));
    }

    #[test]
    fn a_command_may_be_silent_for_as_long_as_its_hosts_init_answers() {
        let (mut silence, at) = begin();
        for round in 0..100 {
            assert_eq!(silence.step(0, at(round * 121 + 120)), Step::Ask);
            silence.answered(at(round * 121 + 121));
            assert_eq!(silence.step(0, at(round * 121 + 122)), Step::Listen(at(round * 121 + 241)));
        }
    }

    #[test]
    fn a_host_that_is_asked_may_also_answer_by_printing() {
        let (mut silence, at) = begin();
        assert_eq!(silence.step(0, at(120)), Step::Ask);
        assert_eq!(silence.step(1, at(130)), Step::Listen(at(250)));
    }
}
