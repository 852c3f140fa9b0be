//! What the outside makes of a life.

use std::sync::Barrier;

use switchboard_firmware::OffKind;

use super::*;
use crate::vcpu_threads::Interrupt;

const OFF: LifeEnd = LifeEnd::End(End::Off(OffKind::Off));

fn end_of(session: &Session) -> LifeEnd {
    loop {
        if let Notice::Ended(result) = session.wait(None) {
            return result.unwrap();
        }
    }
}

#[test]
fn the_first_to_finish_decides_how() {
    let session = Session::new(1);
    session.finish(Ok(OFF));
    session.finish(Ok(LifeEnd::End(End::Quit)));
    assert_eq!(end_of(&session), OFF);
}

#[test]
fn a_pause_returns_once_every_active_vcpu_waits_and_a_resume_lets_them_go_on() {
    let session = Session::new(1);
    thread::scope(|scope| {
        let active = session.activate();
        let vcpu = scope.spawn(|| {
            let active = active;
            while !session.closed.load(Ordering::SeqCst) {
                thread::yield_now();
            }
            active.may_run()
        });
        assert_eq!(session.pause(), Pause::Done);
        assert_eq!(lock(&session.state).waiting, 1);
        assert_eq!(session.activity(), Activity::Paused);
        assert_eq!(session.pause(), Pause::Before);
        assert!(session.resume());
        assert!(vcpu.join().unwrap());
    });
    assert!(!session.resume(), "it is not paused");
}

#[test]
fn a_deadline_is_something_to_attend_to_but_for_a_pause() {
    let session = Session::new(1);
    let soon = session.clock().now() + Duration::from_millis(20);
    assert!(matches!(session.wait(Some(soon)), Notice::Attend));
    assert!(session.clock().now() >= soon);
    assert!(matches!(session.wait(Some(Duration::ZERO)), Notice::Attend), "it is over already");

    assert_eq!(session.pause(), Pause::Done);
    assert!(matches!(session.wait(None), Notice::Attend), "the pause is");
    let paused = session.clock().now();
    thread::sleep(Duration::from_millis(20));
    assert_eq!(session.clock().now(), paused);
    session.resume();
    assert!(matches!(session.wait(Some(Duration::MAX)), Notice::Attend), "and its end");
}

#[test]
fn the_end_lets_paused_vcpus_go_and_says_so() {
    let session = Session::new(1);
    thread::scope(|scope| {
        assert_eq!(session.pause(), Pause::Done, "nothing runs");
        let vcpu = scope.spawn(|| session.activate().may_run());
        while lock(&session.state).waiting == 0 {
            thread::yield_now();
        }
        session.finish(Ok(OFF));
        assert!(!vcpu.join().unwrap());
    });
    let ended = Session::new(1);
    ended.finish(Ok(OFF));
    assert_eq!(ended.pause(), Pause::Ended, "what comes after it is not paused");
}

#[test]
fn only_a_machine_that_sleeps_can_be_woken_and_once() {
    let session = Session::new(1);
    assert!(!session.wake());
    session.fall_asleep();
    assert_eq!(session.activity(), Activity::Suspended);
    assert!(session.wake());
    assert!(!session.wake());
    assert!(session.is_wake_wanted() && session.wants_kicks());
    session.woken();
    assert_eq!(session.activity(), Activity::Running);
}

/// A host that never has room for a signal.
struct Full;

impl Interrupt for Full {
    fn interrupt(&self) -> Told {
        Told::NotYet
    }
}

#[test]
fn a_kick_that_cannot_be_sent_keeps_no_deadline_from_being_noticed() {
    let (session, entered, end) = (Session::new(1), Barrier::new(2), Barrier::new(2));
    thread::scope(|scope| {
        scope.spawn(|| {
            let _here = session.threads().enter(CpuIndex(0), Arc::new(Full));
            entered.wait();
            end.wait();
        });
        entered.wait();
        session.kick(CpuIndex(0), &CallStatistics::new(1));
        let soon = session.clock().now() + Duration::from_millis(50);
        assert!(matches!(session.wait(Some(soon)), Notice::Attend));
        assert!(session.clock().now() >= soon);
        end.wait();
    });
}
