//! The format of the catalogue's files: a document's header, and then its functions.
//!
//! ```text
//! # A comment.
//! document psci
//!   name       PSCI (DEN0022)
//!   title      Power State Coordination Interface
//!   reference  Arm DEN0022, issue F.b (1.3)
//!   prefix     PSCI
//!
//! function 0x84000003 both CPU_ON  section 5.1.4  since 0.2
//!   argument x1 target_cpu : affinity
//!   returns x0 status : status
//! ```

use std::{collections::BTreeMap, fmt};

/// One file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Document {
    pub(crate) file: String,
    pub(crate) key: String,
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) reference: String,
    pub(crate) prefix: String,
    pub(crate) functions: Vec<Function>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Function {
    pub(crate) line: usize,
    pub(crate) id: u32,
    pub(crate) widths: &'static str,
    pub(crate) name: String,
    pub(crate) section: String,
    pub(crate) since: Option<String>,
    pub(crate) arguments: Vec<Value>,
    pub(crate) results: Vec<Value>,
}

/// An argument or a result.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Value {
    pub(crate) first: u8,
    pub(crate) last: u8,
    pub(crate) name: String,
    pub(crate) kind: &'static str,
}

/// What is wrong, and where.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Error {
    file: String,
    line: usize,
    what: String,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.what)
    }
}

impl std::error::Error for Error {}

/// The words for a width, and the variants of `Widths`.
const WIDTHS: [(&str, &str); 3] = [("smc32", "Smc32"), ("smc64", "Smc64"), ("both", "Both")];

/// The words for a kind, and the variants of `Kind`.
pub(crate) const KINDS: [(&str, &str); 16] = [
    ("hex", "Hex"),
    ("decimal", "Decimal"),
    ("boolean", "Boolean"),
    ("flags", "Flags"),
    ("function", "Function"),
    ("address", "Address"),
    ("affinity", "Affinity"),
    ("size", "Size"),
    ("count", "Count"),
    ("index", "Index"),
    ("endpoints", "Endpoints"),
    ("pci", "Pci"),
    ("status", "Status"),
    ("version", "Version"),
    ("uuid", "Uuid"),
    ("text", "Text"),
];

const LAST_REGISTER: u8 = 17;
/// Bits 23:17 of a fast call are zero, and bit 16 is a hint (DEN0028, section 2.5).
const NOT_OF_A_FAST_CALL: u32 = 0x00ff_0000;
const FAST: u32 = 1 << 31;
const SMC64: u32 = 1 << 30;

/// Reads one file.
pub(crate) fn document(file: &str, text: &str) -> Result<Document, Error> {
    let mut document = Document { file: file.to_owned(), ..Document::default() };
    let mut lines = 0;
    for (number, line) in (1..).zip(text.lines()) {
        lines = number;
        let line = line.split('#').next().unwrap_or_default();
        let words: Vec<&str> = line.split_whitespace().collect();
        if words.is_empty() {
            continue;
        }
        add(&mut document, number, &words).map_err(|what| Error {
            file: file.to_owned(),
            line: number,
            what,
        })?;
    }
    for (field, value) in [
        ("document", &document.key),
        ("name", &document.name),
        ("title", &document.title),
        ("reference", &document.reference),
        ("prefix", &document.prefix),
    ] {
        if value.is_empty() {
            return Err(Error {
                file: file.to_owned(),
                line: lines,
                what: format!("there is no line `{field}`"),
            });
        }
    }
    Ok(document)
}

fn add(document: &mut Document, line: usize, words: &[&str]) -> Result<(), String> {
    let (keyword, rest) = (words[0], &words[1..]);
    match keyword {
        "document" => header(&mut document.key, rest),
        "name" => header(&mut document.name, rest),
        "title" => header(&mut document.title, rest),
        "reference" => header(&mut document.reference, rest),
        "prefix" => header(&mut document.prefix, rest),
        "function" => {
            document.functions.push(function(line, rest)?);
            Ok(())
        }
        "argument" | "returns" => {
            let function = document.functions.last_mut().ok_or("there is no function above this line")?;
            let values = if keyword == "argument" { &mut function.arguments } else { &mut function.results };
            let value = value(rest)?;
            if keyword == "argument" && value.first == 0 {
                return Err("x0 is the function ID".into());
            }
            if values.last().is_some_and(|last| value.first <= last.last) {
                return Err(format!("x{} is not above the line before", value.first));
            }
            values.push(value);
            Ok(())
        }
        _ => Err(format!("`{keyword}` is no keyword")),
    }
}

fn header(field: &mut String, words: &[&str]) -> Result<(), String> {
    if words.is_empty() {
        return Err("there is nothing behind the keyword".into());
    }
    if !field.is_empty() {
        return Err("this line is there already".into());
    }
    *field = words.join(" ");
    Ok(())
}

fn function(line: usize, words: &[&str]) -> Result<Function, String> {
    let [id, widths, name, options @ ..] = words else {
        return Err("a function has an ID, a width and a name".into());
    };
    let id = number(id)?;
    let widths = word(&WIDTHS, widths, "width")?;
    if id & FAST != 0 && id & NOT_OF_A_FAST_CALL != 0 && !before_the_convention(id) {
        return Err(format!("{id:#010x} has bits in 23:16, which are zero in a fast call"));
    }
    if (id & SMC64 != 0) != (widths == "Smc64") {
        return Err("bit 30 is set where there is SMC64 only".into());
    }
    if !name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_') {
        return Err(format!("`{name}` is no name: capital letters, digits and `_`"));
    }
    let mut function = Function {
        line,
        id,
        widths,
        name: (*name).to_owned(),
        section: String::new(),
        since: None,
        arguments: Vec::new(),
        results: Vec::new(),
    };
    for option in options.chunks(2) {
        match option {
            ["section", section] => (*section).clone_into(&mut function.section),
            ["since", version] => function.since = Some((*version).to_owned()),
            _ => return Err(format!("`{}`: a section or a version is expected", option.join(" "))),
        }
    }
    Ok(function)
}

/// KVM's PSCI 0.1 is older than the convention: its function IDs are four numbers like any other.
fn before_the_convention(id: u32) -> bool {
    (0x95c1_ba5e..=0x95c1_ba61).contains(&id)
}

fn value(words: &[&str]) -> Result<Value, String> {
    let [registers, name, ":", kind] = words else {
        return Err("a value has registers, a name, a colon and a kind: `x1 target_cpu : affinity`".into());
    };
    let (first, last) = registers.split_once("..").unwrap_or((registers, registers));
    let (first, last) = (register(first)?, register(last)?);
    if first > last {
        return Err(format!("`{registers}` goes down"));
    }
    Ok(Value { first, last, name: (*name).to_owned(), kind: word(&KINDS, kind, "kind")? })
}

fn register(word: &str) -> Result<u8, String> {
    word.strip_prefix('x')
        .and_then(|number| number.parse().ok())
        .filter(|number| *number <= LAST_REGISTER)
        .ok_or_else(|| format!("`{word}` is no register: x0 to x{LAST_REGISTER}"))
}

fn number(word: &str) -> Result<u32, String> {
    word.strip_prefix("0x")
        .filter(|digits| digits.len() == 8)
        .and_then(|digits| u32::from_str_radix(digits, 16).ok())
        .ok_or_else(|| format!("`{word}` is no function ID: 0x and eight hexadecimal digits"))
}

fn word(words: &[(&str, &'static str)], word: &str, what: &str) -> Result<&'static str, String> {
    let found = words.iter().find(|(known, _)| *known == word).map(|(_, variant)| *variant);
    found.ok_or_else(|| {
        let known: Vec<&str> = words.iter().map(|(known, _)| *known).collect();
        format!("`{word}` is no {what}: {}", known.join(", "))
    })
}

/// No two functions share an ID or a name, over all files.
pub(crate) fn check_ids(documents: &[Document]) -> Result<(), Error> {
    let mut ids = BTreeMap::new();
    let mut names = BTreeMap::new();
    for document in documents {
        for function in &document.functions {
            let error = |what| Error { file: document.file.clone(), line: function.line, what };
            let wide = (function.widths == "Both").then_some(function.id | SMC64);
            for id in [Some(function.id), wide].into_iter().flatten() {
                if let Some(other) = ids.insert(id, &function.name) {
                    return Err(error(format!("{id:#010x} is {other} already")));
                }
            }
            if names.insert(&function.name, ()).is_some() {
                return Err(error(format!("there is a {} already", function.name)));
            }
        }
    }
    Ok(())
}
