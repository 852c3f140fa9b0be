//! What is wrong with a file is said with its line and column; nothing that is in a file makes the parser panic.

#![allow(missing_docs, reason = "tests")]

use std::{fs, path::PathBuf};

use proptest::prelude::*;
use switchboard_cases::File;

const GOOD: &str = "\
let OK = 0
probe it is there
  call x0 = 0x8400_0000
  expect x0 = OK
case it works
  cite DEN0022F 5.1
  requires it is there
  call x0 = 0x8400_0000, # a list goes on
       x1 = 1
  expect x0 = OK..5 or -1, x1..x3 & 0xff = unchanged
  or x0 != any
";

fn error(text: &str) -> String {
    match File::parse(text) {
        Ok(_) => String::from("nothing is wrong"),
        Err(error) => error.to_string(),
    }
}

/// The error once a part of the good file is replaced.
#[track_caller]
fn wrong(part: &str, by: &str, expected: &str) {
    assert!(GOOD.contains(part));
    assert_eq!(error(&GOOD.replacen(part, by, 1)), expected);
}

#[test]
fn a_good_file_has_its_case() {
    let file = File::parse(GOOD).unwrap();
    let names: Vec<_> = file.cases().map(|case| case.name()).collect();
    assert_eq!(names, ["it works"]);
    assert_eq!(file.cases().next().unwrap().cites().collect::<Vec<_>>(), ["DEN0022F 5.1"]);
    assert_eq!(File::parse("").unwrap().cases().count(), 0);
}

#[test]
fn words_that_mean_nothing_are_shown_where_they_are() {
    wrong("cite", "site", "line 6, column 3: no line begins with `site`");
    wrong(
        "OK..5",
        "GOOD",
        "line 10, column 15: `GOOD` stands for nothing: define it with `let` at the top of the file",
    );
    wrong("call", "do dance\n  call", "line 3, column 6: there is no action `dance`");
    wrong("or x0 !=", "or x0 ~", "line 11, column 9: `=` or `!=` belongs here, not `~`");
    wrong("x1 = 1", "x1 = 1 2", "line 9, column 15: the end of the line belongs here, not `2`");
    wrong("x1 = 1", "x1 =", "line 9, column 12: a value is missing at the end of the line");
}

#[test]
fn numbers_and_registers_have_their_limits() {
    wrong(
        "= 1",
        "= 0x1_0000_0000_0000_0000",
        "line 9, column 13: `0x1_0000_0000_0000_0000` is no number of 64 bits",
    );
    wrong("= 1", "= 12a", "line 9, column 13: `12a` is no number of 64 bits");
    wrong("x1 =", "x18 =", "line 9, column 8: `x18` is none of the registers x0 to x17");
    wrong("x1..x3", "x3..x1", "line 10, column 28: the range ends before it starts");
}

#[test]
fn lines_have_their_places() {
    wrong("let OK = 0", "let OK = A", "line 1, column 10: `A` is no number of 64 bits");
    wrong("let OK = 0", "cite D1\nlet OK = 0", "line 1, column 1: this line belongs to no case");
    wrong(
        "  requires",
        "  let A = 1\n  requires",
        "line 7, column 3: definitions come before the first case",
    );
    wrong("  or", "  cpus 2\n  or", "line 11, column 3: this line comes before the first call");
    wrong(
        "requires it is there",
        "requires it",
        "line 7, column 3: there is no probe \"it\" before this line",
    );
    wrong("x1 = 1", "x1 = each", "line 8, column 3: `each` has no values in this case");
}

#[test]
fn a_case_is_complete_and_has_a_name_of_its_own() {
    wrong("  cite DEN0022F 5.1\n", "", "line 5, column 1: \"it works\" has no `cite`");
    let twice = format!("{GOOD}case it works\n");
    assert_eq!(error(&twice), "line 12, column 1: there is a \"it works\" already");
    let no_call = format!("{GOOD}case nothing\ncite D1\n");
    assert_eq!(error(&no_call), "line 12, column 1: \"nothing\" has no call");
    let no_expectation = format!("{GOOD}case hopeless\ncite D1\ncall x0 = 1\n");
    assert_eq!(error(&no_expectation), "line 12, column 1: \"hopeless\" has no `expect` after its last call");
}

#[test]
fn a_name_is_defined_once_and_as_a_number() {
    assert!(File::parse("let A = 1\nlet B = -0x2\n").is_ok());
    assert_eq!(error("let A = A\n"), "line 1, column 9: `A` is no number of 64 bits");
    assert_eq!(error("let A = 1\nlet A = 2\n"), "line 2, column 5: there is a \"A\" already");
}

fn real_file() -> String {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../conformance");
    fs::read_to_string(folder.join("pv-time.txt")).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_text_makes_the_parser_panic(text in "(case|let|each|call|expect|or|x1|=|!=|&|\\||,|\\.\\.|\n| |[a-zé0-9#-]){0,60}") {
        let _ = File::parse(&text).map(|file| file.cases().count());
    }

    #[test]
    fn nothing_that_replaces_a_part_of_a_real_file_does(at in 0_usize..5000, length in 0_usize..40, by in ".{0,10}") {
        let mut text = real_file();
        let boundary = |from: usize| (from..).find(|&at| at >= text.len() || text.is_char_boundary(at)).unwrap();
        let start = boundary(at).min(text.len());
        let end = boundary(start + length).min(text.len());
        text.replace_range(start..end, &by);
        if let Err(error) = File::parse(&text) {
            let line = text.split('\n').nth(error.line - 1);
            prop_assert!(line.is_some_and(|line| error.column <= line.chars().count() + 1), "{error}");
        }
    }
}
