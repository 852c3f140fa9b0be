//! Whatever the text is: an answer, and no panic.

mod common;

use std::{fs, path::Path};

/// SplitMix64: the same mutations every time.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        let limit = u64::try_from(limit.max(1)).unwrap();
        usize::try_from(self.next() % limit).unwrap()
    }
}

/// What a mutation puts in: what means something in a policy, and what breaks text.
const PIECES: &[&str] = &[
    "\"",
    "[",
    "]",
    "[[rule]]\n",
    "[[rule.except]]\n",
    "{",
    "}",
    "=",
    "\n",
    "..=",
    "0x",
    "0xffffffff",
    "0x00000000",
    "0x80000000",
    "@",
    "@psci",
    "@arch",
    "CPU_ON",
    "handle",
    "deny",
    "forward",
    "when",
    "rate",
    "1/s",
    "x17",
    "\u{0}",
    "\u{feff}",
    "ü",
    "🦀",
    "'''",
    "\\u",
    "1e999",
    "nan",
    "-1",
    "99999999999999999999",
    "true",
    "version = 1\n",
    "extends",
    "widths = \"64\"\n",
    "conduit = \"hvc\"\n",
    "#",
];

fn texts() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = ["tests/policies/valid", "tests/policies/invalid", "../../policies"];
    let mut paths: Vec<_> = folders
        .iter()
        .flat_map(|folder| fs::read_dir(root.join(folder)).unwrap().map(|entry| entry.unwrap().path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    paths.sort();
    paths.iter().map(|path| fs::read_to_string(path).unwrap()).collect()
}

fn mutate(text: &str, random: &mut Random) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    for _ in 0..=random.below(4) {
        let at = random.below(characters.len() + 1);
        let piece = PIECES[random.below(PIECES.len())].chars();
        match random.below(4) {
            0 => drop(characters.splice(at..at, piece)),
            1 => {
                let end = (at + random.below(12)).min(characters.len());
                drop(characters.splice(at..end, piece));
            }
            2 => {
                let end = (at + random.below(40)).min(characters.len());
                characters.drain(at..end);
            }
            _ => {
                let end = (at + random.below(80)).min(characters.len());
                let copy: Vec<char> = characters[at..end].to_vec();
                let to = random.below(characters.len() + 1);
                characters.splice(to..to, copy);
            }
        }
    }
    characters.into_iter().collect()
}

/// Everything that can be asked.
fn exercise(text: &str) {
    match common::read(text) {
        Ok(policy) => {
            policy.proof().unwrap_or_else(|disproof| panic!("{disproof}\n{text}"));
            let _ = (policy.table().to_string(), policy.findings().to_string());
        }
        Err(refused) => {
            assert!(refused.0.has_errors(), "{text}");
            let shown = refused.to_string();
            assert!(shown.contains("error[P"), "{shown}");
        }
    }
}

#[test]
fn damaged_policies_get_an_answer() {
    let texts = texts();
    let mut random = Random(6);
    for _ in 0..4_000 {
        let mut text = mutate(&texts[random.below(texts.len())], &mut random);
        if random.below(8) == 0 {
            text.push_str(&texts[random.below(texts.len())]);
        }
        exercise(&text);
    }
}

#[test]
fn noise_gets_an_answer() {
    let mut random = Random(7);
    for _ in 0..500 {
        let length = random.below(200);
        let bytes: Vec<u8> = (0..length).map(|_| random.next().to_le_bytes()[0]).collect();
        exercise(&String::from_utf8_lossy(&bytes));
        let words: String = (0..length).map(|_| PIECES[random.below(PIECES.len())]).collect();
        exercise(&words);
    }
}

#[test]
fn deep_nesting_gets_an_answer() {
    exercise(&format!("version = {}", "[".repeat(100_000)));
    exercise(&format!("version = 1\n[[rule{}]]\n", ".except".repeat(10_000)));
    exercise(&format!("version = 1\nrule = {}", "[{except=".repeat(10_000)));
}
