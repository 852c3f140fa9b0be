//! The table as Rust, to be included by `src/catalogue.rs`.

use std::{
    collections::BTreeMap,
    fmt::{self, Write},
};

use crate::parse::{Document, Function, Value};

/// The functions by ID, and the texts of the documents.
pub(crate) fn table(documents: &[Document]) -> String {
    let mut out = String::from("// Made by build.rs of the files in `catalogue`.\n\n");
    write(&mut out, documents).expect("a string can always be written to");
    out
}

fn write(out: &mut String, documents: &[Document]) -> fmt::Result {
    let mut functions: Vec<(&Document, &Function)> = documents
        .iter()
        .flat_map(|document| document.functions.iter().map(move |function| (document, function)))
        .collect();
    functions.sort_by_key(|(_, function)| function.id);
    let lists = lists(&functions);

    // Many functions have the same arguments or results, and so the same list.
    for (values, number) in &lists {
        writeln!(out, "const LIST_{number}: &[Argument] = &[")?;
        for value in *values {
            writeln!(
                out,
                "    argument({}, {}, {:?}, Kind::{}),",
                value.first, value.last, value.name, value.kind
            )?;
        }
        writeln!(out, "];")?;
    }

    // Static: a constant would be there once for each unit of code that uses it.
    writeln!(out, "\nstatic FUNCTIONS: &[Function] = &[")?;
    for (document, function) in functions {
        writeln!(
            out,
            "    Function {{ name: {:?}, id: FunctionId({}), widths: Widths::{}, document: Document::{}, \
             section: {:?}, since: {:?}, arguments: {}, results: {} }},",
            function.name,
            literal(function.id),
            function.widths,
            variant(&document.key),
            function.section,
            function.since,
            list(&lists, &function.arguments),
            list(&lists, &function.results),
        )?;
    }
    writeln!(out, "];\n")?;

    // A file without a variant, or a variant without a file, does not compile.
    writeln!(out, "const fn texts(document: Document) -> &'static Texts {{\n    match document {{")?;
    for document in documents {
        writeln!(out, "        // {}", document.file)?;
        writeln!(
            out,
            "        Document::{} => &Texts {{ key: {:?}, name: {:?}, title: {:?}, reference: {:?}, prefix: {:?} }},",
            variant(&document.key),
            document.key,
            document.name,
            document.title,
            document.reference,
            document.prefix,
        )?;
    }
    writeln!(out, "    }}\n}}")
}

fn lists<'a>(functions: &[(&'a Document, &'a Function)]) -> BTreeMap<&'a [Value], usize> {
    let mut lists = BTreeMap::new();
    for (_, function) in functions {
        for values in [&function.arguments, &function.results] {
            let number = lists.len();
            lists.entry(values.as_slice()).or_insert(number);
        }
    }
    lists
}

fn list(lists: &BTreeMap<&[Value], usize>, values: &[Value]) -> String {
    format!("LIST_{}", lists[values])
}

/// As Clippy wants it: `0x8400_0003`.
fn literal(id: u32) -> String {
    format!("{:#06x}_{:04x}", id >> 16, id & 0xffff)
}

/// `pv-time`: `PvTime`.
fn variant(key: &str) -> String {
    key.split('-')
        .map(|part| {
            let (first, rest) = part.split_at(1);
            first.to_uppercase() + rest
        })
        .collect()
}
