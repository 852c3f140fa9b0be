//! The guide's page of names is the catalogue's. `UPDATE_DOCS=1` writes it.

use std::{env, fmt::Write, fs, path::Path};

use switchboard_smccc::{
    Width,
    catalogue::{Argument, Document, Function},
};

const BEGIN: &str = "by `UPDATE_DOCS=1 cargo test -p switchboard-smccc` -->\n";
const END: &str = "<!-- end -->";

#[test]
fn the_guides_page_of_names_is_the_catalogues() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/src/reference/names.md");
    let page = fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (tables, after) = rest.split_once(END).unwrap();

    if env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, format!("{before}{BEGIN}{}{END}{after}", render())).unwrap();
        return;
    }
    assert_eq!(tables, render(), "run `UPDATE_DOCS=1 cargo test -p switchboard-smccc`");
}

fn render() -> String {
    let mut page = String::new();
    for document in Document::ALL {
        writeln!(page, "\n## {}\n", document.title()).unwrap();
        writeln!(page, "{}: {}. Key `{}`.\n", document, document.reference(), document.key()).unwrap();
        writeln!(page, "| function | SMC32 | SMC64 | section | since | arguments | results |").unwrap();
        writeln!(page, "|---|---|---|---|---|---|---|").unwrap();
        for function in document.functions() {
            row(&mut page, function);
        }
    }
    page.push('\n');
    page
}

fn row(page: &mut String, function: &Function) {
    let id = |width| function.id_in(width).map_or("-".into(), |id| id.to_string());
    writeln!(
        page,
        "| `{}` | {} | {} | {} | {} | {} | {} |",
        function.name,
        id(Width::Smc32),
        id(Width::Smc64),
        function.section,
        function.since.unwrap_or_default(),
        values(function.arguments),
        values(function.results),
    )
    .unwrap();
}

fn values(values: &[Argument]) -> String {
    let texts: Vec<String> = values
        .iter()
        .map(|value| {
            if value.register == value.last {
                format!("{} `{}`", value.register, value.name)
            } else {
                format!("{} to {} `{}`", value.register, value.last, value.name)
            }
        })
        .collect();
    texts.join(", ")
}
