//! What the lines of a case mean, one by one.

#![allow(missing_docs, reason = "tests")]

use switchboard_cases::{Action, Caller, Conduit, File, Given, Registers, Runner, Skip, Verdict};

/// Returns what it is told to, and remembers what it was sent.
struct Scripted {
    results: Vec<fn(&mut Registers)>,
    sent: Vec<Registers>,
}

impl Caller for Scripted {
    fn call(&mut self, _: Conduit, registers: &Registers) -> Registers {
        let mut after = *registers;
        let at = self.sent.len().min(self.results.len() - 1);
        self.results[at](&mut after);
        self.sent.push(*registers);
        after
    }
}

struct Run {
    verdict: String,
    failures: Vec<(Option<u64>, String)>,
    sent: Vec<Registers>,
}

/// Runs the first case of a file.
fn run(text: &str, results: &[fn(&mut Registers)]) -> Run {
    let file = File::parse(text).unwrap();
    let mut caller = Scripted { results: results.to_vec(), sent: Vec::new() };
    let mut failures = Vec::new();
    let case = file.cases().next().unwrap();
    let verdict = Runner::new(&mut caller, 1).run(&case, Conduit::Hvc, &mut |failure| {
        failures.push((failure.each, failure.expected.to_owned()));
    });
    let verdict = match verdict {
        Verdict::Passed => "passed".to_owned(),
        Verdict::Failed => "failed".to_owned(),
        Verdict::Skipped(skip) => skip.to_string(),
    };
    Run { verdict, failures, sent: caller.sent }
}

fn verdict(lines: &str, result: fn(&mut Registers)) -> String {
    run(&format!("case it works\n cite D1\n{lines}"), &[result]).verdict
}

#[test]
fn registers_that_are_not_named_are_kept_and_x1_to_x3_may_be_cleared() {
    let lines = "call x0 = 1\n expect x0 = 0";
    assert_eq!(verdict(lines, |x| x[0] = 0), "passed");
    assert_eq!(verdict(lines, |x| x[..4].fill(0)), "passed");
    assert_eq!(verdict(lines, |x| x[..5].fill(0)), "failed");
    assert_eq!(verdict(lines, |x| x[..2].copy_from_slice(&[0, 7])), "failed");
    assert_eq!(verdict("call x0 = 1\n expect x0 = any, x1..x17 = any", |x| x.fill(9)), "passed");
}

#[test]
fn conditions_have_ranges_masks_alternatives_and_a_negation() {
    let holds = |condition: &str| verdict(&format!("call x0 = 1\n expect {condition}"), |x| x[0] = 0x15);
    for condition in
        ["x0 = 0x15", "x0 = 0x10..0x15", "x0 & 0xf = 5", "x0 = 1 or 2 or 21", "x0 != 1 or 2", "x0 = 0x10 | 5"]
    {
        assert_eq!(holds(condition), "passed", "{condition}");
    }
    for condition in
        ["x0 = 0x14", "x0 = 0x16..0x20", "x0 & 0xf = 4", "x0 = 1 or 2", "x0 != 1 or 21", "x0 = unchanged"]
    {
        assert_eq!(holds(condition), "failed", "{condition}");
    }
}

#[test]
fn any_of_several_expectations_will_do() {
    let lines = "call x0 = 1\n expect x0 = 0, x1 = 5\n or x0 = 2";
    assert_eq!(verdict(lines, |x| x[..2].copy_from_slice(&[0, 5])), "passed");
    assert_eq!(verdict(lines, |x| x[0] = 2), "passed");
    assert_eq!(verdict(lines, |x| x[..2].copy_from_slice(&[2, 5])), "failed");
}

#[test]
fn a_dirty_value_keeps_its_lower_half_and_has_a_bit_set_in_the_upper() {
    let run = run("case a\n cite D1\n call x0 = dirty 0x1234, x1 = dirty 0\n expect x0 = 0", &[|x| x[0] = 0]);
    for (register, low) in [(0, 0x1234), (1, 0)] {
        let value = run.sent[0][register];
        assert_eq!(value & 0xffff_ffff, low);
        assert_ne!(value >> 32, 0);
    }
    assert_ne!(run.sent[0][17], 0, "registers that are not named hold something");
}

#[test]
fn each_failure_says_for_which_value_and_what_was_expected() {
    let text = "let A = 5\ncase a\n cite D1\n each 1..3, A\n call x0 = each\n expect x0 = 1\n or x0 = 5, # so\n x1 = 0\n";
    let run = run(text, &[|_| {}]);
    assert_eq!(run.verdict, "failed");
    assert_eq!(run.sent.iter().map(|sent| sent[0]).collect::<Vec<_>>(), [1, 2, 3, 5]);
    assert_eq!(run.failures.iter().map(|failure| failure.0).collect::<Vec<_>>(), [Some(2), Some(3), Some(5)]);
    assert_eq!(run.failures[0].1, "expect x0 = 1\n or x0 = 5, # so\n x1 = 0");
}

#[test]
fn a_case_is_skipped_with_the_reason_where_it_says_nothing() {
    let with = |line: &str| {
        format!(
            "probe there is one\n call x0 = 7\n expect x0 = 0\ncase a\n cite D1\n {line}\n call x0 = 1\n expect x0 = 0"
        )
    };
    let zero: fn(&mut Registers) = |x| x[0] = 0;
    let one: fn(&mut Registers) = |x| x[0] = 1;
    assert_eq!(run(&with("requires there is one"), &[zero]).verdict, "passed");
    assert_eq!(run(&with("requires there is one"), &[one]).verdict, "it is not so that there is one");
    assert_eq!(run(&with("unless there is one"), &[zero]).verdict, "there is one");
    assert_eq!(run(&with("unless there is one"), &[one, zero]).verdict, "passed");
    assert_eq!(run(&with("cpus 2"), &[zero]).verdict, "needs 2 CPUs");
}

#[test]
fn a_case_is_skipped_where_the_caller_is_not_enough() {
    assert_eq!(verdict("call x0 = entry\n expect x0 = 0", |x| x[0] = 0), "there is no entry here");
    let skipped = verdict("do race\n expect x0 = 0", |_| {});
    assert_eq!(skipped, "no race: this caller makes calls and nothing else");
    assert_eq!(Skip::Given(Given::Entry), Skip::Given(Given::Entry));
    assert_eq!(Action::Race.name(), "race");
}

#[test]
fn a_probe_may_ask_about_each_value() {
    let text = "probe it is known\n call x0 = 9, x1 = each\n expect x0 = 0\n\
                case a\n cite D1\n each 1, 2, 3\n requires it is known\n call x0 = each\n expect x0 = each";
    let known: fn(&mut Registers) = |x| x[0] = if x[0] == 9 { x[1] % 2 } else { x[0] };
    let run = run(text, &[known]);
    assert_eq!(run.verdict, "passed");
    let called: Vec<_> = run.sent.iter().map(|sent| sent[0]).collect();
    assert_eq!(called, [9, 9, 2, 9], "only for the value that is known is the call made");
}

#[test]
fn a_result_that_is_awaited_may_come_late_and_steps_are_repeated() {
    let late: [fn(&mut Registers); 3] = [|x| x[0] = 1, |x| x[0] = 1, |x| x[0] = 0];
    let awaited = run("case a\n cite D1\n await x0 = 5\n expect x0 = 0", &late);
    assert_eq!((awaited.verdict.as_str(), awaited.sent.len()), ("passed", 3));
    let never = run("case a\n cite D1\n await x0 = 5\n expect x0 = 0", &late[..1]);
    assert_eq!((never.verdict.as_str(), never.sent.len()), ("failed", 1000));
    let repeated = run("case a\n cite D1\n repeat 4\n call x0 = 5\n expect x0 = 5", &[|_| {}]);
    assert_eq!((repeated.verdict.as_str(), repeated.sent.len()), ("passed", 4));
}

#[test]
fn a_case_is_over_both_conduits_unless_it_says_so() {
    let text = "case a\n cite D1\n call x0 = 1\n expect x0 = 1\n\
                case b\n cite D1\n over smc\n call x0 = 1\n expect x0 = 1";
    let cases: Vec<_> = File::parse(text).unwrap().cases().collect();
    let over = |conduit| cases.iter().map(|case| case.is_over(conduit)).collect::<Vec<_>>();
    assert_eq!(over(Conduit::Hvc), [true, false]);
    assert_eq!(over(Conduit::Smc), [true, true]);
}
