//! What a person's terminal is left like. The cases that need a guest are in `lab_terminal.rs`.

#![allow(missing_docs, reason = "tests")]

mod common;

use common::{Terminal, path};

#[test]
fn an_error_leaves_the_terminal_as_it_was() {
    let directory = tempfile::TempDir::new().unwrap();
    let kernel = directory.path().join("kernel");
    std::fs::write(&kernel, [b'x'; 5000]).unwrap();
    let terminal = Terminal::new();
    let before = terminal.mode();

    let mut child =
        terminal.spawn(env!("CARGO_BIN_EXE_switchboard").as_ref(), &["run", "--kernel", path(&kernel)]);
    let status = child.wait().unwrap();

    assert_eq!(status.code(), Some(21));
    assert_eq!(terminal.mode(), before);
}
