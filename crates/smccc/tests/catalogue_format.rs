//! What is wrong in a file of the catalogue is said with file and line.

#[allow(dead_code)]
#[path = "../build/parse.rs"]
mod parse;

const HEADER: &str = "document psci\n  name PSCI\n  title Power\n  reference DEN0022\n  prefix PSCI\n";

fn error(lines: &str) -> String {
    parse::document("catalogue/psci.txt", &format!("{HEADER}{lines}")).unwrap_err().to_string()
}

#[test]
fn a_function_has_its_arguments_and_results() {
    let text = format!(
        "# Power.\n{HEADER}\nfunction 0x84000003 both CPU_ON  section 5.1.4  since 0.2  # boots a CPU\n  \
         argument x1 target_cpu : affinity\n  returns x0..x3 status : status\n"
    );

    let document = parse::document("psci.txt", &text).unwrap();

    let function = &document.functions[0];
    assert_eq!((document.key.as_str(), function.name.as_str()), ("psci", "CPU_ON"));
    assert_eq!((function.id, function.widths, function.line), (0x8400_0003, "Both", 8));
    assert_eq!((function.section.as_str(), function.since.as_deref()), ("5.1.4", Some("0.2")));
    let argument = parse::Value { first: 1, last: 1, name: "target_cpu".into(), kind: "Affinity" };
    assert_eq!(function.arguments, [argument]);
    assert_eq!((function.results[0].first, function.results[0].last), (0, 3));
}

#[test]
fn mistakes_in_a_function_name_file_and_line() {
    for (lines, expected) in [
        ("function 0x8400 both F", "`0x8400` is no function ID: 0x and eight hexadecimal digits"),
        ("function 0x84000003 wide F", "`wide` is no width: smc32, smc64, both"),
        ("function 0x84000003 both", "a function has an ID, a width and a name"),
        ("function 0x84000003 both cpu_on", "`cpu_on` is no name: capital letters, digits and `_`"),
        ("function 0x84010003 both F", "0x84010003 has bits in 23:16, which are zero in a fast call"),
        ("function 0xc4000003 both F", "bit 30 is set where there is SMC64 only"),
        ("function 0x84000003 smc64 F", "bit 30 is set where there is SMC64 only"),
        ("function 0x84000003 both F section", "`section`: a section or a version is expected"),
        ("function 0x84000003 both F until 2", "`until 2`: a section or a version is expected"),
        ("fucntion 0x84000003 both F", "`fucntion` is no keyword"),
        ("name PSCI", "this line is there already"),
        ("title", "there is nothing behind the keyword"),
        ("argument x1 a : hex", "there is no function above this line"),
    ] {
        assert_eq!(error(lines), format!("catalogue/psci.txt:6: {expected}"));
    }
}

#[test]
fn mistakes_in_a_value_name_file_and_line() {
    for (line, expected) in [
        ("argument x0 a : hex", "x0 is the function ID"),
        ("argument x18 a : hex", "`x18` is no register: x0 to x17"),
        ("argument w1 a : hex", "`w1` is no register: x0 to x17"),
        ("argument x3..x2 a : hex", "`x3..x2` goes down"),
        (
            "argument x1 a hex",
            "a value has registers, a name, a colon and a kind: `x1 target_cpu : affinity`",
        ),
        ("argument x2 a : hex\nargument x2 b : hex", "x2 is not above the line before"),
    ] {
        let number = 6 + line.lines().count();
        let lines = format!("function 0x84000003 both F\n{line}");
        assert_eq!(error(&lines), format!("catalogue/psci.txt:{number}: {expected}"));
    }
    assert!(
        error("function 0x84000003 both F\nargument x1 a : colour").contains("`colour` is no kind: hex, ")
    );
}

#[test]
fn a_file_without_a_header_is_refused() {
    let error = parse::document("catalogue/psci.txt", "document psci\n  name PSCI\n").unwrap_err();
    assert_eq!(error.to_string(), "catalogue/psci.txt:2: there is no line `title`");
}

#[test]
fn two_functions_with_one_id_or_one_name_are_refused_over_all_files() {
    let read = |file, line: &str| parse::document(file, &format!("{HEADER}{line}")).unwrap();
    let first = || read("a.txt", "function 0x84000003 both CPU_ON");

    let id = parse::check_ids(&[first(), read("b.txt", "function 0xc4000003 smc64 OTHER")]).unwrap_err();
    let name = parse::check_ids(&[first(), read("b.txt", "function 0x84000004 both CPU_ON")]).unwrap_err();

    assert_eq!(id.to_string(), "b.txt:6: 0xc4000003 is CPU_ON already");
    assert_eq!(name.to_string(), "b.txt:6: there is a CPU_ON already");
    assert_eq!(parse::check_ids(&[first()]), Ok(()));
}
